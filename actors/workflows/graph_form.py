"""The graph of a workflow in the form that the front end draws, from either generation of the Junjo SDK.

Up to 0.62 the SDK sends that form itself. Since 0.63 it sends a snapshot with other names (contract, section 6).
"""

from typing import Any, TypeGuard

_DRAWN_VERSION = 1  # of the form that junjo sent up to 0.62


def drawn_graph(snapshot: Any) -> dict[str, Any] | None:  # noqa: ANN401 - whatever JSON a program sent
    """Translate an ``execution_graph_snapshot``; ``None`` when it is not one."""
    if not isinstance(snapshot, dict):
        return None
    nodes, edges = snapshot.get("nodes"), snapshot.get("edges")
    if not (_are_objects(nodes) and _are_objects(edges)):
        return None
    return {
        "v": _DRAWN_VERSION,
        "nodes": [_node(node) for node in nodes],
        "edges": [_edge(edge) for edge in edges],
    }


def _are_objects(value: object) -> TypeGuard[list[dict[str, Any]]]:
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)


def _node(node: dict[str, Any]) -> dict[str, Any]:
    drawn = {"id": node.get("nodeRuntimeId"), "type": node.get("nodeType"), "label": node.get("nodeLabel")}
    if "isConcurrentSubgraph" in node:
        drawn["isSubgraph"] = node["isConcurrentSubgraph"]
    if "childNodeRuntimeIds" in node:
        drawn["children"] = node["childNodeRuntimeIds"]
    if "isSubflow" in node:
        drawn["isSubflow"] = node["isSubflow"]
    if "subflowSourceNodeRuntimeId" in node:
        drawn["subflowSourceId"] = node["subflowSourceNodeRuntimeId"]
    sinks = node.get("subflowSinkNodeRuntimeIds")
    if isinstance(sinks, list) and sinks:
        drawn["subflowSinkId"] = sinks[0]  # the old form knows one
    return drawn


def _edge(edge: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": edge.get("edgeStructuralId"),
        "source": edge.get("tailNodeRuntimeId"),
        "target": edge.get("headNodeRuntimeId"),
        "condition": edge.get("edgeConditionLabel"),
        "type": edge.get("edgeScope"),
        "subflowId": edge.get("parentSubflowRuntimeId"),
    }
