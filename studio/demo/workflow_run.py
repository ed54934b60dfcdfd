"""A Junjo workflow that plans a trip: nodes, a concurrent group, a subflow with a store of its own, a condition.

Attributes, events and the graph are named as junjo 0.63 and later name them; see the Junjo part of the contract.
"""

import hashlib
import json
from typing import Any

from nanoid import generate as new_id
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from studio.demo.drafts import EventDraft, SpanDraft, TraceDraft, Value
from studio.demo.trip import (
    EDGES,
    NEVER_RUN,
    STEPS,
    STORES,
    SUBFLOW,
    TOP_LEVEL_NODES,
    WORKFLOW,
    Change,
    Edge,
    Step,
    changed,
)

SERVICE = "demo-junjo-workflow"
_CONTRACT_VERSION = 3  # what junjo 0.69 sends
_PROMPT = "Plan three days in Lisbon with these sights and this weather."


def workflow_run() -> TraceDraft:
    """Make a new run, with its own ids."""
    run = _Run()
    spans = (run.workflow(), *(run.span(step) for step in STEPS), _model_call())
    return TraceDraft(service=SERVICE, scope="junjo", spans=spans)


class _Run:
    """The ids of one run, and the states and the graph that follow from the steps."""

    def __init__(self) -> None:
        labels = [WORKFLOW, NEVER_RUN, *(step.label for step in STEPS)]
        self._ids = {label: new_id() for label in labels}
        self._store_ids = {flow: new_id() for flow in STORES}
        self._changes = sorted((change for step in STEPS for change in step.changes), key=lambda change: change.at)

    def workflow(self) -> SpanDraft:
        attributes = self._executable(WORKFLOW, "workflow", WORKFLOW) | self._flow(WORKFLOW, TOP_LEVEL_NODES)
        return SpanDraft(key=WORKFLOW, name=WORKFLOW, at=(0, 2310), attributes=attributes)

    def span(self, step: Step) -> SpanDraft:
        graph = step.label if step.kind == "subflow" else _graph_of(step)
        attributes = self._executable(step.label, step.kind, graph) | self._parent(step.inside)
        if step.kind == "subflow":
            attributes |= self._flow(step.label, sum(inner.inside == step.label for inner in STEPS))
            attributes["junjo.parent_executable_type"] = "workflow"
            attributes["junjo.workflow.parent_store.id"] = self._store_ids[step.inside]
        events = [self._set_state(change) for change in step.changes]
        return SpanDraft(
            key=step.label, name=step.label, at=step.at, parent=step.inside, attributes=attributes, events=events
        )

    def _executable(self, label: str, kind: str, graph: str) -> dict[str, Value]:
        return {
            "junjo.telemetry.contract_version": _CONTRACT_VERSION,
            "junjo.span_type": kind,
            "junjo.executable_definition_id": self._ids[label],
            "junjo.executable_runtime_id": self._ids[label],
            "junjo.executable_structural_id": _structural_id(label),
            "junjo.enclosing_graph_structural_id": _structural_id(graph),
        }

    def _parent(self, label: str) -> dict[str, Value]:
        return {
            "junjo.parent_executable_definition_id": self._ids[label],
            "junjo.parent_executable_runtime_id": self._ids[label],
            "junjo.parent_executable_structural_id": _structural_id(label),
        }

    def _flow(self, flow: str, nodes: int) -> dict[str, Value]:
        """Attributes of a workflow or subflow about its store and its graph."""
        changes = [change for change in self._changes if change.store == flow]
        start = STORES[flow][1]
        return {
            **_payload("junjo.workflow.state.start", start),
            "junjo.store.revision.start": 0,
            "junjo.store.transition.start": 0,
            "junjo.workflow.execution_graph_snapshot": json.dumps(self._graph(flow)),
            "junjo.workflow.store.id": self._store_ids[flow],
            **_payload("junjo.workflow.state.end", changed(start, changes)),
            "junjo.store.revision.end": len(changes),
            "junjo.store.transition.end": len(changes),
            "junjo.store.transition.count": len(changes),
            "junjo.store.reconstructable": True,
            "junjo.workflow.node.count": nodes,
        }

    def _set_state(self, change: Change) -> EventDraft:
        earlier = [other for other in self._changes if other.store == change.store and other.at < change.at]
        attributes: dict[str, Value] = {
            "id": new_id(),
            "junjo.store.name": STORES[change.store][0],
            "junjo.store.id": self._store_ids[change.store],
            "junjo.store.action": change.action,
            "junjo.store.transition.sequence": len(earlier) + 1,
            "junjo.store.revision.before": len(earlier),
            "junjo.store.revision.after": len(earlier) + 1,
            **_payload("junjo.state_json_patch", [change.operation]),
        }
        return EventDraft(at=change.at, name="set_state", attributes=attributes)

    def _graph(self, flow: str) -> dict[str, Any]:
        """The execution graph snapshot, version 2; that of the workflow has the nodes of its subflow too."""
        whole = flow == WORKFLOW
        steps = [step for step in STEPS if whole or step.inside == flow]
        nodes = [self._graph_node(step) for step in steps]
        if whole:
            nodes.append(self._graph_node(Step(NEVER_RUN, (0, 0))))
        edges = [self._graph_edge(edge, flow) for edge in EDGES if whole or edge.inside == flow]
        return {"v": 2, "graphStructuralId": _structural_id(flow), "nodes": nodes, "edges": edges}

    def _graph_node(self, step: Step) -> dict[str, Any]:
        node: dict[str, Any] = {
            "nodeRuntimeId": self._ids[step.label],
            "nodeStructuralId": _structural_id(step.label),
            "nodeType": "RunConcurrent" if step.kind == "run_concurrent" else step.label,
            "nodeLabel": step.label,
        }
        inner = [other.label for other in STEPS if other.inside == step.label]
        if step.kind == "run_concurrent":
            node |= {"isConcurrentSubgraph": True, "childNodeRuntimeIds": [self._ids[label] for label in inner]}
        if step.kind == "subflow":
            node |= {
                "isSubflow": True,
                "subflowGraphStructuralId": _structural_id(step.label),
                "subflowSourceNodeRuntimeId": self._ids[inner[0]],
                "subflowSourceNodeStructuralId": _structural_id(inner[0]),
                "subflowSinkNodeRuntimeIds": [self._ids[inner[-1]]],
                "subflowSinkNodeStructuralIds": [_structural_id(inner[-1])],
            }
        return node

    def _graph_edge(self, edge: Edge, flow: str) -> dict[str, Any]:
        foreign = edge.inside != flow
        return {
            "edgeStructuralId": _structural_id(f"{edge.tail} to {edge.head}", "edge"),
            "tailNodeRuntimeId": self._ids[edge.tail],
            "tailNodeStructuralId": _structural_id(edge.tail),
            "headNodeRuntimeId": self._ids[edge.head],
            "headNodeStructuralId": _structural_id(edge.head),
            "edgeConditionLabel": edge.condition,
            "edgeScope": "subflow" if foreign else "explicit",
            "parentSubflowRuntimeId": self._ids[edge.inside] if foreign else None,
        }


def _graph_of(step: Step) -> str:
    """The flow whose graph has the step."""
    return SUBFLOW if step.inside == SUBFLOW else WORKFLOW


def _payload(name: str, value: object) -> dict[str, Value]:
    """JSON text, marked as complete."""
    return {name: json.dumps(value), f"{name}.mode": "full", f"{name}.policy": "junjo.full.v1"}


def _structural_id(label: str, kind: str = "") -> str:
    """The structural id, the same in every run of the same program."""
    kind = kind or ("graph" if label in STORES else "node")
    return f"{kind}_{hashlib.sha256(label.encode()).hexdigest()[:32]}"


def _model_call() -> SpanDraft:
    """The LLM call of the last node, made by another library inside it."""
    return SpanDraft(
        key="model call",
        name="ChatCompletion",
        at=(890, 2295),
        parent="WritePlan",
        kind=Span.SPAN_KIND_CLIENT,
        attributes={
            "openinference.span.kind": "LLM",
            "llm.provider": "google",
            "llm.model_name": "gemini-2.5-flash",
            "llm.input_messages.0.message.role": "user",
            "llm.input_messages.0.message.content": _PROMPT,
            "llm.output_messages.0.message.role": "assistant",
            "llm.output_messages.0.message.content": STEPS[-1].changes[0].value,
            "llm.token_count.prompt": 164,
            "llm.token_count.completion": 58,
            "llm.token_count.total": 222,
        },
    )
