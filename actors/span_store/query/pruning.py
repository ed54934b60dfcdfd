"""What an expression says of rows that lie together, so that those are not read that have none of it.

Only ever "none for certain" or "maybe": a segment is ruled out by its services, traces, times and numbers, a row group
by its n-grams.
"""

from collections.abc import Callable, Iterable
from functools import partial, reduce

import attrs
import orjson

from actors.span_store.columns.conventions import COLUMNS, Column, Kind
from actors.span_store.columns.model_names import unquoted
from actors.span_store.query.arguments import Path
from actors.span_store.query.comparable import Bounds, bounds_for, kind_of, values_for
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
    Field,
    IsNull,
    Leaf,
    Not,
    Numeric,
    OneOf,
    Or,
    Promoted,
    Text,
    Value,
    normal_form,
)
from actors.span_store.query.said_values import needles
from actors.span_store.query.text.needle import Needle
from actors.span_store.query.text.ngrams import NgramCondition, NgramNeedle

_SERVICE, _TRACE, _START = Promoted("service_name"), Promoted("trace_id"), Promoted("start_time_unix_nano")
_ARRIVAL = Arrival()
_FIRST, _LAST = 0, 2**64 - 1


def _is_copied(column: Column) -> bool:
    """Whether each value stands in an attribute as it is, and not in other words."""
    translated = any(source.words or source.path for source in column.sources)
    return column.kind is Kind.TEXT and not translated and column.finish in (None, unquoted)


# Their values are searched text, or copies of attributes, which are.
_SEARCHED = {"name", "status_message"} | {column.name for column in COLUMNS if _is_copied(column)}


@attrs.frozen
class Reach:
    """Where spans may be that an expression is true of.

    Of these services and traces, ``None`` for any; between these starts, in Unix nanoseconds, and these numbers in the
    order of arrival. Both ends are included; there are none when the first is behind the last.
    """

    services: frozenset[str] | None = None
    traces: frozenset[str] | None = None
    first_start: int = _FIRST
    last_start: int = _LAST
    first_seq: int = _FIRST
    last_seq: int = _LAST

    def admits(self, first_start: int, last_start: int, services: frozenset[str] | None = None) -> bool:
        """Whether rows that start between these times may be in reach; their services if they are known."""
        return (
            first_start <= self.last_start
            and last_start >= self.first_start
            and (self.services is None or services is None or not services.isdisjoint(self.services))
        )

    def within(self, other: "Reach") -> "Reach":
        """What both reach."""
        return Reach(
            _in_both(self.services, other.services),
            _in_both(self.traces, other.traces),
            max(self.first_start, other.first_start),
            min(self.last_start, other.last_start),
            max(self.first_seq, other.first_seq),
            min(self.last_seq, other.last_seq),
        )

    def around(self, other: "Reach") -> "Reach":
        """What one of them reaches, and what is between."""
        return Reach(
            _in_any(self.services, other.services),
            _in_any(self.traces, other.traces),
            min(self.first_start, other.first_start),
            max(self.last_start, other.last_start),
            min(self.first_seq, other.first_seq),
            max(self.last_seq, other.last_seq),
        )


def _in_both(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    return other if one is None else one if other is None else one & other


def _in_any(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    return None if one is None or other is None else one | other


_NOWHERE = Reach(frozenset(), frozenset(), _LAST, _FIRST, _LAST, _FIRST)


def reach(expression: Expression) -> Reach:
    """Where spans may be that it is true of."""
    return _reach(normal_form(expression))


def _reach(expression: Expression) -> Reach:
    match expression:
        case And(members):
            return reduce(Reach.within, map(_reach, members), Reach())
        case Or(members):
            return reduce(Reach.around, map(_reach, members), _NOWHERE)
        case Equals(field, value) if field in _REACHES:
            return _REACHES[field]([value])
        case OneOf(field, values) if field in _REACHES:
            return _REACHES[field](values)
        case Between(Promoted() | Arrival() as field) if field in (_START, _ARRIVAL):
            bounds = bounds_for(kind_of(field), expression)
            return _NOWHERE if bounds is None else _reach_between(field, bounds)
        case _:
            return Reach()


def _reach_of_services(values: Iterable[Value]) -> Reach:
    return Reach(services=frozenset(value for value in values if isinstance(value, str)))


def _reach_of_traces(values: Iterable[Value]) -> Reach:
    return Reach(traces=frozenset(value for value in values if isinstance(value, str)))


def _reach_of_numbers(field: Promoted | Arrival, values: Iterable[Value]) -> Reach:
    fitting = values_for(kind_of(field), values)
    return _reach_between(field, Bounds(min(fitting), max(fitting))) if fitting else _NOWHERE


def _reach_between(field: Promoted | Arrival, bounds: Bounds) -> Reach:
    first = _FIRST if bounds.low is None else int(bounds.low)
    last = _LAST if bounds.high is None else int(bounds.high)
    return Reach(first_start=first, last_start=last) if field == _START else Reach(first_seq=first, last_seq=last)


_REACHES: dict[Field, Callable[[Iterable[Value]], Reach]] = {
    _SERVICE: _reach_of_services,
    _TRACE: _reach_of_traces,
    _START: partial(_reach_of_numbers, _START),
    _ARRIVAL: partial(_reach_of_numbers, _ARRIVAL),
}


@attrs.frozen
class _Several:
    """``all`` conditions, or ``any`` of them."""

    which: Callable[[Iterable[bool]], bool]
    conditions: list[NgramCondition]

    def may_be_in(self, grams: memoryview) -> bool:
        return self.which(condition.may_be_in(grams) for condition in self.conditions)


_ALWAYS = _Several(all, [])


def ngram_condition(expression: Expression) -> NgramCondition:
    """Fulfilled by the n-grams of rows that have a span which it is true of."""
    return _ngrams(normal_form(expression))


def _ngrams(expression: Expression) -> NgramCondition:
    match expression:
        case And(members):
            return _Several(all, list(map(_ngrams, members)))
        case Or(members):
            return _Several(any, list(map(_ngrams, members)))
        case Not(IsNull() as leaf):
            return _Several(all, [*_of_key(leaf.field), *_of_arguments(leaf)])
        case Not() | IsNull():
            return _ALWAYS
        case Contains(Text(), text):
            return NgramNeedle(Needle(text).windows)
        case _:
            return _Several(all, [*_of_key(expression.field), *_of_arguments(expression), _of_values(expression)])


def _of_key(field: Field) -> list[NgramCondition]:
    match field:
        case Numeric(of):
            return _of_key(of)
        case Attribute(key):
            return [_literal(key)]
        case Event(key):
            return [_literal(orjson.dumps(key)[1:-1].decode())]  # as the store has written it
        case _:
            return []


def _of_arguments(leaf: Leaf) -> list[NgramCondition]:
    field = leaf.field.of if isinstance(leaf.field, Numeric) else leaf.field
    if not isinstance(field, Argument):
        return []
    return [NgramNeedle(needle.windows) for needle in needles(Path(field.key), leaf)]


def _of_values(leaf: Leaf) -> NgramCondition:
    """Of texts, which are in the searched columns as they are. Numbers are written in more than one way."""
    if not isinstance(leaf.field, Attribute) and not (
        isinstance(leaf.field, Promoted) and leaf.field.name in _SEARCHED
    ):
        return _ALWAYS
    match leaf:
        case Equals(_, str(text)) | Contains(_, text):
            return _literal(text)
        case OneOf(_, values) if all(isinstance(value, str) for value in values):
            return _Several(any, [_literal(str(value)) for value in values])
        case _:
            return _ALWAYS


def _literal(text: str) -> NgramCondition:
    return NgramNeedle([[[text]]])
