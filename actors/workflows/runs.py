"""A run as it is asked about: its graph, and its steps, which were folded once."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias

import attrs

from actors.errors import NotFound
from actors.workflows.blaming import last_change
from actors.workflows.differences import difference
from actors.workflows.executables import Executable, Kind
from actors.workflows.folding import Fold, fold
from actors.workflows.form import Blame, NodeStatus, Patch, Run, RunState, RunStep, StateDifference
from actors.workflows.graphs import graph_of
from actors.workflows.json_values import depth_of
from actors.workflows.losses import Losses
from actors.workflows.members import member_of, node_names
from actors.workflows.nodes import label_of, nodes_of, status_of
from actors.workflows.patching import DEEPEST, PatchFault, operations_in, paths_of
from actors.workflows.payload import Payload
from actors.workflows.span import Span
from actors.workflows.steps import steps_of
from actors.workflows.stores import Transition
from actors.workflows.trace import TraceRuns

Check: TypeAlias = Callable[[], None]

_MOST_PATHS = 100  # of a step in the list of all steps
_OF_NODE, _OF_STEP, _OF_NAME = 500, 400, 200  # bytes of each
_AS_OBJECTS = 10  # times as much memory as its text


@attrs.frozen(kw_only=True)
class Executed:
    """One execution of a node in a run, or one operation of an agent."""

    kind: str
    label: str
    span_id: str
    duration_ns: int | None
    status: NodeStatus


@attrs.frozen(kw_only=True)
class FoldedRun:
    """A run that can be stepped through. ``check`` is called between two steps, and may raise to end the work."""

    run: Run
    begin_unix_nano: int
    fold: Fold
    executed: tuple[Executed, ...]  # by their begin
    members: Mapping[str, str]  # the node of each span in the run, both by span id
    names: Mapping[str, str]  # labels of nodes, by span id of the steps in them
    recorded_bytes: int  # of graph and states as they came

    @property
    def nbytes(self) -> int:
        """About how much memory it takes."""
        names = _OF_NAME * (len(self.members) + len(self.names))
        return self.fold.nbytes + _AS_OBJECTS * self.shown_bytes + _OF_NODE * len(self.executed) + names

    @property
    def shown_bytes(self) -> int:
        """About how much graph, nodes and states at both ends are as JSON."""
        return self.recorded_bytes + _OF_NODE * (1 + len(self.run.nodes) + len(self.run.edges))

    @property
    def listed_bytes(self) -> int:
        """About how much the list of steps is as JSON."""
        return _OF_STEP * self.run.steps

    @property
    def patch_bytes(self) -> int:
        """How much all patches are as JSON."""
        return sum(map(self.step_bytes, range(1, self.run.steps + 1)))

    def step_bytes(self, step: int) -> int:
        """How much the patch of a step is as JSON."""
        return len(self.fold.transitions[step - 1].patch.text or "") if 0 < step <= self.run.steps else 0

    @property
    def steps(self) -> tuple[RunStep, ...]:
        """All steps, without states."""
        return tuple(self._step(number) for number in range(1, self.run.steps + 1))

    def state(self, step: int, check: Check) -> RunState:
        """The state after a step. ``NotFound`` when there is no such step."""
        state = self._known(step, check)
        if step == 0:
            span_id, begin = self.run.span_id, self.begin_unix_nano
            return RunState(
                step=0, state=state, patch=(), span_id=span_id, node=None, time_unix_nano=begin, action=None
            )
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
        one, other = (self._known(step, check) for step in (first, second))
        if not self.fold.has_states or max(first, second) > self.fold.last:
            raise NotFound("The state of this step is not known")
        return StateDifference(first=first, second=second, patch=tuple(difference(one, other, check)))

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
    nodes, edges = nodes_of(runs, executable, graph, check)
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
    return FoldedRun(
        run=run,
        begin_unix_nano=executable.span.start_time_unix_nano,
        fold=folded,
        executed=tuple(_executed(runs, executable)),
        members=member_of(runs, executable),
        names=node_names(runs, executable, {each.span_id for each in folded.transitions}),
        recorded_bytes=sum(len(value) for value in executable.span.attributes.values() if isinstance(value, str)),
    )


_KINDS: Mapping[Kind, Any] = {Kind.WORKFLOW: "workflow", Kind.SUBFLOW: "subflow", Kind.AGENT: "agent"}


def _executed(runs: TraceRuns, run: Executable) -> Iterator[Executed]:
    some: Iterable[tuple[str, str, Span]] = (
        ((each.kind.value, label_of(each), each.span) for each in runs.operations_of(run))
        if run.kind is Kind.AGENT
        else ((each.kind.value, each.name, each.span) for each in runs.members(run))
    )
    for kind, label, span in some:
        begin, end = span.start_time_unix_nano, span.end_time_unix_nano
        duration = None if end is None else max(0, end - begin)
        status = status_of(span)
        yield Executed(kind=kind, label=label, span_id=span.span_id, duration_ns=duration, status=status)


def _end(executable: Executable, folded: Fold) -> Any:  # noqa: ANN401 - any JSON value
    """The state at the end as it was recorded; while there is none, as far as the steps go."""
    recorded = _value(executable.store.end) if executable.store else None
    return folded.state(folded.last) if recorded is None else recorded


def _value(payload: Payload) -> Any:  # noqa: ANN401 - any JSON value
    """What was recorded; ``None`` when it is no JSON, or deeper than JSON can be written."""
    try:
        value = payload.value()
    except ValueError:
        return None
    return value if depth_of(value) <= DEEPEST else None
