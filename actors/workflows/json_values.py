"""JSON values: how deep they are, and whether two are equal."""

from typing import Any


def depth_of(value: Any) -> int:  # noqa: ANN401 - any JSON value
    """Levels of arrays and objects; 0 for a text or a number. It goes through the value level by level."""
    depth, level = 0, [value]
    while level := [each for each in level if isinstance(each, dict | list)]:
        depth += 1
        level = [inner for each in level for inner in (each.values() if isinstance(each, dict) else each)]
    return depth


def same(one: Any, other: Any) -> bool:  # noqa: ANN401 - any JSON values
    """Whether two JSON values are equal. 1 is 1.0, but other than in Python true is not 1."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return isinstance(one, bool) is isinstance(other, bool) and one == other
