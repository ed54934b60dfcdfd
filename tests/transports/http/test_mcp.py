"""The Model Context Protocol at /mcp, asked by the client of the official package, over what was recorded."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from openapi_schema_validator import OAS31Validator

from tests.http_studio import HttpStudio
from tests.mcp_client import Mode, answer_of, bearer, mcp_client, text_of, told
from tests.transports.http.stage import Reader, call, made
from transports.http.mcp.fitting import tokens_of

pytestmark = pytest.mark.integration

RECORDINGS = Path(__file__).parents[2] / "recordings" / "instrumentations"
FILES = ("openlit-1.45.0", "strands-1.62.0", "google-adk-2.13.0", "oi-crewai", "langfuse-5.0.4")
# Of OpenLIT's recording: a call that was refused for its rate.
FAILED, CALL = "c0a193097f3a6134283f189a92ec67eb", "a1e97f52f8ffcbcd"
BUDGETS = (200, 600, 4000)


@pytest.fixture
async def recorded(reader: Reader) -> Reader:
    for path in sorted(RECORDINGS.glob("*.bin")):
        if path.name.startswith(FILES) and ".logs" not in path.name:
            await reader.send_bytes(path.read_bytes())
    return reader


@asynccontextmanager
async def agent_of(recorded: Reader) -> AsyncIterator[Client]:
    """In the task of its test, which the client's scopes of cancellation demand."""
    key = await recorded.studio.make_key(recorded.cookie, "read")
    async with mcp_client(recorded.studio.port, bearer(key)) as client:
        yield client


async def within(client: Client, tool: str, max_tokens: int, **arguments: Any) -> Any:
    """What a tool says, which is no longer than it may be."""
    text = await text_of(client, tool, max_tokens=max_tokens, **arguments)
    assert tokens_of(text.encode()) <= max_tokens
    return json.loads(text)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_an_agent_finds_what_failed_and_why(recorded: Reader, mode: Mode) -> None:
    key = await recorded.studio.make_key(recorded.cookie, "read")
    async with mcp_client(recorded.studio.port, bearer(key), mode) as client:
        assert "openlit" in (await told(client, "list_services"))["services"]
        [trace] = (await within(client, "search_traces", 400, q="status:error", service="openlit"))["traces"]
        assert (trace["trace_id"], trace["status"], trace["error_count"]) == (FAILED, "error", 2)
        read = await within(client, "get_trace", 500, trace_id=FAILED)
        [failed] = [span for span in read["spans"] if span.get("error_type")]
        assert failed["error_type"] == "RateLimitError"
        span = await within(client, "get_span", 1200, trace_id=FAILED, span_id=failed["span_id"])
        assert "Rate limit reached" in span["span"]["status_message"]
        assert span["attributes"]


async def test_a_trace_is_read_within_any_budget(recorded: Reader) -> None:
    async with agent_of(recorded) as agent:
        for trace in (await told(agent, "search_traces", limit=200, max_tokens=50_000))["traces"]:
            for budget in BUDGETS:
                read = await within(agent, "get_trace", budget, trace_id=trace["trace_id"])
                if "spans" in read and all(isinstance(span, dict) for span in read["spans"]):
                    assert len(read["spans"]) + read["hidden"] == trace["span_count"]
            if trace["error_count"]:
                assert any(span.get("status") == "error" for span in read["spans"])


async def test_parts_of_a_trace_are_read_on_demand(reader: Reader) -> None:
    """Of 400 spans the one that failed is shown, and all can be reached."""
    tree = [made(1), *(made(number, number // 3 or 1, failed=number == 333) for number in range(2, 401))]
    await reader.send(*tree)
    trace_id = f"{1:032x}"
    async with mcp_client(reader.studio.port, {"Cookie": f"session={reader.cookie}"}) as client:
        whole = (await told(client, "get_trace", trace_id=trace_id, max_tokens=50_000))["spans"]
        assert len({span["span_id"] for span in whole}) == 400
        brief = await within(client, "get_trace", 900, trace_id=trace_id)
        assert f"{333:016x}" in {span["span_id"] for span in brief["spans"]}
        assert sum(span.get("hidden", 0) for span in brief["spans"]) == brief["hidden"] == 400 - len(brief["spans"])
        part = await told(client, "get_trace", trace_id=trace_id, span_id=f"{37:016x}")
        assert {int(span["span_id"], 16) for span in part["spans"]} == {37, 111, 112, 113, *range(333, 342)}
        walked, after = [whole[0]["span_id"]], whole[0]["span_id"]
        while after is not None:
            page = await within(client, "get_trace", 6000, trace_id=trace_id, after=after)
            walked += [span["span_id"] for span in page["spans"]]
            after = page["next"]
        assert walked == [span["span_id"] for span in whole]


async def test_a_list_goes_on_where_its_budget_ended_it(recorded: Reader) -> None:
    async with agent_of(recorded) as agent:
        found: list[str] = []
        after = None
        while after is not None or not found:
            page = await within(agent, "search_traces", 1200, limit=50, after=after, **{"from": "2026-11-01T00:00:00Z"})
            found += [trace["trace_id"] for trace in page["traces"]]
            after = page["next"]
        whole = await told(agent, "search_traces", limit=1000, max_tokens=50_000)
        assert found == [trace["trace_id"] for trace in whole["traces"]]
        text, is_error = await answer_of(agent, "search_traces", {"q": "status:ok", "after": "x"})
        assert is_error
        assert json.loads(text)["detail"][0]["type"] == "cursor_invalid"


async def test_a_span_is_read_by_its_parts_and_values(recorded: Reader) -> None:
    async with agent_of(recorded) as agent:
        detail = (await recorded.json(f"{FAILED}/spans/{CALL}/detail"))["attributes"]
        for part in ("messages", "attributes", "events", "cost", "resource"):
            assert [*await within(agent, "get_span", 800, trace_id=FAILED, span_id=CALL, part=part)] == [part]
        key = max(detail, key=lambda name: len(str(detail[name])))
        value = await told(agent, "get_span", trace_id=FAILED, span_id=CALL, key=key)
        assert (value["text"], value["next_offset"]) == (detail[key], None)
        text, is_error = await answer_of(agent, "get_span", {"trace_id": FAILED, "span_id": CALL, "key": "nowhere"})
        assert is_error
        assert json.loads(text)["status"] == 404


async def test_sums_are_those_of_the_route(recorded: Reader) -> None:
    async with agent_of(recorded) as agent:
        query = "group_by=model&interval=1h&from=2026-11-30T06:00:00Z&to=2026-11-30T22:00:00Z"
        reply = await recorded.studio.call("GET", f"/api/v1/observability/stats?{query}", cookie=recorded.cookie)
        asked = dict(each.split("=") for each in query.split("&"))
        found = await told(agent, "stats", max_tokens=50_000, **asked)
        counts = {group["key"]["model"]: group["total"]["count"] for group in reply.json["groups"]}
        assert {group["key"]["model"]: group["total"]["count"] for group in found["groups"]} == counts
        assert all(point["count"] for group in found["groups"] for point in group["points"])
        few = await within(agent, "stats", 600, **asked)
        assert len(few["groups"]) + few["left_out"] == len(counts)


async def test_a_score_is_in_the_filter_and_in_the_answer(recorded: Reader) -> None:
    async with agent_of(recorded) as agent:
        score = {"name": "helpful", "value": 0.2, "source": "human"}
        path = f"/api/v1/observability/traces/{FAILED}/scores"
        assert (await recorded.studio.call("POST", path, body=score, cookie=recorded.cookie)).status == 201
        [trace] = (await told(agent, "search_traces", q="score.helpful:<0.5"))["traces"]
        assert (trace["trace_id"], trace["scores"]) == (FAILED, [{"name": "helpful", "value": 0.2, "count": 1}])


async def test_two_runs_are_compared(reader: Reader) -> None:
    """One that worked and one that failed, found by their names."""
    await reader.send_bytes((RECORDINGS.parent / "junjo_0.69.0.bin").read_bytes())
    key = await reader.studio.make_key(reader.cookie, "read")
    async with mcp_client(reader.studio.port, bearer(key)) as client:
        runs = [await run_of(client, name) for name in ("Emit Workflow", "Failing Workflow")]
        (trace_id, span_id), failed = runs[0], "/".join(runs[1])
        asked = {"trace_id": trace_id, "span_id": span_id, "with": failed.upper()}
        found = await told(client, "compare_runs", **asked)
        assert found["first_difference"] == {"step": 3, "path": "/count"}
        nodes = {node["label"]: node for node in found["nodes"]}
        assert (nodes["Boom"]["a"], nodes["Boom"]["b"]["status"]) == (None, "error")
        assert nodes["First"]["both"]
        few = await within(client, "compare_runs", 300, **asked)
        assert len(few["nodes"]) + few["left_out"] == len(found["nodes"])
        text, is_error = await answer_of(client, "compare_runs", asked | {"with": f"{'0' * 32}/{'0' * 16}"})
        assert (is_error, json.loads(text)["status"]) == (True, 404)


async def run_of(client: Client, name: str) -> tuple[str, str]:
    """Trace and span of the run with this name."""
    [trace] = (await told(client, "search_traces", q=f'name:"{name}"'))["traces"]
    spans = (await told(client, "get_trace", trace_id=trace["trace_id"]))["spans"]
    return trace["trace_id"], next(span["span_id"] for span in spans if span["name"] == name)


async def test_sql_is_run_within_a_budget(recorded: Reader) -> None:
    key = await recorded.studio.make_key(recorded.cookie, "read", "sql")
    async with mcp_client(recorded.studio.port, bearer(key)) as client:
        schema = await told(client, "run_sql")
        assert schema["views"]["spans"]["columns"]["trace_id"].startswith("VARCHAR")
        for statement in schema["examples"].values():
            await within(client, "run_sql", 4000, sql=statement)
        models = await told(client, "run_sql", sql="SELECT model, count(*) AS n FROM calls GROUP BY model")
        groups = (await told(client, "stats", group_by="model"))["groups"]
        assert dict(models["rows"]) == {group["key"]["model"]: group["total"]["count"] for group in groups}
        [[message]] = (await told(client, "run_sql", sql=f"SELECT status_message FROM spans WHERE span_id = '{CALL}'"))[
            "rows"
        ]
        assert "Rate limit reached" in message
        few = await within(client, "run_sql", 500, sql="SELECT a.span_id FROM spans a, spans b", limit=400)
        assert (few["truncated"], len(few["rows"]) + few["left_out"]) == (True, 400)
        for statement, fault in (("DROP TABLE spans", "sql_forbidden"), ("SELECT nothing FROM spans", "sql_error")):
            text, is_error = await answer_of(client, "run_sql", {"sql": statement})
            [detail] = json.loads(text)["detail"]
            assert (is_error, detail["type"], detail["loc"][:2]) == (True, fault, ["arguments", "sql"])


async def test_a_large_value_is_read_a_piece_at_a_time(reader: Reader) -> None:
    text = "".join(f"line {number}: é\n" for number in range(150_000))
    assert len(text.encode()) > 2 * 1024 * 1024
    await reader.send(made(1), call(2, 1, **{"gen_ai.prompt.0.content": text, "gen_ai.prompt.0.role": "user"}))
    trace_id, span_id = f"{1:032x}", f"{2:016x}"
    async with mcp_client(reader.studio.port, {"Cookie": f"session={reader.cookie}"}) as client:
        glance = await within(client, "get_span", 2000, trace_id=trace_id, span_id=span_id)
        assert glance["truncated"]
        await within(client, "get_trace", 400, trace_id=trace_id)
        key, offset, read = "gen_ai.prompt.0.content", 0, ""
        for _ in range(3):
            piece = await within(client, "get_span", 50_000, trace_id=trace_id, span_id=span_id, key=key, offset=offset)
            read, offset = read + piece["text"], piece["next_offset"]
        assert text.startswith(read)
        assert len(read) == offset > 300_000
        last = await within(client, "get_span", 300, trace_id=trace_id, span_id=span_id, key=key, offset=len(text) - 3)
        assert (last["text"], last["next_offset"]) == (text[-3:], None)


async def test_tools_say_what_they_take(recorded: Reader) -> None:
    async with agent_of(recorded) as agent:
        tools = {tool.name: tool for tool in (await agent.list_tools()).tools}
        for tool in tools.values():
            OAS31Validator.check_schema(tool.input_schema)
            assert "max_tokens" in tool.input_schema["properties"]
            assert tool.annotations is not None
            assert tool.annotations.read_only_hint
        search = OAS31Validator(tools["search_traces"].input_schema)
        assert search.is_valid({"q": "status:error", "from": "now-1h", "limit": 5, "sort": "-cost"})
        assert not search.is_valid({"service_name": "shop"})


async def test_a_tool_is_listed_for_those_who_may_call_it(studio: HttpStudio) -> None:
    cookie = await studio.set_up()
    for scope, other, denied in (("read", "sql", "run_sql"), ("sql", "read", "list_services")):
        key = await studio.make_key(cookie, scope)
        async with mcp_client(studio.port, {"x-junjo-api-key": key}) as client:
            listed = {tool.name for tool in (await client.list_tools()).tools}
            assert ("run_sql" in listed, "get_trace" in listed) == (scope == "sql", scope == "read")
            text, is_error = await answer_of(client, denied, {})
            assert is_error
            assert json.loads(text) == {"status": 403, "detail": f"This key lacks the scope {other}"}
    async with mcp_client(studio.port, {"Cookie": f"session={cookie}"}) as client:
        assert len((await client.list_tools()).tools) == 7
