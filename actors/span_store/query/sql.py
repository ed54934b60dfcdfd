"""An expression as SQL for tables that have promoted columns: a condition with bound parameters.

Nothing of an expression becomes part of the text but names that this package knows.
"""

from collections.abc import Iterable

import attrs

from actors.span_store.query.comparable import Bounds, Kind, bounds_for, kind_of, values_for
from actors.span_store.query.expression import (
    DURATION,
    And,
    Arrival,
    Between,
    Contains,
    Equals,
    Expression,
    Field,
    IsNull,
    Leaf,
    Matches,
    Not,
    OneOf,
    Or,
    Promoted,
    Value,
    weakened,
)

_DURATION = """
    CASE WHEN end_time_unix_nano >= start_time_unix_nano THEN end_time_unix_nano - start_time_unix_nano ELSE 0 END
"""


@attrs.frozen
class Condition:
    """A condition of SQL, and its parameters in the order of their question marks.

    Rows that the expression is true of fulfil it. Where it is ``exact``, no others do.
    """

    text: str
    parameters: list[Value]
    exact: bool = True


def condition(expression: Expression, columns: frozenset[str]) -> Condition:
    """For a table with these columns, under their names in ``ROWS``."""
    answerable, exact = weakened(expression, columns)
    made = _condition(answerable)
    return Condition(made.text, made.parameters, exact)


def _condition(expression: Expression) -> Condition:
    """Null counts as false in it: no ``NOT`` stands around anything that may be null."""
    match expression:
        case And(members):
            return _joined(" AND ", "TRUE", map(_condition, members))
        case Or(members):
            return _joined(" OR ", "FALSE", map(_condition, members))
        case Not(IsNull(field)):
            return Condition(f"{_column(field)} IS NOT NULL", [])
        case Not(member):
            positive = _condition(member)
            return Condition(f"({positive.text}) IS NOT TRUE", positive.parameters)
        case _:
            return _compared(expression)


def _joined(operator: str, otherwise: str, conditions: Iterable[Condition]) -> Condition:
    members = list(conditions)
    text = operator.join(f"({member.text})" if " OR " in member.text else member.text for member in members)
    return Condition(text or otherwise, [value for member in members for value in member.parameters])


def _compared(leaf: Leaf) -> Condition:
    column, kind = _column(leaf.field), _kind(leaf.field)
    match leaf:
        case IsNull():
            return Condition(f"{column} IS NULL", [])
        case Equals(_, value):
            return _among(column, kind, [value])
        case OneOf(_, values):
            return _among(column, kind, values)
        case Between():
            return _between(column, kind, bounds_for(kind, leaf))
        case Contains(_, text) | Matches(_, text):
            function = "contains" if isinstance(leaf, Contains) else "regexp_matches"
            return Condition(f"{function}({column}, ?)", [text]) if kind.is_text else Condition("FALSE", [])


def _among(column: str, kind: Kind, values: Iterable[Value]) -> Condition:
    fitting = values_for(kind, values)
    if not fitting:
        return Condition("FALSE", [])
    marks = ", ".join([_mark(kind)] * len(fitting))
    return Condition(f"{column} = {marks}" if len(fitting) == 1 else f"{column} IN ({marks})", fitting)


def _between(column: str, kind: Kind, bounds: Bounds | None) -> Condition:
    if bounds is None:
        return Condition("FALSE", [])
    found = [(">=" if bounds.low_included else ">", bounds.low), ("<=" if bounds.high_included else "<", bounds.high)]
    given = [(operator, bound) for operator, bound in found if bound is not None]
    if not given:  # of a number: any
        return Condition(f"{column} IS NOT NULL", [])
    text = " AND ".join(f"{column} {operator} {_mark(kind)}" for operator, _ in given)
    return Condition(text, [bound for _, bound in given])


def _mark(kind: Kind) -> str:
    """With its type, so that the column is compared as it is."""
    return f"?::{kind.sql}"


def _column(field: Field) -> str:
    if isinstance(field, Promoted):
        return f"({_DURATION})" if field.name == DURATION else field.name
    if isinstance(field, Arrival):
        return "seq"
    raise TypeError(f"{field} is no column")  # what is not covered was left out


def _kind(field: Field) -> Kind:
    if isinstance(field, Promoted | Arrival):
        return kind_of(field)
    raise TypeError(f"{field} is no column")
