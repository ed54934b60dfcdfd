"""Compares two runs: what ran in each, pair by pair, and where their states part."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias

import attrs

from actors.workflows.differences import first_path
from actors.workflows.form import FirstDifference, Patch
from actors.workflows.json_values import same
from actors.workflows.patching import paths_of
from actors.workflows.runs import Check, Executed, FoldedRun, patch_of

_Key: TypeAlias = tuple[str, str, int]


@attrs.frozen
class Pair:
    """An execution in each of two runs; ``None`` where one of them has none."""

    label: str
    one: Executed | None
    other: Executed | None


def pairs_of(one: FoldedRun, other: FoldedRun) -> tuple[Pair, ...]:
    """Executions with the same kind and label: the first of one run with the first of the other, and so on.

    In the order of the first run. What only the other one has stands where it was there: behind what was before it.
    """
    ours, theirs = dict(_numbered(one.executed)), dict(_numbered(other.executed))
    behind: dict[_Key | None, list[_Key]] = {}
    before: _Key | None = None
    for key in theirs:
        if key in ours:
            before = key
        else:
            behind.setdefault(before, []).append(key)
    order = [*behind.get(None, ())]
    for key in ours:
        order += [key, *behind.get(key, ())]
    return tuple(Pair(key[1], ours.get(key), theirs.get(key)) for key in order)


def _numbered(executed: Iterable[Executed]) -> Iterator[tuple[_Key, Executed]]:
    seen: dict[tuple[str, str], int] = {}
    for each in executed:
        key = (each.kind, each.label)
        seen[key] = seen.get(key, 0) + 1
        yield (*key, seen[key]), each


def patches_of(run: FoldedRun) -> dict[str, Patch]:
    """The operations of each node or operation of a run, by its span id."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for transition in run.fold.transitions:
        member = run.members.get(transition.span_id)
        if member is not None:
            found.setdefault(member, []).extend(patch_of(transition))
    return {member: tuple(operations) for member, operations in found.items()}


def first_difference(one: FoldedRun, other: FoldedRun, check: Check) -> FirstDifference | None:
    """The first step after which the states are different. ``None`` when they never are, or are not known."""
    if not one.fold.has_states or not other.fold.has_states:
        return None
    ours, theirs = one.fold.state_before(1, check), other.fold.state_before(1, check)
    path = first_path(ours.value, theirs.value, check)
    step, both = 0, min(one.fold.last, other.fold.last)
    while path is None and step < both:
        check()
        step += 1
        one.fold.advance(ours, step)
        other.fold.advance(theirs, step)
        if not same(*(list(patch_of(run.fold.transitions[step - 1])) for run in (one, other))):
            path = first_path(ours.value, theirs.value, check)
    if path is None:
        return _one_more(one, other, both + 1)
    return FirstDifference(step=step, path=path)


def _one_more(one: FoldedRun, other: FoldedRun, step: int) -> FirstDifference | None:
    """The step that only one of the runs has."""
    longer = max(one, other, key=lambda run: run.run.steps)
    if longer.run.steps < step:
        return None
    paths = paths_of(patch_of(longer.fold.transitions[step - 1]))
    return FirstDifference(step=step, path=paths[0] if paths else "")
