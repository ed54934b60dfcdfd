"""The values of an expression as a column's type can hold them, so that no engine rounds when it compares."""

import math
import sys
from collections.abc import Iterable
from typing import TypeVar

import attrs
import pyarrow as pa

from actors.span_store.columns.rows import INDEX_FIELDS, ROWS
from actors.span_store.query.expression import COUNTED, DURATION, Arrival, Between, Promoted, Value

T = TypeVar("T", int, float)


@attrs.frozen(eq=False)
class Kind:
    """What a column holds: text, true and false, or numbers, integers of which have a range."""

    sql: str
    is_text: bool = False
    is_truth: bool = False
    integers: tuple[int, int] | None = None


_KINDS = {
    pa.string(): Kind("VARCHAR", is_text=True),
    pa.int32(): Kind("INTEGER", integers=(-(2**31), 2**31 - 1)),
    pa.int64(): Kind("BIGINT", integers=(-(2**63), 2**63 - 1)),
    pa.uint64(): Kind("UBIGINT", integers=(0, 2**64 - 1)),
    pa.float64(): Kind("DOUBLE"),
}
TEXT = _KINDS[pa.string()]
# Looked up by name: Arrow takes microseconds to tell two types apart.
_KIND_OF = {
    field.name: _KINDS[field.type] for field in [*INDEX_FIELDS, ROWS.field("seq"), ROWS.field("status_message")]
}
_KIND_OF[DURATION] = _KINDS[pa.uint64()]
_KIND_OF[COUNTED] = Kind("BOOLEAN", is_truth=True)


@attrs.frozen
class Bounds:
    """Values of a column's type, ``None`` for no bound. Bounds of numbers are included."""

    low: Value | None
    high: Value | None
    low_included: bool = True
    high_included: bool = True


def kind_of(field: Promoted | Arrival) -> Kind:
    """Of the column."""
    return _KIND_OF["seq" if isinstance(field, Arrival) else field.name]


def values_for(kind: Kind, values: Iterable[Value]) -> list[Value]:
    """Those of the values that a column of this type may have."""
    if kind.is_text:
        return [value for value in values if isinstance(value, str)]
    if kind.is_truth:
        return [value for value in values if isinstance(value, bool)]
    numbers = [value for value in values if not isinstance(value, str | bool)]
    if kind.integers is None:
        return [_double(value) for value in numbers if _double(value) == value]
    smallest, largest = kind.integers
    return [int(value) for value in numbers if value == math.floor(value) and smallest <= value <= largest]


def bounds_for(kind: Kind, between: Between) -> Bounds | None:
    """Bounds that a column of this type may lie between; ``None`` when no value of it does."""
    is_text = isinstance(between.low if between.low is not None else between.high, str)
    if is_text is not kind.is_text or kind.is_truth:
        return None
    if is_text:
        return Bounds(between.low, between.high, between.low_included, between.high_included)
    low, high = _low(kind, between), _high(kind, between)
    if kind.integers is not None:
        smallest, largest = kind.integers
        low, high = _inside(low, smallest), _inside(high, largest)
        if (low is not None and low > largest) or (high is not None and high < smallest):
            return None
    return None if low is not None and high is not None and low > high else Bounds(low, high)


def _inside(bound: float | None, end: int) -> float | None:
    """``None`` for a bound beyond an end of the type, where it is none."""
    if bound is None or (bound <= end if end <= 0 else bound >= end):
        return None
    return bound


def _low(kind: Kind, between: Between) -> float | None:
    """The smallest value that is not below the bound."""
    if between.low is None or isinstance(between.low, str):
        return None
    if kind.integers is not None:
        return math.ceil(between.low) if between.low_included else math.floor(between.low) + 1
    near = _double(between.low)
    outside = near < between.low or (near == between.low and not between.low_included)
    return math.nextafter(near, math.inf) if outside else near


def _high(kind: Kind, between: Between) -> float | None:
    """The largest value that is not above the bound."""
    if between.high is None or isinstance(between.high, str):
        return None
    if kind.integers is not None:
        return math.floor(between.high) if between.high_included else math.ceil(between.high) - 1
    near = _double(between.high)
    outside = near > between.high or (near == between.high and not between.high_included)
    return math.nextafter(near, -math.inf) if outside else near


def _double(value: float) -> float:
    """The nearest one; infinite for what is beyond all of them."""
    if abs(value) > sys.float_info.max:
        return math.copysign(math.inf, value)
    return float(value)
