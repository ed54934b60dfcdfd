"""What is told of a run, as values: its graph, its states, and what is different in another one.

Times are Unix nanoseconds, paths are JSON Pointers, patches are operations of JSON Patch. Step 0 is the start.
"""

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import attrs

from actors.workflows.losses import Integrity

NodeStatus: TypeAlias = Literal["ok", "error", "running", "not_run"]
RunKind: TypeAlias = Literal["workflow", "subflow", "agent"]
Patch: TypeAlias = tuple[Mapping[str, Any], ...]


@attrs.frozen(kw_only=True)
class RunNode:
    """A node of a graph, or an operation of an agent, by its last execution."""

    id: str
    span_id: str | None
    type: str
    label: str
    status: NodeStatus
    start_unix_nano: int | None
    end_unix_nano: int | None
    error: str | None
    children: tuple[str, ...]  # nodes that it runs
    subflow: str | None  # span of the run that it is, which can be asked for by itself
    runs: int


@attrs.frozen(kw_only=True)
class RunEdge:
    """A way from node to node. ``taken`` is ``None`` where the spans do not tell."""

    tail: str
    head: str
    condition: str | None
    taken: bool | None


@attrs.frozen(kw_only=True)
class Run:
    """A run. ``graph`` is in the form that junjo sent up to 0.62."""

    trace_id: str
    span_id: str
    name: str
    kind: RunKind
    graph: Any
    nodes: tuple[RunNode, ...]
    edges: tuple[RunEdge, ...]
    start: Any
    end: Any
    steps: int
    integrity: Integrity


@attrs.frozen(kw_only=True)
class RunStep:
    """A step: who did what, and where it changed something."""

    step: int
    time_unix_nano: int
    span_id: str
    node: str | None  # label of the node
    action: str | None
    paths: tuple[str, ...]


@attrs.frozen(kw_only=True)
class RunState:
    """The state after a step, and the patch that made it. ``None`` where it is not known."""

    step: int
    state: Any
    patch: Patch
    span_id: str
    node: str | None
    time_unix_nano: int
    action: str | None


@attrs.frozen(kw_only=True)
class StateDifference:
    """What makes the second of two states of the first."""

    first: int
    second: int
    patch: Patch


@attrs.frozen(kw_only=True)
class FirstDifference:
    """Where the states of two runs part: after which step, and where in the state."""

    step: int
    path: str


@attrs.frozen(kw_only=True)
class Blame:
    """The last step that changed what is at a path. Without a step it is from the start."""

    path: str
    step: int | None
    span_id: str | None
    node: str | None
    value: Any
