"""Spans become columns: one Arrow table for all the spans of a commit."""

from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa

from actors.span_store.conventions import HOT_COLUMNS, hot_values
from actors.span_store.span_text import events_json, exact_json, links_json, plain_json, resource_json, scope_json
from actors.span_store.spans import InstrumentationScope, Resource, Span

NO_SERVICE_NAME = "NO_SERVICE_NAME"  # what the REST API calls spans whose resource names no service

_HOT_TYPES = {
    "input_tokens": pa.int64(),
    "output_tokens": pa.int64(),
    "cache_read_tokens": pa.int64(),
    "cache_write_tokens": pa.int64(),
    "reasoning_tokens": pa.int64(),
    "cost": pa.float64(),
}

SPAN_FIELDS: list[tuple[str, pa.DataType]] = [
    ("seq", pa.uint64()),
    ("trace_id", pa.string()),
    ("span_id", pa.string()),
    ("parent_span_id", pa.string()),
    ("service_name", pa.string()),
    ("name", pa.string()),
    ("kind", pa.int32()),
    ("start_time_unix_nano", pa.uint64()),
    ("end_time_unix_nano", pa.uint64()),
    ("status_code", pa.int32()),
    *((column.name, _HOT_TYPES.get(column.name, pa.string())) for column in HOT_COLUMNS),
]
BODY_FIELDS: list[tuple[str, pa.DataType]] = [
    ("seq", pa.uint64()),
    ("status_message", pa.string()),
    ("trace_state", pa.string()),
    ("flags", pa.uint32()),
    ("attributes_json", pa.string()),
    ("events_json", pa.string()),
    ("links_json", pa.string()),
    ("dropped_attributes_count", pa.uint32()),
    ("dropped_events_count", pa.uint32()),
    ("dropped_links_count", pa.uint32()),
    ("resource_json", pa.string()),
    ("scope_json", pa.string()),
    ("exact_json", pa.string()),
]
# seq stands once in a row; both tables get it.
_FIELDS = SPAN_FIELDS + BODY_FIELDS[1:]


def arrow_table(spans: Iterable[Span], first_seq: int) -> pa.Table:
    """The spans as one table, numbered from ``first_seq``."""
    shared = _SharedText()
    rows = [(seq, *_row(span, shared)) for seq, span in enumerate(spans, first_seq)]
    columns = zip(*rows, strict=True)
    return pa.table(
        [pa.array(column, kind) for column, (_, kind) in zip(columns, _FIELDS, strict=True)],
        names=[name for name, _ in _FIELDS],
    )


class _SharedText:
    """JSON of resources and scopes, made once for the many spans of a request that share one object."""

    def __init__(self) -> None:
        self._of: dict[int, tuple[bytes, bool]] = {}
        self._kept: list[Resource | InstrumentationScope] = []  # so that no id is used twice

    def resource(self, resource: Resource) -> tuple[bytes, bool]:
        if id(resource) not in self._of:
            self._of[id(resource)] = resource_json(resource)
            self._kept.append(resource)
        return self._of[id(resource)]

    def scope(self, scope: InstrumentationScope) -> tuple[bytes, bool]:
        if id(scope) not in self._of:
            self._of[id(scope)] = scope_json(scope)
            self._kept.append(scope)
        return self._of[id(scope)]


def _row(span: Span, shared: _SharedText) -> Sequence[Any]:
    attributes, attributes_exact = plain_json(span.attributes)
    events, events_exact = events_json(span)
    links, links_exact = links_json(span)
    resource, resource_exact = shared.resource(span.resource)
    scope, scope_exact = shared.scope(span.scope)
    exact = attributes_exact and events_exact and links_exact and resource_exact and scope_exact
    return (
        span.trace_id,
        span.span_id,
        span.parent_span_id or None,
        service_name(span.resource),
        span.name,
        span.kind,
        span.start_time_unix_nano,
        span.end_time_unix_nano,
        span.status_code,
        *hot_values(span.attributes),
        span.status_message,
        span.trace_state,
        span.flags,
        attributes,
        events,
        links,
        span.dropped_attributes_count,
        span.dropped_events_count,
        span.dropped_links_count,
        resource,
        scope,
        None if exact else exact_json(span),
    )


def service_name(resource: Resource) -> str:
    """The resource's ``service.name`` when it is a string."""
    name = resource.attributes.get("service.name")
    return name if isinstance(name, str) else NO_SERVICE_NAME
