"""What clients do wrong at /mcp, or mean ill: it is answered, bounded, and leaves nothing behind."""

import asyncio
import json
from pathlib import Path
from typing import Any

import attrs
import pytest

from tests.http_studio import HttpStudio, Reply, http_config, running_http_studio

pytestmark = [pytest.mark.integration, pytest.mark.security]

HANDSHAKE = {
    "protocolVersion": "2025-06-18",
    "capabilities": {},
    "clientInfo": {"name": "tests", "version": "1"},
}
NO_STRING = b'"\\ud800"'  # half of a surrogate pair


@attrs.frozen
class Caller:
    """Somebody with a key, who writes messages by hand."""

    studio: HttpStudio
    key: str

    async def post(self, data: Any, **headers: str) -> Reply:
        sent = {
            "x-junjo-api-key": self.key,
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
        }
        body = data if isinstance(data, bytes) else json.dumps(data).encode()
        return await self.studio.call("POST", "/mcp", data=body, headers=sent | headers)

    async def call(self, tool: Any, arguments: Any) -> Reply:
        return await self.post(message("tools/call", {"name": tool, "arguments": arguments}))


def message(method: str, params: Any, number: Any = 1) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


@pytest.fixture
async def caller(studio: HttpStudio) -> Caller:
    return Caller(studio, await studio.make_key(await studio.set_up(), "read"))


async def test_a_body_is_bounded_whoever_sends_it(caller: Caller) -> None:
    assert (await caller.post(b" " * (128 * 1024 + 1))).status == 413
    deep = b"[" * 60_000 + b"]" * 60_000
    assert (await caller.post(deep)).status == 422
    assert (await caller.post(b'{"jsonrpc":"2.0","id":1,"method":' + NO_STRING + b"}")).status == 422
    assert (await caller.post(b'{"jsonrpc":"2.0"')).json["detail"][0]["type"] == "json_invalid"
    assert (await caller.post(b"a=b", **{"Content-Type": "text/plain"})).status == 415


NO_MESSAGES = [
    [],
    [message("ping", {})] * 1000,
    "text",
    None,
    {"jsonrpc": "1.0", "id": 1, "method": "ping"},
    {"jsonrpc": "2.0", "id": {"a": 1}, "method": "ping"},
    {"jsonrpc": "2.0", "id": 1, "result": {}},
    message("tools/call", {"name": 5}),
    message("tools/call", []),
    message("no/such/method", {}),
    message("resources/list", {}),
    message("x" * 100_000, {}),
    message("tools/list", {"cursor": "nowhere"}),
    message("initialize", {"protocolVersion": "never"}),
    message("ping", {}, number="i" * 100_000),
]
VERSIONS = ("", "2024-11-05", "2025-06-18", "2026-07-28", "9999-99-99", "x" * 5000)


async def test_what_is_no_message_is_answered_as_such(caller: Caller, caplog: pytest.LogCaptureFixture) -> None:
    for version in VERSIONS:
        for sent in NO_MESSAGES:
            reply = await caller.post(sent, **({"MCP-Protocol-Version": version} if version else {}))
            assert reply.status < 500, (version, reply.body[:200])
            assert len(reply.body) < len(json.dumps(sent)) + 20_000
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_no_such_tool_is_said_briefly(caller: Caller) -> None:
    reply = await caller.call("x" * 120_000, {})
    assert reply.json["error"]["code"] == -32602
    assert len(reply.body) < 500


BAD_ARGUMENTS: list[tuple[str, Any, str | None, list[Any] | None]] = [
    ("search_traces", {"q": "nosuch:1"}, "query_field", ["q", 1]),
    ("search_traces", {"q": "(" * 4000}, "query_syntax", None),
    ("search_traces", {"q": "x" * 120_000}, None, None),
    ("search_traces", {"q": 5}, "string_type", ["q"]),
    ("search_traces", {"limit": 10**30}, "less_than_equal", ["limit"]),
    ("search_traces", {"limit": True}, "int_type", ["limit"]),
    ("search_traces", {"from": {}}, "string_type", ["from"]),
    ("search_traces", {"from": "soon"}, "time_parsing", ["from"]),
    ("search_traces", {"service_name": "shop"}, "extra_forbidden", ["service_name"]),
    ("search_traces", {"max_tokens": 10}, "greater_than_equal", ["max_tokens"]),
    ("search_traces", {"after": "WyI1ZTg4IiwxXQ"}, "cursor_invalid", ["after"]),
    ("get_trace", {}, "missing", ["trace_id"]),
    ("get_trace", {"trace_id": "../../etc/passwd"}, "id_pattern", ["trace_id"]),
    ("get_trace", {"trace_id": ["a"]}, "string_type", ["trace_id"]),
    ("get_span", {"trace_id": "0" * 32, "span_id": "1" * 16, "in": "nowhere"}, "string_pattern_mismatch", ["in"]),
    ("get_span", {"trace_id": "0" * 32, "span_id": "1" * 16, "part": "all"}, "enum", ["part"]),
    ("stats", {"group_by": "attr.x,y"}, "query_field", ["group_by"]),
    ("stats", {"tz": "Mars/Olympus"}, "zoneinfo_str", ["tz"]),
    ("list_services", {str(number): number for number in range(5000)}, "extra_forbidden", None),
]


async def test_bad_arguments_are_answers_that_say_which(caller: Caller) -> None:
    """The agent may ask otherwise. What it sent is not said again."""
    for tool, arguments, fault, place in BAD_ARGUMENTS:
        reply = await caller.call(tool, arguments)
        document = json.loads(reply.json["result"]["content"][0]["text"])
        assert (reply.status, reply.json["result"]["isError"], document["status"]) == (200, True, 422)
        assert fault is None or document["detail"][0]["type"] == fault, (document, fault)
        assert place is None or document["detail"][0]["loc"] == ["arguments", *place]
        assert len(reply.body) < 10_000


async def test_what_is_not_there_is_said(caller: Caller) -> None:
    for tool, more in (("get_trace", {}), ("get_span", {"span_id": "1" * 16}), ("get_trace", {"after": "1" * 16})):
        reply = await caller.call(tool, {"trace_id": "a" * 32, **more})
        assert json.loads(reply.json["result"]["content"][0]["text"])["status"] == 404


async def test_only_messages_are_taken(caller: Caller) -> None:
    """Nobody can open a stream, or end a session that there is none of."""
    for method in ("GET", "DELETE", "PUT"):
        reply = await caller.studio.call(method, "/mcp", headers={"x-junjo-api-key": caller.key})
        assert (reply.status, reply.headers["Allow"]) == (405, "POST")


async def test_pages_of_others_may_not_ask(caller: Caller) -> None:
    cookie = {"x-junjo-api-key": "", "Cookie": "session=x"}
    assert (await caller.post(message("ping", {}), **cookie, Origin="http://evil.example")).status == 403
    assert (await caller.post(message("ping", {}), **cookie, Host="evil.example")).status == 421
    assert (await caller.post(message("ping", {}), **cookie)).status == 401


async def test_many_who_begin_leave_nothing_behind(caller: Caller) -> None:
    assert (await caller.post(message("initialize", HANDSHAKE))).status == 200
    before = len(asyncio.all_tasks())
    replies = [await caller.post(message("initialize", HANDSHAKE, number)) for number in range(100)]
    replies += await asyncio.gather(*(caller.call("list_services", {}) for _ in range(50)))
    assert {reply.status for reply in replies} == {200}
    assert not any("mcp-session-id" in reply.headers for reply in replies)
    assert len(asyncio.all_tasks()) <= before + 50  # the client keeps its connections, and their tasks


async def test_a_message_that_does_not_come_whole_is_given_up(tmp_path: Path) -> None:
    async with running_http_studio(tmp_path, http_config(body_seconds=0.05)) as studio:
        key = await studio.make_key(await studio.set_up(), "read")
        head = f"POST /mcp HTTP/1.1\r\nHost: localhost\r\nx-junjo-api-key: {key}\r\nContent-Type: application/json\r\n"
        reader, writer = await asyncio.open_connection("127.0.0.1", studio.port)
        writer.write(f"{head}Content-Length: 99\r\n\r\n".encode() + b'{"jsonrpc"')
        assert b" 408 " in await reader.readline()
        writer.close()
        _, gone = await asyncio.open_connection("127.0.0.1", studio.port)
        gone.write(f"{head}Content-Length: 99\r\n\r\n".encode() + b'{"jsonrpc"')
        gone.close()
        assert (await Caller(studio, key).call("list_services", {})).status == 200


ODD: tuple[Any, ...] = (True, -1, 1.5, 10**18, "", "\x00", "é" * 3000, "0" * 32, [], {"a": [1]})


async def test_no_argument_of_any_kind_is_a_fault_of_ours(caller: Caller) -> None:
    tools = (await caller.post(message("tools/list", {}))).json["result"]["tools"]
    ids = {"trace_id": "0" * 32, "span_id": "1" * 16}
    for tool in tools:
        needed = {name: ids.get(name, "x") for name in tool["inputSchema"]["required"]}
        for name in tool["inputSchema"]["properties"]:
            for odd in ODD:
                reply = await caller.call(tool["name"], {**needed, name: odd})
                result = reply.json["result"]
                document = json.loads(result["content"][0]["text"])
                assert not result["isError"] or document["status"] in (404, 422), (tool["name"], name, odd, document)
