"""Which values and keys some rows have, and in how many of them."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from actors.span_store.asked.values import LONGEST_VALUE, Listed, ListValues, ValueCount, Values
from actors.span_store.columns.attribute_column import KEYS, STORED, Pairs
from actors.span_store.columns.types import Untold
from actors.span_store.query import arguments
from actors.span_store.query.arguments import Path

# A kind and a value of it: true is no 1.
Counts: TypeAlias = Counter[tuple[str, Listed]]
_ATTRIBUTES = pa.array(arguments.ATTRIBUTES, pa.string())
_COLUMNS = {
    "attr": (STORED, "events_json", "type"),
    "resource": ("resource_json",),
    "event": ("events_json",),
}


def columns_for(field: str) -> tuple[str, ...]:
    """The columns of rows that ``count_in`` reads for a field that is no column of the index."""
    prefix, _, key = field.partition(".")
    if prefix == "attr" and not key:
        return (KEYS,)
    return _COLUMNS.get(prefix, (field,))


def count_in(rows: pa.Table, field: str) -> Counts:
    """How many of the rows have which value; of a prefix alone, which key. Long texts are left out."""
    prefix, _, key = field.partition(".")
    if prefix not in _COLUMNS:
        return _counted(enumerate(rows[field].to_pylist()))
    if prefix == "attr" and not key:
        return _counted(_keys(rows))
    return _counted(_said_under(rows, prefix, key))


def first_values(rows: pa.Table, field: str) -> list[str | None]:
    """Of each row the first value under a prefix and a key, as text; ``None`` where it says none that is listed."""
    prefix, _, key = field.partition(".")
    found: list[str | None] = [None] * rows.num_rows
    for row, value in _said_under(rows, prefix, key):
        if found[row] is None and _is_listed(value):
            found[row] = _spelled(value)
    return found


def _said_under(rows: pa.Table, prefix: str, key: str) -> Iterator[tuple[int, Any]]:
    return _attributes(rows, key) if prefix == "attr" else _in_json(rows, prefix, key)


def most_frequent(counts: Counts, request: ListValues, *, more: bool) -> Values:
    """The answer that has these counts."""
    found = [
        ValueCount(value, count) for (_, value), count in counts.items() if _spelled(value).startswith(request.prefix)
    ]
    found.sort(key=lambda each: (-each.count, _spelled(each.value), type(each.value).__name__))
    return Values(tuple(found[: request.limit]), more or len(found) > request.limit)


def _spelled(value: Listed) -> str:
    """As a filter spells it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _counted(pairs: Iterable[tuple[int, Any]]) -> Counts:
    """Each value once for each row."""
    seen = {(row, _kind(value), value) for row, value in pairs if _is_listed(value)}
    return Counter((kind, value) for _, kind, value in seen)


def _is_listed(value: object) -> bool:
    return len(value) <= LONGEST_VALUE if isinstance(value, str) else isinstance(value, bool | int | float)


def _kind(value: object) -> str:
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


def _keys(rows: pa.Table) -> Iterator[tuple[int, str]]:
    lists: Untold = rows[KEYS].to_pylist()
    for row, keys in enumerate(lists):
        yield from ((row, key) for key in keys)


def _attributes(rows: pa.Table, key: str) -> Iterator[tuple[int, Any]]:
    begin, path = 0, Path(key)
    for batch in rows.select([STORED, "events_json", "type"]).to_batches():
        pairs = Pairs(batch[STORED])
        yield from ((begin + row, value) for row, value in _of(pairs, pc.equal(pairs.keys, pa.scalar(key))))
        kinds = batch["type"].to_pylist()
        for row, text in _called_with(batch, pairs):
            if kinds[row] == arguments.TOOL:
                yield from ((begin + row, value) for value in path.values_in(text))
        begin += batch.num_rows


def _of(pairs: Pairs, are_it: Untold) -> Iterator[tuple[int, Any]]:
    found = (each.filter(are_it).to_pylist() for each in (pairs.rows, pairs.texts, pairs.others))
    for row, text, other in zip(*found, strict=True):
        yield row, text if other is None else orjson.loads(other)


def _called_with(batch: pa.RecordBatch, pairs: Pairs) -> Iterator[tuple[int, str]]:
    are_it = pc.is_in(pairs.keys, value_set=_ATTRIBUTES)
    for row, text, other in zip(
        *(each.filter(are_it).to_pylist() for each in (pairs.rows, pairs.texts, pairs.others)), strict=True
    ):
        yield row, text if other is None else other
    texts: Untold = batch["events_json"].to_pylist()
    for row, events in enumerate(texts):
        said = (event["attributes"].get(key) for event in orjson.loads(events) for key in arguments.EVENT_ATTRIBUTES)
        yield from ((row, each) for each in said if isinstance(each, str))


def _in_json(rows: pa.Table, prefix: str, key: str) -> Iterator[tuple[int, Any]]:
    """Of each different text once: most rows have that of another one."""
    [column] = _COLUMNS[prefix]
    known: dict[str, list[Any]] = {}
    texts: Untold = rows[column].to_pylist()
    for row, text in enumerate(texts):
        if text not in known:
            known[text] = list(_said(orjson.loads(text), key))
        yield from ((row, value) for value in known[text])


def _said(document: Any, key: str) -> Iterator[Any]:  # noqa: ANN401 - any JSON value
    """What a resource says, or the events of a span."""
    for each in document if isinstance(document, list) else [document]:
        if not key:
            yield from each["attributes"]
            continue
        yield each["attributes"].get(key)
        if key == "name" and "name" in each:
            yield each["name"]
