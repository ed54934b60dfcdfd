"""The playground's REST routes, with a scripted provider."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from actors.errors import ProviderFailed, Refused
from actors.playground.actor import PlaygroundLimits
from actors.playground.prompt import ToolCall
from actors.playground.providers.provider import Endpoint, Model
from tests.actors.stage import file_bytes, rows
from tests.http_studio import HttpStudio, http_config, running_http_studio
from tests.scripted_provider import ScriptedProvider, completion
from transports.http.config import PlayConfig

pytestmark = pytest.mark.integration

HI = {"model": "openai/gpt-4o", "messages": [{"role": "user", "content": "hi"}]}
KEY = "sk-operators-very-secret-1234"


@attrs.frozen
class Play:
    """A studio with a signed-in user and one provider."""

    studio: HttpStudio
    provider: ScriptedProvider
    cookie: str
    folder: Path

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        return await self.studio.call(method, path, body=body, cookie=self.cookie)

    async def spans(self, trace_id: str) -> list[dict[str, Any]]:
        """The spans of a trace, as soon as there are any: they are stored beside the answer."""
        while True:
            reply = await self.call("GET", f"/api/v1/observability/traces/{trace_id}/spans")
            if reply.json:
                found: list[dict[str, Any]] = reply.json
                return found

    async def newest_span(self) -> dict[str, Any]:
        while True:
            reply = await self.call("GET", "/api/v1/observability/services/playground/spans")
            if reply.json:
                newest: dict[str, Any] = reply.json[0]
                return newest


@pytest.fixture
async def play(tmp_path: Path) -> AsyncIterator[Play]:
    provider = ScriptedProvider()
    async with running_http_studio(
        tmp_path,
        http_config(),
        endpoints={"openai": Endpoint(key=KEY)},
        adapters={"openai": provider.open, "anthropic": provider.open},
        limits=PlaygroundLimits(runs_per_user=2),
    ) as studio:
        yield Play(studio, provider, await studio.set_up(), tmp_path)


async def test_an_answer_has_the_form_of_the_reference(play: Play) -> None:
    play.provider.say(completion(reasoning="hm"))
    reply = await play.call("POST", "/llm/generate", HI)
    assert reply.status == 200
    assert reply.body == (
        b'{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"gpt-4o","choices":[{"index":0,'
        b'"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}],'
        b'"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15},"reasoning_content":"hm"}'
    )


async def test_an_unknown_usage_is_absent_and_not_null(play: Play) -> None:
    call = ToolCall(id="c1", name="weather", arguments="{}")
    play.provider.say(completion("", usage=None, finish_reason=None, tool_calls=(call,)))
    answer = (await play.call("POST", "/llm/generate", HI)).json
    assert list(answer) == ["id", "object", "created", "model", "choices", "reasoning_content"]
    assert answer["choices"][0]["finish_reason"] is None
    assert answer["choices"][0]["message"]["tool_calls"] == [{"id": "c1", "name": "weather", "arguments": "{}"}]


async def test_a_run_is_a_trace_in_both_conventions(play: Play) -> None:
    play.provider.say(completion())
    body = {**HI, "temperature": 0.5, "max_tokens": 7, "stop": ["END"], "json_mode": True}
    reply = await play.call("POST", "/llm/generate", body)
    [span] = await play.spans(reply.headers["X-Trace-Id"])
    told = span["attributes_json"]
    assert (span["service_name"], span["name"], span["kind"]) == ("playground", "chat gpt-4o", "CLIENT")
    assert told["openinference.span.kind"] == "LLM"
    assert told["gen_ai.provider.name"] == "openai"
    assert told["user.email"] == "admin@example.com"
    assert json.loads(told["gen_ai.input.messages"]) == [{"role": "user", "parts": [{"type": "text", "content": "hi"}]}]
    assert told["llm.output_messages.0.message.content"] == "hello"
    assert told["gen_ai.usage.cache_read.input_tokens"] == told["llm.token_count.prompt_details.cache_read"] == 4
    assert told["gen_ai.usage.reasoning.output_tokens"] == 2
    assert told["llm.cost.total"] > 0
    assert json.loads(told["llm.invocation_parameters"])["stop"] == ["END"]
    assert KEY not in json.dumps(span)


async def test_a_failure_is_502_and_a_trace(play: Play) -> None:
    play.provider.say(ProviderFailed("openai: no credit left"))
    reply = await play.call("POST", "/llm/generate", HI)
    assert (reply.status, reply.json) == (502, {"detail": "Generation failed: openai: no credit left"})
    span = await play.newest_span()
    assert (span["status_code"], span["status_message"]) == ("2", "Generation failed: openai: no credit left")
    assert span["attributes_json"]["error.type"] == "ProviderFailed"


async def test_unsupported_parameters_are_400_with_the_reason(play: Play) -> None:
    play.provider.say(Refused("o3-mini takes no temperature but 1"))
    reply = await play.call("POST", "/llm/generate", HI)
    assert (reply.status, reply.json["detail"]) == (400, "o3-mini takes no temperature but 1")


async def test_a_bug_in_an_adapter_is_masked_and_a_trace(play: Play) -> None:
    play.provider.say(ValueError("with a secret in it"))
    reply = await play.call("POST", "/llm/generate", HI)
    assert (reply.status, reply.json["detail"]) == (500, "Internal Server Error")
    assert (await play.newest_span())["attributes_json"]["error.type"] == "InternalError"


async def test_broken_text_and_huge_numbers_do_no_harm(play: Play) -> None:
    play.provider.say(completion("half a pair: \ud83d"))
    body = {**HI, "max_tokens": 10**30, "json_schema": {"maximum": 10**30}}
    reply = await play.call("POST", "/llm/generate", body)
    assert reply.json["choices"][0]["message"]["content"] == "half a pair: \ufffd"
    [span] = await play.spans(reply.headers["X-Trace-Id"])
    assert span["attributes_json"]["gen_ai.request.max_tokens"] == 2**63 - 1


@pytest.mark.parametrize(
    ("changes", "type_", "location"),
    [
        ({"model": "openai/GPT"}, "string_pattern_mismatch", ["body", "model"]),
        ({"model": "openai/gpt\n"}, "string_pattern_mismatch", ["body", "model"]),
        ({"temperature": -0.1}, "greater_than_equal", ["body", "temperature"]),
        ({"max_tokens": 1.5}, "int_from_float", ["body", "max_tokens"]),
        ({"top_p": True}, "float_type", ["body", "top_p"]),
        ({"stop": [1]}, "string_type", ["body", "stop", 0]),
        ({"messages": [3]}, "model_attributes_type", ["body", "messages", 0]),
        ({"messages": [{"role": "user"}]}, "missing", ["body", "messages", 0, "content"]),
        (
            {"replay_of": {"trace_id": "x", "span_id": "y"}},
            "string_pattern_mismatch",
            ["body", "replay_of", "trace_id"],
        ),
    ],
)
async def test_faults_are_named(play: Play, changes: dict[str, Any], type_: str, location: list[Any]) -> None:
    reply = await play.call("POST", "/llm/generate", HI | changes)
    assert reply.status == 422
    assert (reply.json["detail"][0]["type"], reply.json["detail"][0]["loc"]) == (type_, location)


async def test_nulls_and_numbers_in_texts_are_as_good_as_at_the_reference(play: Play) -> None:
    play.provider.say(completion())
    nulls = dict.fromkeys(("temperature", "top_p", "stop", "reasoning_effort", "json_schema", "tools"))
    reply = await play.call("POST", "/llm/generate", {**HI, **nulls, "max_tokens": "7", "messages": []})
    assert reply.status == 200
    assert play.provider.prompts[0].max_tokens == 7


async def test_a_user_has_so_many_runs_at_once(play: Play) -> None:
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(play.call("POST", "/llm/generate", HI)) for _ in range(2)]
        while len(play.provider.prompts) < 2:
            play.provider.asked.clear()
            await play.provider.asked.wait()
        refused = await play.call("POST", "/llm/generate", HI)
        play.provider.say(completion(), completion())
    assert (refused.status, refused.json["detail"]) == (429, "At most 2 runs at once")
    assert "Retry-After" in refused.headers
    assert [task.result().status for task in running] == [200, 200]


async def test_models_are_listed_and_remembered_until_refreshed(play: Play) -> None:
    first = Model(id="gpt-4o", display_name="gpt-4o", supports_vision=True, max_tokens=128_000)
    play.provider.lists = [(), (first,), (Model(id="o3", display_name="o3", supports_reasoning=True),)]
    path = "/llm/providers/openai/models"
    assert (await play.call("GET", path)).json == {"models": []}
    answers = [(await play.call("GET", path)).json for _ in range(2)]  # an empty list was not remembered
    assert answers[0] == answers[1]
    assert answers[0]["models"] == [
        {
            "id": "openai/gpt-4o",
            "provider": "openai",
            "display_name": "gpt-4o",
            "supports_reasoning": False,
            "supports_vision": True,
            "max_tokens": 128_000,
        }
    ]
    assert [m["id"] for m in (await play.call("POST", f"{path}/refresh")).json["models"]] == ["openai/o3"]
    assert [m["id"] for m in (await play.call("GET", path)).json["models"]] == ["openai/o3"]


@pytest.mark.concurrency
async def test_a_list_that_was_asked_for_with_the_key_of_before_is_not_remembered(play: Play) -> None:
    late = asyncio.get_running_loop().create_future()
    play.provider.lists = [late, (Model(id="o3", display_name="o3"),)]
    path = "/llm/providers/openai/models"
    asking = asyncio.create_task(play.call("GET", path))
    await play.provider.asked.wait()
    assert (await play.call("PUT", "/llm/providers/openai/key", {"key": "sk-another"})).status == 200
    late.set_result((Model(id="gpt-4o", display_name="gpt-4o"),))
    assert [model["id"] for model in (await asking).json["models"]] == ["openai/gpt-4o"]
    assert [model["id"] for model in (await play.call("GET", path)).json["models"]] == ["openai/o3"]


async def test_a_list_that_fails_is_502(play: Play) -> None:
    play.provider.lists = [ProviderFailed("openai: down")] * 2
    path = "/llm/providers/openai/models"
    reply = await play.call("GET", path)
    assert (reply.status, reply.json["detail"]) == (502, "Failed to fetch models from openai API")
    reply = await play.call("POST", f"{path}/refresh")
    assert (reply.status, reply.json["detail"]) == (502, "Failed to refresh models from openai API")


@pytest.mark.security
async def test_a_key_is_kept_sealed_audited_and_never_told(play: Play) -> None:
    secret = "sk-ant-users-very-secret-9876"
    before = (await play.call("GET", "/llm/providers")).json
    assert before[0] == {"provider": "anthropic", "configured": False, "last4": None}
    assert before[2] == {"provider": "openai", "configured": True, "last4": "1234"}
    reply = await play.call("PUT", "/llm/providers/anthropic/key", {"key": secret})
    assert reply.json == {"provider": "anthropic", "configured": True, "last4": "9876"}
    play.provider.say(completion())
    await play.call("POST", "/llm/generate", {**HI, "model": "anthropic/claude-3-7-sonnet"})
    assert play.provider.endpoints[-1].key == secret
    assert secret.encode() not in file_bytes(play.folder / "junjo.db")
    assert ("update", "provider_key", "anthropic") in rows(
        play.folder / "junjo.db", "SELECT action, resource_type, resource_id FROM audit_trail ORDER BY id"
    )


async def test_a_key_that_is_replaced_or_dropped_changes_the_next_call(play: Play) -> None:
    for key in ("sk-one", "sk-two"):
        await play.call("PUT", "/llm/providers/openai/key", {"key": key})
        play.provider.say(completion())
        await play.call("POST", "/llm/generate", HI)
    assert [endpoint.key for endpoint in play.provider.endpoints] == ["sk-one", "sk-two"]
    assert play.provider.closed == 1
    dropped = await play.call("DELETE", "/llm/providers/openai/key")
    assert dropped.json["last4"] == "1234"
    assert (await play.call("DELETE", "/llm/providers/openai/key")).status == 404


@pytest.mark.security
@pytest.mark.parametrize("key", ["", "with space", "ключ", "k" * 513, 5, "a\nb"])
async def test_a_key_that_cannot_be_one_is_not_echoed(play: Play, key: Any) -> None:
    reply = await play.call("PUT", "/llm/providers/openai/key", {"key": key})
    assert reply.status == 422
    assert reply.json["detail"][0]["input"] == "***"


async def test_a_key_survives_a_restart(tmp_path: Path) -> None:
    provider = ScriptedProvider()
    async with running_http_studio(tmp_path, http_config(), adapters={"openai": provider.open}) as studio:
        cookie = await studio.set_up()
        await studio.call("PUT", "/llm/providers/openai/key", body={"key": "sk-kept-4321"}, cookie=cookie)
    async with running_http_studio(tmp_path, http_config(), adapters={"openai": provider.open}) as studio:
        states = (await studio.call("GET", "/llm/providers", cookie=cookie)).json
        assert states[2] == {"provider": "openai", "configured": True, "last4": "4321"}


async def test_any_model_behind_a_base_url(tmp_path: Path) -> None:
    provider = ScriptedProvider()
    config = http_config(play=PlayConfig(any_openai_model=True))
    endpoints = {"openai": Endpoint(key="", base_url="http://127.0.0.1:1")}
    async with running_http_studio(tmp_path, config, endpoints=endpoints, adapters={"openai": provider.open}) as studio:
        cookie = await studio.set_up()
        provider.say(completion())
        body = {**HI, "model": "openai/hf.co/Qwen/Qwen3-8B:Q4"}
        assert (await studio.call("POST", "/llm/generate", body=body, cookie=cookie)).status == 200
        assert provider.prompts[0].model == "hf.co/Qwen/Qwen3-8B:Q4"
        for model in ("openai/with space", "gemini/A", "x"):
            body = {**HI, "model": model}
            assert (await studio.call("POST", "/llm/generate", body=body, cookie=cookie)).status == 422
