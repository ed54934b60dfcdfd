"""Applies JSON Patches (RFC 6902) to a state, within bounds: a patch may copy, and so double, what is there."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import attrs
import orjson
from jsonpatch import InvalidJsonPatch, JsonPatch, JsonPatchException
from jsonpointer import JsonPointerException

from actors.workflows.json_values import depth_of

DEEPEST: Final = 100  # levels of a state
MOST_BYTES: Final = 4 * 1024 * 1024  # of a state, as JSON; as objects it takes ten times that
_OF_PATCH: Final = 2  # levels around a value: the operation, and the array of them
_MOST_DOUBLINGS: Final = 20  # more, and any state is too large
# What the library raises for what a program may have sent.
_FAULTS = (JsonPatchException, JsonPointerException, TypeError, ValueError, LookupError, AttributeError, RecursionError)


class PatchFault(Exception):
    """A patch that cannot be read or applied; the state is as it was before."""


class UnreadablePatch(PatchFault):
    """A patch that is no array of operations."""


def operations_in(text: str) -> list[dict[str, Any]]:
    """The operations of a patch, made anew each time. ``UnreadablePatch`` when it is none."""
    try:
        patch = orjson.loads(text)
    except orjson.JSONDecodeError as fault:
        raise UnreadablePatch("it is no JSON") from fault
    if not isinstance(patch, list) or not all(isinstance(each, dict) for each in patch):
        raise UnreadablePatch("it is no array of operations")
    if depth_of(patch) > DEEPEST + _OF_PATCH:
        raise UnreadablePatch(f"it has more than {DEEPEST} levels")
    return patch


def paths_of(operations: Iterable[Mapping[str, Any]]) -> list[str]:
    """Where a patch changes something: each path once."""
    paths = (each.get(name) for each in operations for name in ("path", "from"))
    return list(dict.fromkeys(path for path in paths if isinstance(path, str)))


@attrs.define
class State:
    """A state while patches are applied to it, and how large and how deep it can be by now."""

    value: Any
    _bytes: int = 0
    _depth: int = 0

    @classmethod
    def of(cls, text: str | bytes) -> "State":
        """``PatchFault`` when the text is no JSON, or over the bounds."""
        try:
            state = cls(orjson.loads(text))
        except orjson.JSONDecodeError as fault:
            raise PatchFault("it is no JSON") from fault
        state._demand(len(text), depth_of(state.value))
        state._bytes, state._depth = len(text), depth_of(state.value)
        return state

    def apply(self, text: str) -> None:
        """Apply a patch whole or not at all. ``PatchFault`` says why it cannot be applied."""
        operations = operations_in(text)
        size, depth = self._afterwards(len(text), operations)
        try:
            self.value = JsonPatch(operations).apply(self.value, in_place=True, atomic=True)
        except InvalidJsonPatch as fault:
            raise PatchFault(f"it is no JSON Patch: {fault}") from fault
        except _FAULTS as fault:
            raise PatchFault(str(fault)) from fault
        self._bytes, self._depth = size, depth

    def text(self) -> bytes:
        """The state as compact JSON."""
        return orjson.dumps(self.value)

    def _afterwards(self, size: int, operations: list[dict[str, Any]]) -> tuple[int, int]:
        """Bounds for size and depth of what the patch will make. Where they are too high, the state is measured."""
        bounds = self._grown(size, operations)
        if bounds[0] > MOST_BYTES or bounds[1] > DEEPEST:
            self._bytes, self._depth = len(self.text()), depth_of(self.value)
            bounds = self._grown(size, operations)
        self._demand(*bounds)
        return bounds

    def _grown(self, size: int, operations: list[dict[str, Any]]) -> tuple[int, int]:
        copies = sum(each.get("op") == "copy" for each in operations)
        shifted = [each for each in operations if each.get("op") in ("copy", "move")]
        below = sum(str(each.get("path")).count("/") for each in shifted)
        added = max((str(each.get("path")).count("/") + depth_of(each.get("value")) for each in operations), default=0)
        return (self._bytes + size) << min(copies, _MOST_DOUBLINGS), max(self._depth, added) + below

    @staticmethod
    def _demand(size: int, depth: int) -> None:
        if size > MOST_BYTES:
            raise PatchFault(f"the state may have more than {MOST_BYTES} bytes then")
        if depth > DEEPEST:
            raise PatchFault(f"the state may have more than {DEEPEST} levels then")
