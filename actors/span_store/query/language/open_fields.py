"""Fields with any key behind a prefix, ``attr.KEY`` above all. Nobody says beforehand what their values are."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from actors.span_store.query.expression import (
    Argument,
    Attribute,
    Between,
    Equals,
    Event,
    Expression,
    IsNull,
    Not,
    Numeric,
    Or,
    Resource,
    Score,
    ValueField,
)
from actors.span_store.query.language.faults import FilterFault
from actors.span_store.query.language.text_values import is_open, is_pattern, text_equals
from actors.span_store.query.language.tree import Literal, Name
from actors.span_store.query.numeric import number_of

# Which fields of an expression each means; the first that has the value is enough.
PREFIXES: Final[Mapping[str, tuple[Callable[[str], ValueField], ...]]] = {
    "attr": (Attribute, Argument),
    "resource": (Resource,),
    "event": (Event,),
    "score": (Score,),
}
_TRUTH = {"true": True, "false": False}


def open_fields(name: Name) -> tuple[ValueField, ...]:
    """Those of a name; none if it has no such prefix. ``FilterFault`` without a key."""
    makers = PREFIXES.get(name.prefix, ())
    if makers and not name.key:
        raise FilterFault("query_field", name.column, f"a key stands behind {name.prefix}.")
    return tuple(make(name.key) for make in makers)


def open_has(fields: Iterable[ValueField]) -> Expression:
    """One of them has a value."""
    return _any(Not(IsNull(field)) for field in fields)


def open_compared(fields: Iterable[ValueField], operator: str, value: Literal) -> Expression:
    """A number is compared with numbers, also with those that are text; all else with text."""
    number = _number(value)
    if operator == ":" and is_open(value):
        return open_has(fields)
    if operator == ":":
        return _any(each for field in fields for each in _equal(field, value, number))
    wanted: str | float = value.text if number is None else number
    bound, included = ("low" if operator.startswith(":>") else "high"), operator.endswith("=")
    given = {bound: wanted, f"{bound}_included": included}
    return _any(Between(_of_kind(field, number), **given) for field in fields)  # type: ignore[arg-type] # by their names


def open_within(fields: Iterable[ValueField], low: Literal, high: Literal) -> Expression:
    """As ``open_compared`` does; a range has bounds of one kind."""
    given = [bound for bound in (low, high) if not is_open(bound)]
    if not given:
        return open_has(fields)
    numbers = [_number(bound) for bound in given]
    if len({number is None for number in numbers}) > 1:
        raise FilterFault("query_value", low.column, "both bounds are numbers, or both are text")
    first, last = (None if is_open(bound) else _value(bound) for bound in (low, high))
    return _any(Between(_of_kind(field, numbers[0]), first, last, high_included=True) for field in fields)


def _any(members: Iterable[Expression]) -> Expression:
    found = list(members)
    return found[0] if len(found) == 1 else Or(found)


def _equal(field: ValueField, value: Literal, number: float | None) -> Iterable[Expression]:
    if is_pattern(value):
        return [text_equals(field, value)]
    others: list[Expression] = []
    if number is not None:
        others = [Equals(_of_kind(field, number), number)]
    elif value.text in _TRUTH and not value.is_quoted:
        others = [Equals(field, _TRUTH[value.text])]
    return [Equals(field, value.text), *others]


def _number(value: Literal) -> int | float | None:
    return None if value.is_quoted else number_of(value.text)


def _value(value: Literal) -> str | float:
    number = _number(value)
    return value.text if number is None else number


def _of_kind(field: ValueField, number: float | None) -> ValueField:
    """The field as it is compared with a number, or with text."""
    if number is None or not isinstance(field, Attribute | Resource | Event | Argument):
        return field
    return Numeric(field)
