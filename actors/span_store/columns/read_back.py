"""Rows become the spans and log records again that they were made of: the way back from ``rows`` and ``log_rows``."""

import base64
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import zip_longest
from typing import Any

import orjson
import pyarrow as pa

from actors.span_store.columns.attribute_column import SHOWN
from actors.span_store.columns.logs import BODY, OBSERVED, SEVERITY, Log
from actors.span_store.columns.spans import (
    Attributes,
    AttributeValue,
    InstrumentationScope,
    Resource,
    Span,
    SpanEvent,
    SpanLink,
)

# Members of a span that are columns by the same name, and say all.
_PLAIN = [
    *("trace_id", "span_id", "trace_state", "flags", "name", "kind", "start_time_unix_nano", "end_time_unix_nano"),
    *("dropped_attributes_count", "dropped_events_count", "dropped_links_count", "status_code", "status_message"),
]
_COLUMNS = [
    *_PLAIN,
    "parent_span_id",
    SHOWN,
    *("events_json", "links_json", "resource_json", "scope_json", "exact_json"),
]
_Row = Mapping[str, Any]
_NO_EXACT: Mapping[str, Any] = {}


def spans_of(rows: pa.Table) -> list[Span]:
    """The spans of rows whose attributes are JSON text. CPU-heavy for many.

    Those that follow each other share resource and scope where they are the same.
    """
    shared = _Shared()
    return [_span(row, _exact_of(row), shared) for row in rows.select(_COLUMNS).to_pylist()]


def logs_of(rows: pa.Table) -> list[Log]:
    """The log records of such rows, which are of kind ``LOG``."""
    shared = _Shared()
    return [_log(row, _exact_of(row), shared) for row in rows.select(_COLUMNS).to_pylist()]


def _exact_of(row: _Row) -> Mapping[str, Any]:
    return _NO_EXACT if row["exact_json"] is None else orjson.loads(row["exact_json"])


def _span(row: _Row, exact: Mapping[str, Any], shared: "_Shared") -> Span:
    return Span(
        **{name: row[name] for name in _PLAIN},
        parent_span_id=row["parent_span_id"] or "",
        attributes=_attributes(orjson.loads(row[SHOWN]), exact),
        events=[_event(*each) for each in _pairs(row["events_json"], exact.get("events"))],
        links=[_link(*each) for each in _pairs(row["links_json"], exact.get("links"))],
        resource=shared.resource(row["resource_json"], exact.get("resource")),
        scope=shared.scope(row["scope_json"], exact.get("scope")),
    )


def _log(row: _Row, exact: Mapping[str, Any], shared: "_Shared") -> Log:
    time, said = _first_event(row["events_json"], exact.get("events"))
    return Log(
        trace_id=row["trace_id"],
        span_id=row["parent_span_id"] or "",
        time_unix_nano=time,
        observed_time_unix_nano=int(said.get(OBSERVED, 0)),
        severity_number=said.get(SEVERITY, 0),
        severity_text=row["status_message"],
        event_name=row["name"],
        body=said.get(BODY),
        attributes=_attributes(orjson.loads(row[SHOWN]), exact),
        dropped_attributes_count=row["dropped_attributes_count"],
        flags=row["flags"],
        resource=shared.resource(row["resource_json"], exact.get("resource")),
        scope=shared.scope(row["scope_json"], exact.get("scope")),
    )


def _first_event(text: str, exact: Sequence[Any] | None) -> tuple[int, Mapping[str, Any]]:
    """The time and attributes of the only event. A span of an earlier version that is no record may have none."""
    for event, more in _pairs(text, exact):
        return event["timeUnixNano"], _attributes(event["attributes"], more)
    return 0, {}


def _pairs(text: str, exact: Sequence[Any] | None) -> Iterable[tuple[Any, Any]]:
    """Each item with what is exact of it."""
    return zip_longest(orjson.loads(text), exact or (), fillvalue=None)


def _event(event: Mapping[str, Any], exact: Mapping[str, Any] | None) -> SpanEvent:
    attributes = _attributes(event["attributes"], exact)
    return SpanEvent(event["timeUnixNano"], event["name"], attributes, event["droppedAttributesCount"])


def _link(link: Mapping[str, Any], exact: Mapping[str, Any] | None) -> SpanLink:
    ids = link["traceId"], link["spanId"], link["traceState"]
    return SpanLink(*ids, _attributes(link["attributes"], exact), link["droppedAttributesCount"], link["flags"])


class _Shared:
    """Resources and scopes, one object for all rows that have the same text."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Any] = {}

    def resource(self, text: str, exact: Mapping[str, Any] | None) -> Resource:
        made: Resource = self._made("resource", text, exact, _resource)
        return made

    def scope(self, text: str, exact: Mapping[str, Any] | None) -> InstrumentationScope:
        made: InstrumentationScope = self._made("scope", text, exact, _scope)
        return made

    def _made(self, what: str, text: str, exact: Mapping[str, Any] | None, read: Callable[..., object]) -> Any:  # noqa: ANN401 - see above
        if exact is not None:
            return read(orjson.loads(text), exact)
        if (what, text) not in self._known:
            self._known[what, text] = read(orjson.loads(text), None)
        return self._known[what, text]


def _resource(stored: Mapping[str, Any], exact: Mapping[str, Any] | None) -> Resource:
    attributes = _attributes(stored["attributes"], exact)
    return Resource(attributes, stored["droppedAttributesCount"], stored["schemaUrl"], stored["entityRefs"])


def _scope(stored: Mapping[str, Any], exact: Mapping[str, Any] | None) -> InstrumentationScope:
    attributes = _attributes(stored["attributes"], exact)
    names = stored["name"], stored["version"]
    return InstrumentationScope(*names, attributes, stored["droppedAttributesCount"], stored["schemaUrl"])


def _attributes(plain: Attributes, exact: Mapping[str, Any] | None) -> Attributes:
    """The attributes, from their exact form where there is one."""
    return _values(exact["attributes"]) if exact else plain


def _values(pairs: Iterable[Mapping[str, Any]]) -> dict[str, AttributeValue]:
    return {pair["key"]: _value(pair["value"]) for pair in pairs}


def _value(value: Mapping[str, Any]) -> AttributeValue:
    """An AnyValue as ``key_values`` writes it, which sets one member or none."""
    for member, content in value.items():
        read = _MEMBERS.get(member)
        plain: AttributeValue = content
        return plain if read is None else read(content)
    return None


_MEMBERS: Mapping[str, Callable[[Any], AttributeValue]] = {
    "intValue": int,
    "doubleValue": float,  # which reads "NaN" and "Infinity", too
    "bytesValue": base64.b64decode,
    "kvlistValue": lambda content: _values(content["values"]),
    "arrayValue": lambda content: [_value(item) for item in content["values"]],
}
