"""Spans as values: what a transport hands in, and what a query gives back.

Field names and meanings follow ``opentelemetry.proto.trace.v1``. These are named tuples and not attrs classes because
one of each is made for every span of a small request: a tuple is immutable and costs a fifth as much. Large requests
are decoded into columns, without any.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate, groupby, repeat
from types import MappingProxyType
from typing import Generic, NamedTuple, TypeAlias, TypeVar

import attrs
import pyarrow as pa

from actors.span_store.columns.attributes import SpanAttributes
from actors.span_store.columns.types import Int32s, Texts, UInt32s, UInt64s

T = TypeVar("T")

# The Python forms of an OTLP AnyValue. None is a value that was not set; it occurs inside arrays and maps only.
AttributeValue: TypeAlias = (
    "str | int | float | bool | bytes | Sequence[AttributeValue] | Mapping[str, AttributeValue] | None"
)
Attributes: TypeAlias = Mapping[str, AttributeValue]


# The kind of a row that is a log record of a span and no span: see ``log_rows``. OTLP's kinds of spans are 0 to 5.
LOG = 6


class SpanEvent(NamedTuple):
    """Something that happened at one moment of a span."""

    time_unix_nano: int
    name: str
    attributes: Attributes
    dropped_attributes_count: int = 0


class SpanLink(NamedTuple):
    """A pointer to another span. Ids are lower-case hex."""

    trace_id: str
    span_id: str
    trace_state: str
    attributes: Attributes
    dropped_attributes_count: int = 0
    flags: int = 0


class Resource(NamedTuple):
    """What produced the spans. One object is shared by all spans of a request that have it."""

    attributes: Attributes
    dropped_attributes_count: int = 0
    schema_url: str = ""
    entity_refs: Sequence[Attributes] = ()  # in the form of OTLP/JSON


class InstrumentationScope(NamedTuple):
    """The library that made the spans. Shared like ``Resource``."""

    name: str = ""
    version: str = ""
    attributes: Attributes = MappingProxyType({})
    dropped_attributes_count: int = 0
    schema_url: str = ""


class Span(NamedTuple):
    """One span as received. Ids are lower-case hex (32 and 16 characters; "" for no parent), times Unix nanoseconds."""

    trace_id: str
    span_id: str
    parent_span_id: str
    trace_state: str
    flags: int  # whole: trace flags in the low byte, is-remote bits above
    name: str
    kind: int  # OTLP number, 0 to 5
    start_time_unix_nano: int
    end_time_unix_nano: int
    attributes: Attributes
    dropped_attributes_count: int
    events: Sequence[SpanEvent]
    dropped_events_count: int
    links: Sequence[SpanLink]
    dropped_links_count: int
    status_code: int  # 0 unset, 1 ok, 2 error
    status_message: str
    resource: Resource
    scope: InstrumentationScope


class StoredSpan(NamedTuple):
    """One span as stored, for an answer. Members ending in ``_json`` are JSON text that is valid and compact.

    In it bytes are hex text, and NaN and the infinities are null; ``exact_json`` has what that loses.
    """

    trace_id: str
    span_id: str
    parent_span_id: str | None  # None for a root
    service_name: str
    name: str
    kind: int
    start_time_unix_nano: int
    end_time_unix_nano: int
    status_code: int
    status_message: str
    trace_state: str
    flags: int
    attributes_json: str  # an object
    events_json: str  # an array of {name, timeUnixNano, droppedAttributesCount, attributes}
    links_json: str  # an array of {traceId, spanId, traceState, flags, droppedAttributesCount, attributes}
    dropped_attributes_count: int
    dropped_events_count: int
    dropped_links_count: int
    resource_json: str  # {attributes, droppedAttributesCount, schemaUrl, entityRefs}
    scope_json: str  # {name, version, attributes, droppedAttributesCount, schemaUrl}
    exact_json: str | None  # OTLP/JSON of attributes, events and links where plain JSON is not lossless


@attrs.frozen
class Shared(Generic[T]):
    """A value for each of many spans, where spans that follow each other have it in common."""

    values: Sequence[T]
    counts: Sequence[int]  # how many spans have each of them
    ends: Sequence[int] = attrs.field(init=False)  # the number of the first span behind those of each

    @ends.default
    def _ends(self) -> list[int]:
        return list(accumulate(self.counts))

    def at(self, row: int) -> T:
        return self.values[bisect_right(self.ends, row)]


@attrs.frozen(kw_only=True)
class SpanColumns:
    """Many spans as columns: the fields of ``Span``, each with one value per span.

    What fills thousands of rows a second is held in Arrow arrays, and never as one object per span.
    """

    trace_id: Texts
    span_id: Texts
    parent_span_id: Texts  # "" for none
    trace_state: Texts
    flags: UInt32s
    name: Texts
    kind: Int32s
    start_time_unix_nano: UInt64s
    end_time_unix_nano: UInt64s
    attributes: SpanAttributes | Sequence[Attributes]  # see ``attributes``; as Arrow only when it says everything
    dropped_attributes_count: UInt32s
    events: Mapping[int, Sequence[SpanEvent]]  # by the number of the span, of those that have any
    dropped_events_count: UInt32s
    links: Mapping[int, Sequence[SpanLink]]  # like ``events``
    dropped_links_count: UInt32s
    status_code: Int32s
    status_message: Texts
    resource: Shared[Resource]
    scope: Shared[InstrumentationScope]

    def __len__(self) -> int:
        return len(self.trace_id)


_ARROW_TYPES = {
    "trace_id": pa.string(),
    "span_id": pa.string(),
    "parent_span_id": pa.string(),
    "trace_state": pa.string(),
    "flags": pa.uint32(),
    "name": pa.string(),
    "kind": pa.int32(),
    "start_time_unix_nano": pa.uint64(),
    "end_time_unix_nano": pa.uint64(),
    "dropped_attributes_count": pa.uint32(),
    "dropped_events_count": pa.uint32(),
    "dropped_links_count": pa.uint32(),
    "status_code": pa.int32(),
    "status_message": pa.string(),
}


def span_columns(spans: Iterable[Span] | SpanColumns) -> SpanColumns:
    """Spans turned into columns; columns as they are."""
    if isinstance(spans, SpanColumns):
        return spans
    rows = list(spans)
    columns = zip(*rows, strict=True) if rows else repeat(())
    values = dict(zip(Span._fields, columns, strict=False))
    arrays = {name: pa.array(values[name], kind) for name, kind in _ARROW_TYPES.items()}
    others = {
        "events": _of_those_with_any(values["events"]),
        "links": _of_those_with_any(values["links"]),
        "resource": _shared_by_neighbours(values["resource"]),
        "scope": _shared_by_neighbours(values["scope"]),
    }
    return SpanColumns(**(values | arrays | others))


def _of_those_with_any(items: Sequence[Sequence[T]]) -> dict[int, Sequence[T]]:
    return {row: some for row, some in enumerate(items) if some}


def _shared_by_neighbours(objects: Sequence[T]) -> Shared[T]:
    runs = [list(run) for _, run in groupby(objects, key=id)]
    return Shared([run[0] for run in runs], [len(run) for run in runs])
