"""Columns of Arrow as plain values of JSON: numbers whole, times as in all of our answers, JSON as it is."""

from collections.abc import Callable, Iterable
from typing import Any, Final

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from actors.span_store.columns.types import AnyColumn, Untold
from transports.http.wire.moments import time_text

_UNITS: Final = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1000, "ns": 1}


def plain_values(column: AnyColumn, type_: str) -> list[Any]:
    """The values of a column, whose type SQL says so; texts of JSON, or lists of them, are values themselves.

    What JSON has no word for, a NaN or a time beyond its calendar, is ``None``.
    """
    values: list[Any] = []
    for chunk in column.chunks:
        values += _values(chunk, is_json=type_.removesuffix("[]") == "JSON")
    return values


def as_text(column: AnyColumn, type_: str) -> AnyColumn:
    """The same as text, for formats that have no nested values: JSON text where it is no plain value."""
    texts = (None if value is None else _text(value) for value in plain_values(column, type_))
    made: AnyColumn = pa.chunked_array([pa.array(texts, pa.string())])
    return made


def storable(column: AnyColumn) -> AnyColumn:
    """The column in a type that Parquet has."""
    return as_text(column, "") if _has_interval(column.type) else column


def _has_interval(kind: Untold) -> bool:
    if pa.types.is_interval(kind) or pa.types.is_null(kind):
        return True
    return any(_has_interval(kind.field(place).type) for place in range(kind.num_fields))


def _text(value: Any) -> str:  # noqa: ANN401 - any value of JSON
    if isinstance(value, str):
        return value
    return orjson.dumps(value).decode()


def _values(array: Untold, *, is_json: bool = False) -> list[Any]:  # noqa: PLR0911 - one return for each kind of array
    kind = array.type
    if is_json and pa.types.is_string(kind):
        return [_json(text) for text in array.to_pylist()]
    if pa.types.is_timestamp(kind):
        return _each(array.cast(pa.int64()), lambda number: time_text(number * _UNITS[kind.unit]))
    if pa.types.is_date(kind) or pa.types.is_time(kind):
        return _each(array, lambda value: value.isoformat())
    if pa.types.is_decimal(kind):
        return _each(array, lambda value: orjson.Fragment(format(value, "f")))
    if pa.types.is_interval(kind) or pa.types.is_duration(kind) or pa.types.is_binary(kind):
        return _each(array, _other)
    if pa.types.is_map(kind) or pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return _lists(array, is_json=is_json)
    if pa.types.is_struct(kind):
        return _structs(array)
    values: list[Any] = array.to_pylist()
    return values


def _each(array: Untold, made: Callable[[Any], Any]) -> list[Any]:
    """What is made of each value; ``None`` where that is beyond what Python's calendar has."""
    found: list[Any] = []
    for value in array:
        try:
            plain = value.as_py()
            found.append(None if plain is None else made(plain))
        except (OverflowError, ValueError):
            found.append(None)
    return found


def _json(text: str | None) -> Any:  # noqa: ANN401 - any value of JSON
    """As it is, if it is JSON indeed."""
    if text is None:
        return None
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
    return orjson.Fragment(text)


def _other(value: Any) -> str:  # noqa: ANN401 - an interval, or bytes
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, pa.MonthDayNano):
        seconds, rest = divmod(abs(value.nanoseconds), 1_000_000_000)
        sign = "-" if value.nanoseconds < 0 else ""
        return f"P{value.months}M{value.days}DT{sign}{seconds}.{rest:09d}S"
    return str(value)


def _lists(array: Untold, *, is_json: bool) -> list[Any]:
    """Of a map, a list of keys and values."""
    is_map = pa.types.is_map(array.type)
    items = _pairs(array) if is_map else _values(pc.list_flatten(array), is_json=is_json)
    lengths = [0 if value is None else len(value) for value in _lengths(array)]
    found, begin = [], 0
    for value, length in zip(_lengths(array), lengths, strict=True):
        found.append(None if value is None else items[begin : begin + length])
        begin += length
    return found


def _lengths(array: Untold) -> Iterable[range | None]:
    valid, offsets = array.is_valid().to_pylist(), array.offsets.to_pylist()
    return [range(offsets[row + 1] - offsets[row]) if is_valid else None for row, is_valid in enumerate(valid)]


def _pairs(array: Untold) -> list[Any]:
    begin, end = array.offsets[0].as_py(), array.offsets[-1].as_py()
    keys, items = array.keys.slice(begin, end - begin), array.items.slice(begin, end - begin)
    return [list(pair) for pair in zip(_values(keys), _values(items), strict=True)]


def _structs(array: Untold) -> list[Any]:
    names = [array.type.field(place).name for place in range(array.type.num_fields)]
    columns = [_values(column) for column in array.flatten()]
    rows = zip(*columns, strict=True) if columns else [()] * len(array)
    return [
        dict(zip(names, values, strict=True)) if is_valid else None
        for values, is_valid in zip(rows, array.is_valid().to_pylist(), strict=True)
    ]
