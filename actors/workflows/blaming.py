"""Finds the last step that changed what is at a path."""

from collections.abc import Callable
from typing import Any, Final

import attrs
import orjson
from jsonpointer import EndOfList, JsonPointer, JsonPointerException

from actors.workflows.folding import Fold
from actors.workflows.patching import PatchFault, operations_in, paths_of

_NOTHING: Final = object()


@attrs.frozen
class Change:
    """The last change at a path, and what is there at the end. Without a step nothing was changed."""

    step: int | None
    value: Any
    exists: bool


def last_change(fold: Fold, path: str, check: Callable[[], None]) -> Change:
    """Look from the end on, a stretch between two copies of the state at a time."""
    end = _at(fold.state(fold.last, check), path)
    step = next((found for stretch in fold.stretches() if (found := _in_stretch(fold, stretch, path, check))), None)
    return Change(step, None if end is _NOTHING else end, end is not _NOTHING)


def _in_stretch(fold: Fold, stretch: range, path: str, check: Callable[[], None]) -> int | None:
    """The last step of a stretch that changed something at the path."""
    concerned = {step for step in stretch if _concerns(fold, step, path)}
    if not concerned:
        return None
    state, found = fold.state_before(stretch[0], check), None
    for step in range(stretch[0], max(concerned) + 1):
        check()
        before = _text(state.value, path) if step in concerned else None
        fold.advance(state, step)
        if step in concerned and before != _text(state.value, path):
            found = step
    return found


def _concerns(fold: Fold, step: int, path: str) -> bool:
    """Whether a step may change what is at the path: what is there, above it, in it, or before it in an array."""
    try:
        paths = paths_of(operations_in(fold.transitions[step - 1].patch.text or ""))
    except PatchFault:
        return False
    return any(_is_within(each, path) or _is_within(path, _shifted(each)) for each in paths)


def _shifted(path: str) -> str:
    """The array that an operation shifts, if it is one in an array."""
    above, _, last = path.rpartition("/")
    return above if last.isdecimal() or last == "-" else path


def _is_within(path: str, above: str) -> bool:
    return path == above or path.startswith(f"{above}/")


def _text(value: Any, path: str) -> bytes | None:  # noqa: ANN401 - any JSON value
    found = _at(value, path)
    return None if found is _NOTHING else orjson.dumps(found, option=orjson.OPT_SORT_KEYS)


def _at(value: Any, path: str) -> Any:  # noqa: ANN401 - any JSON value
    try:
        found = JsonPointer(path).resolve(value, _NOTHING)
    except (JsonPointerException, TypeError, ValueError):
        return _NOTHING
    return _NOTHING if isinstance(found, EndOfList) else found  # "-" names what would be behind the last item
