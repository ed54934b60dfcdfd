"""Members of the answers about runs of workflows and agents. They describe what ``run_json`` makes."""

from datetime import datetime
from typing import Any

import attrs

from transports.http.framework.route import described
from transports.http.wire.trace_answers import TokensAnswer

TRACE_ID, SPAN_ID, NODE_SPAN_ID = "0af7651916cd43dd8448eb211c80319c", "00f067aa0ba902b7", "53995c3f42cd8ad8"
_START, _END = "2026-11-30T07:00:00.123Z", "2026-11-30T07:00:00.935Z"
_STATUSES = ["ok", "error", "running", "not_run"]
_OPERATION: dict[str, Any] = {"op": "replace", "path": "/count", "value": 2}
_TOKENS = {"input": 100, "output": 20, "cache_read": 40, "cache_write": None, "reasoning": 8}
_NODE: dict[str, Any] = {
    "id": "vfxMNwNumR4wMZWBK0qWL",
    "span_id": NODE_SPAN_ID,
    "type": "Count",
    "label": "Count",
    "status": "ok",
    "start": _START,
    "end": _END,
    "error": None,
    "children": ["xNWkZElmEjZUAOLe2zYaQ"],
    "subflow": None,
    "runs": 1,
}
_GRAPH: dict[str, Any] = {
    "v": 1,
    "nodes": [{"id": "vfxMNwNumR4wMZWBK0qWL", "type": "Count", "label": "Count"}],
    "edges": [
        {
            "id": "edge_5d7fd080a5d48ab63a79d0545573ac91",
            "source": "ijasws8huv9QYXT0LifsZ",
            "target": "vfxMNwNumR4wMZWBK0qWL",
            "condition": "HasItems",
            "type": "explicit",
            "subflowId": None,
        }
    ],
}
_EDGE = {"from": "ijasws8huv9QYXT0LifsZ", "to": "vfxMNwNumR4wMZWBK0qWL", "condition": "HasItems", "taken": True}
_LOSS = {"kind": "missing_transitions", "detail": "Transitions 4 to 7 of the store did not come"}
_STEP: dict[str, Any] = {
    "step": 3,
    "time": _START,
    "span_id": NODE_SPAN_ID,
    "node": "Count",
    "action": "set_count",
    "paths": ["/count"],
}
_RUN: dict[str, Any] = {
    "span_id": NODE_SPAN_ID,
    "duration_ns": 812000000,
    "tokens": _TOKENS,
    "cost_usd": 0.00031,
    "status": "ok",
    "patch": [_OPERATION],
}


@attrs.frozen(kw_only=True)
class RunNodeAnswer:
    """A node of the graph, or an operation of an agent, by its last execution."""

    id: str = attrs.field(metadata=described("Its name in the graph; of an operation, its span", _NODE["id"]))
    span_id: str | None = attrs.field(metadata=described("Span of the last execution; null without any", NODE_SPAN_ID))
    type: str = attrs.field(metadata=described("Class of the node; model_request or tool in an agent", "Count"))
    label: str = attrs.field(metadata=described("Name for people", "Count"))
    status: str = attrs.field(metadata=described("What became of it", "ok") | {"enum": _STATUSES})
    start: datetime | None = attrs.field(metadata=described("UTC, nine decimals; null when it did not run", _START))
    end: datetime | None = attrs.field(metadata=described("UTC, nine decimals; null while it runs", _END))
    error: str | None = attrs.field(metadata=described("What went wrong, in the words of the sender", None))
    children: list[str] = attrs.field(metadata=described("Nodes that it runs", _NODE["children"]))
    subflow: str | None = attrs.field(
        metadata=described("Span of the run that it is, which can be asked for by itself", None)
    )
    runs: int = attrs.field(metadata=described("How often it was executed", 1))


@attrs.frozen(kw_only=True)
class RunEdgeAnswer:
    """A way from node to node."""

    from_: str = attrs.field(metadata=described("Node that it begins at", _EDGE["from"]))
    to: str = attrs.field(metadata=described("Node that it leads to", _EDGE["to"]))
    condition: str | None = attrs.field(metadata=described("Name of its condition", "HasItems"))
    taken: bool | None = attrs.field(
        metadata=described("Whether the run went there; null when the spans do not tell", example=True)
    )


@attrs.frozen(kw_only=True)
class EndsAnswer:
    """The states of a run at its two ends, and how many steps are between."""

    start: Any = attrs.field(metadata=described("State at the start; null when it is not known", {"count": None}))
    end: Any = attrs.field(
        metadata=described("State at the end as it was recorded, else after the last step", {"count": 2})
    )
    steps: int = attrs.field(metadata=described("Number of steps", 14))


@attrs.frozen(kw_only=True)
class LossAnswer:
    """Something of the run that is not there, or contradicts something else."""

    kind: str = attrs.field(metadata=described("Kind of the loss, see docs/workflows.md", _LOSS["kind"]))
    detail: str = attrs.field(metadata=described("A sentence for people", _LOSS["detail"]))


@attrs.frozen(kw_only=True)
class IntegrityAnswer:
    """Whether what is shown is all of the run."""

    verdict: str = attrs.field(
        metadata=described("complete without any loss", "partial") | {"enum": ["complete", "partial"]}
    )
    losses: list[LossAnswer] = attrs.field(metadata=described("What is missing, a hundred at most", [_LOSS]))


@attrs.frozen(kw_only=True)
class RunAnswer:
    """A run of a workflow, a subflow or an agent."""

    trace_id: str = attrs.field(metadata=described("32 lower-case hex digits", TRACE_ID))
    span_id: str = attrs.field(metadata=described("16 lower-case hex digits", SPAN_ID))
    name: str = attrs.field(metadata=described("Name of the workflow or agent", "Support flow"))
    kind: str = attrs.field(metadata=described("What runs", "workflow") | {"enum": ["workflow", "subflow", "agent"]})
    graph: dict[str, Any] | None = attrs.field(
        metadata=described("Graph as junjo drew it up to 0.62; null without one", _GRAPH)
    )
    nodes: list[RunNodeAnswer] = attrs.field(metadata=described("Nodes, in the order of the graph", [_NODE]))
    edges: list[RunEdgeAnswer] = attrs.field(metadata=described("Ways between them", [_EDGE]))
    state: EndsAnswer = attrs.field(
        metadata=described("States at both ends", {"start": {"count": None}, "end": {"count": 2}, "steps": 14})
    )
    integrity: IntegrityAnswer = attrs.field(
        metadata=described("Whether this is all of it", {"verdict": "partial", "losses": [_LOSS]})
    )


@attrs.frozen(kw_only=True)
class RunStepAnswer:
    """A step, without its state."""

    step: int = attrs.field(metadata=described("Number of the step, from 1", 3))
    time: datetime = attrs.field(metadata=described("UTC, nine decimals", _START))
    span_id: str = attrs.field(metadata=described("Span that recorded it", NODE_SPAN_ID))
    node: str | None = attrs.field(metadata=described("Label of the node; null for the run itself", "Count"))
    action: str | None = attrs.field(metadata=described("Action of the store", "set_count"))
    paths: list[str] = attrs.field(
        metadata=described("Where it changed something, as JSON Pointers, a hundred at most", ["/count"])
    )


@attrs.frozen(kw_only=True)
class RunStepsAnswer:
    """All steps of a run."""

    steps: list[RunStepAnswer] = attrs.field(metadata=described("In the order in which they were made", [_STEP]))


@attrs.frozen(kw_only=True)
class RunStateAnswer:
    """The state of a run after a step."""

    step: int = attrs.field(metadata=described("Number of the step, 0 for the start", 3))
    state: Any = attrs.field(metadata=described("The state; null when it is not known", {"count": 2}))
    patch: list[dict[str, Any]] = attrs.field(metadata=described("JSON Patch that made it", [_OPERATION]))
    span_id: str = attrs.field(metadata=described("Span that recorded the step", NODE_SPAN_ID))
    node: str | None = attrs.field(metadata=described("Label of the node; null for the run itself", "Count"))
    time: datetime = attrs.field(metadata=described("UTC, nine decimals", _START))
    action: str | None = attrs.field(metadata=described("Action of the store", "set_count"))


@attrs.frozen(kw_only=True)
class StateDifferenceAnswer:
    """What makes one state of another."""

    from_: int = attrs.field(metadata=described("Step whose state is the first", 2))
    to: int = attrs.field(metadata=described("Step whose state is the second", 3))
    patch: list[dict[str, Any]] = attrs.field(metadata=described("JSON Patch; empty when both are equal", [_OPERATION]))


@attrs.frozen(kw_only=True)
class BlameAnswer:
    """The last step that changed what is at a path."""

    path: str = attrs.field(metadata=described("JSON Pointer that was asked for", "/count"))
    step: int | None = attrs.field(metadata=described("Number of the step; null when it is from the start", 3))
    span_id: str | None = attrs.field(metadata=described("Span that recorded the step", NODE_SPAN_ID))
    node: str | None = attrs.field(metadata=described("Label of the node", "Count"))
    value: Any = attrs.field(metadata=described("What is there at the end; null when it was removed", 2))


@attrs.frozen(kw_only=True)
class NodeRunAnswer:
    """One execution of a node."""

    span_id: str = attrs.field(metadata=described("Its span", NODE_SPAN_ID))
    duration_ns: int | None = attrs.field(metadata=described("Nanoseconds; null while it runs", 812000000))
    tokens: TokensAnswer | None = attrs.field(metadata=described("Sums of the model calls in it", _TOKENS))
    cost_usd: float | None = attrs.field(metadata=described("US dollars of its calls that have a price", 0.00031))
    status: str = attrs.field(metadata=described("What became of it", "ok") | {"enum": _STATUSES})
    patch: list[dict[str, Any]] = attrs.field(
        metadata=described("All that it did to the state of the run", [_OPERATION])
    )


@attrs.frozen(kw_only=True)
class ComparedNodeAnswer:
    """A node, as each of the two runs executed it."""

    label: str = attrs.field(metadata=described("Label of the node", "Count"))
    a: NodeRunAnswer | None = attrs.field(metadata=described("In this run; null when it did not run", _RUN))
    b: NodeRunAnswer | None = attrs.field(metadata=described("In the other run; null when it did not run", _RUN))


@attrs.frozen(kw_only=True)
class FirstDifferenceAnswer:
    """Where the states of the runs part."""

    step: int = attrs.field(metadata=described("After this step, 0 for the start", 3))
    path: str = attrs.field(metadata=described("JSON Pointer to what is different", "/count"))


@attrs.frozen(kw_only=True)
class RunComparisonAnswer:
    """Two runs, node by node."""

    nodes: list[ComparedNodeAnswer] = attrs.field(
        metadata=described("Those with one label side by side", [{"label": "Count", "a": _RUN, "b": _RUN}])
    )
    first_difference: FirstDifferenceAnswer | None = attrs.field(
        metadata=described("null when the states are the same, or not known", {"step": 3, "path": "/count"})
    )
