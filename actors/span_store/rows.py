"""Spans become rows: one Arrow table with everything that is stored of them."""

from collections.abc import Iterable, Sequence
from itertools import repeat
from operator import is_
from typing import Any

import attrs
import pyarrow as pa
import pyarrow.compute as pc
import structlog

from actors.errors import InternalError
from actors.span_store.attribute_column import SHOWN, STORED, attribute_maps, attributes_at, positions, shown
from actors.span_store.attributes import ATTRIBUTES
from actors.span_store.conventions import HOT_COLUMNS, hot_columns
from actors.span_store.span_text import (
    EMPTY_ARRAY,
    events_json,
    exact_json,
    links_json,
    resource_json,
    scope_json,
)
from actors.span_store.spans import Resource, Span, SpanColumns, StoredSpan, span_columns

# Fresh memory is expensive to get from the kernel, a page at a time. jemalloc keeps what it had for a second; Arrow's
# default pool gave it back at once when they were compared, which cost a fifth more for each span. They are alike since
# most of a span's memory is that of its request (docs/performance.md).
if "jemalloc" in pa.supported_memory_backends():
    pa.set_memory_pool(pa.jemalloc_memory_pool())

log = structlog.get_logger(__name__)

TRACE = 32  # characters of a span's key that are the id of its trace
NO_SERVICE_NAME = "NO_SERVICE_NAME"  # what the REST API calls spans whose resource names no service

_HOT_FIELDS = [pa.field(column.name, column.type) for column in HOT_COLUMNS]

# What lists and filters read.
INDEX_FIELDS = [
    pa.field("trace_id", pa.string()),
    pa.field("span_id", pa.string()),
    pa.field("parent_span_id", pa.string()),  # null for a root
    pa.field("service_name", pa.string()),
    pa.field("name", pa.string()),
    pa.field("kind", pa.int32()),
    pa.field("start_time_unix_nano", pa.uint64()),
    pa.field("end_time_unix_nano", pa.uint64()),
    pa.field("status_code", pa.int32()),
    *_HOT_FIELDS,
]
# What only the answer needs that shows a span.
BODY_FIELDS = [
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
_NO_PARENT = pa.scalar(None, pa.string())


@attrs.frozen
class SpanRows:
    """Spans as they are stored, but for their numbers."""

    table: pa.Table  # all columns but ``seq``
    keys: list[str]  # of each span: trace id and span id, joined

    def __len__(self) -> int:
        return len(self.keys)


def span_rows(spans: Iterable[Span] | SpanColumns | SpanRows) -> SpanRows:
    """The rows of spans. ``InternalError`` when one of them cannot be stored.

    Takes two microseconds a span: many are to be made off the event loop.
    """
    if isinstance(spans, SpanRows):
        return spans
    try:
        table = rows_of(span_columns(spans))
        return SpanRows(table, span_keys(table))
    except (TypeError, ValueError, OverflowError):  # what orjson and Arrow raise for a value that they cannot hold
        log.exception("spans cannot be stored")
    raise InternalError("Internal Server Error")  # out here, so that it does not carry its cause to the asker


def span_keys(rows: pa.RecordBatch | pa.Table) -> list[str]:
    """The identity of each span: trace id and span id, joined."""
    trace_ids, span_ids = rows["trace_id"].to_pylist(), rows["span_id"].to_pylist()
    return [trace_id + span_id for trace_id, span_id in zip(trace_ids, span_ids, strict=True)]


def rows_of(spans: SpanColumns) -> pa.Table:
    """All columns but ``seq``."""
    attributes, inexact = attribute_maps(spans.attributes)
    events = _texts(spans.events, events_json)
    links = _texts(spans.links, links_json)
    resources = _shared(spans.resource, _resource_columns)
    scopes = _shared(spans.scope, scope_json)
    exact: list[bytes | None] = [None] * len(spans)
    for row in {*inexact, *_inexact(events, links, resources, scopes)}:
        exact[row] = exact_json(spans, row, attributes_at(spans.attributes, row))
    columns: dict[str, Any] = {
        "trace_id": spans.trace_id,
        "span_id": spans.span_id,
        "parent_span_id": pc.if_else(pc.equal(spans.parent_span_id, _NO_TEXT), _NO_PARENT, spans.parent_span_id),
        "service_name": [name for name, _, _ in resources],
        "name": spans.name,
        "kind": spans.kind,
        "start_time_unix_nano": spans.start_time_unix_nano,
        "end_time_unix_nano": spans.end_time_unix_nano,
        "status_code": spans.status_code,
        **hot_columns(attributes),
        "status_message": spans.status_message,
        "trace_state": spans.trace_state,
        "flags": spans.flags,
        STORED: attributes,
        "events_json": [text for text, _ in events],
        "links_json": [text for text, _ in links],
        "dropped_attributes_count": spans.dropped_attributes_count,
        "dropped_events_count": spans.dropped_events_count,
        "dropped_links_count": spans.dropped_links_count,
        "resource_json": [text for _, text, _ in resources],
        "scope_json": [text for text, _ in scopes],
        "exact_json": exact,
    }
    return pa.table([_array(columns[field.name], field.type) for field in _UNNUMBERED], schema=_UNNUMBERED)


def stored_spans(rows: pa.Table) -> list[StoredSpan]:
    """Rows with ``SHOWN_COLUMNS`` as they are answered."""
    rows = shown(rows)
    columns = (rows[name].to_pylist() for name in StoredSpan._fields)
    return [StoredSpan._make(values) for values in zip(*columns, strict=True)]


def numbered(rows: pa.Table, first_seq: int) -> pa.RecordBatch:
    """The rows as one batch, numbered from ``first_seq`` on."""
    return pa.RecordBatch.from_arrays([numbers(first_seq, rows.num_rows), *map(_in_one, rows.columns)], schema=ROWS)


def numbers(first_seq: int, count: int) -> pa.UInt64Array:
    """Values of ``seq`` without gap."""
    return pc.add(positions(count), pa.scalar(first_seq, pa.int64())).cast(pa.uint64())


def _in_one(column: pa.ChunkedArray) -> pa.Array:
    """Arrow copies, also where there is one chunk only."""
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _array(values: Any, kind: pa.DataType) -> pa.Array:  # noqa: ANN401 - an array already, or a list
    if isinstance(values, pa.Array):
        return values
    if values and values.count(values[0]) == len(values):  # spans of a request have much in common
        return pa.repeat(pa.scalar(values[0], kind), len(values))
    return pa.array(values, kind)


def _texts(items: Sequence[Sequence[Any]], make: Any) -> list[tuple[bytes, bool]]:  # noqa: ANN401 - a function of one item
    """``make`` of each item; most requests have none that is not empty."""
    return [make(item) for item in items] if any(items) else [(EMPTY_ARRAY, True)] * len(items)


def _inexact(*columns: Sequence[tuple[Any, ...]]) -> set[int]:
    """Rows of which any column ends in False: its plain JSON does not say all."""
    return {row for column in columns for row, value in enumerate(column) if not value[-1]}


def _shared(items: Sequence[Any], make: Any) -> list[Any]:  # noqa: ANN401 - a function of one item
    """``make`` of each item, called once for the many spans of a request that share one object."""
    if items and all(map(is_, items, repeat(items[0]))):
        return [make(items[0])] * len(items)
    made = {id(item): item for item in items}
    results = {key: make(item) for key, item in made.items()}
    return [results[id(item)] for item in items]


def _resource_columns(resource: Resource) -> tuple[str, bytes, bool]:
    return (service_name(resource), *resource_json(resource))


def service_name(resource: Resource) -> str:
    """The resource's ``service.name`` when it is a string."""
    name = resource.attributes.get("service.name")
    return name if isinstance(name, str) else NO_SERVICE_NAME
