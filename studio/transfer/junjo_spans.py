"""The spans file of the studio's predecessor.

Its table ``spans`` has the members of the span JSON as columns: times in microseconds, and Junjo's attributes taken out
of ``attributes_json``, into which they are put back here. Resources, scopes and links are not in it.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import duckdb
import orjson

from actors.span_store.columns.spans import InstrumentationScope, Resource, Span, SpanEvent
from transports.otlp.json_values import MAX_DEPTH

_CONFIG: dict[str, Any] = {
    "enable_external_access": False,  # a view in the file could read others
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}
_ROWS = 2048  # the least that DuckDB returns at once
_BATCH_BYTES = 4 * 1024 * 1024
_SPAN_BYTES = 500  # what a span without any text weighs, about
_KEY_COLUMNS = ("trace_id", "span_id")
_TIME_COLUMNS = ("start_time", "end_time")
_ATTRIBUTES = {
    "junjo_id": "junjo.id",
    "junjo_parent_id": "junjo.parent_id",
    "junjo_span_type": "junjo.span_type",
    "junjo_wf_state_start": "junjo.workflow.state.start",
    "junjo_wf_state_end": "junjo.workflow.state.end",
    "junjo_wf_graph_structure": "junjo.workflow.graph_structure",
    "junjo_wf_store_id": "junjo.workflow.store.id",
}
_NOT_THERE = (None, "", "{}", "null")  # in the columns of attributes
_TEXT_COLUMNS = (
    *_KEY_COLUMNS,
    "parent_span_id",
    "service_name",
    "name",
    "kind",
    "status_code",
    "status_message",
    "attributes_json",
    "events_json",
    "trace_flags",
    "trace_state",
    *_ATTRIBUTES,
)
# The predecessor swapped two kinds: it stored INTERNAL as CLIENT, and the other way round.
_KINDS = {"CLIENT": 1, "SERVER": 2, "INTERNAL": 3, "PRODUCER": 4, "CONSUMER": 5}
_STATUS = {"1": 1, "2": 2, "OK": 1, "ERROR": 2}
_NO_SERVICE = "NO_SERVICE_NAME"
_NO_PARENT = ("", "0" * 16)
_SCOPE = InstrumentationScope()
_MOST_FLAGS = 2**32 - 1
_MOST_NANOSECONDS = 2**64 - 1
_MOST_INTEGER = 2**63 - 1


class NoSpans(Exception):
    """The file does not have the predecessor's table."""


@attrs.define
class Batch:
    """Spans that are stored together, their approximate size in bytes, and the number of malformed rows among them."""

    spans: list[Span] = attrs.field(factory=list)
    bytes: int = 0
    malformed: int = 0


def look_at(file: Path) -> None:
    """Raise ``NoSpans`` or ``duckdb.Error`` when the file cannot be read."""
    with _opened(file) as connection:
        _query(connection)


def batches(file: Path) -> Iterator[Batch]:
    """All spans in batches. Raises ``NoSpans`` or ``duckdb.Error``."""
    batch = Batch()
    with _opened(file) as connection:
        for rows in connection.sql(_query(connection)).to_arrow_reader(_ROWS):
            for row in rows.to_pylist():
                _add(batch, row)
                if batch.bytes >= _BATCH_BYTES:
                    yield batch
                    batch = Batch()
    yield batch


def _opened(file: Path) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(file, read_only=True, config=_CONFIG)
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def _query(connection: duckdb.DuckDBPyConnection) -> str:
    """The query of all rows. A column that a version did not have is NULL."""
    there = {
        name
        for (name,) in connection.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_name = 'spans'"
        ).fetchall()
    }
    if not there.issuperset((*_KEY_COLUMNS, *_TIME_COLUMNS)):
        raise NoSpans
    texts = [f"{name}::VARCHAR AS {name}" if name in there else f"NULL::VARCHAR AS {name}" for name in _TEXT_COLUMNS]
    times = [f"TRY(epoch_us(TRY_CAST({name} AS TIMESTAMPTZ))) AS {name}" for name in _TIME_COLUMNS]
    return f"SELECT {', '.join(texts + times)} FROM spans"  # noqa: S608 - names of this module


def _add(batch: Batch, row: Mapping[str, Any]) -> None:
    try:
        batch.spans.append(_span(row))
    except (ValueError, TypeError, KeyError, AttributeError):  # ids, times, or JSON of another form than it wrote
        batch.malformed += 1
    batch.bytes += _SPAN_BYTES + sum(len(row[name] or "") for name in _TEXT_COLUMNS)


def _span(row: Mapping[str, Any]) -> Span:
    parent = row["parent_span_id"] or ""
    return Span(
        trace_id=_id(row["trace_id"], 32),
        span_id=_id(row["span_id"], 16),
        parent_span_id="" if parent in _NO_PARENT else _id(parent, 16),
        trace_state=row["trace_state"] or "",
        flags=_flags(row["trace_flags"] or "0"),
        name=row["name"] or "",
        kind=_KINDS.get(row["kind"], 0),
        start_time_unix_nano=_within(row["start_time"] * 1000, _MOST_NANOSECONDS),
        end_time_unix_nano=_within(row["end_time"] * 1000, _MOST_NANOSECONDS),
        attributes=_attributes(row),
        dropped_attributes_count=0,
        events=[_event(event) for event in orjson.loads(row["events_json"] or "[]") or ()],
        dropped_events_count=0,
        links=(),
        dropped_links_count=0,
        status_code=_STATUS.get(row["status_code"], 0),
        status_message=row["status_message"] or "",
        resource=_resource(row["service_name"]),
        scope=_SCOPE,
    )


def _id(text: str, digits: int) -> str:
    if not re.fullmatch(f"[0-9a-f]{{{digits}}}", text) or not text.strip("0"):
        raise ValueError("no id")
    return text


def _flags(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,10}", text):
        raise ValueError("no number")
    return _within(int(text), _MOST_FLAGS)


def _within(number: Any, most: int) -> int:  # noqa: ANN401 - any JSON value
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number <= most:
        raise ValueError("out of range")
    return number


def _attributes(row: Mapping[str, Any]) -> dict[str, Any]:
    attributes: dict[str, Any] = _object(orjson.loads(row["attributes_json"] or "{}"))
    for column, name in _ATTRIBUTES.items():
        if row[column] not in _NOT_THERE:
            attributes.setdefault(name, row[column])
    return attributes


def _object(value: object) -> dict[str, Any]:
    if value is not None and not isinstance(value, dict):
        raise ValueError("no object")
    return {key: _known(item, 0) for key, item in (value or {}).items()}


def _known(value: Any, depth: int) -> Any:  # noqa: ANN401 - any JSON value
    """A value within OTLP's limits, so that it can be exported again: integers of 64 bits, and a bounded depth."""
    if depth > MAX_DEPTH:
        raise ValueError("too deep")
    if isinstance(value, dict):
        return {key: _known(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [_known(item, depth + 1) for item in value]
    return float(value) if isinstance(value, int) and value > _MOST_INTEGER else value


def _event(event: Mapping[str, Any]) -> SpanEvent:
    if not isinstance(event["name"], str):
        raise TypeError("no name")
    return SpanEvent(
        time_unix_nano=_within(event["timeUnixNano"], _MOST_NANOSECONDS),
        name=event["name"],
        attributes=_object(event.get("attributes")),
        dropped_attributes_count=_within(event.get("droppedAttributesCount", 0), _MOST_FLAGS),
    )


def _resource(service: str | None) -> Resource:
    return Resource({} if service in (None, _NO_SERVICE) else {"service.name": service})
