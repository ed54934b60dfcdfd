"""The playground over the providers' own SDKs, against local servers that speak their wire."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from actors.playground.providers.provider import Endpoint
from tests.http_studio import HttpStudio, http_config, running_http_studio
from tests.play_socket import LAST, play_socket
from tests.providers.anthropic import AnthropicServer
from tests.providers.gemini import GeminiServer
from tests.providers.openai import OpenAIServer
from tests.providers.server import ProviderServer, Script, Trouble

pytestmark = pytest.mark.integration

MODELS = {
    "openai": "openai/gpt-4o",
    "anthropic": "anthropic/claude-3-7-sonnet-20250219",
    "gemini": "gemini/gemini-2.5-flash",
}


@attrs.frozen
class Providers:
    """A studio with a signed-in user and all three providers."""

    studio: HttpStudio
    cookie: str
    servers: dict[str, ProviderServer]


@pytest.fixture
async def providers(tmp_path: Path) -> AsyncIterator[Providers]:
    async with OpenAIServer() as openai, AnthropicServer() as anthropic, GeminiServer() as gemini:
        servers: dict[str, ProviderServer] = {"openai": openai, "anthropic": anthropic, "gemini": gemini}
        endpoints = {name: Endpoint(key=f"{name}-key", base_url=server.base_url) for name, server in servers.items()}
        async with running_http_studio(tmp_path, http_config(), endpoints=endpoints) as studio:
            yield Providers(studio, await studio.set_up(), servers)


@pytest.mark.parametrize("name", MODELS)
async def test_a_stream_of_ten_thousand_deltas(providers: Providers, name: str) -> None:
    pieces = tuple(f"{number} " for number in range(10_000))
    providers.servers[name].play(Script(text=pieces))
    async with play_socket(providers.studio, cookie=providers.cookie) as socket:
        await socket.run(model=MODELS[name])
        frames = await socket.until(*LAST)
    assert [frame["seq"] for frame in frames] == list(range(1, len(frames) + 1))
    assert "".join(frame.get("text", "") for frame in frames) == "".join(pieces)
    assert frames[-1]["response"]["choices"][0]["message"]["content"] == "".join(pieces)
    assert frames[-1]["response"]["usage"]["total_tokens"] == 7


@pytest.mark.parametrize("way", ["cancel", "close", "sign out"])
@pytest.mark.parametrize("name", MODELS)
async def test_the_providers_connection_is_closed(providers: Providers, name: str, way: str) -> None:
    server = providers.servers[name]
    server.play(Script(trouble=Trouble.HANG))
    async with play_socket(providers.studio, cookie=providers.cookie) as socket:
        await socket.run(model=MODELS[name])
        await socket.until("delta")
        if way == "cancel":
            await socket.send(type="cancel", run_id="r1")
        elif way == "sign out":
            await providers.studio.call("POST", "/sign-out", cookie=providers.cookie)
        else:
            await socket.socket.close()
        async with asyncio.timeout(120):
            await server.disconnected.wait()


@pytest.mark.parametrize("trouble", [Trouble.CUT, Trouble.GARBAGE, Trouble.UNFINISHED])
@pytest.mark.parametrize("name", MODELS)
async def test_what_came_before_trouble_in_mid_stream_is_the_answer(
    providers: Providers, name: str, trouble: Trouble
) -> None:
    providers.servers[name].play(Script(trouble=trouble))
    async with play_socket(providers.studio, cookie=providers.cookie) as socket:
        await socket.run(model=MODELS[name])
        finished = (await socket.until(*LAST))[-1]
    assert finished["type"] == "finished"
    (choice,) = finished["response"]["choices"]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("hello from the provider", None)


@pytest.mark.parametrize("name", MODELS)
async def test_trouble_before_anything_came_is_a_failure(providers: Providers, name: str) -> None:
    async with play_socket(providers.studio, cookie=providers.cookie) as socket:
        for number, trouble in enumerate((Trouble.CUT, Trouble.GARBAGE, Trouble.UNFINISHED)):
            providers.servers[name].play(Script(trouble=trouble, raw=b": wait\n\n"))
            await socket.run(f"r{number}", model=MODELS[name])
            failed = (await socket.until(*LAST))[-1]
            assert (failed["type"], failed["status"]) == ("failed", 502)
            assert failed["detail"].startswith(f"Generation failed: {name}: ")


@pytest.mark.parametrize("status", [401, 429, 500])
@pytest.mark.parametrize("name", MODELS)
async def test_an_error_of_the_provider_is_502(providers: Providers, name: str, status: int) -> None:
    providers.servers[name].play(Script(status=status, headers={"retry-after": "7"}))
    body: dict[str, Any] = {"model": MODELS[name], "messages": [{"role": "user", "content": "hi"}]}
    reply = await providers.studio.call("POST", "/llm/generate", body=body, cookie=providers.cookie)
    assert reply.status == 502
    assert reply.json["detail"].startswith(f"Generation failed: {name}: ")
    assert f"{name}-key" not in reply.body.decode()


async def test_models_side_by_side(providers: Providers) -> None:
    async with play_socket(providers.studio, cookie=providers.cookie) as socket:
        for name, model in MODELS.items():
            await socket.run(name, model=model)
        finished = [(await socket.until("finished"))[-1] for _ in MODELS]
    assert {frame["run_id"] for frame in finished} == set(MODELS)


@pytest.mark.parametrize("name", MODELS)
async def test_model_lists(providers: Providers, name: str) -> None:
    reply = await providers.studio.call("GET", f"/llm/providers/{name}/models", cookie=providers.cookie)
    assert reply.status == 200
    assert all(model["id"].startswith(f"{name}/") for model in reply.json["models"])
    assert reply.json["models"]


async def test_a_run_can_be_replayed(providers: Providers) -> None:
    body = {
        "model": MODELS["openai"],
        "messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hi"}],
        "temperature": 0.5,
        "max_completion_tokens": 50,
        "stop": ["END"],
        "json_mode": True,
        "json_schema": {"type": "object"},
        "tools": [{"name": "weather", "description": "of a city", "parameters": {"type": "object"}}],
    }
    reply = await providers.studio.call("POST", "/llm/generate", body=body, cookie=providers.cookie)
    trace_id = reply.headers["X-Trace-Id"]
    path = f"/api/v1/observability/traces/{trace_id}/spans"
    while not (spans := (await providers.studio.call("GET", path, cookie=providers.cookie)).json):
        pass
    replayed = await providers.studio.call(
        "GET", f"/llm/replay/{trace_id}/{spans[0]['span_id']}", cookie=providers.cookie
    )
    origin = {"trace_id": trace_id, "span_id": spans[0]["span_id"]}
    assert replayed.json == {"request": {**body, "replay_of": origin}, "not_carried_over": []}
    again = await providers.studio.call("POST", "/llm/generate", body=replayed.json["request"], cookie=providers.cookie)
    path = f"/api/v1/observability/traces/{again.headers['X-Trace-Id']}/spans"
    while not (spans := (await providers.studio.call("GET", path, cookie=providers.cookie)).json):
        pass
    assert spans[0]["attributes_json"]["playground.replay_of.trace_id"] == trace_id
    assert spans[0]["links_json"][0]["traceId"] == trace_id


async def test_an_unknown_span_cannot_be_replayed(providers: Providers) -> None:
    reply = await providers.studio.call("GET", f"/llm/replay/{'0' * 32}/{'0' * 16}", cookie=providers.cookie)
    assert (reply.status, reply.json["detail"]) == (404, "Span not found")
