"""States of a run: its start state and the patches of its steps, with a copy of the state now and then.

Any step is rebuilt from the copy before it. Copies are JSON text, and all of them together are bounded: where they
would be more, every second one is given up, so that they stay evenly spread.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import attrs

from actors.workflows.differences import first_path
from actors.workflows.json_values import same
from actors.workflows.losses import Integrity, Loss, Losses, LossKind
from actors.workflows.patching import PatchFault, State, UnreadablePatch
from actors.workflows.payload import Payload
from actors.workflows.steps import Steps
from actors.workflows.stores import Transition

MOST_COPIED: Final = 16 * 1024 * 1024  # bytes of all copies of one run
_WORK_BETWEEN: Final = 20_000  # between two copies: bytes of patches, and so many for each
_WORK_OF_PATCH: Final = 200
MOST_WORK: Final = 64 * 1024 * 1024  # of all patches of one run: some seconds
_OF_MEMORY: Final = 400  # bytes of a transition beside its patch


def _no_check() -> None:
    """Nobody waits for a deadline."""


@attrs.frozen
class Copy:
    """The state after a step, as JSON."""

    step: int
    text: bytes = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class Fold:
    """A run that can be stepped through."""

    steps: Steps
    has_states: bool  # a start state is known
    last: int  # the last step whose state is known
    integrity: Integrity
    _copies: tuple[Copy, ...]
    _faulty: frozenset[int]  # steps whose patches are left out

    @property
    def nbytes(self) -> int:
        """About how much memory it takes."""
        patches = sum(len(each.patch.text or "") + _OF_MEMORY for each in self.steps.transitions)
        return patches + sum(len(copy.text) for copy in self._copies)

    @property
    def transitions(self) -> Sequence[Transition]:
        return self.steps.transitions

    def state(self, step: int, check: Callable[[], None] = _no_check) -> Any:  # noqa: ANN401 - any JSON value
        """The state after a step, made anew; ``None`` where it is not known. ``check`` may raise to end it."""
        return self.state_before(step + 1, check).value

    def state_before(self, step: int, check: Callable[[], None] = _no_check) -> State:
        """The state that a step began with, for whoever goes on from there with ``advance``."""
        if not self.has_states or step - 1 > self.last:
            return State(None)
        at = bisect_right(self._copies, step - 1, key=lambda copy: copy.step) - 1
        state = State.of(self._copies[at].text)
        for each in range(self._copies[at].step + 1, step):
            check()
            self.advance(state, each)
        return state

    def stretches(self) -> Iterator[range]:
        """The steps whose states are known, by the copies that they are rebuilt from; the last ones first."""
        end = self.last
        for copy in reversed(self._copies):
            if copy.step < end:
                yield range(copy.step + 1, end + 1)
                end = copy.step

    def advance(self, state: State, step: int) -> None:
        """Apply the patch of a step, if it is one that can be."""
        if step not in self._faulty:
            state.apply(self.transitions[step - 1].patch.text or "")


def fold(steps: Steps, losses: Losses, check: Callable[[], None] = _no_check) -> Fold:
    """Apply all patches once. Those that cannot be applied are left out, each a loss; ``check`` may raise to end it."""
    start = _start(steps, losses)
    folding = _Folding(losses, check)
    if start is not None:
        folding.run(start, steps.transitions)
        if steps.store is not None:
            folding.compare_end(steps.store.end, start, has_ended=steps.store.end_unix_nano is not None)
    return Fold(
        steps=steps,
        has_states=start is not None,
        last=folding.last,
        integrity=Integrity(tuple(losses)),
        copies=tuple(folding.copies),
        faulty=frozenset(folding.faulty),
    )


@attrs.define
class _Folding:
    """Goes from step to step, and copies the state where it has become much work to come here from the last copy."""

    _losses: Losses
    _check: Callable[[], None]
    copies: list[Copy] = attrs.field(factory=list)
    faulty: list[int] = attrs.field(factory=list)
    last: int = 0
    _since: int = 0
    _between: int = _WORK_BETWEEN

    def run(self, state: State, transitions: Sequence[Transition]) -> None:
        self._copy(0, state)
        done = 0
        for step, transition in enumerate(transitions, start=1):
            self._check()
            work = len(transition.patch.text or "") + _WORK_OF_PATCH
            done += work
            if done > MOST_WORK:
                self._losses.add("too_large", f"The patches from step {step} on are too many to be applied")
                return
            self._step(step, transition, state)
            self._since += work
            if self._since >= self._between:
                self._copy(step, state)

    def compare_end(self, end: Payload, folded: State, *, has_ended: bool) -> None:
        """Tell where the recorded end state and the one that the patches make are different."""
        if end.text is None or not end.is_full:
            if has_ended:
                kind: LossKind = "no_end_state" if end.mode == "missing" else "not_full"
                self._losses.add(kind, f"The state at the end is {end.mode}")
            return
        try:
            recorded = end.value()
        except ValueError:
            self._losses.add("no_end_state", "The state at the end is no JSON")
            return
        if not same(recorded, folded.value):
            where = first_path(recorded, folded.value, self._check) or "the whole state"
            told = f"The recorded state at the end is not what the patches make, first at {where}"
            self._losses.add("end_differs", told)

    def _step(self, step: int, transition: Transition, state: State) -> None:
        self.last = step
        if transition.patch.mode not in ("full", "missing"):
            self._lose(step, Loss("not_full", f"The patch of step {step} is {transition.patch.mode}"))
        elif transition.patch.text is None:
            self._lose(step, Loss("unreadable_patch", f"Step {step} has no patch"))
        else:
            try:
                state.apply(transition.patch.text)
            except UnreadablePatch as fault:
                self._lose(step, Loss("unreadable_patch", f"The patch of step {step} cannot be read: {fault}"))
            except PatchFault as fault:
                self._lose(step, Loss("failed_patch", f"The patch of step {step} cannot be applied: {fault}"))

    def _lose(self, step: int, loss: Loss) -> None:
        self.faulty.append(step)
        self._losses.add(loss.kind, loss.detail)

    def _copy(self, step: int, state: State) -> None:
        self.copies.append(Copy(step, state.text()))
        self._since = 0
        while len(self.copies) > 1 and sum(len(copy.text) for copy in self.copies) > MOST_COPIED:
            self.copies = self.copies[::2]
            self._between *= 2


def _start(steps: Steps, losses: Losses) -> State | None:
    """The state at the start, if it was recorded."""
    if steps.store is None:
        return None
    start = steps.store.start
    if start.text is None or not start.is_full:
        kind: LossKind = "no_start_state" if start.mode == "missing" else "not_full"
        losses.add(kind, f"The state at the start is {start.mode}")
        return None
    try:
        return State.of(start.text)
    except PatchFault as fault:
        losses.add("no_start_state", f"The state at the start cannot be read: {fault}")
        return None
