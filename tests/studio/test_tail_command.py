"""``studio tail``: prints what comes in, and goes on where it was when the studio was away."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from studio.cli import main
from studio.terminal.following import Following
from studio.transfer.client import StudioClient, TransferFailed
from tests.http_studio import http_config, running_http_studio
from tests.spans import otlp_request
from tests.studio.asking import HOSTILE, TRACE, Asker, asking, made, some_trace

pytestmark = pytest.mark.integration


@pytest.fixture
async def asker(tmp_path: Path) -> AsyncIterator[Asker]:
    async with asking(tmp_path) as somebody:
        yield somebody


Told = tuple[int, list[str], list[str]]


async def tail(asker: Asker, capsys: pytest.CaptureFixture[str], *arguments: str, key: str | None = None) -> Told:
    """Exit code, and the lines of both outputs, but for those that the studio of the test logs."""
    named = ["--endpoint", _url(asker), "--key", key or asker.key]
    code = await asyncio.to_thread(main, ["tail", *arguments, *named])
    captured = capsys.readouterr()
    return code, [line for line in captured.out.splitlines() if " [info " not in line], captured.err.splitlines()


async def test_spans_are_a_line_each_the_latest_last(asker: Asker, capsys: pytest.CaptureFixture[str]) -> None:
    await asker.send(*some_trace())
    code, out, err = await tail(asker, capsys, "--count", "4")
    assert (code, err) == (0, [])
    assert out == [
        f"2023-11-14 22:13:20.001  answer  tests  2.00 s  {TRACE}",
        f"2023-11-14 22:13:20.002  chat gpt-4o  tests  812 ms  llm  1,100/20  $0.00031  {TRACE}",
        f"2023-11-14 22:13:20.003  http  tests  5.00 ms  {TRACE}",
        f"2023-11-14 22:13:20.004  refund  tests  failed  5.00 ms  {TRACE}",
    ]


async def test_for_programs_each_is_a_line_of_json_to_go_on_behind(
    asker: Asker, capsys: pytest.CaptureFixture[str]
) -> None:
    await asker.send(*some_trace(), made(5, name=HOSTILE))
    first = (await tail(asker, capsys, "type:llm", "--json", "--count", "1"))[1]
    [line] = map(json.loads, first)
    assert line["item"]["type"] == "llm"
    out = (await tail(asker, capsys, "--json", "--after", "2", "--count", "3"))[1]
    lines = [json.loads(each) for each in out]
    assert [each["item"]["name"] for each in lines] == ["http", "refund", HOSTILE]
    assert [each["position"] for each in lines] == ["3", "4", "5"]
    assert all(line.isprintable() for line in out)


async def test_what_is_refused_is_said(asker: Asker, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = await tail(asker, capsys, "status:(")
    assert (code, out) == (1, [])
    assert err[0].startswith("studio: q.8: ")
    code, _, err = await tail(asker, capsys, key="k" * 64)
    assert (code, err) == (1, [f"studio: {_url(asker)} says 401: the key must have the scope read"])


async def test_it_goes_on_where_it_was_when_the_studio_comes_back(tmp_path: Path) -> None:
    """Between two studios on one folder, and over two connections of one."""
    async with running_http_studio(tmp_path, http_config()) as studio:
        key = await studio.make_key(await studio.set_up(), "ingest", "read")
        following = Following(
            client=StudioClient(f"http://127.0.0.1:{studio.port}", key),
            q="",
            of="spans",
            limit=1,
            position=None,
            warn=lambda _: None,
            first_wait=0.001,
        )
        frames = following.frames()
        assert (await anext(frames))["type"] == "page"
        await studio.send_spans(key, otlp_request(made(1)).SerializeToString())
        assert _number(await anext(frames)) == 1
        await frames.aclose()
        await studio.send_spans(key, otlp_request(made(2), made(3)).SerializeToString())
    async with running_http_studio(tmp_path, http_config()) as studio:
        following.client = StudioClient(f"http://127.0.0.1:{studio.port}", key)
        frames = following.frames()
        assert [_number(await anext(frames)) for _ in range(2)] == [2, 3]
        reading = asyncio.create_task(anext(frames))
        await asyncio.sleep(0)
        await studio.send_spans(key, otlp_request(made(4)).SerializeToString())
        assert _number(await reading) == 4
        await frames.aclose()


async def test_a_position_of_what_is_gone_begins_anew(asker: Asker) -> None:
    warned: list[str] = []
    following = Following(
        client=StudioClient(_url(asker), asker.key), q="", of="spans", limit=1, position="77", warn=warned.append
    )
    frames = following.frames()
    assert (await anext(frames))["type"] == "page"
    assert len(warned) == 1
    await frames.aclose()


async def test_without_a_studio_it_fails_at_once(tmp_path: Path) -> None:
    async with running_http_studio(tmp_path, http_config()) as studio:
        url = f"http://127.0.0.1:{studio.port}"
    client = StudioClient(url, "k" * 64)
    following = Following(client=client, q="", of="spans", limit=1, position=None, warn=lambda _: None)
    with pytest.raises(TransferFailed, match="No studio answers"):
        await anext(following.frames())


def _number(frame: Any) -> int:
    return int(frame["item"]["span_id"], 16)


def _url(asker: Asker) -> str:
    return f"http://127.0.0.1:{asker.studio.port}"
