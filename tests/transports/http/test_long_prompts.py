"""Prompts of megabytes: limits, permissions, and their replays."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from actors.playground.limits import PlaygroundLimits
from actors.playground.providers.provider import Endpoint
from tests.http_studio import HttpStudio, http_config, running_http_studio
from tests.play_socket import play_socket
from tests.scripted_provider import ScriptedProvider, completion
from transports.http.framework.json_body import MOST_PROMPT_BYTES as MOST

pytestmark = pytest.mark.integration


@attrs.frozen
class Play:
    """A studio with a signed-in user and one provider."""

    studio: HttpStudio
    provider: ScriptedProvider
    cookie: str

    async def generate(self, content: str, cookie: str | None = None, **more: Any) -> Any:
        body = {"model": "openai/gpt-4o", "messages": [{"role": "user", "content": content}], **more}
        data = json.dumps(body, ensure_ascii=False).encode()
        return await self.studio.call("POST", "/llm/generate", data=data, cookie=cookie or self.cookie)

    async def span(self, trace_id: str) -> dict[str, Any]:
        while True:
            reply = await self.studio.call("GET", f"/api/v1/observability/traces/{trace_id}/spans", cookie=self.cookie)
            if reply.json:
                (found,) = reply.json
                return dict(found)


@pytest.fixture
async def play(tmp_path: Path) -> AsyncIterator[Play]:
    provider = ScriptedProvider()
    async with running_http_studio(
        tmp_path,
        http_config(),
        endpoints={"openai": Endpoint(key="k")},
        adapters={"openai": provider.open},
        limits=PlaygroundLimits(prompts_size=10 * 1024 * 1024),
    ) as studio:
        yield Play(studio, provider, await studio.set_up())


@pytest.mark.parametrize("content", ["word " * 250_000, "é" * 1_000_000, "\x00" * 1_000_000], ids=["words", "é", "NUL"])
async def test_what_a_replay_hands_out_is_taken_again(play: Play, content: str) -> None:
    play.provider.say(completion(), completion(), completion())
    trace_id = (await play.generate(content)).headers["X-Trace-Id"]
    span_id = (await play.span(trace_id))["span_id"]
    replayed = await play.studio.call("GET", f"/llm/replay/{trace_id}/{span_id}", cookie=play.cookie)
    request = replayed.json["request"]
    for data in (json.dumps(request).encode(), json.dumps(request, ensure_ascii=False).encode()):
        again = await play.studio.call("POST", "/llm/generate", data=data, cookie=play.cookie)
        assert again.status == 200
    assert [prompt.messages[0].content for prompt in play.provider.prompts] == [content] * 3


async def test_a_prompt_of_the_most_bytes_leaves_its_trace(play: Play) -> None:
    play.provider.say(completion())
    reply = await play.generate("x" * (MOST - 1024))
    assert reply.status == 200
    span = await play.span(reply.headers["X-Trace-Id"])
    assert len(span["attributes_json"]["llm.input_messages.0.message.content"]) == MOST - 1024


async def test_a_replay_that_could_not_be_sent_is_not_handed_out(play: Play) -> None:
    play.provider.say(completion())
    trace_id = (await play.generate("é" * (MOST // 3))).headers["X-Trace-Id"]  # six bytes each where it is escaped
    span_id = (await play.span(trace_id))["span_id"]
    reply = await play.studio.call("GET", f"/llm/replay/{trace_id}/{span_id}", cookie=play.cookie)
    assert reply.status == 413
    assert reply.json["detail"].startswith("The prompt of this span is larger than 8388608 bytes")


async def test_more_is_too_large(play: Play) -> None:
    reply = await play.generate("x" * MOST)
    assert (reply.status, reply.json["detail"]) == (413, "The request is larger than 8388608 bytes")


async def test_more_is_too_large_where_the_length_is_not_said(play: Play) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(9):
            yield b" " * 1024 * 1024

    reply = await play.studio.call("POST", "/llm/generate", data=pieces(), cookie=play.cookie)
    assert reply.status == 413


@pytest.mark.security
async def test_who_has_no_session_cannot_make_the_studio_hold_megabytes(play: Play) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(8):
            yield b"[" * 1024 * 1024

    reply = await play.studio.call("POST", "/llm/generate", data=pieces(), cookie="nobody")
    assert (reply.status, reply.json["detail"]) == (401, "Unauthorized: No valid session")
    reply = await play.studio.call("POST", "/llm/generate", data=b"[", cookie="nobody")
    assert reply.status == 422  # malformed JSON comes first, as it did


@pytest.mark.security
@pytest.mark.parametrize(
    ("messages", "type_"),
    [
        ("[" + "0," * 2_000_000 + "0]", "model_attributes_type"),
        ('[{"role":"user","content":"' + "x" * 2_000_000 + '"},{}]', "missing"),
        ('[{"role":"user","content":"x","tool_calls":[' + "0," * 2_000_000 + "0]}]", "model_attributes_type"),
    ],
)
async def test_a_large_body_of_faults_is_told_by_the_first_one(play: Play, messages: str, type_: str) -> None:
    data = b'{"model":"openai/gpt-4o","messages":' + messages.encode() + b"}"
    reply = await play.studio.call("POST", "/llm/generate", data=data, cookie=play.cookie)
    assert reply.status == 422
    assert [(item["type"], item["loc"]) for item in reply.json["detail"]] == [(type_, ["body"])]


async def test_long_prompts_at_once_are_bounded(play: Play) -> None:
    async with play_socket(play.studio, cookie=play.cookie) as socket:
        said = [{"role": "user", "content": "x" * (6 * 1024 * 1024)}]
        await socket.run("r1", messages=said)
        await socket.until("started")
        await play.provider.asked.wait()
        reply = await play.generate("x" * (6 * 1024 * 1024))
        assert (reply.status, reply.json["detail"]) == (429, "Too many long prompts are being run at once")
        await socket.run("r2", messages=said)
        frame = (await socket.until("failed"))[-1]
        assert (frame["status"], frame["retry_after"]) == (429, 5.0)
        play.provider.say(completion())
        await socket.until("finished")
        play.provider.say(completion())
        assert (await play.generate("x" * (6 * 1024 * 1024))).status == 200


@pytest.mark.parametrize("levels", [101, 900, 3000])
async def test_a_schema_may_be_so_deep(play: Play, levels: int) -> None:
    data = '{"a":' * (levels - 1) + "{}" + "}" * (levels - 1)
    for name, value in (("json_schema", data), ("tools", f'[{{"name":"f","parameters":{data}}}]')):
        body = f'{{"model":"openai/gpt-4o","messages":[],"{name}":{value}}}'.encode()
        reply = await play.studio.call("POST", "/llm/generate", data=body, cookie=play.cookie)
        assert reply.status in (400, 422)
        assert reply.status == 400 or reply.json["detail"][0]["type"] == "too_deep"
