"""Stored spans as OTLP/JSON, a ``TracesData`` with one span to a line (OpenTelemetry's "OTLP File Exporter" format).

Log records are a ``LogsData`` to a line in the same way.

Nothing that is stored is lost: every reader of OTLP reads it, the studio included.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import orjson
import pyarrow as pa

from actors.span_store.columns.attributes import key_values
from actors.span_store.columns.logs import StoredLog

_COLUMNS = (
    "trace_id",
    "span_id",
    "parent_span_id",
    "trace_state",
    "flags",
    "name",
    "kind",
    "start_time_unix_nano",
    "end_time_unix_nano",
    "status_code",
    "status_message",
    "attributes_json",
    "events_json",
    "links_json",
    "dropped_attributes_count",
    "dropped_events_count",
    "dropped_links_count",
    "resource_json",
    "scope_json",
    "exact_json",
)
_NO_EXACT: dict[str, Any] = {}


def otlp_lines(rows: pa.Table) -> bytes:
    """Encode rows of the span store as lines. CPU-heavy: 30 µs a span."""
    return b"".join(
        orjson.dumps({"resourceSpans": [each]}, option=orjson.OPT_APPEND_NEWLINE) for each in _resource_spans(rows)
    )


def otlp_request(rows: pa.Table) -> bytes:
    """Encode rows of the span store as one ``ExportTraceServiceRequest``."""
    return orjson.dumps({"resourceSpans": list(_resource_spans(rows))})


def log_lines(logs: pa.Table) -> bytes:
    """Encode log records, in a table as ``log_table`` makes it, as lines."""
    return b"".join(
        orjson.dumps({"resourceLogs": [each]}, option=orjson.OPT_APPEND_NEWLINE) for each in _resource_logs(logs)
    )


def logs_request(logs: pa.Table) -> bytes:
    """Encode log records, in such a table, as one ``ExportLogsServiceRequest``."""
    return orjson.dumps({"resourceLogs": list(_resource_logs(logs))})


def _resource_spans(rows: pa.Table) -> Iterator[dict[str, Any]]:
    columns = (rows[name].to_pylist() for name in _COLUMNS)
    for values in zip(*columns, strict=True):
        yield _of_row(dict(zip(_COLUMNS, values, strict=True)))


def _of_row(row: Mapping[str, Any]) -> dict[str, Any]:
    exact = _exact(row)
    return _framed(row, exact, "scopeSpans", {"spans": [_span(row, exact)]})


def _exact(row: Mapping[str, Any]) -> Mapping[str, Any]:
    return orjson.loads(row["exact_json"]) if row["exact_json"] is not None else _NO_EXACT


def _framed(row: Mapping[str, Any], exact: Mapping[str, Any], scopes: str, items: dict[str, Any]) -> dict[str, Any]:
    """The items of a row with their scope and resource around them."""
    resource, resource_url = _resource(row["resource_json"])
    scope, scope_url = _scope(row["scope_json"])
    return {
        "resource": _with_exact(resource, exact.get("resource")),
        scopes: [{"scope": _with_exact(scope, exact.get("scope")), **items, "schemaUrl": scope_url}],
        "schemaUrl": resource_url,
    }


def _resource_logs(logs: pa.Table) -> Iterator[dict[str, Any]]:
    columns = (logs[name].to_pylist() for name in StoredLog._fields)
    for values in zip(*columns, strict=True):
        row = dict(zip(StoredLog._fields, values, strict=True))
        exact = _exact(row)
        yield _framed(row, exact, "scopeLogs", {"logRecords": [_log_record(row, exact)]})


def _log_record(row: Mapping[str, Any], exact: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "timeUnixNano": str(row["time_unix_nano"]),
        "observedTimeUnixNano": str(row["observed_time_unix_nano"]),
        "severityNumber": row["severity_number"],
        "severityText": row["severity_text"],
        **_body(row["body_json"], exact.get("body")),
        "attributes": exact.get("attributes") or key_values(orjson.loads(row["attributes_json"])),
        "droppedAttributesCount": row["dropped_attributes_count"],
        "flags": row["flags"],
        "traceId": row["trace_id"],
        "spanId": row["span_id"],
        "eventName": row["event_name"],
    }


def _body(text: str | None, exact: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    """The member of a body, which a record may have none of."""
    if text is None:
        return {}
    if exact is not None:
        return {"body": exact}
    [pair] = key_values({"body": orjson.loads(text)})
    return {"body": pair["value"]}


def _span(row: Mapping[str, Any], exact: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "traceId": row["trace_id"],
        "spanId": row["span_id"],
        "parentSpanId": row["parent_span_id"] or "",
        "traceState": row["trace_state"],
        "flags": row["flags"],
        "name": row["name"],
        "kind": row["kind"],
        "startTimeUnixNano": str(row["start_time_unix_nano"]),
        "endTimeUnixNano": str(row["end_time_unix_nano"]),
        "attributes": exact.get("attributes") or key_values(orjson.loads(row["attributes_json"])),
        "droppedAttributesCount": row["dropped_attributes_count"],
        "events": [_with_exact(_event(each), more) for each, more in _pairs(row["events_json"], exact.get("events"))],
        "droppedEventsCount": row["dropped_events_count"],
        "links": [_with_exact(_link(each), more) for each, more in _pairs(row["links_json"], exact.get("links"))],
        "droppedLinksCount": row["dropped_links_count"],
        "status": {"code": row["status_code"], "message": row["status_message"]},
    }


def _pairs(text: str, exact: Sequence[Any] | None) -> Iterator[tuple[Any, Any]]:
    """Each item with its exact attributes, where there are some."""
    items = orjson.loads(text)
    return zip(items, exact or [None] * len(items), strict=True)


def _event(event: dict[str, Any]) -> dict[str, Any]:
    return event | {"timeUnixNano": str(event["timeUnixNano"]), "attributes": key_values(event["attributes"])}


def _link(link: dict[str, Any]) -> dict[str, Any]:
    return link | {"attributes": key_values(link["attributes"])}


@lru_cache(maxsize=256)
def _resource(text: str) -> tuple[dict[str, Any], str]:
    """A resource and its schema URL. Many spans share one."""
    stored = orjson.loads(text)
    resource = {
        "attributes": key_values(stored["attributes"]),
        "droppedAttributesCount": stored["droppedAttributesCount"],
        "entityRefs": stored["entityRefs"],
    }
    return resource, stored["schemaUrl"]


@lru_cache(maxsize=256)
def _scope(text: str) -> tuple[dict[str, Any], str]:
    stored = orjson.loads(text)
    scope = {
        "name": stored["name"],
        "version": stored["version"],
        "attributes": key_values(stored["attributes"]),
        "droppedAttributesCount": stored["droppedAttributesCount"],
    }
    return scope, stored["schemaUrl"]


def _with_exact(holder: dict[str, Any], exact: dict[str, Any] | None) -> dict[str, Any]:
    return holder if exact is None else holder | exact
