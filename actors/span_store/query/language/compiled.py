"""What a filter means: its tree as an expression."""

import re

from actors.span_store.query.expression import (
    EVERYTHING,
    And,
    Between,
    Contains,
    Equals,
    Expression,
    IsNull,
    Not,
    OneOf,
    Or,
    Promoted,
    Text,
    ValueField,
)
from actors.span_store.query.language.faults import FilterFault
from actors.span_store.query.language.fields import BY_NAME, FilterField, Kind
from actors.span_store.query.language.literals import value_in
from actors.span_store.query.language.open_fields import open_compared, open_fields, open_has, open_within
from actors.span_store.query.language.text_values import is_open, text_equals
from actors.span_store.query.language.tree import (
    Compared,
    Each,
    Either,
    Grouped,
    Has,
    Literal,
    Name,
    Negated,
    Tree,
    Within,
    Words,
)

_HAS_ENDED = Between(Promoted("end_time_unix_nano"), low=0, low_included=False)
_HEX = re.compile(r"[0-9a-f]+")


def compiled(tree: Tree) -> Expression:
    """The expression. ``FilterFault`` for fields and values that are none. The tree is not nested deeply."""
    match tree:
        case Each(members):
            return And(map(compiled, members))
        case Either(members):
            return Or(map(compiled, members))
        case Negated(member):
            return Not(compiled(member))
        case Grouped(member):
            return compiled(member)
        case _:
            return _leaf(tree)


def _leaf(tree: Words | Has | Compared | Within) -> Expression:
    match tree:
        case Words(value):
            return _said(value)
        case Has(name):
            fields = open_fields(name)
            return open_has(fields) if fields else _has(_field(name))
        case Compared(name, operator, value):
            fields = open_fields(name)
            return open_compared(fields, operator, value) if fields else _compared(_field(name), operator, value)
        case Within(name, low, high):
            fields = open_fields(name)
            return open_within(fields, low, high) if fields else _within(_field(name), low, high)


def _field(name: Name) -> FilterField:
    field = BY_NAME.get(name.text)
    if field is None:
        raise FilterFault("query_field", name.column, f'there is no field "{name.text[:40]}"')
    return field


def _said(value: Literal) -> Expression:
    """A word stands anywhere in a text, so a star at its end changes nothing."""
    text = value.text if value.is_quoted else value.text.strip("*")
    return Contains(Text(), text) if text else EVERYTHING


def _has(field: FilterField) -> Expression:
    return _HAS_ENDED if field.until_end else Not(IsNull(field.column))


def _compared(field: FilterField, operator: str, value: Literal) -> Expression:
    if operator == ":" and is_open(value):
        return _has(field)
    if operator not in field.operators:
        raise FilterFault("query_value", value.column, f"{field.name} has no order: it is asked for by : alone")
    if operator != ":":
        return _known(field, _ordered(field.column, operator, _value(field, value)))
    if field.codes is not None:
        return _coded(field, value)
    if field.id_digits is not None:
        return _with_id(field, field.id_digits, value)
    if field.kind is not Kind.TEXT:
        return _known(field, Equals(field.column, value_in(field, value)))
    return text_equals(field.column, value)


def _within(field: FilterField, low: Literal, high: Literal) -> Expression:
    if field.operators == (":",):
        raise FilterFault("query_value", low.column, f"{field.name} has no order: it is asked for by : alone")
    bounds = [None if is_open(bound) else _value(field, bound) for bound in (low, high)]
    return _has(field) if bounds == [None, None] else _known(field, _between(field.column, *bounds))


def _value(field: FilterField, literal: Literal) -> str | float:
    return literal.text if field.kind is Kind.TEXT else value_in(field, literal)


def _known(field: FilterField, expression: Expression) -> Expression:
    return And([_HAS_ENDED, expression]) if field.until_end else expression


def _coded(field: FilterField, value: Literal) -> Expression:
    """Numbers that have no word are shown as the first one."""
    codes = field.codes or {}
    code = codes.get(value.text)
    if code is None:
        raise FilterFault("query_value", value.column, f"{field.name} is one of: {' '.join(codes)}")
    others = tuple(number for number in codes.values() if number)
    return Equals(field.column, code) if code else Not(OneOf(field.column, others))


def _with_id(field: FilterField, digits: int, value: Literal) -> Expression:
    text = value.text.lower() if value.is_quoted else value.text.lower().removesuffix("*")
    if _HEX.fullmatch(text) is None or len(text) > digits:
        raise FilterFault("query_value", value.column, f"{field.name} is {digits} hex digits, or the first of them")
    whole = len(text) == digits
    return Equals(field.column, text) if whole else Between(field.column, text, f"{text}g")  # behind all hex digits


def _between(field: ValueField, low: str | float | None, high: str | float | None) -> Expression:
    """Both bounds are included."""
    return Between(field, low, high, high_included=True)


def _ordered(field: ValueField, operator: str, value: str | float) -> Expression:
    included = operator.endswith("=")
    if operator.startswith(":>"):
        return Between(field, low=value, low_included=included)
    return Between(field, high=value, high_included=included)
