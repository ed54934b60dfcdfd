"""Nodes and edges of a run, with what became of them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from actors.workflows.executables import Executable, Kind, Operation, OperationKind
from actors.workflows.executions import Executions, executions_of, is_taken
from actors.workflows.form import NodeStatus, RunEdge, RunNode
from actors.workflows.graphs import Graph, GraphNode
from actors.workflows.span import Span
from actors.workflows.trace import TraceRuns


def nodes_of(
    runs: TraceRuns, run: Executable, graph: Graph, check: Callable[[], None]
) -> tuple[tuple[RunNode, ...], tuple[RunEdge, ...]]:
    """Those of a run. Without a graph its nodes are what ran, in order; those of an agent are its operations."""
    if run.kind is Kind.AGENT:
        return _of_agent(runs, run)
    executions = executions_of(runs, run, graph, check)
    loose = [each for each in runs.members(run) if _id_of(each) not in graph.by_id]
    within = _held(runs, loose)
    nodes = [_drawn(node, executions, within.get(node.id, ())) for node in graph.nodes]
    nodes += [_of_executions(_id_of(some[-1]), some, within) for some in _by_id(loose).values()]
    edges = [
        RunEdge(tail=edge.tail, head=edge.head, condition=edge.condition, taken=is_taken(edge, graph, executions))
        for edge in graph.edges
    ]
    return tuple(nodes), tuple(edges if graph.nodes else _one_after_the_other(runs, run))


def _id_of(executable: Executable) -> str:
    return executable.node_id or executable.span.span_id


def _by_id(executables: Iterable[Executable]) -> dict[str, list[Executable]]:
    found: dict[str, list[Executable]] = {}
    for each in executables:
        found.setdefault(_id_of(each), []).append(each)
    return found


def _held(runs: TraceRuns, executables: Iterable[Executable]) -> dict[str, list[str]]:
    """What a graph does not have, by the node that runs it: an agent in a node, say."""
    found: dict[str, dict[str, None]] = {}
    for each in executables:
        above = runs.parent_of(each)
        if above is not None and not above.is_run:
            found.setdefault(_id_of(above), {})[_id_of(each)] = None
    return {node: list(held) for node, held in found.items()}


def _drawn(node: GraphNode, executions: Executions, held: Sequence[str]) -> RunNode:
    """A node that the graph has."""
    some = executions.of(node.id)
    last = some[-1] if some else None
    return RunNode(
        id=node.id,
        type=node.type,
        label=node.label,
        children=(*node.children, *held),
        subflow=last.span.span_id if last is not None and last.is_run else None,
        runs=len(some),
        **_told(last.span if last else None),
    )


def _of_executions(name: str, some: Sequence[Executable], held: Mapping[str, Sequence[str]]) -> RunNode:
    last = some[-1]
    return RunNode(
        id=name,
        type=last.kind.value,
        label=last.name,
        children=tuple(held.get(name, ())),
        subflow=last.span.span_id if last.is_run else None,
        runs=len(some),
        **_told(last.span),
    )


def _told(span: Span | None) -> dict[str, Any]:
    """What the span of an execution tells of a node; without one it did not run."""
    return {
        "span_id": None if span is None else span.span_id,
        "status": "not_run" if span is None else status_of(span),
        "start_unix_nano": None if span is None else span.start_time_unix_nano,
        "end_unix_nano": None if span is None else span.end_time_unix_nano,
        "error": None if span is None else error_of(span),
    }


def status_of(span: Span) -> NodeStatus:
    """Whoever was cancelled did not do what he was for, though OpenTelemetry calls it no error."""
    if span.end_time_unix_nano is None:
        return "running"
    return "error" if span.status == "error" or span.flag("junjo.cancelled") else "ok"


def error_of(span: Span) -> str | None:
    """What went wrong, in the words of the sender."""
    if span.flag("junjo.cancelled"):
        reason = span.text("junjo.cancelled_reason")
        return f"Cancelled: {reason}" if reason else "Cancelled"
    return None if span.status != "error" else span.status_message or span.text("error.type") or "Failed"


def _one_after_the_other(runs: TraceRuns, run: Executable) -> Iterator[RunEdge]:
    """The ways that were taken, where no graph tells all there are."""
    direct = [_id_of(each) for each in runs.members(run) if runs.parent_of(each) is run]
    for tail, head in dict.fromkeys(pairwise(direct)):
        yield RunEdge(tail=tail, head=head, condition=None, taken=True)


def _of_agent(runs: TraceRuns, agent: Executable) -> tuple[tuple[RunNode, ...], tuple[RunEdge, ...]]:
    operations = runs.operations_of(agent)
    members, within = runs.members(agent), runs.nearest(runs.operations)
    held: dict[str, list[str]] = {}
    for member in members:
        held.setdefault(within.get(member.span.span_id, ""), []).append(_id_of(member))
    nodes = [_operation(each, held.get(each.span.span_id, ())) for each in operations]
    nodes += [_of_executions(_id_of(some[-1]), some, {}) for some in _by_id(members).values()]
    return tuple(nodes), tuple(_loop(operations))


def _operation(operation: Operation, held: Sequence[str]) -> RunNode:
    span = operation.span
    return RunNode(
        id=span.span_id,
        type=operation.kind.value,
        label=label_of(operation),
        children=tuple(dict.fromkeys(held)),
        subflow=None,
        runs=1,
        **_told(span),
    )


def label_of(operation: Operation) -> str:
    """The name of a tool; a model request is called after its place, as its span is."""
    return operation.name if operation.kind is OperationKind.TOOL else operation.span.name


def _loop(operations: Sequence[Operation]) -> Iterator[RunEdge]:
    """From each model request to the tools that it called, and from these to the next one."""
    asked, called = [], []  # type: list[Operation], list[Operation]
    for each in operations:
        is_tool = each.kind is OperationKind.TOOL
        for tail in asked if is_tool else called or asked:
            yield RunEdge(tail=tail.span.span_id, head=each.span.span_id, condition=None, taken=True)
        if is_tool:
            called.append(each)
        else:
            asked, called = [each], []
