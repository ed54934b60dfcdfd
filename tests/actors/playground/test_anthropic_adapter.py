"""Anthropic's particularities: generations of models, thinking, JSON through a tool, and its list."""

from typing import Any

import pytest

from actors.errors import ProviderFailed, Refused
from actors.playground.prompt import ChatMessage, Completion, JsonObject, Prompt, Tool, ToolCall
from actors.playground.providers.anthropic import AnthropicProvider
from actors.playground.providers.anthropic_request import Thinking, generation_of, request_body
from actors.playground.providers.provider import Endpoint, Model, TextDelta
from tests.providers.anthropic import AnthropicServer, model
from tests.providers.server import Script, ScriptedCall

SCHEMA: JsonObject = {"type": "object", "properties": {"a": {"type": "string"}}}


def prompt(name: str = "claude-opus-4-5", **more: Any) -> Prompt:
    said = (ChatMessage(role="user", content="hi"),)
    return Prompt(provider="anthropic", model=name, messages=said, **more)


@pytest.mark.unit
@pytest.mark.parametrize(
    ("name", "thinking", "sampling"),
    [
        ("claude-3-haiku-20240307", Thinking.NONE, True),
        ("claude-3-5-sonnet-20241022", Thinking.NONE, True),
        ("claude-3-7-sonnet-latest", Thinking.BUDGET, True),
        ("claude-sonnet-4-20250514", Thinking.BUDGET, True),
        ("claude-opus-4-5-20251101", Thinking.BUDGET, True),
        ("claude-opus-4-6", Thinking.EFFORT, True),
        ("claude-opus-4-7", Thinking.EFFORT, False),
        ("claude-sonnet-5", Thinking.EFFORT, False),
        ("claude-fable-5-1", Thinking.EFFORT, False),
        ("claude-next", Thinking.EFFORT, False),
    ],
)
def test_a_model_is_of_the_generation_in_its_name(name: str, thinking: Thinking, sampling: bool) -> None:
    generation = generation_of(name)
    assert (generation.thinking, generation.sampling) == (thinking, sampling)


@pytest.mark.unit
@pytest.mark.parametrize("name", ["claude-3-7-sonnet-latest", "claude-opus-4-7"])
def test_there_is_no_minimal_effort(name: str) -> None:
    with pytest.raises(Refused, match=r"^minimal reasoning effort is not supported by anthropic"):
        request_body(prompt(name, reasoning_effort="minimal"))


@pytest.mark.unit
def test_models_that_do_not_think_are_not_told_how_much() -> None:
    with pytest.raises(Refused, match=r"^claude-3-haiku-20240307 does not support reasoning_effort$"):
        request_body(prompt("claude-3-haiku-20240307", reasoning_effort="low"))


@pytest.mark.unit
def test_a_thinking_budget_must_leave_room_for_an_answer() -> None:
    with pytest.raises(Refused, match=r"max_tokens must be greater than 2048, the thinking budget of .* medium"):
        request_body(prompt(reasoning_effort="medium", max_tokens=2048))
    assert request_body(prompt(reasoning_effort="medium", max_tokens=2049))["max_tokens"] == 2049
    assert request_body(prompt(reasoning_effort="high"))["max_tokens"] == 8192


@pytest.mark.unit
def test_newer_models_think_by_effort() -> None:
    body = request_body(prompt("claude-opus-4-7", reasoning_effort="low", max_tokens=100))
    assert body["thinking"] == {"type": "adaptive", "display": "summarized"}
    assert body["output_config"] == {"effort": "low"}
    assert body["max_tokens"] == 100


@pytest.mark.unit
@pytest.mark.parametrize(
    ("name", "more", "reason"),
    [
        ("claude-opus-4-5", {"temperature": 1.5}, "anthropic does not support temperature=1.5"),
        ("claude-opus-4-5", {"temperature": 0.5, "reasoning_effort": "low"}, "only temperature=1 with"),
        ("claude-opus-4-5", {"top_p": 0.5, "reasoning_effort": "low"}, "no top_p below 0.95 with"),
        ("claude-opus-4-7", {"temperature": 0.5}, "claude-opus-4-7 does not support temperature=0.5"),
        ("claude-sonnet-5", {"top_p": 0.9}, "claude-sonnet-5 does not support top_p=0.9"),
    ],
)
def test_sampling_that_a_model_does_not_take_is_refused(name: str, more: dict[str, Any], reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        request_body(prompt(name, **more))


@pytest.mark.unit
def test_the_default_sampling_is_not_sent_where_the_name_is_not_known() -> None:
    body = request_body(prompt("claude-opus-4-7", temperature=1, top_p=1))
    assert not {"temperature", "top_p"} & body.keys()


@pytest.mark.unit
def test_json_is_forced_only_on_models_that_do_not_think() -> None:
    forced = request_body(prompt(json_mode=True))
    assert forced["tool_choice"] == {"type": "tool", "name": "json_tool_call"}
    assert forced["tools"][0]["input_schema"] == {"type": "object", "properties": {}, "additionalProperties": True}
    thinking = request_body(prompt(json_mode=True, json_schema=SCHEMA, reasoning_effort="low"))
    assert "tool_choice" not in thinking
    newer = request_body(prompt("claude-opus-4-7", json_mode=True, json_schema=SCHEMA, reasoning_effort="low"))
    assert newer["output_config"]["format"] == {"type": "json_schema", "schema": SCHEMA}
    assert "tools" not in newer


@pytest.mark.unit
def test_json_beside_tools_leaves_the_choice() -> None:
    tool = Tool(name="look_up", description="Looks up", parameters=SCHEMA)
    body = request_body(prompt(json_mode=True, tools=(tool,)))
    assert [offered["name"] for offered in body["tools"]] == ["look_up", "json_tool_call"]
    assert body["tool_choice"] == {"type": "any"}


@pytest.mark.unit
def test_a_conversation_with_tools_is_carried_over() -> None:
    talk = (
        ChatMessage(role="developer", content="be brief"),
        ChatMessage(role="assistant", content="", tool_calls=(ToolCall(id="c1", name="f", arguments='{"q":1}'),)),
        ChatMessage(role="tool", content="found", tool_call_id="c1"),
    )
    body = request_body(Prompt(provider="anthropic", model="claude-opus-4-5", messages=talk))
    assert body["system"] == [{"type": "text", "text": "be brief"}]
    assert body["messages"] == [
        {"role": "assistant", "content": [{"type": "tool_use", "id": "c1", "name": "f", "input": {"q": 1}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "found"}]},
    ]


@pytest.mark.unit
def test_arguments_that_are_not_json_cannot_be_carried_over() -> None:
    talk = (ChatMessage(role="assistant", content="", tool_calls=(ToolCall(id="c1", name="f", arguments="{"),)),)
    with pytest.raises(Refused, match="c1 are not JSON"):
        request_body(Prompt(provider="anthropic", model="claude-opus-4-5", messages=talk))


@pytest.mark.integration
async def test_json_by_way_of_the_tool_is_the_answer() -> None:
    call = ScriptedCall(id="t1", name="json_tool_call", arguments=('{"a":', '"b"}'))
    async with AnthropicServer(Script(text=(), calls=(call,))) as server:
        provider = AnthropicProvider(Endpoint(key="k", base_url=server.base_url))
        plain = await provider.generate(prompt(json_mode=True, json_schema=SCHEMA))
        *news, last = [chunk async for chunk in provider.stream(prompt(json_mode=True, json_schema=SCHEMA))]
        await provider.close()
    assert isinstance(last, Completion)
    for completion in (plain, last):
        assert (completion.content, completion.finish_reason, completion.tool_calls) == ('{"a":"b"}', "stop", ())
    assert news == [TextDelta(text='{"a":'), TextDelta(text='"b"}')]


@pytest.mark.integration
async def test_an_error_in_a_stream_is_told() -> None:
    async with AnthropicServer() as server:
        provider = AnthropicProvider(Endpoint(key="k", base_url=server.base_url))
        server.play(
            Script(raw=b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"busy"}}\n\n')
        )
        with pytest.raises(ProviderFailed) as caught:
            _ = [chunk async for chunk in provider.stream(prompt())]
        await provider.close()
    assert caught.value.detail == "anthropic: busy"


@pytest.mark.integration
async def test_all_pages_of_the_list_are_read() -> None:
    able = {
        "thinking": {"supported": True, "types": {}},
        "image_input": {"supported": True},
    }
    async with AnthropicServer() as server:
        server.models = (
            model("claude-fable-5", "Claude Fable 5", capabilities=able, max_input_tokens=900_000),
            model("claude-3-haiku-20240307", "Claude Haiku 3"),
            {**model("claude-tool", "No model"), "type": "tool"},
            model("claude-unheard-of", "Claude Unheard-of"),
            model("claude-opus-4-5", "Claude Opus 4.5"),
        )
        provider = AnthropicProvider(Endpoint(key="k", base_url=server.base_url))
        models = await provider.models()
        await provider.close()
    assert len(server.seen) == 3
    assert models == (
        Model(
            id="claude-fable-5",
            display_name="Claude Fable 5",
            supports_reasoning=True,
            supports_vision=True,
            max_tokens=900_000,
        ),
        Model(
            id="claude-3-haiku-20240307", display_name="Claude Haiku 3", supports_reasoning=False, max_tokens=200_000
        ),
        Model(id="claude-unheard-of", display_name="Claude Unheard-of", supports_reasoning=True),
        Model(id="claude-opus-4-5", display_name="Claude Opus 4.5", supports_reasoning=True, max_tokens=200_000),
    )
