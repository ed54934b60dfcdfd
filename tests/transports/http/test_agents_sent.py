"""Agents that junjo's SDK really runs, sent over OTLP and read by its own client."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from scripts.load.own_studio import environment
from tests.http_studio import HttpStudio

pytest.importorskip("junjo", reason="junjo does not allow this version of Python")

from junjo.studio.client import StudioClient
from junjo.studio.models import ExecutableType, SemanticExecutionReference, TraceEvidenceRead

pytestmark = pytest.mark.integration

PROGRAM = Path(__file__).parent / "agent_program.py"
LIST = "/api/v1/agent-executions?service_namespace=travel&service_name=trip+desk"


async def run_program(studio: HttpStudio, key: str, folder: Path) -> dict[str, str]:
    """Run it as a process of its own, because an OpenTelemetry tracer provider is one to a process."""
    program = await asyncio.create_subprocess_exec(
        sys.executable,
        PROGRAM,
        f"http://127.0.0.1:{studio.port}",
        key,
        env=environment(folder),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, errors = await program.communicate()
    assert (program.returncode, errors.decode()) == (0, "")
    ran: dict[str, str] = json.loads(out)
    return ran


def reference(kind: ExecutableType, runtime_id: str) -> SemanticExecutionReference:
    return SemanticExecutionReference(
        service_namespace="travel", service_name="trip desk", executable_type=kind, runtime_id=runtime_id
    )


async def test_agents_of_the_sdk_from_pypi(studio: HttpStudio, tmp_path: Path) -> None:
    cookie = await studio.set_up()
    ran = await run_program(studio, await studio.make_key(cookie), tmp_path)
    key = await studio.make_key(cookie, "studio")
    async with StudioClient(base_url=f"http://127.0.0.1:{studio.port}", token=key) as client:
        agent = await client.resolve_execution(reference(ExecutableType.AGENT, ran["planner"]))
        workflow = await client.resolve_execution(reference(ExecutableType.WORKFLOW, ran["workflow"]))
        evidence = await client.get_trace_evidence(agent.trace_id)
        assert workflow.trace_id == agent.trace_id
        demand_planner(evidence, agent.span_id, workflow.span_id)
        runs = (await studio.call("GET", LIST, headers={"Authorization": f"Bearer {key}"})).json
        demand_runs(runs, ran["planner"])
        for run, code in ((runs[0], "cancelled"), (runs[1], "failed")):
            other = await client.get_trace_evidence(run["trace_id"])
            executable = other.executables_by_span_id[run["agent_span_id"]]
            assert executable["summary"] == run
            assert executable["integrity"]["status"] == "complete", executable["integrity"]
            assert (executable["error"] is not None, executable["cancellation"] is not None) == (
                code == "failed",
                code == "cancelled",
            )
    [asked] = next(iter(other.operations_by_owner_runtime_id.values()))
    assert asked


def demand_planner(evidence: TraceEvidenceRead, agent_id: str, workflow_id: str) -> None:
    """What the agent did, and what the workflow in its tool did to the store that both share."""
    agent: Any = evidence.executables_by_span_id[agent_id]
    workflow: Any = evidence.executables_by_span_id[workflow_id]
    assert evidence.diagnostics == ()
    assert agent["integrity"]["status"] == workflow["integrity"]["status"] == "complete"
    shared = agent["stores"]["application"]
    assert shared["store_id"] == workflow["stores"]["application"]["store_id"]
    assert (shared["sequence_start"], shared["sequence_end"]) == (0, 3)
    assert workflow["stores"]["application"]["sequence_start"] == 1
    assert {each["reconstruction_status"] for each in agent["stores"].values()} == {"verified"}
    log: Any = evidence.stores_by_id[shared["store_id"]]["transitions"]
    assert [each["action"] for each in log] == ["set_city", "add_sight", "add_sight"]
    assert log[-1]["after"] == {"city": "Lisbon", "sights": ["the castle", "the sea"]}
    [nested] = evidence.relationships_by_owner_span_id[agent_id]["nested"]
    operations: Any = evidence.operations_by_owner_runtime_id[agent["runtime_id"]]
    tool = operations[nested["parent_operation_span_id"]]
    assert (tool["tool_name"], tool["sequence"]) == ("plan", nested["parent_operation_sequence"])
    parent: Any = evidence.relationships_by_owner_span_id[workflow_id]["parent"]
    assert (parent["executable_type"], parent["span_id"]) == ("agent", agent_id)
    assert parent["physical_parent_span_id"] == nested["parent_operation_span_id"]


def demand_runs(runs: Any, planner: str) -> None:
    """The list, newest first."""
    assert [(run["agent_key"], run["outcome"], run["termination_reason"]) for run in runs] == [
        ("interrupted", "cancelled", "cancelled"),
        ("confused", "failed", "unknown_tool"),
        ("planner", "completed", "final_output"),
    ]
    run = runs[-1]
    assert run["runtime_id"] == planner
    assert run["service"] == {"namespace": "travel", "name": "trip desk", "version": "1.4.0"}
    assert run["limits"] == {"model_requests": 8, "tool_calls": 32}
    assert run["counts"] == {
        "operations": 3,
        "model_requests": 2,
        "tool_calls": {"requested": 1, "admitted": 1, "started": 1, "completed": 1},
    }
    assert run["usage"] == {
        "model_responses": 2,
        "fields": {
            "inputTokens": {"sum": 200, "observations": 2},
            "outputTokens": {"sum": 40, "observations": 2},
        },
    }
    assert run["duration_ns"] > 0
