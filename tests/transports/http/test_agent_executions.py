"""The list of runs of agents: what is asked for, pages, and what cannot be shown."""

from typing import Any

import pytest

from tests.http_studio import HttpStudio, Reply
from tests.spans import START, any_value, otlp_request, otlp_span
from tests.transports.http.stage import Reader

pytestmark = pytest.mark.integration

LIST = "/api/v1/agent-executions"
SHOP = f"{LIST}?service_namespace=&service_name=shop"


def agent(number: int, **more: Any) -> dict[str, Any]:
    """What a run says. Members are named with _ in place of dots."""
    return {
        "junjo.telemetry.contract_version": 3,
        "junjo.span_type": "agent",
        "junjo.executable_definition_id": "definition",
        "junjo.executable_runtime_id": f"run {number}",
        "junjo.executable_structural_id": f"agent_sha256:{number % 2}",
        "junjo.agent.key": ("support", "search")[number % 2],
        "junjo.agent.name": "An agent",
        "junjo.agent.limit.model_requests": 8,
        "junjo.agent.limit.tool_calls": 8,
        "junjo.agent.operation.count": 1,
        "junjo.agent.model_request.count": 1,
        "junjo.agent.tool_call.requested_count": 0,
        "junjo.agent.tool_call.admitted_count": 0,
        "junjo.agent.tool_call.started_count": 0,
        "junjo.agent.tool_call.completed_count": 0,
        "junjo.agent.usage": '{"v":1,"modelResponses":1,"fields":{"inputTokens":{"sum":7,"observations":1}}}',
        "junjo.agent.outcome": ("completed", "failed")[number % 3 == 0],
        "junjo.agent.termination_reason": ("final_output", "tool_error")[number % 3 == 0],
        **more,
    }


async def send(reader: Reader, runs: dict[int, dict[str, Any]], **resource: str) -> None:
    """Each run is a trace of its own."""
    spans = [otlp_span(number, trace_id=number, start=START + number, **told) for number, told in runs.items()]
    request = otlp_request(*spans, service="shop")
    for key, value in resource.items():
        request.resource_spans[0].resource.attributes.add(key=key.replace("_", "."), value=any_value(value))
    await reader.send_bytes(request.SerializeToString())


async def get(studio: HttpStudio, reader: Reader, query: str = "") -> Reply:
    return await studio.call("GET", f"{SHOP}{query}", cookie=reader.cookie)


async def found(studio: HttpStudio, reader: Reader, query: str = "") -> list[int]:
    """The numbers of the runs, newest first."""
    reply = await get(studio, reader, query)
    assert reply.status == 200, reply.body
    return [int(run["runtime_id"].removeprefix("run ")) for run in reply.json]


async def test_runs_are_found_by_all_that_is_asked(studio: HttpStudio, reader: Reader) -> None:
    await send(reader, {number: agent(number) for number in range(1, 7)}, service_version="1")
    await send(reader, {7: agent(7)}, service_version="2")
    await send(reader, {8: agent(8)}, service_namespace="eu")
    others = {"junjo.telemetry.contract_version": 4}
    await send(reader, {9: agent(9, **others), 10: agent(10, **{"junjo.span_type": "workflow"})})
    wanted = {
        "": [7, 6, 5, 4, 3, 2, 1],
        "&agent_key=support": [6, 4, 2],
        "&structural_id=agent_sha256:1": [7, 5, 3, 1],
        "&service_version=2": [7],
        "&outcome=failed": [6, 3],
        "&outcome=cancelled": [],
        "&outcome=failed&agent_key=search": [3],
        "&start_time=2023-11-14T22:13:20.000000004Z&end_time=2023-11-14T22:13:20.000000006Z": [5, 4],
        "&agent_key=none": [],
    }
    assert {query: await found(studio, reader, query) for query in wanted} == wanted
    european = await studio.call(
        "GET", f"{LIST}?service_namespace=eu&service_name=shop", headers={"Cookie": f"session={reader.cookie}"}
    )
    assert [run["service"] for run in european.json] == [{"namespace": "eu", "name": "shop", "version": None}]


async def test_pages_have_every_run_once(studio: HttpStudio, reader: Reader) -> None:
    await send(reader, {number: agent(number) for number in range(1, 70)})
    seen, query = [], "&limit=30"
    for _ in range(3):
        reply = await get(studio, reader, query)
        seen += [run["runtime_id"] for run in reply.json]
        assert ("Link" in reply.headers) == ("X-Next-Cursor" in reply.headers)
        query = f"&limit=30&after={reply.headers.get('X-Next-Cursor', '')}"
    assert query.endswith("=")
    assert seen == [f"run {number}" for number in range(69, 0, -1)]


async def test_runs_that_contradict_themselves_are_409_until_they_are_not_asked_for(
    studio: HttpStudio, reader: Reader
) -> None:
    await send(reader, {1: agent(1), 2: agent(2, **{"junjo.agent.outcome": "cancelled"}), 3: agent(3)})
    reply = await get(studio, reader)
    assert (reply.status, set(reply.json)) == (409, {"code", "message", "diagnostics"})
    assert reply.json["code"] == "unidentifiable_agent"
    [fault] = reply.json["diagnostics"]
    assert (fault["code"], fault["path"]) == ("contradiction", f"{2:032x}/{2:016x}.junjo.agent.outcome")
    assert await found(studio, reader, "&outcome=failed") == [3]


async def test_what_cannot_be_asked_is_422(studio: HttpStudio, reader: Reader) -> None:
    asked = {
        "": ["missing", "missing"],
        "?service_namespace=&service_name=&limit=0": ["string_too_short", "greater_than_equal"],
        "?service_namespace=&service_name=a&limit=251&outcome=done": ["enum", "less_than_equal"],
        "?service_namespace=&service_name=a&start_time=yesterday&after=x": ["time_parsing", "value_error"],
        "?service_namespace=&service_name=a&cursor=x": ["extra_forbidden"],
    }
    for query, faults in asked.items():
        reply = await studio.call("GET", f"{LIST}{query}", cookie=reader.cookie)
        assert (reply.status, [fault["type"] for fault in reply.json["detail"]]) == (422, faults)
