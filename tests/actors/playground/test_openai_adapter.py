"""OpenAI's particularities: families of models, its list, and compatible servers."""

import pytest

from actors.errors import Refused
from actors.playground.prompt import ChatMessage, Prompt, Tool, ToolCall
from actors.playground.providers.openai import OpenAIProvider
from actors.playground.providers.openai_request import family_of, request_body
from actors.playground.providers.provider import Endpoint, ReasoningDelta
from tests.providers.openai import OpenAIServer
from tests.providers.server import Script


def prompt(model: str, **more: object) -> Prompt:
    said = (ChatMessage(role="user", content="hi"),)
    return Prompt(provider="openai", model=model, messages=said, **more)  # type: ignore[arg-type] # any of its fields


@pytest.mark.unit
@pytest.mark.parametrize(
    ("model", "sent"),
    [
        ("gpt-4o", {"max_tokens": 20}),
        ("gpt-5-chat-latest", {"max_tokens": 20}),
        ("qwen3:8b", {"max_tokens": 20}),
        ("o1", {"max_completion_tokens": 20}),
        ("o4-mini", {"max_completion_tokens": 20}),
        ("gpt-5", {"max_completion_tokens": 20}),
        ("gpt-5-mini-2025-08-07", {"max_completion_tokens": 20}),
        ("gpt-6.1-sol", {"max_completion_tokens": 20}),
    ],
)
def test_the_token_limit_has_the_name_that_the_model_knows(model: str, sent: dict[str, int]) -> None:
    body = request_body(prompt(model, max_tokens=20))
    assert {name: value for name, value in body.items() if name.startswith("max_")} == sent


@pytest.mark.unit
def test_both_limits_go_to_a_model_that_knows_both() -> None:
    body = request_body(prompt("gpt-4o", max_tokens=20, max_completion_tokens=30))
    assert (body["max_tokens"], body["max_completion_tokens"]) == (20, 30)


@pytest.mark.unit
def test_the_newer_limit_wins_where_there_is_only_one() -> None:
    body = request_body(prompt("o3", max_tokens=20, max_completion_tokens=30))
    assert body["max_completion_tokens"] == 30
    assert "max_tokens" not in body


@pytest.mark.unit
@pytest.mark.parametrize("model", ["gpt-5", "gpt-5-nano", "o1", "o3-mini", "o4-mini"])
@pytest.mark.parametrize("name", ["temperature", "top_p"])
def test_reasoning_models_sample_as_they_like(model: str, name: str) -> None:
    with pytest.raises(Refused, match=rf"^{model} does not support {name}=0\.5\. Only {name}=1 is supported$"):
        request_body(prompt(model, **{name: 0.5}))
    assert request_body(prompt(model, **{name: 1}))[name] == 1


@pytest.mark.unit
def test_newer_models_sample_as_told_unless_they_reason() -> None:
    assert request_body(prompt("gpt-5.1", temperature=0.5))["temperature"] == 0.5
    with pytest.raises(Refused, match=r"gpt-5\.1 does not support temperature=0\.5 with reasoning_effort"):
        request_body(prompt("gpt-5.1", temperature=0.5, reasoning_effort="low"))


@pytest.mark.unit
@pytest.mark.parametrize("model", ["gpt-4o", "gpt-4.1-mini", "gpt-3.5-turbo", "o1-mini", "gpt-5-chat-latest"])
def test_models_that_do_not_reason_are_not_told_how_much(model: str) -> None:
    with pytest.raises(Refused, match=f"^{model} does not support reasoning_effort$"):
        request_body(prompt(model, reasoning_effort="low"))


@pytest.mark.unit
@pytest.mark.parametrize(
    ("model", "effort", "supported"),
    [
        ("o3", "minimal", "low, medium, high"),
        ("gpt-5.1", "minimal", "low, medium, high"),
        ("gpt-5-pro", "low", "high"),
    ],
)
def test_an_effort_that_a_model_does_not_know_is_refused(model: str, effort: str, supported: str) -> None:
    with pytest.raises(Refused) as caught:
        request_body(prompt(model, reasoning_effort=effort))
    assert caught.value.detail == f"{model} does not support reasoning_effort {effort}. Supported: {supported}"


@pytest.mark.unit
def test_a_server_of_ones_own_decides_by_itself() -> None:
    assert family_of("deepseek-r1") is None
    body = request_body(prompt("deepseek-r1", reasoning_effort="minimal", temperature=0.1))
    assert (body["reasoning_effort"], body["temperature"]) == ("minimal", 0.1)


@pytest.mark.unit
def test_json_without_a_schema_is_an_object() -> None:
    assert request_body(prompt("gpt-4o", json_mode=True))["response_format"] == {"type": "json_object"}


@pytest.mark.unit
def test_a_conversation_with_tools_is_carried_over() -> None:
    call = ToolCall(id="c1", name="look_up", arguments='{"q":1}')
    talk = (
        ChatMessage(role="assistant", content="", tool_calls=(call,)),
        ChatMessage(role="tool", content="found", tool_call_id="c1"),
    )
    tool = Tool(name="look_up", description="Looks up", parameters={"type": "object"})
    body = request_body(Prompt(provider="openai", model="gpt-4o", messages=talk, tools=(tool,)))
    function = {"name": "look_up", "arguments": '{"q":1}'}
    assert body["messages"] == [
        {"role": "assistant", "content": "", "tool_calls": [{"id": "c1", "type": "function", "function": function}]},
        {"role": "tool", "content": "found", "tool_call_id": "c1"},
    ]
    described = {"name": "look_up", "description": "Looks up", "parameters": {"type": "object"}}
    assert body["tools"] == [{"type": "function", "function": described}]


@pytest.mark.integration
async def test_any_model_of_another_server_is_listed_unless_it_cannot_chat() -> None:
    async with OpenAIServer() as server:
        server.models = ("llama3.3:70b", "text-embedding-3-small", "whisper-1", "TTS-1", "dall-e-3", "omni-moderation")
        provider = OpenAIProvider(Endpoint(key="", base_url=server.base_url))
        (model,) = await provider.models()
        await provider.close()
    assert (model.id, model.display_name, model.supports_reasoning, model.max_tokens) == (
        "llama3.3:70b",
        "llama3.3:70b",
        None,
        None,
    )


@pytest.mark.integration
async def test_of_the_providers_own_list_the_chat_models_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    async with OpenAIServer() as server:
        server.models = ("gpt-4o", "whisper-1", "o3-mini", "davinci-002", "o4-mini", "chatgpt-4o-latest", "o1", "gpt-5")
        monkeypatch.setattr("actors.playground.providers.openai._BASE_URL", server.base_url)
        provider = OpenAIProvider(Endpoint(key="sk-test"))
        models = await provider.models()
        await provider.close()
    assert [model.id for model in models] == ["gpt-4o", "o3-mini", "o4-mini", "o1", "gpt-5"]
    assert [model.supports_reasoning for model in models] == [False, True, True, True, True]
    assert [model.max_tokens for model in models] == [128_000, 200_000, 200_000, 200_000, 400_000]


@pytest.mark.integration
@pytest.mark.security
async def test_a_server_without_keys_is_sent_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-environment")
    async with OpenAIServer() as server:
        provider = OpenAIProvider(Endpoint(key="", base_url=server.base_url))
        await provider.generate(prompt("llama3.3"))
        await provider.close()
    assert "Authorization" not in server.seen[0].headers


@pytest.mark.integration
async def test_usage_is_asked_for_in_streams() -> None:
    async with OpenAIServer(Script(reasoning=("hm",))) as server:
        provider = OpenAIProvider(Endpoint(key="sk-test", base_url=server.base_url))
        first = await anext(provider.stream(prompt("gpt-4o")))
        await provider.close()
    assert first == ReasoningDelta(text="hm")
    assert server.seen[0].body["stream_options"] == {"include_usage": True}
