"""Which fields are different in two samples of spans: values are counted, then compared."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import attrs
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from actors.span_store.asked.differences import (
    LONGEST_SHOWN,
    MOST_FIELDS,
    MOST_VALUES,
    FieldDifference,
    ValueShares,
)
from actors.span_store.asked.values import Listed
from actors.span_store.columns.attribute_column import STORED, Pairs
from actors.span_store.columns.types import AnyField, Untold
from actors.span_store.query.difference_scores import score_of
from actors.span_store.query.language.fields import BY_NAME, Kind

# Columns of rows that ``said_in`` reads.
READ: Final = (STORED, "resource_json", "status_message")
FEW_NUMBERS: Final = 20  # of a field that are values like others; of more there are ranges
_RANGES = 10
_MOST_COMPARED = 500  # fields, those that most spans have
_KEYS = ["field", "text", "json"]
# A value is a text, or anything else as JSON text; ``spans`` have it.
_TEXTS: list[AnyField] = [pa.field(name, pa.string()) for name in _KEYS]
_COUNTED = pa.schema([*_TEXTS, pa.field("spans", pa.int64())])
_SIDES = ["here", "there"]
_NUMBER = r"^-?[0-9]"
_ATTRIBUTE: Untold = pa.scalar("attr", pa.string())  # stands in for values of arrays, as below
_DOT: Untold = pa.scalar(".", pa.string())
_YES: Untold = pa.scalar(True, pa.bool_())
_NO: Untold = pa.scalar(False, pa.bool_())
_NOTHING: Untold = pa.scalar("null", pa.string())
_LONGEST: Untold = pa.scalar(LONGEST_SHOWN, pa.int32())
_ONE = pa.scalar(1, pa.int64())
_ZERO: Untold = pa.scalar(0, pa.int64())


def said_in(rows: pa.Table) -> pa.Table:
    """How many of the rows have which values of attributes, of the resource, and as the message of their status."""
    parts = [
        *(_attributes(chunk) for chunk in rows[STORED].chunks),
        _resources(rows["resource_json"]),
        _column("status_message", rows["status_message"].filter(pc.not_equal(rows["status_message"], pa.scalar("")))),
    ]
    return _summed(pa.concat_tables(parts), ["spans"])


def said_by(columns: pa.Table) -> pa.Table:
    """How many of the rows have which values in these columns, which have the names of fields."""
    return pa.concat_tables([_COUNTED.empty_table(), *(_column(name, columns[name]) for name in columns.column_names)])


def compared(
    here: Sequence[pa.Table], there: Sequence[pa.Table], counts: tuple[int, int], left_out: frozenset[str]
) -> tuple[FieldDifference, ...]:
    """The fields that differ, those that differ most first.

    ``here`` and ``there`` are what is said on either side, by so many spans.
    """
    counted = _frequent(_sides(here, there), left_out)
    found = []
    for field, values in _by_field(counted):
        cells = _cells(field, values, counts)
        score = round(score_of(Counter((each.here, each.there) for each in cells), *counts), 6)
        if score:
            found.append(FieldDifference(field, score, _most_different(cells, counts)))
    return tuple(sorted(found, key=_order)[:MOST_FIELDS])


@attrs.frozen
class _Cell:
    """A value, and how many spans have it on either side."""

    value: Listed | None
    here: int
    there: int


def _order(each: FieldDifference) -> tuple[float, bool, str]:
    """Fields before attributes that say the same."""
    return -each.score, each.field not in BY_NAME, each.field


def _attributes(chunk: Untold) -> pa.Table:
    pairs = Pairs(chunk)
    keys = pc.binary_join_element_wise(_ATTRIBUTE, pairs.keys, _DOT)
    return _values(keys, _short(pairs.texts), _short(pairs.others))


def _values(fields: Untold, texts: Untold, others: Untold) -> pa.Table:
    """Without unset ones."""
    counts = pa.repeat(_ONE, len(fields))
    found = pa.Table.from_arrays([fields, texts, others, counts], schema=_COUNTED)
    return found.filter(pc.fill_null(pc.not_equal(found["json"], _NOTHING), _YES))


def _resources(column: Untold) -> pa.Table:
    """Most rows have the resource of another one."""
    rows = []
    for each in column.value_counts().to_pylist():
        said: dict[str, Any] = orjson.loads(each["values"])["attributes"]
        rows += [_row(f"resource.{key}", value, each["counts"]) for key, value in said.items() if value is not None]
    return pa.Table.from_pylist(rows, _COUNTED)


def _row(field: str, value: Any, spans: int) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    is_text = isinstance(value, str)
    text = value if is_text else orjson.dumps(value).decode()
    return {"field": field, "text": _cut(text) if is_text else None, "json": None if is_text else _cut(text)} | {
        "spans": spans
    }


def _column(field: str, column: Untold) -> pa.Table:
    found = column.drop_null().value_counts()
    values, counts = found.field("values"), found.field("counts")
    none, fields = pa.nulls(len(values), pa.string()), pa.repeat(pa.scalar(field), len(values))
    if pa.types.is_string(values.type):
        return pa.Table.from_arrays([fields, _short(values), none, counts], schema=_COUNTED)
    return pa.Table.from_arrays([fields, none, values.cast(pa.string()), counts], schema=_COUNTED)


def _short(texts: Untold) -> Untold:
    """Long texts as their beginnings, which are as different as they are."""
    is_long: Untold = pc.fill_null(pc.greater(pc.utf8_length(texts), _LONGEST), _NO)
    if not pc.any(is_long).as_py():
        return texts
    long: Untold = texts.filter(is_long)
    return pc.replace_with_mask(texts, is_long, pa.array([_cut(text) for text in long.to_pylist()], pa.string()))


def _cut(text: str) -> str:
    if len(text) <= LONGEST_SHOWN:
        return text
    return f"{text[:LONGEST_SHOWN]}…\0{hashlib.blake2b(text.encode(), digest_size=16).hexdigest()}"


def _summed(table: pa.Table, columns: Sequence[str]) -> pa.Table:
    grouped = table.group_by(_KEYS).aggregate([(name, "sum") for name in columns])
    return grouped.select([*_KEYS, *(f"{name}_sum" for name in columns)]).rename_columns([*_KEYS, *columns])


def _sides(here: Sequence[pa.Table], there: Sequence[pa.Table]) -> pa.Table:
    """Both together, with the spans of either."""
    empty = _COUNTED.empty_table()
    one, other = (pa.concat_tables([empty, *some]) for some in (here, there))
    both = [
        one.rename_columns([*_KEYS, "here"]).append_column("there", pa.repeat(_ZERO, one.num_rows)),
        other.rename_columns([*_KEYS, "there"]).add_column(3, "here", pa.repeat(_ZERO, other.num_rows)),
    ]
    return _summed(pa.concat_tables(both), _SIDES)


def _frequent(counted: pa.Table, left_out: frozenset[str]) -> pa.Table:
    """Of the fields that most spans have, by field."""
    spans = counted.append_column("spans", pc.add(counted["here"], counted["there"]))
    fields = spans.group_by("field").aggregate([("spans", "sum")])
    fields = fields.filter(pc.invert(pc.is_in(fields["field"], value_set=pa.array(left_out, pa.string()))))
    fields = fields.sort_by([("spans_sum", "descending"), ("field", "ascending")]).slice(0, _MOST_COMPARED)
    return counted.filter(pc.is_in(counted["field"], value_set=fields["field"])).sort_by("field")


def _by_field(counted: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """The rows of each field, which lie together."""
    begin = 0
    runs: Untold = counted["field"].value_counts()
    for each in runs.to_pylist():
        yield each["values"], counted.slice(begin, each["counts"])
        begin += each["counts"]


def _cells(field: str, values: pa.Table, counts: tuple[int, int]) -> list[_Cell]:
    here, there = (_listed(values, name) for name in _SIDES)
    has_ranges = values.num_rows > FEW_NUMBERS and not values["text"].drop_null() and _are_numbers(values["json"])
    shown = (
        _in_ranges(field, values) if has_ranges else map(_shown, *(_listed(values, name) for name in ("text", "json")))
    )
    cells = [_Cell(*each) for each in zip(shown, here, there, strict=True)]
    if has_ranges:
        cells = _joined(cells)
    without = [of_all - sum(some) for of_all, some in zip(counts, (here, there), strict=True)]
    return [*cells, _Cell(None, *without)] if any(without) else cells


def _listed(values: pa.Table, name: str) -> list[Any]:
    column: Untold = values[name]
    listed: list[Any] = column.to_pylist()
    return listed


def _are_numbers(others: Untold) -> bool:
    return bool(pc.all(pc.match_substring_regex(others, _NUMBER)).as_py())


def _shown(text: str | None, other: str | None) -> Listed:
    said = (text if other is None else other) or ""
    if "…\0" in said:
        return said.partition("\0")[0].removeprefix("" if other is None else '"')  # bytes, which are JSON text
    if other is None or said[0] in "[{":
        return said
    value: Listed = orjson.loads(said)
    return value


def _in_ranges(field: str, values: pa.Table) -> list[str]:
    """For each number the range that it is in: each has about as many spans as the others."""
    texts = _listed(values, "json")
    numbers = [float(text) for text in texts]
    spans = list(map(sum, zip(*(_listed(values, name) for name in _SIDES), strict=True)))
    order = sorted(range(len(numbers)), key=numbers.__getitem__)
    before, together, ranges = 0, sum(spans), dict[int, list[int]]()
    for row in order:
        ranges.setdefault(_RANGES * before // together, []).append(row)
        before += spans[row]
    found = [""] * len(numbers)
    for rows in ranges.values():
        unit = "ns" if field in BY_NAME and BY_NAME[field].kind is Kind.DURATION else ""
        name = f"[{texts[rows[0]]}{unit} TO {texts[rows[-1]]}{unit}]"
        for row in rows:
            found[row] = name
    return found


def _joined(cells: Iterable[_Cell]) -> list[_Cell]:
    here, there = Counter[Any](), Counter[Any]()
    for cell in cells:
        here[cell.value] += cell.here
        there[cell.value] += cell.there
    return [_Cell(value, here[value], there[value]) for value in here]


def _most_different(cells: Iterable[_Cell], counts: tuple[int, int]) -> tuple[ValueShares, ...]:
    shares = [ValueShares(cell.value, cell.here / counts[0], cell.there / counts[1]) for cell in cells]
    shares.sort(key=lambda each: (-abs(each.share - each.than_share), -each.share, str(each.value)))
    return tuple(shares[:MOST_VALUES])
