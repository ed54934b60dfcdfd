"""Runs over a WebSocket, with a scripted provider."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import attrs
import pytest
from aiohttp import WSServerHandshakeError

from actors.errors import ProviderFailed
from actors.playground.actor import PlaygroundLimits
from actors.playground.prompt import ToolCall, Usage
from actors.playground.providers.provider import Endpoint, ReasoningDelta, TextDelta
from tests.actors.stage import HandClock
from tests.http_studio import ORIGIN, HttpStudio, http_config, running_http_studio
from tests.play_socket import LAST, PlaySocket, play_socket
from tests.scripted_provider import ScriptedProvider, completion
from transports.http.config import PlayConfig
from transports.http.framework.json_body import MOST_PROMPT_BYTES

pytestmark = pytest.mark.integration


@attrs.frozen
class Play:
    """A studio with a signed-in user and one provider."""

    studio: HttpStudio
    provider: ScriptedProvider
    cookie: str


@pytest.fixture
async def play(tmp_path: Path) -> AsyncIterator[Play]:
    provider = ScriptedProvider()
    async with running_http_studio(
        tmp_path,
        http_config(play=PlayConfig(runs_per_socket=3)),
        endpoints={"openai": Endpoint(key="sk-1")},
        adapters={"openai": provider.open},
        limits=PlaygroundLimits(runs_per_user=4, log_bytes=64 * 1024),
    ) as studio:
        yield Play(studio, provider, await studio.set_up())


@pytest.fixture
async def socket(play: Play) -> AsyncIterator[PlaySocket]:
    async with play_socket(play.studio, cookie=play.cookie) as opened:
        yield opened


async def test_a_run_says_everything_in_order(play: Play, socket: PlaySocket) -> None:
    call = ToolCall(id="c1", name="weather", arguments="{}")
    play.provider.say(ReasoningDelta(text="hm"), "hel", "lo", call, completion(reasoning="hm", tool_calls=(call,)))
    await socket.run()
    frames = await socket.until(*LAST)
    assert [frame["seq"] for frame in frames] == list(range(1, 8))
    assert {frame["run_id"] for frame in frames} == {"r1"}
    kinds = ["started", "delta", "delta", "delta", "tool_call", "usage", "finished"]
    assert [frame["type"] for frame in frames] == kinds
    started, reasoning, text = frames[:3]
    assert (started["provider"], started["model"]) == ("openai", "gpt-4o")
    assert reasoning == {"type": "delta", "run_id": "r1", "seq": 2, "reasoning": "hm"}
    assert text == {"type": "delta", "run_id": "r1", "seq": 3, "text": "hel"}
    finished = frames[-1]
    assert finished["response"]["choices"][0]["message"]["content"] == "hello"
    assert finished["response"]["usage"] == {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    assert finished["trace_id"] == started["trace_id"]
    assert finished["cost"] > 0
    assert finished["time_to_first_token"] > 0
    assert finished["tokens_per_second"] > 0


async def test_several_runs_go_on_at_once(play: Play, socket: PlaySocket) -> None:
    for run_id in ("a", "b", "c"):
        await socket.run(run_id)
        assert (await socket.next())["type"] == "started"
    play.provider.say("x", "y", "z", *[completion()] * 3)
    last = [(await socket.until("finished"))[-1]["run_id"] for _ in range(3)]
    assert sorted(last) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("error", "status", "detail"),
    [
        (ProviderFailed("openai: overloaded"), 502, "Generation failed: openai: overloaded"),
        (KeyError("a bug"), 500, "Internal Server Error"),
    ],
)
async def test_a_failure_in_mid_stream(
    play: Play, socket: PlaySocket, error: Exception, status: int, detail: str
) -> None:
    play.provider.say("par", error)
    await socket.run()
    failed = (await socket.until(*LAST))[-1]
    assert failed == {"type": "failed", "run_id": "r1", "seq": 3, "status": status, "detail": detail}


async def test_cancel_lets_the_provider_go_and_says_what_was_paid_for(play: Play, socket: PlaySocket) -> None:
    play.provider.say(Usage(prompt_tokens=10, completion_tokens=1), "some text")
    await socket.run()
    await socket.until("delta")
    await socket.send(type="cancel", run_id="r1")
    async with asyncio.timeout(120):
        await play.provider.let_go.wait()
    cancelled = (await socket.until(*LAST))[-1]
    assert (cancelled["type"], cancelled["reason"], cancelled["estimated"]) == ("cancelled", "asked", False)
    assert cancelled["usage"]["prompt_tokens"] == 10
    assert cancelled["cost"] > 0


async def test_a_cancelled_run_is_a_trace(play: Play, socket: PlaySocket) -> None:
    play.provider.say("some text")
    await socket.run()
    started = (await socket.until("delta"))[0]
    await socket.send(type="cancel", run_id="r1")
    await socket.until("cancelled")
    path = f"/api/v1/observability/traces/{started['trace_id']}/spans"
    while not (spans := (await play.studio.call("GET", path, cookie=play.cookie)).json):
        pass
    assert spans[0]["attributes_json"]["playground.cancelled"] == "asked"
    assert spans[0]["attributes_json"]["output.value"] == "some text"


async def test_closing_the_socket_cancels_its_runs(play: Play) -> None:
    async with play_socket(play.studio, cookie=play.cookie) as socket:
        await socket.run()
        await socket.until("started")
        await play.provider.asked.wait()
    async with asyncio.timeout(120):
        await play.provider.let_go.wait()


@pytest.mark.error_recovery
async def test_a_lost_socket_loses_and_repeats_nothing(play: Play) -> None:
    async with play_socket(play.studio, cookie=play.cookie) as socket:
        play.provider.say("one ", "two ")
        await socket.run()
        before = [await socket.next() for _ in range(3)]
        socket.lose()
    play.provider.say("three ", "four ")
    async with play_socket(play.studio, cookie=play.cookie) as socket:
        await socket.send(type="resume", run_id="r1", after=2)  # the third frame was seen, and is wanted again
        play.provider.say(completion("one two three four "))
        after = await socket.until(*LAST)
    assert after[-1]["type"] == "finished"
    assert [frame["seq"] for frame in after] == list(range(3, 3 + len(after)))
    text = "".join(frame.get("text", "") for frame in [*before[:2], *after])
    assert text == after[-1]["response"]["choices"][0]["message"]["content"]


@pytest.mark.error_recovery
async def test_a_run_may_be_resumed_after_its_end(play: Play) -> None:
    async with play_socket(play.studio, cookie=play.cookie) as socket:
        play.provider.say("text", completion())
        await socket.run()
        first = await socket.until("finished")
        socket.lose()
    async with play_socket(play.studio, cookie=play.cookie) as socket:
        await socket.send(type="resume", run_id="r1", after=0)
        assert await socket.until("finished") == first


@pytest.mark.error_recovery
async def test_the_log_of_a_lost_run_is_bounded(play: Play) -> None:
    async with play_socket(play.studio, cookie=play.cookie) as socket:
        await socket.run()
        await socket.until("started")
        socket.lose()
    play.provider.say(*["x" * 1000] * 200)
    while play.provider.read < 200:
        await play.studio.call("GET", "/ping")
    async with play_socket(play.studio, cookie=play.cookie) as socket:
        await socket.send(type="resume", run_id="r1", after=1)
        expired = await socket.next()
        assert (expired["type"], expired["run_id"], expired["detail"]) == ("failed", "r1", "resume_expired")
        await socket.send(type="resume", run_id="r1", after=199)
        assert (await socket.next())["seq"] == 200


async def test_a_run_that_nobody_comes_back_for_is_cancelled(tmp_path: Path) -> None:
    provider = ScriptedProvider()
    async with running_http_studio(
        tmp_path,
        http_config(),
        endpoints={"openai": Endpoint(key="sk-1")},
        adapters={"openai": provider.open},
        limits=PlaygroundLimits(resume_seconds=0.05),
    ) as studio:
        cookie = await studio.set_up()
        async with play_socket(studio, cookie=cookie) as socket:
            await socket.run()
            await socket.until("started")
            socket.lose()
        async with asyncio.timeout(120):
            await provider.let_go.wait()
        async with play_socket(studio, cookie=cookie) as socket:
            await socket.send(type="resume", run_id="r1", after=1)
            assert (await socket.next())["detail"] == "resume_expired"


@pytest.mark.concurrency
async def test_a_client_that_does_not_read_stops_the_read_from_the_provider(play: Play) -> None:
    piece = TextDelta(text="x" * 8000)
    async with play_socket(play.studio, cookie=play.cookie) as socket:
        await socket.run()
        await socket.until("started")
        connection = socket.socket._conn
        assert connection is not None
        assert connection.transport is not None
        connection.transport.pause_reading()
        read = -1
        while play.provider.read > read or play.provider.script.empty():
            if play.provider.script.empty():
                play.provider.say(*[piece] * 50)
            read = play.provider.read
            for _ in range(5):
                await play.studio.call("GET", "/ping")  # turns of the loop, in which a reader would read
            assert read < 5000  # some 40 MB: nothing holds the run back
        stopped_at = play.provider.read
        await play.studio.call("GET", "/ping")
        assert play.provider.read == stopped_at
        connection.transport.resume_reading()
        play.provider.say(completion())
        frames = await socket.until("finished")
        assert [frame["seq"] for frame in frames] == list(range(2, 2 + len(frames)))


@pytest.mark.security
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Cookie": "session=garbage", "Origin": ORIGIN}, 401),
        ({"COOKIE": "live"}, 403),
        ({"COOKIE": "live", "Origin": "https://evil.example"}, 403),
        ({"COOKIE": "live", "Origin": "null"}, 403),
        ({"COOKIE": "live", "Origin": "http://[bad"}, 403),
        ({"KEY": "read"}, 403),
        ({"KEY": "play", "Origin": "https://evil.example"}, 403),
        ({"x-junjo-api-key": "k" * 64}, 401),
    ],
)
async def test_who_may_not_connect(play: Play, headers: Mapping[str, str], status: int) -> None:
    with pytest.raises(WSServerHandshakeError) as refused:
        await play.studio.client.ws_connect("/llm/stream", headers=await _headers(play, headers))
    assert refused.value.status == status


@pytest.mark.security
@pytest.mark.parametrize(
    "headers",
    [
        {"COOKIE": "live", "Origin": ORIGIN},
        {"COOKIE": "live", "Origin": "OWN"},
        {"KEY": "play"},
        {"KEY": "play", "Origin": ORIGIN},
    ],
)
async def test_who_may_connect(play: Play, headers: Mapping[str, str]) -> None:
    sent = await _headers(play, headers)
    play.provider.say(completion())
    async with play_socket(play.studio, origin=None, headers=sent) as socket:
        await socket.run()
        assert (await socket.until(*LAST))[-1]["type"] == "finished"


@pytest.mark.security
@pytest.mark.parametrize(("trusted", "status"), [("127.0.0.1", 101), ("192.0.2.1", 403)])
async def test_a_trusted_proxy_says_which_origin_is_our_own(tmp_path: Path, trusted: str, status: int) -> None:
    config = http_config(trusted_proxies=(ip_network(trusted),), allowed_hosts=("studio.example.com",))
    async with running_http_studio(tmp_path, config) as studio:
        headers = {"Origin": "https://studio.example.com", "X-Forwarded-Host": "studio.example.com"}
        sent = headers | {"Cookie": f"session={await studio.set_up()}"}
        if status == 101:
            async with play_socket(studio, origin=None, headers=sent) as socket:
                assert not socket.socket.closed
        else:
            with pytest.raises(WSServerHandshakeError) as refusal:
                async with play_socket(studio, origin=None, headers=sent):
                    pytest.fail("a page of another origin")
            assert refusal.value.status == status


async def _headers(play: Play, wanted: Mapping[str, str]) -> dict[str, str]:
    sent = dict(wanted)
    if sent.pop("COOKIE", None):
        sent["Cookie"] = f"session={play.cookie}"
    if scope := sent.pop("KEY", None):
        sent["x-junjo-api-key"] = await play.studio.make_key(play.cookie, scope)
    if sent.get("Origin") == "OWN":
        sent["Origin"] = f"https://127.0.0.1:{play.studio.port}"
    return sent


@pytest.mark.security
async def test_runs_belong_to_their_user(play: Play, socket: PlaySocket) -> None:
    await socket.run()
    await socket.until("started")
    key = await play.studio.make_key(play.cookie, "play")
    async with play_socket(play.studio, origin=None, headers={"x-junjo-api-key": key}) as other:
        await other.send(type="resume", run_id="r1", after=0)
        assert (await other.next())["detail"] == "resume_expired"
        await other.send(type="cancel", run_id="r1")
        assert (await other.next())["status"] == 404
        await other.run("r1")  # ids are unique for each user
        assert (await other.next())["type"] == "started"


@pytest.mark.security
async def test_sign_out_ends_sockets_and_runs(play: Play, socket: PlaySocket) -> None:
    await socket.run()
    await socket.until("started")
    await play.provider.asked.wait()
    await play.studio.call("POST", "/sign-out", cookie=play.cookie)
    assert await socket.close_code() == 4401
    async with asyncio.timeout(120):
        await play.provider.let_go.wait()


@pytest.mark.security
async def test_an_expired_session_ends_its_socket_and_runs(tmp_path: Path) -> None:
    provider, clock = ScriptedProvider(), HandClock()
    async with running_http_studio(
        tmp_path,
        http_config(),
        clock=clock,
        endpoints={"openai": Endpoint(key="sk-1")},
        adapters={"openai": provider.open},
    ) as studio:
        async with play_socket(studio, cookie=await studio.set_up()) as socket:
            await socket.run()
            await socket.until("started")
            await provider.asked.wait()
            clock.move(days=8)
            await socket.send(type="resume", run_id="r1", after=0)
            assert await socket.close_code() == 4401
        async with asyncio.timeout(120):
            await provider.let_go.wait()


@pytest.mark.security
async def test_a_revoked_key_ends_its_sockets_and_runs(play: Play) -> None:
    key = await play.studio.make_key(play.cookie, "play")
    key_id = (await play.studio.call("GET", "/api_keys", cookie=play.cookie)).json[0]["id"]
    async with play_socket(play.studio, origin=None, headers={"Authorization": f"Bearer {key}"}) as socket:
        await socket.run()
        await socket.until("started")
        await play.provider.asked.wait()
        await play.studio.call("DELETE", f"/api_keys/{key_id}", cookie=play.cookie)
        assert await socket.close_code() == 4401
    async with asyncio.timeout(120):
        await play.provider.let_go.wait()


async def test_limits_are_told(play: Play, socket: PlaySocket) -> None:
    for number in range(3):
        await socket.run(f"r{number}")
        await socket.until("started")
    await socket.run("r3")
    failed = await socket.next()
    assert (failed["status"], failed["detail"]) == (429, "At most 3 runs at once on one socket")
    async with play_socket(play.studio, cookie=play.cookie) as second:
        await second.run("r3")
        assert (await second.next())["type"] == "started"
        await second.run("r4")
        failed = await second.next()
        assert (failed["status"], failed["detail"]) == (429, "At most 4 runs at once")


@pytest.mark.parametrize(
    ("frame", "status", "run_id"),
    [
        ("no json", 422, None),
        ("[]", 422, None),
        ("{}", 422, None),
        ('{"type":["run"]}', 422, None),
        ('{"type":"run"}', 422, None),
        ('{"type":"run","run_id":""}', 422, ""),
        ('{"type":"run","run_id":"r","request":{"model":"x","messages":[]}}', 422, "r"),
        ('{"type":"resume","run_id":"r","after":-1}', 422, "r"),
        ('{"type":"resume","run_id":"r","after":"x"}', 422, "r"),
        ('{"type":"cancel","run_id":"r"}', 404, "r"),
        ('{"type":"run","run_id":"r","request":{"model":"acme/x","messages":[]}}', 400, "r"),
        ('{"type":"run","run_id":"r","request":{"model":"gemini/x","messages":[]}}', 400, "r"),
    ],
)
async def test_a_frame_that_cannot_be_obeyed(
    play: Play, socket: PlaySocket, frame: str, status: int, run_id: str | None
) -> None:
    await socket.socket.send_str(frame)
    failed = await socket.next()
    assert (failed["type"], failed["status"], failed["run_id"], failed["seq"]) == ("failed", status, run_id, 0)
    play.provider.say(completion())
    await socket.run("next")
    assert (await socket.until(*LAST))[-1]["type"] == "finished"  # the socket is as good as before


async def test_a_run_id_in_use_is_a_conflict(play: Play, socket: PlaySocket) -> None:
    await socket.run()
    await socket.until("started")
    await socket.run()
    assert (await socket.next())["status"] == 409


async def test_an_abusive_client_is_shown_out(play: Play, socket: PlaySocket) -> None:
    for _ in range(20):
        await socket.socket.send_bytes(b"x")
    assert await socket.close_code() == 1008


async def test_a_frame_may_be_so_large(play: Play, socket: PlaySocket) -> None:
    await socket.run(messages=[{"role": "user", "content": "x" * (MOST_PROMPT_BYTES - 1024)}])
    await socket.until("started")
    headers = {"Cookie": f"session={play.cookie}", "Origin": ORIGIN}
    # Compressed, so that all of it is on its way before the studio closes the socket.
    async with play.studio.client.ws_connect("/llm/stream", headers=headers, compress=15) as compressed:
        await compressed.send_str("x" * (MOST_PROMPT_BYTES + 4097))
        assert await PlaySocket(compressed).close_code() == 1009


async def test_the_studio_stops_with_a_run_in_work(tmp_path: Path) -> None:
    provider = ScriptedProvider()
    async with running_http_studio(
        tmp_path, http_config(), endpoints={"openai": Endpoint(key="k")}, adapters={"openai": provider.open}
    ) as studio:
        cookie = await studio.set_up()
        socket = await studio.client.ws_connect(
            "/llm/stream", headers={"Cookie": f"session={cookie}", "Origin": ORIGIN}
        )
        play = PlaySocket(socket)
        await play.run()
        await play.until("started")
        await provider.asked.wait()
    assert provider.let_go.is_set()
    assert provider.closed == 1


def _flood() -> list[Any]:
    return [f"{number} " for number in range(10_000)]


async def test_ten_thousand_deltas(play: Play, socket: PlaySocket) -> None:
    pieces = _flood()
    play.provider.say(*pieces, completion("".join(pieces)))
    await socket.run()
    frames = await socket.until(*LAST)
    assert [frame["seq"] for frame in frames] == list(range(1, len(frames) + 1))
    assert "".join(frame.get("text", "") for frame in frames) == "".join(pieces)
