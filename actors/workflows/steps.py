"""The steps of a run: the transitions of its store in order, and what is missing among them."""

from collections.abc import Iterable, Sequence

import attrs

from actors.workflows.executables import Executable
from actors.workflows.losses import Losses
from actors.workflows.stores import StoreRecord, Transition
from actors.workflows.trace import TraceRuns

_KNOWN_VERSIONS = (None, 1, 2, 3)


@attrs.frozen(kw_only=True)
class Steps:
    """What a run did to its store. Step n is the n-th of the transitions, from 1; 0 is the start."""

    store: StoreRecord | None
    transitions: tuple[Transition, ...]


def steps_of(runs: TraceRuns, run: Executable, losses: Losses) -> Steps:
    """Those of a run, each sequence number once. What did not come, or came twice, is a loss."""
    _lose_of_span(runs, run, losses)
    if run.store is None:
        losses.add("no_start_state", "The run names no store")
        return Steps(store=None, transitions=())
    return steps_of_store(runs, run.store, losses)


def steps_of_store(runs: TraceRuns, store: StoreRecord, losses: Losses) -> Steps:
    """Those of one execution of a store."""
    own = [each for each in runs.transitions.get(store.store_id, ()) if store.owns(each)]
    kept = _each_once(own, losses)
    _lose_missing(store, kept, losses)
    _lose_revisions(store, kept, losses)
    return Steps(store=store, transitions=tuple(kept))


def _lose_of_span(runs: TraceRuns, run: Executable, losses: Losses) -> None:
    span = run.span
    if span.end_time_unix_nano is None:
        losses.add("running", "The run has no end yet")
    if run.contract_version not in _KNOWN_VERSIONS:
        losses.add("contract_version", f"Telemetry of version {run.contract_version} is not known here")
    for each in (span, *(member.span for member in runs.members(run))):
        if each.dropped_events:
            losses.add("dropped_events", f"The sender dropped {each.dropped_events} events of span {each.span_id}")
        if each.dropped_attributes:
            told = f"The sender dropped {each.dropped_attributes} attributes of span {each.span_id}"
            losses.add("dropped_attributes", told)


def _each_once(transitions: Iterable[Transition], losses: Losses) -> list[Transition]:
    """The first of those with one sequence number."""
    kept: list[Transition] = []
    for each in transitions:
        if kept and each.sequence is not None and kept[-1].sequence == each.sequence:
            losses.add("duplicate_transition", f"Transition {each.sequence} of the store came more than once")
        else:
            kept.append(each)
    return kept


def _lose_missing(store: StoreRecord, transitions: Sequence[Transition], losses: Losses) -> None:
    """Gaps in the sequence, where the store has one; else too few of them, where the owner counted."""
    last = store.sequence_start
    for each in transitions:
        if each.sequence is not None and last is not None and each.sequence > last + 1:
            losses.add("missing_transitions", _told(last + 1, each.sequence - 1))
        last = each.sequence
    if last is not None and store.sequence_end is not None and store.sequence_end > last:
        losses.add("missing_transitions", _told(last + 1, store.sequence_end))
    counted = store.transition_count
    if store.sequence_end is None and counted is not None and counted > len(transitions):
        losses.add("missing_transitions", f"{counted - len(transitions)} of {counted} transitions did not come")


def _told(first: int, last: int) -> str:
    if first == last:
        return f"Transition {first} of the store did not come"
    return f"Transitions {first} to {last} of the store did not come"


def _lose_revisions(store: StoreRecord, transitions: Sequence[Transition], losses: Losses) -> None:
    revision = store.revision_start
    for each in transitions:
        before = each.revision_before
        if before is not None and revision is not None and before != revision:
            losses.add("revision_gap", f"{_name(each)} begins at revision {before}, not at {revision}")
        revision = each.revision_after
    ended = store.revision_end
    if revision is not None and ended is not None and revision != ended:
        losses.add("revision_gap", f"The store ended at revision {ended}, its last transition at {revision}")
    if store.reconstructable is False:
        losses.add("not_reconstructable", "The sender says that the store cannot be rebuilt from its transitions")


def _name(transition: Transition) -> str:
    return "A transition" if transition.sequence is None else f"Transition {transition.sequence}"
