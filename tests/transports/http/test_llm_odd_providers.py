"""Unexpected answers of providers: the user's answer over REST and the WebSocket, and the stored trace."""

import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest

from actors.playground.providers.provider import Endpoint
from tests.http_studio import HttpStudio, http_config, running_http_studio
from tests.play_socket import LAST, play_socket
from tests.providers.heard import OSLO, PARIS, named, sse
from tests.providers.pairs import PAIRS
from tests.providers.server import ProviderServer, Script, Trouble

pytestmark = pytest.mark.integration

KEY = "sk-odd-0123456789"
_MODELS = {pair.name: f"{pair.name}/{pair.model}" for pair in PAIRS}


@attrs.frozen(kw_only=True)
class Got:
    """The user's answer of a run, and its trace."""

    status: int
    detail: str | None = None
    retry_after: float | None = None
    text: str | None = None
    finish: str | None = None
    calls: tuple[tuple[str, str], ...] = ()
    frames: tuple[Mapping[str, Any], ...] = ()
    trace: Mapping[str, Any]


@attrs.frozen
class Odd:
    """A studio whose provider answers as a test says, once whole and once streamed."""

    studio: HttpStudio
    cookie: str
    servers: Mapping[str, ProviderServer]

    async def got(self, name: str, way: str, script: Script) -> Got:
        self.servers[name].play(script)
        before = await self._latest()
        got = await (self._plain(name) if way == "REST" else self._streamed(name))
        while (spans := await self._latest()) == before:
            pass
        (trace, *others) = spans
        assert others == before[:1]  # there is one new trace, of one span
        return Got(**got, trace=trace)

    async def _latest(self) -> list[dict[str, Any]]:
        """The last two spans. All of them would be compared with the OpenAPI document each time."""
        path = "/api/v1/observability/services/playground/spans?limit=2"
        found: list[dict[str, Any]] = (await self.studio.call("GET", path, cookie=self.cookie)).json
        return found

    async def _plain(self, name: str) -> dict[str, Any]:
        body = {"model": _MODELS[name], "messages": [{"role": "user", "content": "hi"}]}
        reply = await self.studio.call("POST", "/llm/generate", body=body, cookie=self.cookie)
        if reply.status != 200:
            wait = reply.headers.get("Retry-After")
            return {
                "status": reply.status,
                "detail": reply.json["detail"],
                "retry_after": None if wait is None else float(wait),
            }
        return {"status": 200, **_read(reply.json)}

    async def _streamed(self, name: str) -> dict[str, Any]:
        async with play_socket(self.studio, cookie=self.cookie) as socket:
            await socket.run(model=_MODELS[name])
            frames = await socket.until(*LAST)
        assert [frame["seq"] for frame in frames] == list(range(1, len(frames) + 1))
        last = frames[-1]
        if last["type"] == "failed":
            failure = {name: last.get(name) for name in ("status", "detail", "retry_after")}
            return {**failure, "frames": tuple(frames)}
        answer = _read(last["response"])
        assert "".join(frame.get("text", "") for frame in frames) == answer["text"]
        told = [(frame["name"], frame["arguments"]) for frame in frames if frame["type"] == "tool_call"]
        assert tuple(told) == answer["calls"]
        return {"status": 200, **answer, "frames": tuple(frames)}


def _read(response: Mapping[str, Any]) -> dict[str, Any]:
    (choice,) = response["choices"]
    calls = choice["message"].get("tool_calls", [])
    return {
        "text": choice["message"]["content"],
        "finish": choice["finish_reason"],
        "calls": tuple((call["name"], call["arguments"]) for call in calls),
    }


def stored_calls(got: Got) -> tuple[tuple[str, str], ...]:
    """The tool calls in the trace."""
    (message,) = json.loads(got.trace["attributes_json"]["gen_ai.output.messages"])
    parts = [part for part in message["parts"] if part["type"] == "tool_call"]
    return tuple((part["name"], part["arguments"]) for part in parts)


@pytest.fixture
async def odd(tmp_path: Path) -> AsyncIterator[Odd]:
    openai, anthropic, gemini = (pair.server() for pair in PAIRS)
    async with openai, anthropic, gemini:
        servers = dict(zip(_MODELS, (openai, anthropic, gemini), strict=True))
        endpoints = {name: Endpoint(key=KEY, base_url=server.base_url) for name, server in servers.items()}
        async with running_http_studio(tmp_path, http_config(), endpoints=endpoints) as studio:
            yield Odd(studio, await studio.set_up(), servers)


@pytest.fixture(params=["REST", "WebSocket"])
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def script(document: object, *events: Mapping[str, Any]) -> Script:
    """The same, told plainly and in a stream: each in the way of its provider, without what the providers promise."""
    return Script(body=json.dumps(document).encode(), raw=named(*events) if "type" in events[0] else sse(*events))


def openai(message: Mapping[str, Any], **more: object) -> Script:
    return script({"choices": [{"message": message}], **more}, {"choices": [{"delta": message}]}, {**more})


def anthropic(*blocks: Mapping[str, Any], **more: object) -> Script:
    begun = [{"type": "content_block_start", "content_block": block} for block in blocks]
    return script({"content": blocks, **more}, {"type": "message_start", "message": more}, *begun)


def gemini(*parts: Mapping[str, Any], **more: object) -> Script:
    document = {"candidates": [{"content": {"parts": parts}}], **more}
    return script(document, document)


_ODD: tuple[object, ...] = (None, {}, [], "5", -1, 1e308, float("nan"), float("inf"), 10**30, "9" * 5000, True)
_HELLO: Mapping[str, tuple[Script, ...]] = {
    "openai": (
        openai({"content": "Hello"}),
        openai({"content": [{"type": "text", "text": "Hello"}]}, id=5, created="x", model=None),
        *(openai({"content": "Hello"}, usage={"prompt_tokens": odd}) for odd in _ODD),
        *(openai({"content": "Hello"}, usage=odd) for odd in _ODD),
    ),
    "anthropic": (
        anthropic({"type": "text", "text": "Hello"}),
        anthropic({"text": "Hello"}, id=5, model=None, usage={"input_tokens": 10**30}),
        *(anthropic({"text": "Hello"}, usage={"output_tokens": odd, "output_tokens_details": odd}) for odd in _ODD),
    ),
    "gemini": (
        gemini({"text": "Hello"}),
        gemini({"text": "Hello"}, usageMetadata=5, responseId=[], modelVersion={}),
        *(
            gemini({"text": "Hello"}, usageMetadata={"promptTokenCount": odd, "thoughtsTokenCount": odd})
            for odd in _ODD
        ),
    ),
}


@pytest.mark.parametrize("name", _MODELS)
async def test_what_came_is_the_answer_and_a_trace(odd: Odd, way: str, name: str) -> None:
    for told in _HELLO[name]:
        got = await odd.got(name, way, told)
        assert (got.status, got.text, got.finish) == (200, "Hello", None), told
        assert got.trace["status_code"] != "2"
        assert got.trace["attributes_json"]["output.value"] == "Hello"


_CITIES = (("weather", OSLO), ("weather", PARIS))
_CALLS: Mapping[str, tuple[Script, ...]] = {
    "openai": (
        openai({"tool_calls": [{"function": {"name": name, "arguments": json.loads(a)}} for name, a in _CITIES]}),
        openai({"tool_calls": [{"id": a, "index": 0, "name": name, "arguments": a} for name, a in _CITIES]}),
    ),
    "anthropic": (anthropic(*({"type": "tool_use", "name": name, "input": json.loads(a)} for name, a in _CITIES)),),
    "gemini": (gemini(*({"functionCall": {"name": name, "args": json.loads(a)}} for name, a in _CITIES)),),
}


@pytest.mark.parametrize("name", _MODELS)
async def test_each_call_once_and_whole_in_frames_and_trace(odd: Odd, way: str, name: str) -> None:
    for told in _CALLS[name]:
        got = await odd.got(name, way, told)
        assert (got.status, got.calls, stored_calls(got)) == (200, _CITIES, _CITIES)


@pytest.mark.parametrize("name", _MODELS)
async def test_an_answer_that_is_cut_is_what_came(odd: Odd, name: str) -> None:
    for trouble in (Trouble.CUT, Trouble.GARBAGE, Trouble.UNFINISHED):
        got = await odd.got(name, "WebSocket", Script(trouble=trouble))
        assert (got.status, got.text, got.finish) == (200, "hello from the provider", None)
        assert "gen_ai.response.finish_reasons" not in got.trace["attributes_json"]


async def test_the_end_alone_is_an_empty_answer(odd: Odd) -> None:
    got = await odd.got("openai", "WebSocket", Script(raw=b"data: [DONE]\n\n"))
    assert (got.status, got.text, got.finish) == (200, "", None)


@pytest.mark.parametrize("name", _MODELS)
async def test_a_server_that_does_not_stream_is_heard(odd: Odd, name: str) -> None:
    document = odd.servers[name].whole(Script(), "m")
    got = await odd.got(name, "WebSocket", Script(raw=json.dumps(document).encode(), stream_type="application/json"))
    assert (got.status, got.text, got.finish) == (200, "hello from the provider", "stop")


_UNLUCKY = (
    b'{"error":{"message":"no luck"}}',
    b'{"error":"no luck"}',
    b'{"detail":[{"msg":"no luck"}]}',
    b"<p>no luck</p>",
)


@pytest.mark.parametrize("name", _MODELS)
async def test_the_providers_own_words_are_in_the_detail(odd: Odd, way: str, name: str) -> None:
    for body in _UNLUCKY:
        got = await odd.got(name, way, Script(status=400, failure=body, headers={"retry-after-ms": "2500"}))
        assert (got.status, got.detail) == (502, f"Generation failed: {name}: refused (400): no luck")
        assert got.retry_after == (3 if way == "REST" else 2.5)
        got = await odd.got(name, way, Script(body=body, raw=body, stream_type="text/html"))
        assert (got.status, got.detail) == (502, f"Generation failed: {name}: no luck")
        assert got.trace["status_message"] == got.detail


@pytest.mark.security
@pytest.mark.parametrize("name", _MODELS)
async def test_an_error_in_mid_stream_is_told_without_the_key(odd: Odd, name: str) -> None:
    error = json.dumps({"error": {"message": f"no\nluck \ud83d with {KEY}"}})
    begun = odd.servers[name].events(Script(), "m")[0]
    raw = b"".join(begun) + f"event: error\ndata: {error}\n\n".encode()
    got = await odd.got(name, "WebSocket", Script(raw=raw))
    assert (got.status, got.detail) == (502, f"Generation failed: {name}: no luck \ufffd with ***")
    assert got.trace["attributes_json"]["output.value"] == "hello from the provider"
    assert KEY not in json.dumps([got.trace, *got.frames])


async def test_a_character_in_two_pieces_is_one(odd: Odd) -> None:
    face = json.loads('"\\ud83d\\ude00"')
    deltas: list[dict[str, Any]] = [
        {kind: half} for kind in ("reasoning_content", "content") for half in ("\ud83d", "\ude00")
    ]
    halves = [{"index": 0, "id": "a", "name": "f", "arguments": '{"a":"\ud83d'}, {"index": 0, "arguments": '\ude00"}'}]
    deltas += [{"tool_calls": half} for half in halves]
    got = await odd.got("openai", "WebSocket", Script(raw=sse(*({"choices": [{"delta": d}]} for d in deltas))))
    assert (got.text, got.calls) == (face, (("f", f'{{"a":"{face}"}}'),))
    assert [frame["reasoning"] for frame in got.frames if "reasoning" in frame] == [face]
    assert stored_calls(got) == got.calls


@pytest.mark.parametrize("name", _MODELS)
async def test_half_a_character_at_the_end_is_replaced_once(odd: Odd, way: str, name: str) -> None:
    told = {
        "openai": openai({"content": "a\ud83d"}),
        "anthropic": anthropic({"text": "a\ud83d"}),
        "gemini": gemini({"text": "a\ud83d"}),
    }
    got = await odd.got(name, way, told[name])
    assert (got.status, got.text) == (200, "a\ufffd")
    assert got.trace["attributes_json"]["output.value"] == "a\ufffd"
