"""Promoted attributes: columns of their own, filled by the table of ``conventions``."""

import ast
import math
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import reduce
from typing import Any, TypeAlias

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from actors.span_store.columns.attributes import SpanAttributes
from actors.span_store.columns.conventions import (
    COLUMNS,
    MODEL_CALLS,
    RAW_INPUT,
    RAW_INPUT_DETAIL,
    RAW_OF,
    RAW_OUTPUT,
    Column,
    Kind,
    Source,
)
from actors.span_store.columns.key_shapes import taken
from actors.span_store.columns.model_names import provider_of_model
from actors.span_store.columns.spans import AttributeValue
from actors.span_store.columns.totals import completed_input, completed_output, known_costs, without_nulls
from actors.span_store.columns.types import AnyArray, AnyColumn, Booleans, Doubles, Int32s, Int64s, Texts, Untold

TEXT, COUNT, AMOUNT = pa.string(), pa.int64(), pa.float64()
_TYPES: dict[Kind, pa.DataType] = {
    Kind.TEXT: TEXT,
    Kind.ID: TEXT,
    Kind.COUNT: COUNT,
    Kind.AMOUNT: AMOUNT,
    Kind.DURATION: COUNT,
}
PROMOTED_FIELDS = [pa.field(column.name, _TYPES[column.kind]) for column in COLUMNS]

_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")  # as in JSON
_LONGEST = 40  # characters of one
_MOST_PARSED = 256 * 1024  # characters of an object that is looked into
_MOST_LITERAL = 16 * 1024  # and of one in Python's notation, whose parser takes more
_FEW = 64  # values that are translated one by one; of more, each different one is
_CHAIN, _ANTHROPIC = pa.scalar("chain", TEXT), pa.scalar("anthropic", TEXT)
_AMOUNT_ZERO, _AMOUNT_END = pa.scalar(0.0, AMOUNT), pa.scalar(2.0**63, AMOUNT)
_Number: TypeAlias = Callable[[AttributeValue], float | None]
_TOKENS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens", "cost")


def promoted_columns(attributes: SpanAttributes, length: int) -> dict[str, AnyArray]:
    """The promoted columns by name, null where a span has no value. Reads only attributes of the table.

    Tokens are totals that include cached and reasoning ones. They and the cost are null for agents and chains: what
    those carry are the sums of the model calls inside, which would be counted twice.
    """
    found = _Found(attributes, length)
    columns = {column.name: found.plain(column) for column in COLUMNS}
    types = columns["type"].to_pylist()
    calls = [row for row, kind in enumerate(types) if kind in MODEL_CALLS]
    if calls:
        columns |= found.inside(columns, calls)
        columns |= _providers(columns, calls)
        columns |= found.completed(columns, calls)
    return columns | _tokens(columns, types)


def named_after_spans(columns: Mapping[str, AnyArray], names: Texts) -> dict[str, AnyArray]:
    """The tool of spans that say that they run one, and not which; and the type of those that only seem to be calls."""
    return _named_tools(columns, names) | _preparations(columns, names)


def _preparations(columns: Mapping[str, AnyArray], names: Texts) -> dict[str, AnyArray]:
    """OpenInference says of a method of LlamaIndex that it is a call of a model, which only makes the request."""
    prepare: Untold = pc.ends_with(names, pattern="._prepare_chat_with_tools")
    if not pc.any(prepare).as_py():
        return {}
    return {"type": pc.if_else(pc.and_(prepare, is_model_call(columns["type"])), _CHAIN, columns["type"])}


def _named_tools(columns: Mapping[str, AnyArray], names: Texts) -> dict[str, AnyArray]:
    """The tool stands in the name of the span."""
    tools = columns["tool"]
    types = columns["type"].to_pylist() if tools.null_count and columns["type"].null_count < len(tools) else ()
    if "tool" not in types:
        return {}
    known = tools.to_pylist()
    unnamed = [row for row, kind in enumerate(types) if kind == "tool" and known[row] is None]
    for row in unnamed:
        known[row] = names[row].as_py().removeprefix("execute_tool ").removeprefix("tool ")
    return {"tool": pa.array(known, TEXT)} if unnamed else {}


def error_types(columns: Mapping[str, AnyArray], exceptions: Mapping[int, str]) -> dict[str, AnyArray]:
    """The type of the error; where no attribute says it, that of the span's last exception, given by row."""
    if not exceptions:
        return {}
    known = columns["error_type"]
    thrown = pa.array([exceptions.get(row) for row in range(len(known))], TEXT)
    return {"error_type": pc.coalesce(known, thrown)}


def reported_costs(costs: Doubles) -> dict[str, AnyArray]:
    """The costs that senders reported, and that they did. Less than nothing is no cost."""
    if costs.null_count == len(costs):
        return {"cost_usd": costs, "cost_source": pa.nulls(len(costs), TEXT)}
    is_one = pc.greater_equal(costs, _AMOUNT_ZERO)
    sources = pc.if_else(is_one, pa.scalar("reported", TEXT), pa.scalar(None, TEXT))
    return {"cost_usd": pc.if_else(is_one, costs, pa.scalar(None, AMOUNT)), "cost_source": sources}


class _Found:
    """The values of one batch of spans."""

    def __init__(self, attributes: SpanAttributes, length: int) -> None:
        self._attributes = attributes
        self._length = length
        self._read = {kind: self._read_together(kind) for kind in Kind}
        self._objects: dict[tuple[str, int], Any] = {}  # attributes that were looked into, by key and row
        self._places: dict[str, Int32s] = {}

    def plain(self, column: Column) -> AnyArray:
        """The values that attributes have as they are."""
        read = self._read[column.kind]
        sources = [source for source in column.sources if source.key in read and not source.path]
        values = [_final(read[source.key], source, self._is_whole) for source in sources]
        if not values:
            return _nulls(self._length, _TYPES[column.kind])
        found = values[0] if len(values) == 1 else pc.coalesce(*values)
        return found if column.finish is None else _translated(found, column.finish)

    def _is_whole(self, key: str) -> Untold:
        """Whether the value of an attribute is written as a whole number."""
        written = taken(self._attributes.others, self._attributes.keys.places([key]))
        fractions: Untold = pc.match_substring_regex(written, "[.eE]")
        whole: Untold = pc.invert(fractions)
        return whole

    def inside(self, columns: Mapping[str, AnyArray], calls: Sequence[int]) -> dict[str, AnyArray]:
        """The columns for which model calls have values only inside of attributes, which takes parsing them."""
        keys = [key for key in _DEEP_KEYS if key in self._attributes.keys]
        made = {}
        for column in _DEEP if keys else ():
            sources = [source for source in column.sources if source.path and source.key in keys]
            if sources and columns[column.name].null_count:
                made[column.name] = self._filled(column, sources, columns[column.name], calls)
        return made

    def completed(self, columns: Mapping[str, AnyArray], calls: Sequence[int]) -> dict[str, AnyArray]:
        """Tokens as totals that include cached ones and thoughts, where it is known that the sender's do not."""
        made: dict[str, AnyArray] = {}
        if RAW_OF.sources[0].key in self._attributes.keys:
            made |= completed_input(columns, pc.equal(self.plain(RAW_OF), columns["provider"]))
        if RAW_INPUT.sources[0].key in self._attributes.keys:
            made |= completed_input(columns, pc.equal(self._raw(RAW_INPUT, calls), columns["input_tokens"]))
        if RAW_OUTPUT.sources[0].key in self._attributes.keys:
            made |= completed_output(columns, pc.equal(self._raw(RAW_OUTPUT, calls), columns["output_tokens"]))
        if RAW_INPUT_DETAIL in self._attributes.keys:
            is_raw = pc.equal(self._read[Kind.COUNT][RAW_INPUT_DETAIL], columns["input_tokens"])
            made |= completed_input(columns, pc.and_(is_raw, pc.equal(columns["provider"], _ANTHROPIC)))
        return made

    def _raw(self, column: Column, calls: Sequence[int]) -> AnyArray:
        return self._filled(column, column.sources, _nulls(self._length, COUNT), calls)

    def _filled(self, column: Column, sources: Sequence[Source], found: AnyArray, calls: Sequence[int]) -> AnyArray:
        values = found.to_pylist()
        rows = [row for row in calls if values[row] is None]
        for row in rows:
            inside = (_OF_KIND[column.kind](_member(self._object(each.key, row), each.path)) for each in sources)
            values[row] = next((value for value in inside if value is not None), None)
        if all(values[row] is None for row in rows):
            return found
        made: AnyArray = pa.array(values, _TYPES[column.kind])
        return made if column.finish is None else _translated(made, column.finish)

    def _object(self, key: str, row: int) -> Any:  # noqa: ANN401 - any JSON value
        """An attribute of a span that is an object, or the text of one; parsed once."""
        if (key, row) not in self._objects:
            if key not in self._places:
                self._places[key] = self._attributes.keys.places([key])
            place = self._places[key][row].as_py()
            self._objects[key, row] = None if place is None else _object(self._text(place))
        return self._objects[key, row]

    def _text(self, place: int) -> str | None:
        text: str | None = self._attributes.texts[place].as_py() or self._attributes.others[place].as_py()
        return text

    def _read_together(self, kind: Kind) -> dict[str, AnyArray]:
        """The attributes of all plain sources of a kind, by key. Each step costs much the same for one and for ten."""
        names = [key for key in _PLAIN[kind] if key in self._attributes.keys]
        if not names:
            return {}
        values = _READERS[kind](self._attributes, self._attributes.keys.places(names))
        pieces = [values.slice(begin, self._length) for begin in range(0, len(values), self._length)]
        return dict(zip(names, pieces, strict=True))


def _providers(columns: Mapping[str, AnyArray], calls: Sequence[int]) -> dict[str, AnyArray]:
    """The provider of model calls that do not say it: that which makes the model."""
    if not columns["provider"].null_count:
        return {}
    providers = columns["provider"].to_pylist()
    unknown = [row for row in calls if providers[row] is None]
    for row in unknown:
        model = columns["model"][row].as_py()
        providers[row] = None if model is None else provider_of_model(model)
    return {"provider": pa.array(providers, TEXT)} if unknown else {}


def _tokens(columns: Mapping[str, AnyArray], types: Sequence[str | None]) -> dict[str, AnyArray]:
    """Inclusive totals of model calls, and of spans that are of no known type."""
    made = {name: columns[name] for name in _TOKENS if columns[name].null_count < len(types)}
    if not made:
        return {}
    if "cost" in made:
        made["cost"] = known_costs(made["cost"])
    made |= _inclusive(columns, "input_tokens", "cache_read_tokens", "cache_write_tokens")
    made |= _inclusive(columns, "output_tokens", "reasoning_tokens")
    if set(types) <= {*MODEL_CALLS, None}:
        return made
    counts = pa.array([kind is None or kind in MODEL_CALLS for kind in types], pa.bool_())
    return {name: pc.if_else(counts, values, pa.scalar(None, values.type)) for name, values in made.items()}


def _inclusive(columns: Mapping[str, AnyArray], total: str, *parts: str) -> dict[str, AnyArray]:
    """A total that is less than its parts leaves them out, as Anthropic's own numbers do: they are added."""
    there = [columns[part] for part in parts if columns[part].null_count < len(columns[part])]
    if not there or columns[total].null_count == len(columns[total]):
        return {}
    try:
        together = reduce(pc.add_checked, map(without_nulls, there))
        is_less = pc.less(columns[total], together)
        if not pc.any(is_less).as_py():
            return {}
        return {total: pc.if_else(is_less, pc.add_checked(columns[total], together), columns[total])}
    except pa.ArrowInvalid:  # numbers that are no counts of tokens
        return {}


def is_model_call(kind: Texts | AnyColumn) -> Booleans | AnyColumn:
    """Which spans of these types stand for model calls; never null."""
    return pc.is_in(kind, value_set=_CALLS)


def _nulls(length: int, kind: pa.DataType) -> AnyArray:
    nulls: AnyArray = pa.nulls(length, kind)  # type: ignore[call-overload] # has a form for each kind, and none for all
    return nulls


def _final(values: AnyArray, source: Source, is_whole: Callable[[str], Untold]) -> AnyArray:
    """The values of one source in the column's words and units."""
    if source.words is not None:
        return _translated(values, source.words.get)
    if source.word_of is not None:
        return _translated(values, source.word_of)
    if source.unit == 1:
        return values
    durations = _nanoseconds(values, source.unit)
    if source.whole_unit is None:
        return durations
    made: AnyArray = pc.if_else(is_whole(source.key), _nanoseconds(values, source.whole_unit), durations)
    return made


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
        if isinstance(value, list):
            value = value[int(name)] if name.isdigit() and int(name) < len(value) else None
        else:
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


def _id(value: AttributeValue) -> str | None:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else _text(value)


def _texts(attributes: SpanAttributes, places: Int32s) -> Texts:
    """Texts, and lists as JSON."""
    return _texts_or(r"^\[", attributes, places)


def _ids(attributes: SpanAttributes, places: Int32s) -> Texts:
    """Texts, lists as JSON, and whole numbers, which ids and versions are for some senders."""
    return _texts_or(r"^(?:\[|-?[0-9]+$)", attributes, places)


def _texts_or(others_like: str, attributes: SpanAttributes, places: Int32s) -> Texts:
    texts: Texts = taken(attributes.texts, places)
    if texts.null_count == places.null_count:
        return texts
    others = taken(attributes.others, places)
    is_shown = pc.match_substring_regex(others, others_like)
    return pc.coalesce(texts, pc.if_else(is_shown, others, pa.scalar(None, TEXT)))


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


_DEEP = [column for column in COLUMNS if any(source.path for source in column.sources)]
_DEEP_KEYS = list(dict.fromkeys(source.key for column in _DEEP for source in column.sources if source.path))
_CALLS = pa.array(MODEL_CALLS, TEXT)
_READERS: Mapping[Kind, Callable[[SpanAttributes, Int32s], AnyArray]] = {
    Kind.TEXT: _texts,
    Kind.ID: _ids,
    Kind.COUNT: _counts,
    Kind.AMOUNT: _amounts,
    Kind.DURATION: _amounts,
}
_OF_KIND: Mapping[Kind, Callable[[Any], Any]] = {
    Kind.TEXT: _text,
    Kind.ID: _id,
    Kind.COUNT: _count,
    Kind.AMOUNT: _amount,
    Kind.DURATION: _count,
}
_PLAIN = {
    kind: list(
        dict.fromkeys(
            source.key
            for column in (*COLUMNS, RAW_OF)
            if column.kind is kind
            for source in column.sources
            if not source.path
        )
    )
    for kind in Kind
}
