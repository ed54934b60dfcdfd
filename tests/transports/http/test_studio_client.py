"""The client of junjo's own SDK, over the real routes."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from tests.http_studio import HttpStudio
from tests.spans import START, any_value, otlp_request, otlp_span

pytest.importorskip("junjo", reason="junjo does not allow this version of Python")

from junjo.studio.client import StudioClient
from junjo.studio.errors import (
    ExecutionEvidencePending,
    ExecutionIdentityAmbiguous,
    StudioAuthenticationError,
    StudioAuthorizationError,
    StudioRequestError,
    StudioValidationError,
)
from junjo.studio.models import ExecutableType, SemanticExecutionReference

pytestmark = pytest.mark.integration

RECORDINGS = Path(__file__).parents[2] / "recordings"
AGENT, WORKFLOW = "EETsD65tSpRFbvfKroQwn", "b1rrh1ca7sWTegxCSEliG"


def client_of(studio: HttpStudio, key: str | None) -> StudioClient:
    return StudioClient(base_url=f"http://127.0.0.1:{studio.port}", token=key, retry_backoff_seconds=0)


def reference(
    runtime_id: str, kind: ExecutableType = ExecutableType.AGENT, *, service: str = "emit-new", namespace: str = ""
) -> SemanticExecutionReference:
    return SemanticExecutionReference(
        service_namespace=namespace, service_name=service, executable_type=kind, runtime_id=runtime_id
    )


@pytest.fixture
async def cookie(studio: HttpStudio) -> str:
    """Of somebody who has sent what both generations of junjo send."""
    cookie = await studio.set_up()
    key = await studio.make_key(cookie)
    for name in ("junjo_0.62.0", "junjo_0.69.0"):
        assert (await studio.send_spans(key, (RECORDINGS / f"{name}.bin").read_bytes())).status == 200
    return cookie


@pytest.fixture
async def client(studio: HttpStudio, cookie: str) -> AsyncIterator[StudioClient]:
    async with client_of(studio, await studio.make_key(cookie, "studio")) as client:
        yield client


async def test_health_is_what_the_client_reads(client: StudioClient) -> None:
    assert (await client.get_health()).status == "ok"


async def test_an_agent_a_workflow_and_a_subflow_are_found(client: StudioClient) -> None:
    found = await client.resolve_execution(reference(AGENT))
    assert (found.trace_id[:6], found.span_id[:6]) == ("ea22aa", "65ddd4")
    assert found.trace_path == f"/traces/emit-new/{found.trace_id}/{found.span_id}"
    assert found.detail_path == f"/agents/emit-new/{found.trace_id}/{found.span_id}"
    workflow = await client.resolve_execution(reference(WORKFLOW, ExecutableType.WORKFLOW))
    subflow = await client.resolve_execution(reference("Eekh6N0LWMiKcykyKRckL", ExecutableType.SUBFLOW))
    assert workflow.trace_id == subflow.trace_id
    assert (workflow.span_id[:6], subflow.span_id[:6]) == ("165c4f", "eff58c")
    assert workflow.detail_path == f"/workflows/emit-new/{workflow.trace_id}/{workflow.span_id}"


async def test_what_differs_in_anything_is_pending(client: StudioClient) -> None:
    for other in (
        reference("none"),
        reference(AGENT, ExecutableType.WORKFLOW),
        reference(AGENT, service="emit-legacy"),
        reference(AGENT, namespace="shop"),
        reference(AGENT.lower()),
    ):
        with pytest.raises(ExecutionEvidencePending):
            await client.resolve_execution(other)


def sent(number: int, runtime_id: str, namespace: str | None) -> bytes:
    span = otlp_span(number, trace_id=number, start=START + number)
    for key, value in {"junjo.span_type": "agent", "junjo.executable_runtime_id": runtime_id}.items():
        span.attributes.add(key=key, value=any_value(value))
    request = otlp_request(span, service="shop/näh")
    if namespace is not None:
        request.resource_spans[0].resource.attributes.add(key="service.namespace", value=any_value(namespace))
    return request.SerializeToString()


async def test_one_id_in_several_namespaces_is_ambiguous_within_one_only(
    studio: HttpStudio, cookie: str, client: StudioClient
) -> None:
    key = await studio.make_key(cookie)
    for number, namespace in enumerate((None, "", "eu", "us", "us", "us"), start=1):
        assert (await studio.send_spans(key, sent(number, "run 1", namespace))).status == 200
    found = await client.resolve_execution(reference("run 1", service="shop/näh", namespace="eu"))
    assert found.trace_path == f"/traces/shop%2Fn%C3%A4h/{3:032x}/{3:016x}"
    for namespace, count in (("us", 3), ("", 2)):
        with pytest.raises(ExecutionIdentityAmbiguous) as raised:
            await client.resolve_execution(reference("run 1", service="shop/näh", namespace=namespace))
        assert raised.value.conflict.match_count == count


async def test_keys_of_studio_and_read_may_and_others_may_not(studio: HttpStudio, cookie: str) -> None:
    async with client_of(studio, await studio.make_key(cookie, "read")) as client:
        assert (await client.resolve_execution(reference(AGENT))).runtime_id == AGENT
    async with client_of(studio, await studio.make_key(cookie, "ingest", "play", "sql", "score")) as client:
        with pytest.raises(StudioAuthorizationError):
            await client.resolve_execution(reference(AGENT))
    for key in (None, "x" * 64):
        async with client_of(studio, key) as client:
            with pytest.raises(StudioAuthenticationError):
                await client.resolve_execution(reference(AGENT))
    headers = {"x-junjo-api-key": await studio.make_key(cookie, "studio")}
    reply = await studio.call("GET", "/api/v1/observability/traces", headers=headers)
    assert (reply.status, reply.json["detail"]) == (403, "This key lacks the scope read")


async def test_evaluations_are_not_here_yet(client: StudioClient) -> None:
    with pytest.raises(StudioRequestError) as raised:
        await client.list_datasets()
    assert raised.value.status_code == 404


async def test_what_is_no_identity_is_422(studio: HttpStudio, cookie: str, client: StudioClient) -> None:
    asked = {
        "": ["missing"] * 4,
        "service_namespace=&service_name=%20&executable_type=node&runtime_id=": [
            "string_too_short",
            "enum",
            "string_too_short",
        ],
        "service_namespace=&service_name=a&executable_type=agent&runtime_id=b&q=c": ["extra_forbidden"],
    }
    for query, faults in asked.items():
        reply = await studio.call("GET", f"/api/v1/execution-resolution?{query}", cookie=cookie)
        assert (reply.status, [fault["type"] for fault in reply.json["detail"]]) == (422, faults)
    with pytest.raises(StudioValidationError):
        await client._model_request("GET", "/api/v1/execution-resolution", SemanticExecutionReference)


async def test_what_a_workflow_left_is_read_by_the_client(client: StudioClient) -> None:
    found = await client.resolve_execution(reference(WORKFLOW, ExecutableType.WORKFLOW))
    evidence = await client.get_trace_evidence(found.trace_id)
    assert evidence.spans[0]["name"] == "Emit Workflow"
    assert len(evidence.spans) == 11
    kinds = {each["name"]: each["executable_type"] for each in evidence.executables_by_span_id.values()}
    assert kinds == {
        "Emit Workflow": "workflow",
        "JokeFlow": "subflow",
        "Concurrent Pair": "run_concurrent",
        **dict.fromkeys(("First", "Count", "IncA", "IncB", "MakeJoke", "Tidy", "Final"), "node"),
    }
    assert all(each["integrity"]["status"] == "complete" for each in evidence.executables_by_span_id.values())
    assert evidence.diagnostics == ()
    workflow = evidence.executables_by_span_id[found.span_id]
    boundary = workflow["stores"]["application"]
    assert (boundary["reconstructable"], boundary["reconstruction_status"]) == (True, "verified")
    transitions = evidence.stores_by_id[boundary["store_id"]]["transitions"]
    assert [each["sequence"] for each in transitions] == list(range(1, boundary["transition_count"] + 1))
    assert transitions[0]["before"] == boundary["start"]["value"]
    assert transitions[-1]["after"] == boundary["end"]["value"]
    assert all(one["after"] == two["before"] for one, two in pairwise(transitions))
    nested = evidence.relationships_by_owner_span_id[found.span_id]["nested"]
    assert [each["name"] for each in nested] == ["First", "Count", "Concurrent Pair", "JokeFlow", "Final"]


async def test_what_an_agent_left_is_read_by_the_client(client: StudioClient) -> None:
    found = await client.resolve_execution(reference(AGENT))
    evidence = await client.get_trace_evidence(found.trace_id)
    agent = evidence.executables_by_span_id[found.span_id]
    assert (agent["runtime_id"], agent["summary"]["outcome"]) == (AGENT, "completed")
    assert agent["input"]["value"] == {"text": "weather in Oslo?"}
    assert agent["output"] == {
        "mode": "full",
        "policy": "junjo.full.v1",
        "value": "It is sunny in Oslo",
        "reference": None,
        "reason": None,
    }
    assert {role: each["reconstruction_status"] for role, each in agent["stores"].items()} == {
        "runtime": "verified",
        "application": "not_applicable",
    }
    operations = list(evidence.operations_by_owner_runtime_id[AGENT].values())
    assert [each["operation_type"] for each in operations] == ["model_request", "tool", "model_request"]
    assert [each["sequence"] for each in operations] == [1, 2, 3]
    [asked] = operations[0]["requested_tool_calls"]
    assert (asked["call_id"], asked["tool_name"], asked["admission"]) == ("c1", "weather", "admitted")
    assert operations[1]["result"]["value"] == "sunny in Oslo"


async def test_what_is_of_another_version_is_plain_spans_and_said_to_be(client: StudioClient) -> None:
    found = await client.resolve_execution(
        reference("STOhEjrIuTPPaUZI9GLYW", ExecutableType.WORKFLOW, service="emit-legacy")
    )
    evidence = await client.get_trace_evidence(found.trace_id)
    assert len(evidence.spans) == 11
    assert evidence.executables_by_span_id == evidence.stores_by_id == {}
    [diagnostic] = evidence.diagnostics
    assert (diagnostic["scope"], diagnostic["issue"]["code"]) == ("trace", "unsupported_contract")


async def test_spans_of_evidence_have_twenty_members(client: StudioClient) -> None:
    found = await client.resolve_execution(reference(AGENT))
    span = (await client.get_trace_evidence(found.trace_id)).spans[0]
    assert list(span) == [
        *("trace_id", "span_id", "parent_span_id", "service_name", "name", "kind", "start_time", "end_time"),
        *("status_code", "status_message", "attributes_json", "events_json", "links_json", "trace_flags"),
        *("trace_state", "dropped_attributes_count", "dropped_events_count", "dropped_links_count"),
        *("resource_attributes_json", "resource_dropped_attributes_count"),
    ]
    assert datetime.fromisoformat(str(span["start_time"])).utcoffset() == timedelta(0)
    assert span["resource_attributes_json"]["service.name"] == "emit-new"


async def test_a_trace_is_404_422_or_not_modified(studio: HttpStudio, cookie: str, client: StudioClient) -> None:
    with pytest.raises(StudioRequestError) as raised:
        await client.get_trace_evidence("0" * 32)
    assert raised.value.status_code == 404
    path = f"/api/v1/trace-evidence/{(await client.resolve_execution(reference(AGENT))).trace_id.upper()}"
    for asked, fault in ((path[:-1], "id_pattern"), (f"{path}?attempts=1", "extra_forbidden")):
        reply = await studio.call("GET", asked, cookie=cookie)
        assert (reply.status, reply.json["detail"][0]["type"]) == (422, fault)
    tag = (await studio.call("GET", path, cookie=cookie)).headers["ETag"]
    assert (await studio.call("GET", path, cookie=cookie, headers={"If-None-Match": tag})).status == 304


async def test_large_traces_are_answered_until_the_client_could_not_read_them(
    studio: HttpStudio, cookie: str, client: StudioClient
) -> None:
    key, trace_id = await studio.make_key(cookie), f"{7:032x}"
    megabyte = "x" * 1024 * 1024

    async def send(first: int, end: int) -> None:
        for begin in range(first, end, 5):
            spans = [otlp_span(number, trace_id=7, text=megabyte) for number in range(begin, min(begin + 5, end))]
            body = otlp_request(*spans, service="large").SerializeToString()
            assert (await studio.send_spans(key, body)).status == 200

    await send(1, 7)
    assert len((await client.get_trace_evidence(trace_id)).spans) == 6
    await send(7, 36)
    with pytest.raises(StudioRequestError) as raised:
        await client.get_trace_evidence(trace_id)
    assert raised.value.status_code == 413
