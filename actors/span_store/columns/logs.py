"""Log records of spans as values: what a transport hands in, and what a query or an export gives back.

Field names and meanings follow ``opentelemetry.proto.logs.v1``. How a record is a row of the store stands in
``log_rows``; this module reads it back.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import attrs
import orjson
import pyarrow as pa

from actors.span_store.columns.spans import Attributes, AttributeValue, InstrumentationScope, Resource
from actors.span_store.columns.types import AnyField

# The attributes of the only event of a record's row.
OBSERVED, SEVERITY, BODY = "observed_time_unix_nano", "severity_number", "body"


class Log(NamedTuple):
    """One log record as received. Ids are those of its span, lower-case hex; times Unix nanoseconds, 0 for not known.

    ``None`` is a body that was not set.
    """

    trace_id: str
    span_id: str
    time_unix_nano: int
    observed_time_unix_nano: int
    severity_number: int
    severity_text: str
    event_name: str
    body: AttributeValue
    attributes: Attributes
    dropped_attributes_count: int
    flags: int
    resource: Resource
    scope: InstrumentationScope


@attrs.frozen
class Logs:
    """Log records that are stored together."""

    records: Sequence[Log]


class StoredLog(NamedTuple):
    """One log record as stored, for an answer. Members ending in ``_json`` are JSON text, as in ``StoredSpan``."""

    trace_id: str
    span_id: str
    service_name: str
    event_name: str
    time_unix_nano: int  # 0 when it was not sent, and so below
    observed_time_unix_nano: int
    severity_number: int
    severity_text: str
    body_json: str | None  # any value; None for a record without a body
    attributes_json: str  # an object
    dropped_attributes_count: int
    flags: int
    resource_json: str  # {attributes, droppedAttributesCount, schemaUrl, entityRefs}
    scope_json: str  # {name, version, attributes, droppedAttributesCount, schemaUrl}
    exact_json: str | None  # OTLP/JSON of attributes, body, resource and scope where plain JSON is not lossless


_COLUMNS: list[AnyField] = [
    pa.field("trace_id", pa.string()),
    pa.field("span_id", pa.string()),
    pa.field("service_name", pa.string()),
    pa.field("event_name", pa.string()),
    pa.field("time_unix_nano", pa.uint64()),
    pa.field("observed_time_unix_nano", pa.uint64()),
    pa.field("severity_number", pa.int32()),
    pa.field("severity_text", pa.string()),
    pa.field("body_json", pa.string()),
    pa.field("attributes_json", pa.string()),
    pa.field("dropped_attributes_count", pa.uint32()),
    pa.field("flags", pa.uint32()),
    pa.field("resource_json", pa.string()),
    pa.field("scope_json", pa.string()),
    pa.field("exact_json", pa.string()),
]
LOG_TABLE = pa.schema(_COLUMNS)
_READ = (
    "trace_id",
    "parent_span_id",
    "service_name",
    "name",
    "status_message",
    "events_json",
    "attributes_json",
    "dropped_attributes_count",
    "flags",
    "resource_json",
    "scope_json",
    "exact_json",
)


def log_table(rows: pa.Table) -> pa.Table:
    """Rows of log records, as ``ExportSpans`` gives them, with the columns of ``StoredLog``."""
    columns = list(zip(*_logs(rows), strict=True)) or [()] * len(LOG_TABLE)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, LOG_TABLE, strict=True)]
    return pa.Table.from_arrays(arrays, schema=LOG_TABLE)


def _logs(rows: pa.Table) -> Iterator[StoredLog]:
    columns = (rows[name].to_pylist() for name in _READ)
    return (stored_log(dict(zip(_READ, values, strict=True))) for values in zip(*columns, strict=True))


def stored_log(row: Mapping[str, Any]) -> StoredLog:
    """The record of a row whose attributes are JSON text."""
    event = _event(row["events_json"])
    said = event["attributes"]
    return StoredLog(
        trace_id=row["trace_id"],
        span_id=row["parent_span_id"] or "",
        service_name=row["service_name"],
        event_name=row["name"],
        time_unix_nano=event["timeUnixNano"],
        observed_time_unix_nano=int(said.get(OBSERVED, 0)),
        severity_number=said.get(SEVERITY, 0),
        severity_text=row["status_message"],
        body_json=orjson.dumps(said[BODY]).decode() if BODY in said else None,
        attributes_json=row["attributes_json"],
        dropped_attributes_count=row["dropped_attributes_count"],
        flags=row["flags"],
        resource_json=row["resource_json"],
        scope_json=row["scope_json"],
        exact_json=None if row["exact_json"] is None else _exact(orjson.loads(row["exact_json"])),
    )


def log_detail(log: StoredLog) -> dict[str, Any]:
    """What a record says, for whoever shows its span: plain values, ``None`` for what was not sent.

    Times are Unix nanoseconds. An event's name may come as the attribute ``event.name``, as it did before OTLP 1.5.
    """
    attributes = orjson.loads(log.attributes_json)
    former = attributes.get("event.name")
    return {
        "time": log.time_unix_nano or None,
        "observed_time": log.observed_time_unix_nano or None,
        "severity_number": log.severity_number,
        "severity": log.severity_text or None,
        "event_name": log.event_name or (former if isinstance(former, str) else None) or None,
        "body": None if log.body_json is None else orjson.loads(log.body_json),
        "attributes": attributes,
    }


def _event(text: str) -> Mapping[str, Any]:
    """The only event; of a span of an earlier version that came with a kind that OTLP does not know, the first."""
    events = orjson.loads(text)
    return events[0] if events else {"timeUnixNano": 0, "attributes": {}}


def _exact(exact: Mapping[str, Any]) -> str:
    pairs = (pair for event in exact["events"] for pair in event["attributes"])
    body = {pair["key"]: pair["value"] for pair in pairs}.get(BODY)
    of_log = {name: exact[name] for name in ("attributes", "resource", "scope")}
    return orjson.dumps(of_log if body is None else of_log | {BODY: body}).decode()
