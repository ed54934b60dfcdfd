"""The difference of two states as a JSON Patch, as fine as there is time for.

The library takes long for large arrays that have much in common at other places. What is over a bound is replaced whole
where the two begin to differ.
"""

from collections.abc import Callable
from typing import Any, Final, TypeAlias

import orjson
from jsonpatch import make_patch
from jsonpointer import escape

from actors.workflows.json_values import same

Patch: TypeAlias = list[dict[str, Any]]
Check: TypeAlias = Callable[[], None]

_MOST_COMPARED: Final = 64 * 1024  # bytes of both, as JSON


def difference(one: Any, other: Any, check: Check, path: str = "") -> Patch:  # noqa: ANN401 - any JSON values
    """The operations that make the other of the one. ``path`` is where both are; nothing where they are equal.

    ``check`` may raise to end the work.
    """
    check()
    if same(one, other):
        return []
    if len(orjson.dumps(one)) + len(orjson.dumps(other)) <= _MOST_COMPARED:
        return [_below(path, operation) for operation in make_patch(one, other).patch]
    if isinstance(one, dict) and isinstance(other, dict):
        return _of_objects(one, other, check, path)
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        return [each for index, pair in pairs for each in difference(*pair, check, f"{path}/{index}")]
    return [{"op": "replace", "path": path, "value": other}]


def _of_objects(one: dict[str, Any], other: dict[str, Any], check: Check, path: str) -> Patch:
    """Member by member."""
    operations: Patch = []
    for key in [*one, *(key for key in other if key not in one)]:
        place = f"{path}/{escape(key)}"
        if key not in other:
            operations.append({"op": "remove", "path": place})
        elif key not in one:
            operations.append({"op": "add", "path": place, "value": other[key]})
        else:
            operations += difference(one[key], other[key], check, place)
    return operations


def _below(path: str, operation: dict[str, Any]) -> dict[str, Any]:
    places = {name: path + operation[name] for name in ("path", "from") if name in operation}
    return operation | places


def first_path(one: Any, other: Any, check: Check) -> str | None:  # noqa: ANN401 - any JSON values
    """Where two states differ first, as a JSON Pointer; ``None`` where they are equal. Members go by their names."""
    check()
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted(one.keys() | other.keys()):
            if key not in one or key not in other:
                return f"/{escape(key)}"
            if not same(one[key], other[key]):
                return f"/{escape(key)}{first_path(one[key], other[key], check)}"
        return None
    if isinstance(one, list) and isinstance(other, list):
        for index, (here, there) in enumerate(zip(one, other, strict=False)):
            if not same(here, there):
                return f"/{index}{first_path(here, there, check)}"
        return None if len(one) == len(other) else f"/{min(len(one), len(other))}"
    return None if same(one, other) else ""
