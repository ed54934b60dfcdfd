"""An expression's comparison with one value, for values that are in no column of their own."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from actors.span_store.query.expression import Between, Contains, Equals, IsNull, Leaf, Matches, OneOf


def holds(leaf: Leaf, value: Any) -> bool:  # noqa: ANN401 - any JSON
    """Whether the comparison is true of a field with this value, ``None`` for none."""
    match leaf:
        case IsNull():
            return value is None
        case Equals(_, wanted):
            return _is_same(value, wanted)
        case OneOf(_, values):
            return any(_is_same(value, wanted) for wanted in values)
        case Between():
            return _is_between(value, leaf)
        case Contains(_, text):
            return isinstance(value, str) and text in value
        case Matches(_, pattern):
            # RE2, as everywhere else.
            return isinstance(value, str) and pc.match_substring_regex(pa.scalar(value), pattern).as_py()


def _kind(value: object) -> type | None:
    """Of what can be compared. Booleans are integers to Python, and not here."""
    if isinstance(value, bool | str):
        return type(value)
    return float if isinstance(value, int | float) else None


def _is_same(value: Any, wanted: Any) -> bool:  # noqa: ANN401 - any JSON
    return _kind(value) is _kind(wanted) and bool(value == wanted)


def _is_between(value: Any, between: Between) -> bool:  # noqa: ANN401 - any JSON
    low, high = between.low, between.high
    if any(bound is not None and _kind(bound) is not _kind(value) for bound in (low, high)):
        return False
    above = low is None or value > low or (between.low_included and value == low)
    return bool(above and (high is None or value < high or (between.high_included and value == high)))
