"""The graph that a run recorded, whatever it is: both generations in the form of the older one."""

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, Final

import attrs
import orjson

from actors.workflows.executables import Executable
from actors.workflows.graph_form import drawn_graph
from actors.workflows.json_values import depth_of
from actors.workflows.losses import Losses

_DEEPEST: Final = 100  # levels
_OLD: Final = "junjo.workflow.graph_structure"
_SNAPSHOT: Final = "junjo.workflow.execution_graph_snapshot"


@attrs.frozen
class GraphNode:
    """A node as the graph has it."""

    id: str
    type: str
    label: str
    children: tuple[str, ...]
    is_subflow: bool
    source: str | None  # of the subflow that it is


@attrs.frozen
class GraphEdge:
    """An edge as the graph has it."""

    tail: str
    head: str
    condition: str | None
    subflow: str | None  # the node that it is in


@attrs.frozen(slots=False)
class Graph:
    """A graph with those of its subflows, whose nodes have other ids there than in their own graphs."""

    document: Any
    nodes: tuple[GraphNode, ...]
    edges: tuple[GraphEdge, ...]

    def inside(self, subflow: GraphNode) -> list[GraphNode]:
        """The nodes of a subflow and of those in it, in the order of the graph."""
        found: set[str] = set()
        waiting = [subflow]
        while waiting:
            for each in self._directly_inside(waiting.pop()):
                if each.id not in found:
                    found.add(each.id)
                    waiting.append(each)
        return [node for node in self.nodes if node.id in found]

    def _directly_inside(self, node: GraphNode) -> Iterator[GraphNode]:
        ids = [*node.children, *self._ends.get(node.id, ())]
        ids += [node.source] if node.is_subflow and node.source else []
        return (self.by_id[each] for each in ids if each in self.by_id)

    @cached_property
    def by_id(self) -> dict[str, GraphNode]:
        return {node.id: node for node in self.nodes}

    @cached_property
    def ways(self) -> Counter[tuple[str, str]]:
        """How many edges lead from a node to another."""
        return Counter((edge.tail, edge.head) for edge in self.edges)

    @cached_property
    def _ends(self) -> dict[str, list[str]]:
        """Both ends of the edges of each subflow."""
        found: dict[str, list[str]] = {}
        for edge in self.edges:
            if edge.subflow is not None:
                found.setdefault(edge.subflow, []).extend((edge.tail, edge.head))
        return found


NO_GRAPH: Final = Graph(None, (), ())


def graph_of(run: Executable, losses: Losses | None = None) -> Graph:
    """The graph of a workflow or subflow. One that cannot be read is empty, and a loss; agents have none."""
    text = run.span.text(_OLD) or run.span.text(_SNAPSHOT)
    if text is None:
        return NO_GRAPH
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError:
        document = None
    graph = _graph(document if run.span.text(_OLD) else drawn_graph(document))
    if graph is None and losses is not None:
        losses.add("unreadable_graph", "The graph of the run cannot be read")
    return graph or NO_GRAPH


def _graph(document: Any) -> Graph | None:  # noqa: ANN401 - whatever JSON a program sent
    if not isinstance(document, dict) or depth_of(document) > _DEEPEST:
        return None
    nodes, edges = document.get("nodes"), document.get("edges")
    if not isinstance(nodes, list) or not isinstance(edges, list):
        return None
    read = {node.id: node for each in nodes if (node := _node(each))}
    return Graph(document, tuple(read.values()), tuple(edge for each in edges if (edge := _edge(each))))


def _node(node: Any) -> GraphNode | None:  # noqa: ANN401 - whatever JSON a program sent
    if not isinstance(node, dict) or (name := _text(node.get("id"))) is None:
        return None
    return GraphNode(
        id=name,
        type=_text(node.get("type")) or "",
        label=_text(node.get("label")) or name,
        children=tuple(_texts(node.get("children"))),
        is_subflow=node.get("isSubflow") is True,
        source=_text(node.get("subflowSourceId")),
    )


def _edge(edge: Any) -> GraphEdge | None:  # noqa: ANN401 - whatever JSON a program sent
    if not isinstance(edge, dict):
        return None
    tail, head = _text(edge.get("source")), _text(edge.get("target"))
    if tail is None or head is None:
        return None
    return GraphEdge(tail, head, _text(edge.get("condition")), _text(edge.get("subflowId")))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _texts(value: object) -> Sequence[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []
