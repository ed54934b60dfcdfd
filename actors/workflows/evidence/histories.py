"""Stores as their executions saw them: each part of a store's history is rebuilt, and compared with its end."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import attrs

from actors.workflows.evidence.facts import is_count, shown
from actors.workflows.evidence.form import Boundary, Issue, JsonText, Reconstruction, Role, StoreLog, Transition
from actors.workflows.executables import Executable, Kind
from actors.workflows.folding import Fold, fold
from actors.workflows.losses import Loss, Losses
from actors.workflows.steps import steps_of_store
from actors.workflows.stores import StoreRecord
from actors.workflows.stores import Transition as RecordedTransition
from actors.workflows.trace import TraceRuns

_AGENT_STATES: Final[Mapping[Role, str]] = {
    "runtime": "junjo.agent.state",
    "application": "junjo.agent.application_state",
}
_SENDERS_WORD: Final = "not_reconstructable"  # which counts for nothing where the store was rebuilt
_LEFT_OUT: Final = Issue(
    code="states_left_out",
    path="stores",
    message="States before and after transitions take more than there is room for; later ones are left out",
)
_NO_NUMBERS: Final = Issue(
    code="invalid_transition",
    path="stores",
    message="Transitions without a sequence, revisions, an id and an action are left out",
)


@attrs.frozen
class SeenStore:
    """A store in its role for one execution, and what is wrong with it."""

    boundary: Boundary
    issues: tuple[Issue, ...]


@attrs.define
class Histories:
    """All stores of a trace, each read once for each execution that saw it.

    The states before and after all transitions take ``room`` bytes at most.
    """

    _runs: TraceRuns
    _room: int
    _check: Callable[[], None]
    _states: dict[tuple[str, int | None], tuple[JsonText, JsonText]] = attrs.field(factory=dict, init=False)
    _seen_ids: set[str] = attrs.field(factory=set, init=False)
    issues: list[Issue] = attrs.field(factory=list, init=False)

    def of(self, run: Executable) -> dict[Role, SeenStore]:
        """Those of a run: an agent has one of its own beside the application's."""
        if run.kind is not Kind.AGENT:
            return {"application": self._seen(run, "application", run.store)}
        return {
            "runtime": self._seen(run, "runtime", run.store),
            "application": self._seen(run, "application", run.application_store),
        }

    def _seen(self, run: Executable, role: Role, store: StoreRecord | None) -> SeenStore:
        if store is None:
            missing = (_no_store(role),) if _has_store(run, role) else ()
            return SeenStore(Boundary(available=False, reconstruction_reason="no_store"), missing)
        self._seen_ids.add(store.store_id)
        losses = Losses()
        steps = steps_of_store(self._runs, store, losses)
        folded = fold(steps, losses, self._check)
        boundary = _boundary(run, store, _root(run, role), list(losses))
        if boundary.reconstructable:
            self._keep_states(folded)
        issues = tuple(Issue(code=loss.kind, path=f"stores.{role}", message=loss.detail) for loss in losses)
        return SeenStore(boundary, issues)

    def _keep_states(self, folded: Fold) -> None:
        """Remember the states around each transition, as long as there is room. Those of others are right for all."""
        new = [each for each in folded.transitions if each.sequence and _key(each) not in self._states]
        if not new or _LEFT_OUT in self.issues:
            return
        state = folded.state_before(1, self._check)
        before = state.text()
        for step, transition in enumerate(folded.transitions, start=1):
            self._check()
            folded.advance(state, step)
            after = state.text()
            if _key(transition) not in self._states:
                self._room -= len(before) + len(after)
                if self._room < 0:
                    self.issues.append(_LEFT_OUT)
                    return
                self._states[_key(transition)] = (before, after)
            before = after

    def logs(self) -> dict[str, StoreLog]:
        """Transitions of each store, also those that no execution saw, each sequence number once."""
        found = {}
        for store_id, recorded in self._runs.transitions.items():
            first = {each.sequence: each for each in reversed(recorded)}
            whole = [made for each in reversed(first.values()) if (made := self._shown(each)) is not None]
            if not whole and store_id not in self._seen_ids:
                continue  # of a junjo that did not number them
            if len(whole) < len(first):
                self.issues.append(attrs.evolve(_NO_NUMBERS, path=f"stores.{store_id}"))
            found[store_id] = StoreLog(store_id=store_id, transitions=tuple(whole))
        return found

    def _shown(self, recorded: RecordedTransition) -> Transition | None:
        """``None`` without its numbers and names."""
        sequence, before, after = recorded.sequence, recorded.revision_before, recorded.revision_after
        if not (is_count(sequence) and is_count(before) and is_count(after) and recorded.id and recorded.action):
            return None
        states = self._states.get(_key(recorded), (None, None))
        return Transition(
            sequence=sequence,
            revision_before=before,
            revision_after=after,
            span_id=recorded.span_id,
            event_id=recorded.id,
            action=recorded.action,
            patch=shown(recorded.patch),
            before=states[0],
            after=states[1],
        )


def _key(transition: RecordedTransition) -> tuple[str, int | None]:
    return transition.store_id, transition.sequence


def _has_store(run: Executable, role: Role) -> bool:
    """Whether a run says that it has one: workflows always have, agents may not have come so far."""
    return run.kind is not Kind.AGENT or run.span.flag(f"{_AGENT_STATES[role]}.available") is True


def _root(run: Executable, role: Role) -> str:
    """Where the states at the start and the end stand."""
    return _AGENT_STATES[role] if run.kind is Kind.AGENT else "junjo.workflow.state"


def _no_store(role: Role) -> Issue:
    return Issue(code="missing_attribute", path=f"stores.{role}", message="The execution names no store")


def _boundary(run: Executable, store: StoreRecord, root: str, losses: Sequence[Loss]) -> Boundary:
    status = _status(losses)
    return Boundary(
        available=True,
        store_id=store.store_id,
        sequence_start=store.sequence_start,
        sequence_end=store.sequence_end,
        revision_start=store.revision_start,
        revision_end=store.revision_end,
        transition_count=store.transition_count or 0,
        reconstructable_claimed=store.reconstructable is True,
        reconstructable=status == "verified",
        reconstruction_status=status,
        reconstruction_reason=None if status == "verified" else losses[0].kind,
        start=shown(store.start, run.span.text(f"{root}.start.reference")),
        end=shown(store.end, run.span.text(f"{root}.end.reference")),
    )


def _status(losses: Sequence[Loss]) -> Reconstruction:
    kinds = {loss.kind for loss in losses} - {_SENDERS_WORD}
    if not kinds:
        return "verified"
    return "policy_unavailable" if kinds == {"not_full"} else "failed"
