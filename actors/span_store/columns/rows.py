"""Spans become rows: one Arrow batch with everything that is stored of them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, pairwise
from typing import Any

import attrs
import pyarrow as pa
import pyarrow.compute as pc
import structlog

from actors.errors import InternalError
from actors.span_store.columns.attribute_column import (
    SHOWN,
    STORED,
    attribute_maps,
    attributes_at,
    json_objects,
    positions,
)
from actors.span_store.columns.attributes import ATTRIBUTES
from actors.span_store.columns.content import content_of_calls
from actors.span_store.columns.json_text import (
    events_json,
    exact_json,
    links_json,
    resource_json,
    scope_json,
)
from actors.span_store.columns.promoted import (
    PROMOTED_FIELDS,
    error_types,
    named_after_spans,
    promoted_columns,
    reported_costs,
)
from actors.span_store.columns.spans import (
    LOG,
    Attributes,
    Resource,
    Shared,
    Span,
    SpanColumns,
    SpanEvent,
    StoredSpan,
    span_columns,
)
from actors.span_store.columns.types import AnyArray, AnyField, Int32s, Texts, UInt64s, Untold

log = structlog.get_logger(__name__)

TRACE = 32  # characters of a span's key that are the id of its trace
NO_SERVICE_NAME = "NO_SERVICE_NAME"  # what the REST API calls spans whose resource names no service

RESOURCE_COLUMNS = {  # by the attributes of the resource that fill them, the best first
    "version": ("service.version",),
    "environment": ("deployment.environment.name", "deployment.environment", "langfuse.environment"),
}

# What lists and filters read.
INDEX_FIELDS: list[AnyField] = [
    pa.field("trace_id", pa.string()),
    pa.field("span_id", pa.string()),
    pa.field("parent_span_id", pa.string()),  # null for a root
    pa.field("service_name", pa.string()),
    pa.field("name", pa.string()),
    pa.field("kind", pa.int32()),
    pa.field("start_time_unix_nano", pa.uint64()),
    pa.field("end_time_unix_nano", pa.uint64()),
    pa.field("status_code", pa.int32()),
    *PROMOTED_FIELDS,
    *(pa.field(name, pa.string()) for name in RESOURCE_COLUMNS),
    pa.field("cost_usd", pa.float64()),  # of a call, in US dollars
    pa.field("cost_source", pa.string()),  # "reported", by the sender, or "computed", from tokens and prices
    pa.field("scope", pa.string()),  # name of the library that made the span
    pa.field("has_content", pa.int32()),  # of a model call: 1 with what was asked or answered, else 0
]
# What only the answer needs that shows a span.
BODY_FIELDS: list[AnyField] = [
    pa.field("status_message", pa.string()),
    pa.field("trace_state", pa.string()),
    pa.field("flags", pa.uint32()),
    pa.field(STORED, ATTRIBUTES),
    pa.field("events_json", pa.string()),
    pa.field("links_json", pa.string()),
    pa.field("dropped_attributes_count", pa.uint32()),
    pa.field("dropped_events_count", pa.uint32()),
    pa.field("dropped_links_count", pa.uint32()),
    pa.field("resource_json", pa.string()),
    pa.field("scope_json", pa.string()),
    pa.field("exact_json", pa.string()),
]
ROWS = pa.schema([pa.field("seq", pa.uint64()), *INDEX_FIELDS, *BODY_FIELDS])
INDEX_COLUMNS = ["seq", *(field.name for field in INDEX_FIELDS)]
_UNNUMBERED = pa.schema(list(ROWS)[1:])
# What an answer that shows spans is made of: see ``stored_spans``.
SHOWN_COLUMNS = [STORED if name == SHOWN else name for name in StoredSpan._fields]
# With its type: Arrow looks for pandas each time that it has to find one out, which takes longer than all the rest.
_NO_TEXT = pa.scalar("", pa.string())
_NO_PARENT = _NULL = pa.scalar(None, pa.string())
_EMPTY_ARRAY = pa.scalar("[]", pa.string())
_LOG = pa.scalar(LOG, pa.int32())
_LOG_IN_MEMORY = bytes([LOG])


@attrs.frozen
class SpanRows:
    """Spans as they are stored, but for their numbers."""

    batch: pa.RecordBatch  # all columns but ``seq``
    keys: list[str]  # of each span: trace id and span id, joined
    are_logs: bool = False  # all of them, see ``log_rows``

    def __len__(self) -> int:
        return len(self.keys)


def span_rows(spans: Iterable[Span] | SpanColumns | SpanRows) -> SpanRows:
    """The rows of spans. ``InternalError`` when one of them cannot be stored.

    A span whose kind is that of log records, which OTLP does not know, becomes one of unspecified kind.

    Takes a microsecond a span, and several for those with attributes as dictionaries: many are to be made off the event
    loop.
    """
    if isinstance(spans, SpanRows):
        return spans
    try:
        batch = rows_of(_without_log_kind(span_columns(spans)))
        return SpanRows(batch, span_keys(batch))
    except (TypeError, ValueError, OverflowError):  # what orjson and Arrow raise for a value that they cannot hold
        log.exception("spans cannot be stored")
    raise InternalError("Internal Server Error")  # out here, so that it does not carry its cause to the asker


def _without_log_kind(spans: SpanColumns) -> SpanColumns:
    """No sender makes a log record of a span: it would be seen by nobody."""
    if not count_logs(spans.kind):
        return spans
    return attrs.evolve(spans, kind=pc.if_else(pc.equal(spans.kind, _LOG), pa.scalar(0, pa.int32()), spans.kind))


def count_logs(kinds: Int32s) -> int:
    """How many of the rows with these kinds are log records. Nearly always none, which their memory tells sooner."""
    memory = kinds.buffers()[1]
    if memory is None or _LOG_IN_MEMORY not in memory.to_pybytes():
        return 0
    is_log: Untold = pc.equal(kinds, _LOG)
    return int(is_log.true_count)


def span_keys(rows: pa.RecordBatch | pa.Table) -> list[str]:
    """The identity of each span: trace id and span id, joined."""
    trace_ids: Untold = rows["trace_id"]
    keys: list[str] = pc.binary_join_element_wise(trace_ids, rows["span_id"], _NO_TEXT).to_pylist()
    return keys


def rows_of(spans: SpanColumns, *, promotes: bool = True) -> pa.RecordBatch:
    """All columns but ``seq``. Without ``promotes`` the promoted ones are null, whatever the attributes say."""
    length = len(spans)
    attributes, inexact = attribute_maps(spans.attributes)
    events = {row: events_json(some) for row, some in spans.events.items()}
    links = {row: links_json(some) for row, some in spans.links.items()}
    resources = [resource_json(resource) for resource in spans.resource.values]
    scopes = [scope_json(scope) for scope in spans.scope.values]
    exact: dict[int, bytes] = {
        row: exact_json(spans, row, attributes_at(spans.attributes, row))
        for row in {
            *inexact,
            *_inexact(events),
            *_inexact(links),
            *_inexact_runs(spans.resource, resources),
            *_inexact_runs(spans.scope, scopes),
        }
    }
    promoted = promoted_columns(attributes if promotes else attribute_maps([{}] * length)[0], length)
    promoted |= named_after_spans(promoted, spans.name) | error_types(promoted, _exceptions(spans.events))
    said = _filled(length, {row: text for row, (text, _) in events.items()}, _EMPTY_ARRAY)
    columns: dict[str, AnyArray] = {
        "trace_id": spans.trace_id,
        "span_id": spans.span_id,
        "parent_span_id": pc.if_else(pc.equal(spans.parent_span_id, _NO_TEXT), _NO_PARENT, spans.parent_span_id),
        "service_name": _spread(spans.resource, [service_name(resource) for resource in spans.resource.values]),
        "name": spans.name,
        "kind": spans.kind,
        "start_time_unix_nano": spans.start_time_unix_nano,
        "end_time_unix_nano": spans.end_time_unix_nano,
        "status_code": spans.status_code,
        **promoted,
        **_resource_columns(spans.resource),
        **reported_costs(promoted["cost"]),
        "scope": _spread(spans.scope, [scope.name for scope in spans.scope.values]),
        "has_content": content_of_calls(attributes.keys, said, promoted["type"])
        if promotes
        else pa.nulls(length, pa.int32()),
        "status_message": spans.status_message,
        "trace_state": spans.trace_state,
        "flags": spans.flags,
        STORED: attributes.column,
        "events_json": said,
        "links_json": _filled(length, {row: text for row, (text, _) in links.items()}, _EMPTY_ARRAY),
        "dropped_attributes_count": spans.dropped_attributes_count,
        "dropped_events_count": spans.dropped_events_count,
        "dropped_links_count": spans.dropped_links_count,
        "resource_json": _spread(spans.resource, [text for text, _ in resources]),
        "scope_json": _spread(spans.scope, [text for text, _ in scopes]),
        "exact_json": _filled(length, exact, _NULL),
    }
    return pa.RecordBatch.from_arrays([columns[name] for name in _UNNUMBERED.names], schema=_UNNUMBERED)


def _exceptions(events: Mapping[int, Sequence[SpanEvent]]) -> dict[int, str]:
    """The type of the last exception of each span that has one."""
    return {
        row: kind
        for row, some in events.items()
        for event in some
        if event.name == "exception" and isinstance(kind := event.attributes.get("exception.type"), str)
    }


def _resource_columns(resources: Shared[Resource]) -> dict[str, AnyArray]:
    return {
        name: _spread(resources, [first_text(resource.attributes, keys) for resource in resources.values])
        for name, keys in RESOURCE_COLUMNS.items()
    }


def first_text(attributes: Attributes, keys: Iterable[str]) -> str | None:
    return next((value for key in keys if isinstance(value := attributes.get(key), str) and value), None)


def stored_spans(rows: pa.Table) -> list[StoredSpan]:
    """Rows with ``SHOWN_COLUMNS`` as they are answered."""
    columns = (
        [text.decode() for text in json_objects(rows[STORED])] if name == SHOWN else rows[name].to_pylist()
        for name in StoredSpan._fields
    )
    return [StoredSpan._make(values) for values in zip(*columns, strict=True)]


def without_logs(promoted: Mapping[str, AnyArray], kinds: Int32s) -> dict[str, AnyArray]:
    """Promoted columns, null where the row is a log record: no list of model calls and no sum has any."""
    if not count_logs(kinds):
        return dict(promoted)
    is_log = pc.equal(kinds, _LOG)
    nulls = {name: pa.scalar(None, column.type) for name, column in promoted.items()}
    return {name: pc.if_else(is_log, nulls[name], column) for name, column in promoted.items()}


def numbered(rows: pa.RecordBatch, first_seq: int) -> pa.RecordBatch:
    """The rows with their numbers, from ``first_seq`` on."""
    return rows.add_column(0, ROWS.field(0), numbers(first_seq, rows.num_rows))


def numbers(first_seq: int, count: int) -> UInt64s:
    """Values of ``seq`` without gap."""
    return pc.add(positions(count), pa.scalar(first_seq, pa.int64())).cast(pa.uint64())


def _filled(length: int, texts: Mapping[int, bytes], otherwise: pa.StringScalar) -> Texts:
    """A column of these texts in their rows. Most requests have none."""
    if not texts:
        return pa.repeat(otherwise, length)
    return pa.array([texts.get(row, otherwise.as_py()) for row in range(length)], pa.string())


def _spread(shared: Shared[Any], texts: Sequence[str | bytes | None]) -> Texts:
    """A column of the texts of what is shared. Most requests have one resource and one scope."""
    if len(texts) == 1:
        if texts[0] is None:
            return pa.nulls(shared.counts[0], pa.string())
        return pa.repeat(pa.scalar(texts[0], pa.string()), shared.counts[0])
    return pa.array([text for text, count in zip(texts, shared.counts, strict=True) for _ in range(count)], pa.string())


def _inexact(made: Mapping[int, tuple[bytes, bool]]) -> Iterator[int]:
    """The rows whose plain JSON does not say all."""
    return (row for row, (_, exact) in made.items() if not exact)


def _inexact_runs(shared: Shared[Any], made: Sequence[tuple[bytes, bool]]) -> Iterator[int]:
    """The rows that share something whose plain JSON does not say all."""
    runs = zip(pairwise((0, *shared.ends)), made, strict=True)
    return chain.from_iterable(range(*bounds) for bounds, (_, exact) in runs if not exact)


def service_name(resource: Resource) -> str:
    """The resource's ``service.name`` when it is a string."""
    name = resource.attributes.get("service.name")
    return name if isinstance(name, str) else NO_SERVICE_NAME
