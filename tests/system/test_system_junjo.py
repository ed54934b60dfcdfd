"""Real workflows of the junjo SDK, read back in the JSON that the front end draws them from (contract, section 6)."""

import json
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from scripts.load.own_studio import OwnStudio, environment
from scripts.load.senders import SENDERS
from tests.system.conftest import Running
from tests.system.stage import WORKFLOWS, SpanJson, demand_a_graph_that_can_be_drawn, replayed, trace_of_the_workflow

pytestmark = [pytest.mark.integration, pytest.mark.requires_grpc_server]

PROGRAM = Path(__file__).parent / "trip_program.py"
RECORDINGS = Path(__file__).parents[1] / "recordings"


def run_program(running: Running, data_dir: Path, service: str) -> dict[str, Any]:
    """Run it as a process of its own, because an OpenTelemetry tracer provider is one to a process."""
    ended = subprocess.run(
        [sys.executable, PROGRAM, f"127.0.0.1:{running.studio.otlp_port}", running.key, service],
        env=environment(data_dir),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    state: dict[str, Any] = json.loads(ended.stdout)
    return state


def test_a_workflow_of_the_sdk_from_pypi(running: Running, data_dir: Path) -> None:
    pytest.importorskip("junjo", reason="junjo does not allow this version of Python")
    final_state = run_program(running, data_dir, "junjo from PyPI/now")
    workflow, spans = trace_of_the_workflow(running, "junjo%20from%20PyPI%2Fnow")
    assert workflow["name"] == "Plan Trip"
    assert workflow["junjo_wf_state_end"] == final_state
    assert {name: span["junjo_span_type"] for name, span in spans.items()} == {
        "Plan Trip": "workflow",
        "ReadRequest": "node",
        "Gather": "run_concurrent",
        "FetchWeather": "node",
        "FindSights": "node",
        "EstimateBudget": "subflow",
        "PriceHotel": "node",
        "AddMeals": "node",
        "WritePlan": "node",
    }
    for name in ("ReadRequest", "Gather", "EstimateBudget", "WritePlan"):
        assert spans[name]["parent_span_id"] == workflow["span_id"]
        assert spans[name]["junjo_parent_id"] == workflow["junjo_id"] != ""
    for name in ("FetchWeather", "FindSights"):
        assert spans[name]["junjo_parent_id"] == spans["Gather"]["junjo_id"] != ""
    for name in ("PriceHotel", "AddMeals"):
        assert spans[name]["junjo_parent_id"] == spans["EstimateBudget"]["junjo_id"] != ""

    for flow in (workflow, spans["EstimateBudget"]):
        assert replayed(flow, spans) == flow["junjo_wf_state_end"] != flow["junjo_wf_state_start"]
    assert spans["EstimateBudget"]["junjo_wf_state_end"] == {"nights": 3, "total": 560}

    nodes = demand_a_graph_that_can_be_drawn(workflow["junjo_wf_graph_structure"])
    assert nodes["Gather"]["isSubgraph"] is True
    assert set(nodes["Gather"]["children"]) == {nodes["FetchWeather"]["id"], nodes["FindSights"]["id"]}
    assert nodes["EstimateBudget"]["isSubflow"] is True
    assert nodes["EstimateBudget"]["subflowSourceId"] == nodes["PriceHotel"]["id"]
    assert nodes["EstimateBudget"]["subflowSinkId"] == nodes["AddMeals"]["id"]
    for name in ("ReadRequest", "Gather", "FetchWeather", "FindSights", "EstimateBudget", "WritePlan"):
        assert nodes[name]["id"] == spans[name]["junjo_id"]
    assert "AskForCity" in nodes  # drawn, though it never ran
    edges = workflow["junjo_wf_graph_structure"]["edges"]
    assert [edge["condition"] for edge in edges if edge["target"] == nodes["Gather"]["id"]] == ["CityIsKnown"]
    # junjo makes a new graph for each run of a subflow; the one that ran is on the subflow's own span.
    inner = demand_a_graph_that_can_be_drawn(spans["EstimateBudget"]["junjo_wf_graph_structure"])
    for name in ("PriceHotel", "AddMeals"):
        assert inner[name]["id"] == spans[name]["junjo_id"]


def assert_joined(running: Running, span: SpanJson, trace: list[SpanJson]) -> None:
    """Each span's parent is there under the name that it has for it, and so it is when it is asked for alone."""
    path = f"/api/v1/observability/traces/{span['trace_id']}/spans/{span['span_id']}"
    assert running.studio.rest("GET", path).json == span
    if span["junjo_parent_id"]:
        assert span["junjo_parent_id"] in {each["junjo_id"] for each in trace}


@pytest.mark.parametrize("protocol", SENDERS)
@pytest.mark.parametrize("recording", ["junjo_0.62.0", "junjo_0.69.0"])
def test_recorded_requests_of_both_generations(running: Running, recording: str, protocol: str) -> None:
    body = (RECORDINGS / f"{recording}.bin").read_bytes()
    with closing(SENDERS[protocol](running.studio, running.key)) as sender:
        sender.send(body)
    sent = ExportTraceServiceRequest.FromString(body)
    count = sum(len(scope.spans) for resource in sent.resource_spans for scope in resource.scope_spans)
    (service,) = running.studio.rest("GET", "/api/v1/observability/services").json
    (page,) = running.studio.pages(service, 500)
    assert len(page) == count
    workflows = running.studio.rest("GET", WORKFLOWS.format(service)).json
    assert {span["name"] for span in workflows} >= {"Emit Workflow"}
    for workflow in workflows:
        trace = [span for span in page if span["trace_id"] == workflow["trace_id"]]
        nodes = demand_a_graph_that_can_be_drawn(workflow["junjo_wf_graph_structure"])
        for span in trace:
            assert_joined(running, span, trace)
            if span["junjo_span_type"] and span["junjo_parent_id"] == workflow["junjo_id"]:
                assert nodes[span["name"]]["id"] == span["junjo_id"]
            if span["junjo_span_type"] == "subflow":
                inner = demand_a_graph_that_can_be_drawn(span["junjo_wf_graph_structure"])
                children = {each["junjo_id"] for each in trace if each["junjo_parent_id"] == span["junjo_id"]}
                assert children == {node["id"] for node in inner.values()}
                drawn = nodes[span["name"]]
                assert {edge["subflowId"] for edge in workflow["junjo_wf_graph_structure"]["edges"]} == {
                    None,
                    drawn["id"],
                }
                if recording == "junjo_0.69.0":  # 0.62 itself sends ids of nodes that are not in the graph
                    assert {drawn["subflowSourceId"], drawn["subflowSinkId"]} <= {node["id"] for node in nodes.values()}
            if span["junjo_span_type"] == "run_concurrent":
                children = {each["junjo_id"] for each in trace if each["junjo_parent_id"] == span["junjo_id"]}
                assert children == set(nodes[span["name"]]["children"])
        assert replayed(workflow, {span["span_id"]: span for span in trace}) == workflow["junjo_wf_state_end"]


async def test_junjos_own_client_accepts_a_studio_that_pulls_from_an_ingestion_service(data_dir: Path) -> None:
    """It forbids further members of the answer."""
    client = pytest.importorskip("junjo.studio.client", reason="junjo does not allow this patch release of Python")
    with OwnStudio(data_dir, INGESTION_HOST="127.0.0.1", INGESTION_PORT="9") as studio:
        async with client.StudioClient(base_url=f"http://127.0.0.1:{studio.http_port}") as asking:
            health = await asking.get_health()
    assert (health.status, health.app_name) == ("ok", "Junjo AI Studio")
