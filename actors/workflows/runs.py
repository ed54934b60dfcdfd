"""A run as it is asked about: its graph, and its steps, which were folded once."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import attrs

from actors.errors import NotFound
from actors.workflows.blaming import last_change
from actors.workflows.differences import difference
from actors.workflows.executables import Executable, Kind
from actors.workflows.folding import Fold, fold
from actors.workflows.form import Blame, Patch, Run, RunState, RunStep, StateDifference
from actors.workflows.graphs import graph_of
from actors.workflows.losses import Losses
from actors.workflows.members import member_of, node_names
from actors.workflows.nodes import nodes_of
from actors.workflows.patching import PatchFault, operations_in, paths_of
from actors.workflows.payload import Payload
from actors.workflows.span import Span
from actors.workflows.steps import steps_of
from actors.workflows.stores import Transition
from actors.workflows.trace import TraceRuns

Check: TypeAlias = Callable[[], None]

_MOST_PATHS = 100  # of a step in the list of all steps
_OF_MEMORY = 2000  # bytes of a node with its span and its edges


@attrs.frozen
class FoldedRun:
    """A run that can be stepped through. ``check`` is called between two steps, and may raise to end the work."""

    run: Run
    span: Span
    fold: Fold
    members: Mapping[str, str]  # the node of each span in the run, both by span id
    names: Mapping[str, str]  # labels of nodes, by span id of whatever is in them

    @property
    def nbytes(self) -> int:
        """About how much memory it takes."""
        return self.fold.nbytes + _OF_MEMORY * (1 + len(self.run.nodes)) + 200 * (len(self.members) + len(self.names))

    @property
    def steps(self) -> tuple[RunStep, ...]:
        """All steps, without states."""
        return tuple(self._step(number) for number in range(1, self.run.steps + 1))

    def state(self, step: int, check: Check) -> RunState:
        """The state after a step. ``NotFound`` when there is no such step."""
        state = self._known(step, check)
        if step == 0:
            began: dict[str, Any] = {"span_id": self.span.span_id, "time_unix_nano": self.span.start_time_unix_nano}
            return RunState(step=0, state=state, patch=(), node=None, action=None, **began)
        transition = self.fold.transitions[step - 1]
        return RunState(
            step=step,
            state=state,
            patch=patch_of(transition),
            span_id=transition.span_id,
            node=self.names.get(transition.span_id),
            time_unix_nano=transition.time_unix_nano,
            action=transition.action,
        )

    def difference(self, first: int, second: int, check: Check) -> StateDifference:
        """What makes the second state of the first. ``NotFound`` when one of them is not known."""
        states = [self._known(step, check) for step in (first, second)]
        if not self.fold.has_states or max(first, second) > self.fold.last:
            raise NotFound("The state of this step is not known")
        return StateDifference(first=first, second=second, patch=tuple(difference(*states)))

    def blame(self, path: str, check: Check) -> Blame:
        """Who changed what is at a path last. ``NotFound`` when nothing ever was there."""
        change = last_change(self.fold, path, check)
        if change.step is None and not change.exists:
            raise NotFound("There is nothing at this path")
        span_id = self.fold.transitions[change.step - 1].span_id if change.step else None
        node = self.names.get(span_id or "")
        return Blame(path=path, step=change.step, span_id=span_id, node=node, value=change.value)

    def _known(self, step: int, check: Check) -> Any:  # noqa: ANN401 - any JSON value
        if step > self.run.steps:
            raise NotFound("Step not found")
        return self.fold.state(step, check)

    def _step(self, number: int) -> RunStep:
        transition = self.fold.transitions[number - 1]
        return RunStep(
            step=number,
            time_unix_nano=transition.time_unix_nano,
            span_id=transition.span_id,
            node=self.names.get(transition.span_id),
            action=transition.action,
            paths=tuple(paths_of(patch_of(transition))[:_MOST_PATHS]),
        )


def patch_of(transition: Transition) -> Patch:
    """The operations of a step; none when they cannot be read."""
    try:
        return tuple(operations_in(transition.patch.text or ""))
    except PatchFault:
        return ()


def folded_run(runs: TraceRuns, span_id: str, check: Check) -> FoldedRun:
    """The run whose span this is. ``NotFound`` when the span is none."""
    executable = runs.executables.get(span_id)
    if executable is None or not executable.is_run:
        raise NotFound("The span is no run of a workflow or agent")
    losses = Losses()
    graph = graph_of(executable, losses)
    nodes, edges = nodes_of(runs, executable, graph)
    folded = fold(steps_of(runs, executable, losses), losses, check)
    run = Run(
        trace_id=executable.span.trace_id,
        span_id=span_id,
        name=executable.name,
        kind=_KINDS[executable.kind],
        graph=graph.document,
        nodes=nodes,
        edges=edges,
        start=_value(executable.store.start) if executable.store else None,
        end=_end(executable, folded),
        steps=len(folded.transitions),
        integrity=folded.integrity,
    )
    return FoldedRun(run, executable.span, folded, member_of(runs, executable), node_names(runs, executable))


_KINDS: Mapping[Kind, Any] = {Kind.WORKFLOW: "workflow", Kind.SUBFLOW: "subflow", Kind.AGENT: "agent"}


def _end(executable: Executable, folded: Fold) -> Any:  # noqa: ANN401 - any JSON value
    """The state at the end as it was recorded; while there is none, as far as the steps go."""
    recorded = _value(executable.store.end) if executable.store else None
    return folded.state(folded.last) if recorded is None else recorded


def _value(payload: Payload) -> Any:  # noqa: ANN401 - any JSON value
    try:
        return payload.value()
    except ValueError:
        return None
