"""``studio trace``: what it prints, for people in a terminal or a pipe, and for programs."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.source import PROJECT
from tests.studio.asking import COLOUR, HOSTILE, STYLE, TRACE, Asker, asking, made, some_trace
from tests.studio_process import start_studio

pytestmark = pytest.mark.integration

RECORDINGS = PROJECT / "tests" / "recordings" / "instrumentations"


@pytest.fixture
async def asker(tmp_path: Path) -> AsyncIterator[Asker]:
    async with asking(tmp_path) as somebody:
        yield somebody


async def test_a_trace_is_a_tree_with_times_tokens_and_cost(asker: Asker) -> None:
    await asker.send(*some_trace())
    code, out, err = await asker.ask("trace", TRACE)
    assert (code, err) == (0, [])
    assert out.splitlines() == [
        "answer  tests",
        "2023-11-14 22:13:20.001 UTC, 2.00 s, 4 spans, 1 error, 1 model call, tokens 1,100/20, $0.00031",
        "",
        "span                          start     took    tokens      cost",
        "answer                         0 ns   2.00 s",
        "├─ chat gpt-4o  llm gpt-4o  1.00 ms   812 ms  1,100/20  $0.00031",
        "│  └─ http                  2.00 ms  5.00 ms",
        "└─ refund  error            3.00 ms  5.00 ms",
    ]


async def test_for_programs_it_is_the_answer_of_the_api(asker: Asker) -> None:
    await asker.send(*some_trace(), made(5, 1, name=HOSTILE))
    code, out, _ = await asker.ask("trace", TRACE, "--json")
    path = f"/api/v1/observability/traces/{TRACE}"
    reply = await asker.studio.call("GET", path, headers={"x-junjo-api-key": asker.key})
    assert (code, json.loads(out)) == (0, reply.json)
    assert out.removesuffix("\n").replace("\u5546", "").isascii()


@pytest.mark.parametrize("file", ["pydantic-ai-2.68.0.bin", "vercel-ai-7.0.173.bin", "oi-crewai-1.1.21.bin"])
async def test_a_terminal_of_eighty_columns_has_a_line_for_each_recorded_span(asker: Asker, file: str) -> None:
    body = await asyncio.to_thread((RECORDINGS / file).read_bytes)
    await asker.studio.send_spans(asker.key, body)
    trace_id, spans = await longest_trace(asker)
    out = await asker.in_terminal("trace", trace_id)
    lines = STYLE.sub("", out).splitlines()
    assert max(map(len, lines)) <= 80
    assert len(lines[lines.index("") + 2 :]) == spans


async def longest_trace(asker: Asker) -> tuple[str, int]:
    path = "/api/v1/observability/export?format=jsonl&what=spans"
    reply = await asker.studio.call("GET", path, headers={"x-junjo-api-key": asker.key})
    ids = re.findall(r'"traceId":"(\w+)","spanId"', reply.body.decode())
    found = max(ids, key=ids.count)
    return found, ids.count(found)


@pytest.mark.security
async def test_names_tell_no_terminal_what_to_do(asker: Asker) -> None:
    agent: dict[str, Any] = {"gen_ai.agent.name": HOSTILE, "gen_ai.operation.name": "invoke_agent"}
    await asker.send(made(1, name=HOSTILE, **agent))
    plain = (await asker.ask("trace", TRACE))[1]
    in_terminal = STYLE.sub("", await asker.in_terminal("trace", TRACE, columns=200))
    for out in (plain, in_terminal, (await asker.ask("trace", TRACE, "--json"))[1]):
        assert all(character.isprintable() for character in out.replace("\n", ""))
        assert "[red]:bomb: \u5546" in out
    assert len(plain.splitlines()) == 5


async def test_colours_are_for_terminals_that_want_them(asker: Asker) -> None:
    await asker.send(*some_trace())
    assert COLOUR.search(await asker.in_terminal("trace", TRACE))
    assert not COLOUR.search(await asker.in_terminal("trace", TRACE, NO_COLOR="1"))
    assert "\x1b" not in await asker.in_terminal("trace", TRACE, TERM="dumb")
    assert "\x1b" not in (await asker.ask("trace", TRACE, TERM="xterm-256color"))[1]


async def test_output_that_is_not_utf_8_gets_what_it_takes(asker: Asker) -> None:
    await asker.send(made(1, name="caf\u00e9 \u5546"), made(2, 1))
    code, out, err = await asker.ask("trace", TRACE, PYTHONIOENCODING="ascii")
    assert (code, err) == (0, [])
    assert "caf\\xe9 \\u5546" in out
    assert "`- span 2" in out


async def test_what_hangs_together_in_no_tree_is_shown_once(asker: Asker) -> None:
    """A parent that is not here, spans that are each other's parents, one that is its own."""
    await asker.send(made(1, 99), made(2, 3), made(3, 2), made(4, 4), made(5, 4))
    out = (await asker.ask("trace", TRACE))[1]
    assert sorted(re.findall(r"span [0-9]", out)) == [f"span {number}" for number in (1, 1, 2, 3, 4, 5)]
    assert "Its root has not ended, or is not here." in out


async def test_a_deep_trace_takes_no_more_room_for_it(asker: Asker) -> None:
    await asker.send(*(made(number, number - 1 or None) for number in range(1, 1502)))
    code, out, _ = await asker.ask("trace", TRACE)
    assert code == 0
    lines = out.splitlines()
    assert max(map(len, lines)) < 100
    assert "999: " in lines[-2]
    assert lines[-1] == "501 more spans not shown"
    assert (await asker.ask("trace", TRACE, "--limit", "3"))[1].splitlines()[-1] == "1,498 more spans not shown"


async def test_a_fault_is_one_line(asker: Asker) -> None:
    endpoint = f"http://127.0.0.1:{asker.studio.port}"
    for arguments, line in (
        (["trace", "0" * 31 + "7"], f"{endpoint} says 404: "),
        (["trace", "../../users"], f"{endpoint} says "),
        (["trace", "x"], f"{endpoint} says 422: trace_id: Input should be 32 hex digits"),
    ):
        code, out, err = await asker.ask(*arguments)
        assert (code, out) == (1, "")
        assert len(err) == 1
        assert err[0].startswith(f"studio: {line}")
    code, out, err = await asker.ask("trace", TRACE, key="A" * 64)
    assert (code, out, len(err)) == (1, "", 1)
    assert "401" in err[0]
    assert "AAAA" not in err[0]
    code, out, err = await asker.ask("trace", TRACE, key="")
    assert (code, out) == (1, "")
    assert err == ["studio: no API key: give one with --key or in JUNJO_AI_STUDIO_API_KEY"]


@pytest.mark.parametrize(
    "answer", ["", "[]", "{}", '{"trace":null,"spans":[]}', "<html>", '{"trace":{"name":5}}', "NaN"]
)
async def test_what_answers_and_is_no_studio_is_said_in_one_line(tmp_path: Path, answer: str) -> None:
    app = web.Application()

    async def reply(_: web.Request) -> web.Response:
        return web.Response(text=answer)

    app.router.add_route("*", "/{path:.*}", reply)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        endpoint = f"http://127.0.0.1:{runner.addresses[0][1]}"
        arguments = ["trace", TRACE, "--endpoint", endpoint, "--key", "A" * 64]
        process = await start_studio(tmp_path / "data", arguments)
        out, err = await process.communicate()
    finally:
        await runner.cleanup()
    assert (process.returncode, out) == (1, b"")
    assert err.decode() == f"studio: {endpoint} does not answer like a studio of this version\n"
