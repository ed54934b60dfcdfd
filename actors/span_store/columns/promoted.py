"""Promoted attributes: columns of their own, filled by the table of ``conventions``."""

import ast
import math
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeAlias

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from actors.span_store.columns.attributes import SpanAttributes
from actors.span_store.columns.conventions import COLUMNS, MODEL_CALLS, Column, Kind, Source
from actors.span_store.columns.key_shapes import taken
from actors.span_store.columns.model_names import provider_of_model
from actors.span_store.columns.spans import AttributeValue
from actors.span_store.columns.types import AnyArray, AnyColumn, Booleans, Doubles, Int32s, Int64s, Texts, Untold

TEXT, COUNT, AMOUNT = pa.string(), pa.int64(), pa.float64()
_TYPES: dict[Kind, pa.DataType] = {Kind.TEXT: TEXT, Kind.COUNT: COUNT, Kind.AMOUNT: AMOUNT, Kind.DURATION: COUNT}
PROMOTED_FIELDS = [pa.field(column.name, _TYPES[column.kind]) for column in COLUMNS]

_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")  # as in JSON
_LONGEST = 40  # characters of one
_MOST_PARSED = 256 * 1024  # characters of an object that is looked into
_MOST_LITERAL = 16 * 1024  # and of one in Python's notation, whose parser takes more
_FEW = 64  # values that are translated one by one; of more, each different one is
_ZERO: Untold = pa.scalar(0, COUNT)  # stands in for values of arrays, which the stubs want to be arrays
_LARGEST_PART = pa.scalar(2**60, COUNT)
_NO = pa.scalar(False, pa.bool_())
_AMOUNT_ZERO, _AMOUNT_END = pa.scalar(0.0, AMOUNT), pa.scalar(2.0**63, AMOUNT)
_Number: TypeAlias = Callable[[AttributeValue], float | None]
_TOKENS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens", "cost")


def promoted_columns(attributes: SpanAttributes, length: int) -> dict[str, AnyArray]:
    """The promoted columns by name, null where a span has no value. Reads only attributes of the table.

    Tokens are totals that include cached and reasoning ones. They and the cost are null for agents and chains: what
    those carry are the sums of the model calls inside, which would be counted twice.
    """
    found = _Found(attributes, length)
    columns = {column.name: found.column(column) for column in COLUMNS}
    return columns | _provider(columns) | _tokens(columns)


def named_after_spans(columns: Mapping[str, AnyArray], names: Texts) -> dict[str, AnyArray]:
    """The tool of spans that say that they run one, and not which: it stands in their name."""
    kind, tool = columns["type"], columns["tool"]
    if kind.null_count == len(kind):
        return {}
    is_tool: Untold = pc.fill_null(pc.equal(kind, _TOOL), _NO)
    unnamed = pc.and_(is_tool, pc.is_null(tool))
    if not pc.any(unnamed).as_py():
        return {}
    in_names = pc.replace_substring_regex(names, pattern=r"^(execute_tool|tool) ", replacement="")
    return {"tool": pc.if_else(unnamed, in_names, tool)}


def error_types(columns: Mapping[str, AnyArray], exceptions: Mapping[int, str]) -> dict[str, AnyArray]:
    """The type of the error; where no attribute says it, that of the span's last exception, given by row."""
    if not exceptions:
        return {}
    known = columns["error_type"]
    thrown = pa.array([exceptions.get(row) for row in range(len(known))], TEXT)
    return {"error_type": pc.coalesce(known, thrown)}


class _Found:
    """The values of one batch of spans."""

    def __init__(self, attributes: SpanAttributes, length: int) -> None:
        self._attributes = attributes
        self._length = length
        self._read = {kind: self._read_together(kind) for kind in Kind}
        self._objects: dict[str, list[Any]] = {}  # attributes that are looked into, parsed

    def column(self, column: Column) -> AnyArray:
        read = self._read[column.kind]
        values = [
            _final(read[source.key], source) for source in column.sources if source.key in read and not source.path
        ]
        found = values[0] if len(values) == 1 else pc.coalesce(*values) if values else None
        for source in column.sources:
            if source.path and source.key in self._attributes.keys and (found is None or found.null_count):
                deep = self._deep(source, column.kind, found)
                found = deep if found is None else pc.coalesce(found, deep)
        if found is None:
            return _nulls(self._length, _TYPES[column.kind])
        return found if column.finish is None else _translated(found, column.finish)

    def _read_together(self, kind: Kind) -> dict[str, AnyArray]:
        """The attributes of all plain sources of a kind, by key. Each step costs much the same for one and for ten."""
        names = [key for key in _PLAIN[kind] if key in self._attributes.keys]
        if not names:
            return {}
        values = _READERS[kind](self._attributes, self._attributes.keys.places(names))
        pieces = [values.slice(begin, self._length) for begin in range(0, len(values), self._length)]
        return dict(zip(names, pieces, strict=True))

    def _deep(self, source: Source, kind: Kind, found: AnyArray | None) -> AnyArray:
        """Values inside an attribute, where none is found yet."""
        known = [None] * self._length if found is None else found.to_pylist()
        said = self._parsed(source.key)
        values = (
            None if one is not None else _member(each, source.path) for one, each in zip(known, said, strict=True)
        )
        return pa.array([_OF_KIND[kind](value) for value in values], _TYPES[kind])

    def _parsed(self, key: str) -> list[Any]:
        if key not in self._objects:
            self._objects[key] = [_object(text) for text in self._texts(key)]
        return self._objects[key]

    def _texts(self, key: str) -> list[str | None]:
        places = self._attributes.keys.places([key])
        texts = pc.coalesce(taken(self._attributes.texts, places), taken(self._attributes.others, places))
        return list(texts.to_pylist())


def _provider(columns: Mapping[str, AnyArray]) -> dict[str, AnyArray]:
    """The provider; of model calls without one, that which makes the model."""
    provider, model = columns["provider"], columns["model"]
    if provider.null_count == model.null_count == 0 or model.null_count == len(model):
        return {}
    is_call = is_model_call(columns["type"])
    by_model = _translated(pc.if_else(is_call, model, pa.scalar(None, TEXT)), provider_of_model)
    return {"provider": pc.coalesce(provider, by_model)}


def _tokens(columns: Mapping[str, AnyArray]) -> dict[str, AnyArray]:
    """Inclusive totals of model calls, and of spans that are of no known type."""
    made = {name: columns[name] for name in _TOKENS if columns[name].null_count < len(columns[name])}
    if not made:
        return {}
    made |= _inclusive(columns, "input_tokens", "cache_read_tokens", "cache_write_tokens")
    made |= _inclusive(columns, "output_tokens", "reasoning_tokens")
    kind = columns["type"]
    if kind.null_count == len(kind):
        return made
    counts = pc.or_(is_model_call(kind), pc.is_null(kind))
    if pc.all(counts).as_py():
        return made
    return {name: pc.if_else(counts, values, pa.scalar(None, values.type)) for name, values in made.items()}


def _inclusive(columns: Mapping[str, AnyArray], total: str, *parts: str) -> dict[str, AnyArray]:
    """A total that is less than its parts leaves them out, as Anthropic's own numbers do: they are added."""
    there = [columns[part] for part in parts if columns[part].null_count < len(columns[part])]
    if not there or columns[total].null_count == len(columns[total]):
        return {}
    together = _bounded(there[0])
    for part in there[1:]:
        together = pc.add(together, _bounded(part))
    is_less = pc.less(columns[total], together)
    if not pc.any(is_less).as_py():
        return {}
    return {total: pc.if_else(is_less, pc.add(columns[total], together), columns[total])}


def _bounded(part: Int64s) -> Int64s:
    """Without nulls, and so small that some of them can be added."""
    small: Int64s = pc.min_element_wise(part, _LARGEST_PART, skip_nulls=False)
    return pc.coalesce(small, _ZERO)


def is_model_call(kind: Texts | AnyColumn) -> Booleans | AnyColumn:
    """Which spans of these types stand for model calls; never null."""
    return pc.is_in(kind, value_set=_CALLS)


def _final(values: AnyArray, source: Source) -> AnyArray:
    """The values of one source in the column's words and units."""
    if source.words is not None:
        return _translated(values, source.words.get)
    return values if source.unit == 1 else _nanoseconds(values, source.unit)


def _nanoseconds(values: Doubles, unit: float) -> Int64s:
    """Durations as whole numbers; null for what is none."""
    durations = pc.round(pc.multiply(values, pa.scalar(unit, AMOUNT)))
    is_one = pc.and_(pc.greater_equal(durations, _AMOUNT_ZERO), pc.less(durations, _AMOUNT_END))
    possible: Doubles = pc.if_else(is_one, durations, pa.scalar(None, AMOUNT))
    return pc.cast(possible, COUNT)


def _translated(values: Texts, translate: Callable[[str], str | None]) -> Texts:
    """Each value translated; null stays null."""
    if len(values) <= _FEW:
        return pa.array([None if one is None else translate(one) for one in values.to_pylist()], TEXT)
    encoded: Untold = values.dictionary_encode()
    words = pa.array([translate(one) for one in encoded.dictionary.to_pylist()], TEXT)
    return words.take(encoded.indices)


def _nulls(length: int, kind: pa.DataType) -> AnyArray:
    nulls: AnyArray = pa.nulls(length, kind)  # type: ignore[call-overload] # has a form for each kind, and none for all
    return nulls


def _object(text: str | None) -> Any:  # noqa: ANN401 - any JSON value
    """What a text says as JSON, or in Python's notation, which some senders write; ``None`` for other texts."""
    if text is None or len(text) > _MOST_PARSED or not text.startswith("{"):
        return None
    with suppress(orjson.JSONDecodeError):
        return orjson.loads(text)
    if len(text) <= _MOST_LITERAL:
        with suppress(ValueError, SyntaxError, RecursionError, MemoryError):
            return ast.literal_eval(text)
    return None


def _member(value: Any, path: Sequence[str]) -> Any:  # noqa: ANN401 - any JSON value
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _count(value: AttributeValue) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**63:
        return None
    return int(value) if value == int(value) else None


def _amount(value: AttributeValue) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def _text(value: AttributeValue) -> str | None:
    return value if isinstance(value, str) else None


def _texts(attributes: SpanAttributes, places: Int32s) -> Texts:
    """Texts, and lists as JSON."""
    texts: Texts = taken(attributes.texts, places)
    if texts.null_count == places.null_count:
        return texts
    others = taken(attributes.others, places)
    is_list = pc.starts_with(others, pattern="[")
    return pc.coalesce(texts, pc.if_else(is_list, others, pa.scalar(None, TEXT)))


def _counts(attributes: SpanAttributes, places: Int32s) -> Int64s:
    """Token counts; a whole float is what JSON makes of an integer in some senders, and others write text."""
    return _numbers(attributes, places, COUNT, _count)


def _amounts(attributes: SpanAttributes, places: Int32s) -> Doubles:
    return _numbers(attributes, places, AMOUNT, _amount)


def _numbers(attributes: SpanAttributes, places: Int32s, kind: pa.DataType, number: _Number) -> AnyArray:
    others = taken(attributes.others, places)
    found = _in_json(others, kind, number)
    if others.null_count == places.null_count:
        return found
    texts = taken(attributes.texts, places).to_pylist()
    return pc.coalesce(found, pa.array([_in_text(text, number) for text in texts], kind))


def _in_json(texts: Texts, kind: pa.DataType, number: _Number) -> AnyArray:
    """The numbers that these texts of JSON say; they are looked at one by one when one of them may say no such number.

    A minus is found faster in the memory of all than in a column of numbers.
    """
    memory = texts.buffers()[2]
    if kind is not COUNT or memory is None or b"-" not in memory.to_pybytes():
        with suppress(pa.ArrowInvalid):
            return pc.cast(texts, kind)
    return pa.array([None if text is None else number(orjson.loads(text)) for text in texts.to_pylist()], kind)


def _in_text(text: str | None, number: _Number) -> float | None:
    """The number that a string says, and nothing else."""
    if text is None or len(text) > _LONGEST or not _NUMBER.fullmatch(text):
        return None
    try:
        return number(orjson.loads(text))
    except orjson.JSONDecodeError:  # a number that no double holds
        return None


_SOURCES = [(column.kind, source) for column in COLUMNS for source in column.sources]
_CALLS, _TOOL = pa.array(MODEL_CALLS, TEXT), pa.scalar("tool", TEXT)
_READERS: Mapping[Kind, Callable[[SpanAttributes, Int32s], AnyArray]] = {
    Kind.TEXT: _texts,
    Kind.COUNT: _counts,
    Kind.AMOUNT: _amounts,
    Kind.DURATION: _amounts,
}
_OF_KIND: Mapping[Kind, Callable[[Any], Any]] = {
    Kind.TEXT: _text,
    Kind.COUNT: _count,
    Kind.AMOUNT: _amount,
    Kind.DURATION: _count,
}
_PLAIN = {
    kind: list(
        dict.fromkeys(
            source.key for column in COLUMNS if column.kind is kind for source in column.sources if not source.path
        )
    )
    for kind in Kind
}
