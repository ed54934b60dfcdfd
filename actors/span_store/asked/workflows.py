"""Runs of workflows and agents: what is asked of one, and what is answered.

A run is a workflow, a subflow or an agent, named by its span. ``NotFound`` when the span is unknown or is none;
``TooLarge`` when its trace has more than can be read at once. ``NeedsRoom`` when it takes more bytes than ``room``.
"""

import attrs

from actors.runtime.messages import Request
from actors.span_store.traces.summary import Tokens
from actors.workflows.form import Blame, FirstDifference, NodeStatus, Patch, Run, RunState, RunStep, StateDifference


@attrs.frozen(kw_only=True)
class GetRun(Request[Run]):
    """Its graph, what became of each node, its states at start and end, and what of it is missing."""

    trace_id: str
    span_id: str
    room: int | None = None


@attrs.frozen(kw_only=True)
class ListRunSteps(Request[tuple[RunStep, ...]]):
    """All its steps, from 1 on."""

    trace_id: str
    span_id: str
    room: int | None = None


@attrs.frozen(kw_only=True)
class GetRunState(Request[RunState]):
    """The state after a step; 0 is the start. ``NotFound`` when there is no such step."""

    trace_id: str
    span_id: str
    step: int
    room: int | None = None


@attrs.frozen(kw_only=True)
class GetStateDifference(Request[StateDifference]):
    """What makes the state after the second step of that after the first. ``NotFound`` when one is not known."""

    trace_id: str
    span_id: str
    first: int
    second: int
    room: int | None = None


@attrs.frozen(kw_only=True)
class BlameStep(Request[Blame]):
    """The last step that changed what is at a path, a JSON Pointer. ``NotFound`` when nothing ever was there."""

    trace_id: str
    span_id: str
    path: str
    room: int | None = None


@attrs.frozen(kw_only=True)
class NodeRun:
    """One execution of a node in one of two runs. Sums are those of the model calls in it, each counted once."""

    span_id: str
    duration_ns: int | None
    tokens: Tokens | None
    cost_usd: float | None  # of the calls that have a price
    status: NodeStatus
    patch: Patch  # all that it did to the store of the run


@attrs.frozen(kw_only=True)
class ComparedNode:
    """A node, as each of two runs executed it; ``None`` where one did not."""

    label: str
    one: NodeRun | None
    other: NodeRun | None


@attrs.frozen(kw_only=True)
class RunComparison:
    """Two runs, node by node, and where their states part; ``None`` when they never do, or are not known."""

    nodes: tuple[ComparedNode, ...]
    first_difference: FirstDifference | None


@attrs.frozen(kw_only=True)
class CompareRuns(Request[RunComparison]):
    """Compare a run with another one, of any trace."""

    trace_id: str
    span_id: str
    with_trace_id: str
    with_span_id: str
    room: int | None = None
