"""The column of the attributes, see ``attributes``: made of mappings, and shown as JSON."""

from collections.abc import Iterator, Sequence
from itertools import accumulate, chain, pairwise

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from actors.span_store.columns.attributes import SpanAttributes, json_text, plain_json, span_attributes
from actors.span_store.columns.spans import Attributes, AttributeValue
from actors.span_store.columns.types import AnyColumn, Int32s, Int64s, Texts, Untold

_ONE = pa.scalar(1, pa.int64())
_POSITIONS = pa.array(range(4096), pa.int64())
STORED, SHOWN = "attributes", "attributes_json"  # how the column is called, as a map and as JSON text
KEYS = "attribute_keys"  # and with keys alone, a list for each span
KEYS_FIELD = pa.field(KEYS, pa.list_(pa.string()))


def attribute_maps(spans: SpanAttributes | Sequence[Attributes]) -> tuple[SpanAttributes, list[int]]:
    """Attributes with their column, and the positions of the spans of which it does not say everything.

    Those have bytes, NaN or the like in them, see ``json_text``.
    """
    if isinstance(spans, SpanAttributes):
        return spans, []
    texts: list[str | None] = []
    others: list[bytes | None] = []
    inexact: dict[int, None] = {}
    for position, attributes in enumerate(spans):
        for value in attributes.values():
            text, other, exact = _members(value)
            texts.append(text)
            others.append(other)
            if not exact:
                inexact[position] = None
    offsets = pa.array(accumulate(map(len, spans), initial=0), pa.int32())
    keys = pa.array(list(chain.from_iterable(spans)), pa.string())
    return span_attributes(offsets, keys, pa.array(texts, pa.string()), pa.array(others, pa.string())), list(inexact)


def attributes_at(spans: SpanAttributes | Sequence[Attributes], row: int) -> Attributes:
    """Those of one span."""
    if not isinstance(spans, SpanAttributes):
        return spans[row]
    pairs = spans.column[row].as_py()
    return {key: value["text"] if value["json"] is None else orjson.loads(value["json"]) for key, value in pairs}


def _members(value: AttributeValue) -> tuple[str | None, bytes | None, bool]:
    """The two members of a value, and whether they say all that it does."""
    if isinstance(value, str):
        return value, None, True
    return (None, *plain_json(value))


def shown(rows: pa.Table) -> pa.Table:
    """The rows with their attributes as JSON objects in the form that the REST API shows, in the same place."""
    column = pa.array(json_objects(rows[STORED]), pa.string())
    return rows.set_column(rows.schema.get_field_index(STORED), pa.field(SHOWN, pa.string()), column)


def json_objects(column: AnyColumn) -> Iterator[bytes]:
    """Those of each row, as the REST API shows them."""
    for chunk in column.chunks:
        pairs = Pairs(chunk)
        keys, texts, others = pairs.keys.to_pylist(), pairs.texts.to_pylist(), pairs.others.to_pylist()
        values = [text if other is None else orjson.Fragment(other) for text, other in zip(texts, others, strict=True)]
        for begin, end in pairwise(pairs.offsets.to_pylist()):
            yield json_text(dict(zip(keys[begin:end], values[begin:end], strict=True)))


def with_keys(rows: pa.Table) -> pa.Table:
    """The rows with their ``attribute_keys``, if they have attributes, as maps or as lists of what has a key."""
    if STORED not in rows.column_names:
        return rows
    lists = [_key_lists(chunk) for chunk in rows[STORED].chunks]
    column: AnyColumn = pa.chunked_array(lists, KEYS_FIELD.type)  # type: ignore[call-overload] # takes lists, too
    return rows.append_column(KEYS_FIELD, column)


def _key_lists(chunk: Untold) -> Untold:
    first, last = chunk.offsets[0], chunk.offsets[-1]
    keys = chunk.keys if isinstance(chunk, pa.MapArray) else chunk.values.field("key")
    keys = keys.slice(first.as_py(), last.as_py() - first.as_py())
    return pa.ListArray.from_arrays(pc.subtract(chunk.offsets, first), keys)


class Pairs:
    """All keys and values of a chunk of the column, one after the other, and the row that each is of."""

    def __init__(self, chunk: Untold) -> None:
        first = chunk.offsets[0]
        begin, end = first.as_py(), chunk.offsets[-1].as_py()
        values = chunk.items.slice(begin, end - begin)
        self.offsets: Int32s = pc.subtract(chunk.offsets, first)
        self.keys: Texts = chunk.keys.slice(begin, end - begin)
        self.texts: Texts = values.field("text")
        self.others: Texts = values.field("json")

    @property
    def rows(self) -> Untold:
        lists: Untold = pa.ListArray.from_arrays(self.offsets, self.keys)  # type: ignore[call-overload] # 32 bits suit
        return pc.list_parent_indices(lists)


def positions(count: int) -> Int64s:
    """0, 1, 2 and so on. Arrow takes a tenth of a microsecond for each number that it gets from Python."""
    if count <= len(_POSITIONS):
        return _POSITIONS.slice(0, count)
    return pc.subtract(pc.cumulative_sum(pa.repeat(_ONE, count)), _ONE)
