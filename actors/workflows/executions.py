"""Which spans are the executions of which nodes of a graph, and which of its edges were taken."""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Final

import attrs

from actors.workflows.executables import Executable, Kind
from actors.workflows.graphs import Graph, GraphEdge, GraphNode, graph_of
from actors.workflows.trace import TraceRuns

_DEEPEST: Final = 20  # subflows in subflows that are looked into


@attrs.frozen
class Executions:
    """Executions of each node, oldest first; and who ran after whom, by the ids of the graph."""

    by_node: dict[str, list[Executable]]
    taken: frozenset[tuple[str, str]]
    unsure: frozenset[str]  # nodes of which it is not known what came next

    def of(self, node: str) -> Sequence[Executable]:
        return self.by_node.get(node, ())


def executions_of(
    runs: TraceRuns, run: Executable, graph: Graph, check: Callable[[], None], levels: int = _DEEPEST
) -> Executions:
    """Those of a run and of the subflows in it. ``check`` may raise to end the work."""
    own: dict[str, list[Executable]] = {}
    for member in runs.members(run):
        own.setdefault(_node_id(member), []).append(member)
    by_node = dict(own)
    taken, unsure = _order(runs, run, graph)
    for node in graph.nodes if levels else ():
        subflow = own[node.id][-1] if node.is_subflow and node.id in own else None
        if subflow is not None and subflow.kind is Kind.SUBFLOW:
            check()
            names, inner = _inside(runs, subflow, graph.inside(node), check, levels - 1)
            by_node |= {names[each]: some for each, some in inner.by_node.items() if each in names}
            taken |= {(names[one], names[two]) for one, two in inner.taken if one in names and two in names}
            unsure |= {names[each] for each in inner.unsure if each in names}
    return Executions(by_node, frozenset(taken), frozenset(unsure))


def _node_id(executable: Executable) -> str:
    return executable.node_id or executable.span.span_id


def _inside(
    runs: TraceRuns, subflow: Executable, nodes: Sequence[GraphNode], check: Callable[[], None], levels: int
) -> tuple[dict[str, str], Executions]:
    """The executions in a subflow, and how the outer graph calls the nodes of its own graph."""
    graph = graph_of(subflow)
    outer = dict(_numbered(nodes))
    names = {node.id: outer[key].id for key, node in _numbered(graph.nodes) if key in outer}
    return names, executions_of(runs, subflow, graph, check, levels)


def _numbered(nodes: Sequence[GraphNode]) -> Iterator[tuple[tuple[str, str, int], GraphNode]]:
    """Nodes by type and label; those that have both in common are counted."""
    seen: dict[tuple[str, str], int] = {}
    for node in nodes:
        key = (node.type, node.label)
        seen[key] = seen.get(key, 0) + 1
        yield (*key, seen[key]), node


def _order(runs: TraceRuns, run: Executable, graph: Graph) -> tuple[set[tuple[str, str]], set[str]]:
    """Junjo runs one node after the other, so whoever began next is where an edge led."""
    direct = [_node_id(each) for each in runs.members(run) if runs.parent_of(each) is run]
    pairs = [pair for pair in pairwise(direct) if pair[0] in graph.by_id and pair[1] in graph.by_id]
    unsure = {one for one, two in pairs if (one, two) not in graph.ways}
    if run.span.end_time_unix_nano is None:
        unsure.update(direct[-1:])
    return {pair for pair in pairs if pair in graph.ways}, unsure


def is_taken(edge: GraphEdge, graph: Graph, executions: Executions) -> bool | None:
    """Whether an edge was taken. Of two between the same nodes nobody knows which one it was."""
    if (edge.tail, edge.head) in executions.taken:
        return True if graph.ways[edge.tail, edge.head] == 1 else None
    return None if edge.tail in executions.unsure else False
