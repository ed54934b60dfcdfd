"""Stores of runs: what their owner recorded of them, and their transitions in order."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import attrs

from actors.workflows.payload import Payload, payload_in
from actors.workflows.span import Span, number_in, text_in

_SET_STATE: Final = "set_state"
_LAST: Final = 2**64


@attrs.frozen(kw_only=True)
class Transition:
    """One action on a store. Sequence and revisions are said since junjo 0.64; before, the time is what orders."""

    store_id: str
    store_name: str | None
    id: str | None
    action: str | None
    time_unix_nano: int
    span_id: str
    sequence: int | None
    revision_before: int | None
    revision_after: int | None
    patch: Payload


@attrs.frozen(kw_only=True)
class StoreRecord:
    """What the owner of a store recorded of it: states, and which of its transitions belong to this execution.

    A store may outlive an execution: its own transitions are those behind ``sequence_start``.
    """

    store_id: str
    start: Payload
    end: Payload
    revision_start: int | None
    revision_end: int | None
    sequence_start: int | None
    sequence_end: int | None
    transition_count: int | None
    reconstructable: bool | None
    begin_unix_nano: int
    end_unix_nano: int | None  # None while the owner runs

    def owns(self, transition: Transition) -> bool:
        """Whether it belongs to this execution: by its sequence, without one by its time."""
        sequence = transition.sequence
        if sequence is not None and self.sequence_start is not None:
            return self.sequence_start < sequence <= (_LAST if self.sequence_end is None else self.sequence_end)
        end = _LAST if self.end_unix_nano is None else self.end_unix_nano
        return self.begin_unix_nano <= transition.time_unix_nano <= end


@attrs.frozen(kw_only=True)
class _Names:
    """How attributes of a store's record are called."""

    store_id: str
    state: str
    revision: str
    transition: str
    reconstructable: str


_WORKFLOW: Final = _Names(
    store_id="junjo.workflow.store.id",
    state="junjo.workflow.state",
    revision="junjo.store.revision",
    transition="junjo.store.transition",
    reconstructable="junjo.store.reconstructable",
)
_AGENT: Final = attrs.evolve(_WORKFLOW, store_id="junjo.agent.store.id", state="junjo.agent.state")
_APPLICATION: Final = _Names(
    store_id="junjo.agent.application_store.id",
    state="junjo.agent.application_state",
    revision="junjo.agent.application_store.revision",
    transition="junjo.agent.application_store.transition",
    reconstructable="junjo.agent.application_store.reconstructable",
)


def workflow_store(span: Span) -> StoreRecord | None:
    return _record(span, _WORKFLOW)


def agent_store(span: Span) -> StoreRecord | None:
    return _record(span, _AGENT)


def application_store(span: Span) -> StoreRecord | None:
    """The store that an agent got from the application, since junjo 0.69."""
    return _record(span, _APPLICATION)


def _record(span: Span, names: _Names) -> StoreRecord | None:
    store_id = span.text(names.store_id)
    if store_id is None:
        return None
    return StoreRecord(
        store_id=store_id,
        start=payload_in(span.attributes, f"{names.state}.start"),
        end=payload_in(span.attributes, f"{names.state}.end"),
        revision_start=span.number(f"{names.revision}.start"),
        revision_end=span.number(f"{names.revision}.end"),
        sequence_start=span.number(f"{names.transition}.start"),
        sequence_end=span.number(f"{names.transition}.end"),
        transition_count=span.number(f"{names.transition}.count"),
        reconstructable=span.flag(names.reconstructable),
        begin_unix_nano=span.start_time_unix_nano,
        end_unix_nano=span.end_time_unix_nano,
    )


def transitions_in(spans: Iterable[Span]) -> dict[str, tuple[Transition, ...]]:
    """All transitions by store, in the order in which they were committed."""
    found: dict[str, list[Transition]] = {}
    for span in spans:
        for transition in _transitions_of(span):
            found.setdefault(transition.store_id, []).append(transition)
    return {store_id: _in_order(some) for store_id, some in found.items()}


def _in_order(transitions: Sequence[Transition]) -> tuple[Transition, ...]:
    """By sequence where each has one, else by time; sorting keeps the order within a span."""
    if all(each.sequence is not None for each in transitions):
        return tuple(sorted(transitions, key=lambda each: (each.sequence or 0, each.time_unix_nano)))
    return tuple(sorted(transitions, key=lambda each: each.time_unix_nano))


def _transitions_of(span: Span) -> Iterator[Transition]:
    for event in span.events:
        attributes = event.get("attributes")
        if event.get("name") != _SET_STATE or not isinstance(attributes, Mapping):
            continue
        store_id = text_in(attributes, "junjo.store.id")
        if store_id is not None:
            yield _transition(span, store_id, number_in(event, "timeUnixNano") or 0, attributes)


def _transition(span: Span, store_id: str, time: int, attributes: Mapping[str, Any]) -> Transition:
    return Transition(
        store_id=store_id,
        store_name=text_in(attributes, "junjo.store.name"),
        id=text_in(attributes, "id"),
        action=text_in(attributes, "junjo.store.action"),
        time_unix_nano=time,
        span_id=span.span_id,
        sequence=number_in(attributes, "junjo.store.transition.sequence"),
        revision_before=number_in(attributes, "junjo.store.revision.before"),
        revision_after=number_in(attributes, "junjo.store.revision.after"),
        patch=payload_in(attributes, "junjo.state_json_patch"),
    )
