"""Expressions evaluated one span at a time, in the plainest way; and spans and expressions to try it with."""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from typing import Any

import attrs
import hypothesis.strategies as st
import orjson
import pyarrow as pa

from actors.span_store.columns.logs import Log
from actors.span_store.columns.rows import numbered, rows_of
from actors.span_store.columns.spans import Resource as SpanResource
from actors.span_store.columns.spans import Span, SpanEvent, span_columns
from actors.span_store.query.expression import (
    And,
    Argument,
    Arrival,
    Attribute,
    Between,
    Contains,
    Equals,
    Event,
    Expression,
    IsNull,
    Matches,
    Not,
    Numeric,
    OneOf,
    Or,
    Promoted,
    Resource,
    Text,
)
from tests.actors.span_store.plain_counting import counted_of
from tests.spans import START, log_like, span

_WORDS = ("red", "green", "reddish green", "Red", "rouge é", "", "LLM", "workflow", "gpt-5")
_NUMBERS = (0, 1, -1, 2, 1.0, 1.5, -0.5, 2**53, 2**53 + 1, 2.0**53, 2**63 - 1, -(2**63), 1e300, 0.1)
_KEYS = (
    "k",
    "openinference.span.kind",
    "junjo.span_type",
    "gen_ai.usage.input_tokens",
    "llm.cost.total",
    "gen_ai.request.model",
    "input.value",
)
# What tools are called with, as senders write it, and what looks like it.
_CALLED_WITH = (
    '{"amount": 120, "to": "red"}',
    '{"inputs": "{\\"amount\\": \\"7\\"}", "to": {"city": "r\\u00e9d"}}',
    '[{"to.city": "green", "amount": null}, {"k": true}]',
    ' {"amount": 1.5, "to": {"city": 3}}',
    "{'amount': 3}",
    '{"amount": [1]}',
    '"amount"',
)
_COLUMNS = (
    "trace_id",
    "parent_span_id",
    "service_name",
    "name",
    "kind",
    "start_time_unix_nano",
    "end_time_unix_nano",
    "status_code",
    "status_message",
    "junjo_span_type",
    "model",
    "type",
    "input_tokens",
    "cost",
    "duration_nano",
    "counted",
)
_SERVICES = ("red", "green", "tests")
_STARTS = tuple(START + step for step in range(6))
_PATTERNS = ("red", "^r", "d$", "gr..n", "[A-Z]", "x*", "(?i)RED", "^$", "é")
_IDS = tuple(f"{number:032x}" for number in range(3))


@attrs.frozen
class Known:
    """A span, the columns that it became, its number, and whether it stands for a model call."""

    span: Span
    columns: Mapping[str, Any]
    seq: int
    is_counted: Callable[[], bool]


def known(items: Sequence[Span | Log]) -> list[Known]:
    """The spans among what arrived in this order; log records have a number each, and are otherwise not known."""
    spans = [(seq, item) for seq, item in enumerate(items) if isinstance(item, Span)]
    rows = pa.Table.from_batches([numbered(rows_of(span_columns([each for _, each in spans])), 0)])
    counted = cache(lambda: counted_of(rows).to_pylist())  # which takes long, and is hardly ever asked
    return [
        Known(each, row, seq, partial(_is_counted, counted, place))
        for place, ((seq, each), row) in enumerate(zip(spans, rows.to_pylist(), strict=True))
    ]


def _is_counted(counted: Callable[[], list[bool]], place: int) -> bool:
    return counted()[place]


def is_true(expression: Expression, of: Known) -> bool:
    match expression:
        case And(members):
            return all(is_true(member, of) for member in members)
        case Or(members):
            return any(is_true(member, of) for member in members)
        case Not(member):
            return not is_true(member, of)
        case Contains(Text(), text):
            return any(text in said for said in said(of.span))
        case IsNull(field):
            return not values_of(field, of)
        case _:
            return any(_compares(expression, value) for value in values_of(expression.field, of))


def values_of(field: Any, of: Known) -> list[Any]:
    """All values of the field; most have one at most."""
    match field:
        case Numeric(inner):
            found = [_number(value) for value in values_of(inner, of)]
        case Event(key):
            found = [_plain(event.attributes.get(key)) for event in of.span.events]
            found += [event.name for event in of.span.events if key == "name"]
        case Argument(key) if of.columns["type"] == "tool":
            events = [event.attributes.get("content") for event in of.span.events]
            given = [of.span.attributes.get("input.value"), *(each for each in events if isinstance(each, str))]
            found = [value for each in given if each is not None for value in _members(_jsonable(each), key, 4)]
        case Argument():
            found = []
        case _:
            found = [_value(field, of)]
    return [value for value in found if value is not None]


def _number(value: Any) -> Any:
    if isinstance(value, str):
        try:
            value = json.loads(value) if value[:1] in "-0123456789" else None
        except ValueError:
            return None
    return value if _kind(value) == "number" else None


def _jsonable(value: Any) -> Any:
    return orjson.loads(orjson.dumps(value, default=bytes.hex))


def _members(value: Any, key: str, depth: int) -> Iterator[Any]:
    """What stands under a key in a value and in all that it has inside."""
    if isinstance(value, str):
        try:
            inner = json.loads(value) if value.lstrip()[:1] in ("{", "[") and depth else None
        except ValueError:
            return
        yield from _members(inner, key, depth - 1) if not isinstance(inner, str) else ()
    elif isinstance(value, list):
        for each in value:
            yield from _members(each, key, depth)
    elif isinstance(value, dict):
        yield value.get(key)
        if "." in key:
            at: Any = value
            for name in key.split("."):
                at = at.get(name) if isinstance(at, dict) else None
            yield at
        for each in value.values():
            yield from _members(each, key, depth)


def _value(field: Any, of: Known) -> Any:
    match field:
        case Promoted("duration_nano"):
            return max(0, of.span.end_time_unix_nano - of.span.start_time_unix_nano)
        case Promoted("counted"):
            return of.is_counted()
        case Promoted(name):
            return of.columns[name]
        case Arrival():
            return of.seq
        case Attribute(key):
            return _plain(of.span.attributes.get(key))
        case Resource(key):
            return _plain(of.span.resource.attributes.get(key))


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value.hex() if isinstance(value, bytes) else value


def _compares(leaf: Any, value: Any) -> bool:
    match leaf:
        case Equals(_, wanted):
            return _same(value, wanted)
        case OneOf(_, values):
            return any(_same(value, wanted) for wanted in values)
        case Contains(_, text):
            return isinstance(value, str) and text in value
        case Matches(_, pattern):
            return isinstance(value, str) and re.search(pattern.replace("$", r"\Z"), value) is not None
        case Between(_, low, high):
            bounds = [bound for bound in (low, high) if bound is not None]
            if any(_kind(bound) != _kind(value) for bound in bounds):
                return False
            return (low is None or low < value or (low == value and leaf.low_included)) and (
                high is None or value < high or (high == value and leaf.high_included)
            )
    raise AssertionError(leaf)


def _same(value: Any, wanted: Any) -> bool:
    return _kind(value) == _kind(wanted) and bool(value == wanted)


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "truth"
    if isinstance(value, str):
        return "text"
    return "number" if isinstance(value, int | float) else "other"


def said(of: Span) -> Iterator[str]:
    yield of.name
    yield of.status_message
    yield from _texts(of.attributes)
    for event in of.events:
        yield event.name
        yield from _texts(event.attributes)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, member in value.items():
            yield key
            yield from _texts(member)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, str | bytes):
        yield value if isinstance(value, str) else value.hex()
    else:
        yield orjson.dumps(value).decode()


_words, _numbers = st.sampled_from(_WORDS), st.sampled_from(_NUMBERS)
_scalars = st.one_of(_words, _numbers, st.booleans())
_values = st.one_of(
    _scalars,
    st.sampled_from([math.nan, math.inf, b"red", b"\xab", "7", "null"]),
    st.lists(_scalars, max_size=2),
    st.dictionaries(_words, _scalars, max_size=2),
)
_attributes = st.dictionaries(st.sampled_from(_KEYS), _values, max_size=4)
_arguments = st.one_of(
    st.sampled_from(_CALLED_WITH),
    st.dictionaries(st.sampled_from(["amount", "to", "k"]), _scalars, max_size=2),
)
_no_attributes: st.SearchStrategy[dict[str, Any]] = st.just({})
_tool_attributes: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"openinference.span.kind": st.just("TOOL")}, optional={"input.value": _arguments}
)


@st.composite
def _events(draw: st.DrawFn) -> list[SpanEvent]:
    keys = st.sampled_from(["green", "k", "name", "content"])
    values: st.SearchStrategy[Any] = st.one_of(_values, st.sampled_from(_CALLED_WITH))
    attributes = st.dictionaries(keys, values, max_size=3)
    return [
        SpanEvent(time, draw(st.sampled_from(["red event", "red"])), draw(attributes))
        for time in range(draw(st.integers(0, 2)))
    ]


@st.composite
def _spans(draw: st.DrawFn, number: int) -> Span:
    start = draw(st.sampled_from(_STARTS))
    return span(
        number,
        trace_id=draw(st.integers(0, 2)),
        parent=draw(st.sampled_from([None, 1])),
        start=start,
        attributes=draw(_attributes) | draw(st.one_of(_no_attributes, _tool_attributes)),
        name=draw(_words),
        status_message=draw(_words),
        status_code=draw(st.integers(0, 2)),
        end_time_unix_nano=start + draw(st.integers(-2, 3)),
        resource=SpanResource({"service.name": draw(st.sampled_from(_SERVICES)), **dict[str, Any](draw(_attributes))}),
        events=draw(_events()),
    )


@st.composite
def span_lists(draw: st.DrawFn, most: int = 12) -> list[Span]:
    """Spans with ids of their own."""
    return [draw(_spans(number)) for number in range(1, draw(st.integers(1, most)) + 1)]


@st.composite
def mixed_lists(draw: st.DrawFn) -> list[Span | Log]:
    """Spans, and log records before and behind them that say the same as they do."""
    items: list[Span | Log] = list(draw(span_lists()))
    for number, of in enumerate(draw(st.lists(st.sampled_from(items), max_size=4))):
        if isinstance(of, Span):
            items.insert(draw(st.integers(0, len(items))), log_like(of, flags=number))
    return items


_said_fields = st.one_of(
    st.builds(Attribute, st.sampled_from(_KEYS)),
    st.builds(Resource, st.sampled_from([*_KEYS, "service.name"])),
    st.builds(Event, st.sampled_from(["green", "k", "name", "content"])),
    st.builds(Argument, st.sampled_from(["amount", "to", "k", "to.city"])),
)
_fields = st.one_of(
    st.sampled_from([Promoted(name) for name in _COLUMNS]), _said_fields, st.builds(Numeric, _said_fields)
)
_wanted = st.one_of(
    _scalars, st.sampled_from([*_SERVICES, *_STARTS, *_IDS, "726564", 3, 7, 120, "réd", "7", 2**64, -(10**30), 1e308])
)
_texts_or_numbers: list[st.SearchStrategy[Any]] = [
    _words,
    st.one_of(_numbers, st.sampled_from([*_STARTS, 3, 2**70, -(2**70), 1e308, START + 0.5])),
]


@st.composite
def _between(draw: st.DrawFn) -> Between:
    bounds = draw(st.sampled_from(_texts_or_numbers))
    low = draw(st.one_of(st.none(), bounds))
    return Between(
        draw(_fields),
        low,
        draw(bounds if low is None else st.one_of(st.none(), bounds)),
        low_included=draw(st.booleans()),
        high_included=draw(st.booleans()),
    )


_leaves: st.SearchStrategy[Expression] = st.one_of(
    st.builds(Equals, _fields, _wanted),
    st.builds(OneOf, _fields, st.lists(_wanted, max_size=3)),
    _between(),
    st.builds(Matches, _fields, st.sampled_from(_PATTERNS)),
    st.builds(Contains, _fields, _words),
    st.builds(Contains, st.just(Text()), st.sampled_from(["red", "green", "reddish green", "Red", "rouge é", "llm"])),
    st.builds(IsNull, _fields),
    st.builds(Between, st.just(Arrival()), high=st.integers(0, 12)),
)
expressions: st.SearchStrategy[Expression] = st.recursive(
    _leaves,
    lambda members: st.one_of(
        st.builds(And, st.lists(members, max_size=3)),
        st.builds(Or, st.lists(members, max_size=3)),
        st.builds(Not, members),
    ),
    max_leaves=6,
)
