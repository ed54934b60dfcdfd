"""Zone maps: what an expression says of rows of which only the smallest and the largest values are known.

(Also known as min/max indexes and small materialized aggregates: G. Moerkotte, VLDB 1998.) Only ever "none for
certain" or "maybe", as all of ``pruning``.
"""

from collections.abc import Callable
from typing import TypeAlias

import attrs

from actors.span_store.query.comparable import Kind, bounds_for, kind_of, values_for
from actors.span_store.query.expression import (
    DURATION,
    And,
    Arrival,
    Between,
    Equals,
    Expression,
    IsNull,
    Leaf,
    Not,
    OneOf,
    Or,
    Promoted,
    Value,
)

Bound: TypeAlias = int | float | bytes


@attrs.frozen
class Zone:
    """What is known of one column's values in some rows; ``None`` for what is not.

    No value lies below ``low`` or above ``high``, but they need not be values themselves: statistics of long texts may
    be cut short. Texts are compared as their UTF-8, which has the order of their code points.
    """

    rows: int
    low: Bound | None = None
    high: Bound | None = None
    nulls: int | None = None

    @property
    def is_empty(self) -> bool:
        """Whether no row has a value, for certain."""
        return self.nulls == self.rows

    def meets(self, low: Bound | None, high: Bound | None) -> bool:
        """Whether a value may lie between these bounds, both included; ``None`` is no bound."""
        above = low is None or self.high is None or low <= self.high  # type: ignore[operator] # of one column's type
        return above and (high is None or self.low is None or self.low <= high)  # type: ignore[operator] # as above


Zones: TypeAlias = Callable[[str], Zone | None]  # of some rows, by the name of the column


def may_have(expression: Expression, zones: Zones) -> bool:
    """Whether the expression, in normal form, may be true of any of the rows."""
    match expression:
        case And(members):
            return all(may_have(member, zones) for member in members)
        case Or(members):
            return any(may_have(member, zones) for member in members)
        case Not(IsNull(Promoted() | Arrival() as field)):
            zone = _zone(field, zones)
            return zone is None or not zone.is_empty
        case Not():
            return True
        case IsNull(Promoted() | Arrival() as field):
            zone = _zone(field, zones)
            return zone is None or zone.nulls != 0
        case _:
            return _compared(expression, zones)


def _compared(leaf: Leaf, zones: Zones) -> bool:
    if not isinstance(leaf.field, Promoted | Arrival):
        return True
    zone, kind = _zone(leaf.field, zones), kind_of(leaf.field)
    if zone is None or zone.is_empty:
        return zone is None
    match leaf:
        case Equals(_, value):
            return _has_any(zone, kind, value)
        case OneOf(_, values):
            return any(_has_any(zone, kind, value) for value in values)
        case Between():
            bounds = bounds_for(kind, leaf)
            return bounds is not None and zone.meets(_bound(bounds.low), _bound(bounds.high))
        case _:
            return True


def _has_any(zone: Zone, kind: Kind, value: Value) -> bool:
    return any(zone.meets(bound, bound) for bound in map(_bound, values_for(kind, [value])))


def _bound(value: Value | None) -> Bound | None:
    return value.encode() if isinstance(value, str) else value


def _zone(field: Promoted | Arrival, zones: Zones) -> Zone | None:
    if isinstance(field, Arrival):
        return zones("seq")
    return _duration(zones) if field.name == DURATION else zones(field.name)


def _duration(zones: Zones) -> Zone | None:
    """From the earliest end less the latest start to the latest end less the earliest start; never below 0."""
    starts, ends = zones("start_time_unix_nano"), zones("end_time_unix_nano")
    if starts is None or ends is None:
        return None
    return Zone(starts.rows, _difference(ends.low, starts.high), _difference(ends.high, starts.low), 0)


def _difference(end: Bound | None, start: Bound | None) -> int | None:
    return max(0, end - start) if isinstance(end, int) and isinstance(start, int) else None
