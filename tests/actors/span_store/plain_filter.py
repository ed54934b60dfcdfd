"""Filters evaluated as they were written, one span at a time and in the plainest way; and texts of filters to try."""

import json
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import hypothesis.strategies as st

from actors.span_store.query.expression import Argument, Attribute, Event, Resource
from actors.span_store.query.language.tree import (
    Compared,
    Each,
    Either,
    Grouped,
    Has,
    Literal,
    Negated,
    Tree,
    Within,
    Words,
)
from tests.actors.span_store.naive_query import Known, said, values_of
from tests.spans import START

_KINDS = ["unspecified", "internal", "server", "client", "producer", "consumer"]
_STATUSES = ["unset", "ok", "error"]
_UNITS = {"ns": 1, "us": 1000, "µs": 1000, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_COLUMNS = {
    "trace": "trace_id",
    "span_id": "span_id",
    "parent": "parent_span_id",
    "service": "service_name",
    "error": "error_type",
    "tokens.input": "input_tokens",
    "cost": "cost_usd",
    "start": "start_time_unix_nano",
}
_IDS, _NUMBERS, _TIMES = {"trace", "span_id", "parent"}, {"tokens.input", "cost"}, {"start"}


def matches(tree: Tree, of: Known) -> bool:
    match tree:
        case Each(members):
            return all(matches(member, of) for member in members)
        case Either(members):
            return any(matches(member, of) for member in members)
        case Negated(member):
            return not matches(member, of)
        case Grouped(member):
            return matches(member, of)
        case _:
            return _leaf(tree, of)


def _leaf(tree: Words | Has | Within | Compared, of: Known) -> bool:
    match tree:
        case Words(value):
            text = value.text if value.is_quoted else value.text.strip("*")
            return any(text in each for each in said(of.span))
        case Has(name):
            return bool(_values(name.text, of))
        case Within(name, low, high):
            is_open = [bound.text == "*" and not bound.is_quoted for bound in (low, high)]
            if all(is_open):
                return bool(_values(name.text, of))
            return any(
                (is_open[0] or _is(name.text, value, ":>=", low)) and (is_open[1] or _is(name.text, value, ":<=", high))
                for value in _values(name.text, of)
            )
        case Compared(name, operator, value):
            return any(_is(name.text, each, operator, value) for each in _values(name.text, of))


def _values(name: str, of: Known) -> list[Any]:
    prefix, _, key = name.partition(".")
    if prefix == "attr":
        return values_of(Attribute(key), of) + values_of(Argument(key), of)
    if prefix in ("resource", "event"):
        return values_of(Resource(key) if prefix == "resource" else Event(key), of)
    span = of.span
    if name == "kind":
        return [_KINDS[span.kind]]
    if name == "status":
        return [_STATUSES[span.status_code]]
    if name == "duration":
        return [max(0, span.end_time_unix_nano - span.start_time_unix_nano)] if span.end_time_unix_nano else []
    value = of.is_counted() if name == "counted" else of.columns[_COLUMNS.get(name, name)]
    return [] if value is None else [value]


def _is(name: str, value: Any, operator: str, literal: Literal) -> bool:
    text = literal.text
    if operator == ":" and text == "*" and not literal.is_quoted:
        return True
    if name in _IDS:
        return str(value).startswith(text.lower().removesuffix("*"))
    if name in _NUMBERS:
        return _compare(value, operator, json.loads(text.removeprefix("$")))
    if name == "duration":
        number, unit = re.fullmatch(r"([0-9.]+)([a-zµ]+)", text).groups()  # type: ignore[union-attr] # it does
        return _compare(value, operator, float(number) * _UNITS[unit])
    if name in _TIMES:
        return _compare(value, operator, _time(text))
    is_any = name.partition(".")[0] in ("attr", "resource", "event")
    return _is_like(value, operator, literal, _number(text) if is_any and not literal.is_quoted else None)


def _is_like(value: Any, operator: str, literal: Literal, number: float | None) -> bool:
    """As text, or as a number where one is asked for."""
    text = literal.text
    if operator != ":":
        if number is not None:
            return _number(value) is not None and _compare(_number(value), operator, number)
        return isinstance(value, str) and _compare(value, operator, text)
    if literal.is_quoted:
        return bool(value == text)
    if isinstance(value, bool):
        return text == str(value).lower()
    if number is not None and _number(value) == number:
        return True
    pattern = "".join({"*": ".*", "?": "."}.get(each) or re.escape(each) for each in text)
    return isinstance(value, str) and re.fullmatch(pattern, value, re.DOTALL) is not None


def _compare(value: Any, operator: str, wanted: Any) -> bool:
    compare: dict[str, Callable[[Any, Any], bool]] = {
        ":": lambda one, other: one == other,
        ":>": lambda one, other: one > other,
        ":>=": lambda one, other: one >= other,
        ":<": lambda one, other: one < other,
        ":<=": lambda one, other: one <= other,
    }
    return compare[operator](value, wanted)


def _number(value: Any) -> int | float | None:
    if isinstance(value, str):
        if not re.fullmatch(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", value):
            return None
        return json.loads(value)  # type: ignore[no-any-return] # a number
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _time(text: str) -> int:
    seconds, fraction = text.removesuffix("Z").split(".")
    return int(datetime.fromisoformat(seconds).replace(tzinfo=UTC).timestamp()) * 10**9 + int(fraction)


def _written(unix_nano: int) -> str:
    return f"{datetime.fromtimestamp(unix_nano // 10**9, UTC):%Y-%m-%dT%H:%M:%S}.{unix_nano % 10**9:09}Z"


_operators = st.sampled_from([":", ":>", ":>=", ":<", ":<="])
_bare = st.sampled_from(["red", "green", "Red", "LLM", "gpt-5", "7", "120", "1.5", "-1", "true", "réd", "2", "1e3"])
_patterns = st.sampled_from(["re*", "*e*", "*d", "r?d", "*", "g*t-?", "re*n", "re[*", "*é", "\\*", "gr.*"])
_quoted = st.sampled_from(['"red"', '"reddish green"', '""', '"re*"', '"rouge é"', '"7"', r'"\"q\\"'])
_texts = st.sampled_from(["service", "name", "model", "status_message", "type", "tool", "error"])
_open_names = st.sampled_from(
    [
        *("attr.k", "attr.amount", "attr.to", "attr.to.city", 'attr."to.city"', "attr.gen_ai.request.model"),
        *("attr.input.value", "resource.k", "resource.service.name", "event.k", "event.name", "event.content"),
    ]
)
_names = st.one_of(_texts, _open_names)
_times = st.sampled_from([_written(START + step) for step in range(-1, 7)])
_durations = st.sampled_from(["0ns", "1ns", "2ns", "0.001us", "1.5ns", "3s"])
_amounts = st.sampled_from(["0", "1", "2", "-1", "1.5", "9007199254740993", "1e300"])


def _joined(*parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(*parts).map("".join)


def _range(names: st.SearchStrategy[str], values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    bounds = st.one_of(st.just("*"), values)
    return _joined(names, st.just(":["), bounds, st.just(" TO "), bounds, st.just("]"))


_colon = st.just(":")
_leaves = st.one_of(
    _joined(_names, _colon, st.one_of(_bare, _patterns, _quoted)),
    _joined(_names, _operators, st.one_of(_bare, _quoted)),
    _range(_names, _quoted),
    _range(_names, st.sampled_from(["1", "7", "120", "-0.5"])),
    _joined(st.sampled_from(["tokens.input", "cost"]), _operators, _amounts),
    _range(st.just("tokens.input"), _amounts),
    _joined(st.just("duration"), _operators, _durations),
    _range(st.just("duration"), _durations),
    _joined(st.just("start"), _operators, _times),
    _range(st.just("start"), _times),
    _joined(st.just("kind:"), st.sampled_from(_KINDS)),
    _joined(st.just("status:"), st.sampled_from(_STATUSES)),
    st.sampled_from(["counted:true", "counted:false", "has:counted"]),
    _joined(st.just("trace:"), st.sampled_from(["0", "00000", f"{1:032x}", f"{2:032X}", "f"])),
    _joined(st.just("parent:"), st.sampled_from(["0", f"{1:016x}", "0*"])),
    _joined(st.just("has:"), st.one_of(_names, st.sampled_from(["duration", "parent", "cost", "kind"]))),
    st.sampled_from(["red", "green*", '"reddish green"', '"rouge é"', "llm", "*"]),
)


def _composed(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    several = st.lists(inner, min_size=2, max_size=3)
    return st.one_of(
        several.map(" ".join),
        several.map(" AND ".join),
        several.map(" OR ".join),
        inner.map("({})".format),
        inner.map("-({})".format),
        inner.map("NOT ({})".format),
    )


texts: st.SearchStrategy[str] = st.recursive(_leaves, _composed, max_leaves=6)


def found(tree: Tree, spans: Sequence[Known]) -> list[int]:
    """The numbers of the spans that it is true of."""
    return [each.seq for each in spans if matches(tree, each)]
