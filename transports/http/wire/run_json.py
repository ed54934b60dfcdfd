"""Runs of workflows and agents as JSON text: see ``run_answers`` for their members."""

from typing import Any

import attrs
import orjson

from actors.span_store.asked.workflows import ComparedNode, NodeRun, RunComparison
from actors.workflows.form import Blame, Run, RunNode, RunState, RunStep, StateDifference
from transports.http.wire.moments import time_text
from transports.http.wire.trace_json import tokens_document


def render_run(run: Run) -> bytes:
    """Graph, nodes, states at both ends, and what is missing."""
    document = {
        "trace_id": run.trace_id,
        "span_id": run.span_id,
        "name": run.name,
        "kind": run.kind,
        "graph": run.graph,
        "nodes": [_node(node) for node in run.nodes],
        "edges": [
            {"from": edge.tail, "to": edge.head, "condition": edge.condition, "taken": edge.taken} for edge in run.edges
        ],
        "state": {"start": run.start, "end": run.end, "steps": run.steps},
        "integrity": {
            "verdict": run.integrity.verdict,
            "losses": [{"kind": loss.kind, "detail": loss.detail} for loss in run.integrity.losses],
        },
    }
    return orjson.dumps(document)


def _node(node: RunNode) -> dict[str, Any]:
    start, end = node.start_unix_nano, node.end_unix_nano
    return {
        "id": node.id,
        "span_id": node.span_id,
        "type": node.type,
        "label": node.label,
        "status": node.status,
        "start": None if start is None else time_text(start),
        "end": None if end is None else time_text(end),
        "error": node.error,
        "children": node.children,
        "subflow": node.subflow,
        "runs": node.runs,
    }


def render_steps(steps: tuple[RunStep, ...]) -> bytes:
    return orjson.dumps({"steps": [_step(step) for step in steps]})


def _step(step: RunStep) -> dict[str, Any]:
    return {
        "step": step.step,
        "time": time_text(step.time_unix_nano),
        "span_id": step.span_id,
        "node": step.node,
        "action": step.action,
        "paths": step.paths,
    }


def render_state(state: RunState) -> bytes:
    document = {
        "step": state.step,
        "state": state.state,
        "patch": state.patch,
        "span_id": state.span_id,
        "node": state.node,
        "time": time_text(state.time_unix_nano),
        "action": state.action,
    }
    return orjson.dumps(document)


def render_difference(found: StateDifference) -> bytes:
    return orjson.dumps({"from": found.first, "to": found.second, "patch": found.patch})


def render_blame(blame: Blame) -> bytes:
    return orjson.dumps(attrs.asdict(blame, recurse=False))


def render_comparison(found: RunComparison) -> bytes:
    first = found.first_difference
    document = {
        "nodes": [_compared(node) for node in found.nodes],
        "first_difference": None if first is None else {"step": first.step, "path": first.path},
    }
    return orjson.dumps(document)


def _compared(node: ComparedNode) -> dict[str, Any]:
    return {"label": node.label, "a": _executed(node.one), "b": _executed(node.other)}


def _executed(run: NodeRun | None) -> dict[str, Any] | None:
    if run is None:
        return None
    return {
        "span_id": run.span_id,
        "duration_ns": run.duration_ns,
        "tokens": tokens_document(run.tokens),
        "cost_usd": run.cost_usd,
        "status": run.status,
        "patch": run.patch,
    }
