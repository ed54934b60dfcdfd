"""Gemini's particularities: budgets and levels of thinking, schemas, blocked prompts, and its list."""

from typing import Any

import pytest

from actors.errors import Refused
from actors.playground.prompt import ChatMessage, Completion, Prompt, Tool, ToolCall
from actors.playground.providers.google import GoogleProvider
from actors.playground.providers.google_request import request_of
from actors.playground.providers.provider import Endpoint, Model
from tests.providers.gemini import GeminiServer, model
from tests.providers.server import Script


def prompt(name: str = "gemini-2.5-flash", **more: Any) -> Prompt:
    said = (ChatMessage(role="user", content="hi"),)
    return Prompt(provider="gemini", model=name, messages=said, **more)


@pytest.mark.unit
@pytest.mark.parametrize(
    ("name", "effort", "thinking"),
    [
        ("gemini-2.5-flash", "minimal", {"thinking_budget": 1}),
        ("gemini-2.5-flash-lite", "minimal", {"thinking_budget": 512}),
        ("gemini-2.5-pro", "minimal", {"thinking_budget": 128}),
        ("gemini-2.5-pro", "low", {"thinking_budget": 1024}),
        ("gemini-2.5-pro", "medium", {"thinking_budget": 2048}),
        ("gemini-2.5-flash-preview-05-20", "high", {"thinking_budget": 4096}),
        ("gemini-3-pro-preview", "high", {"thinking_level": "HIGH"}),
        ("gemini-3-flash-preview", "minimal", {"thinking_level": "MINIMAL"}),
        ("gemini-3.1-pro-preview", "medium", {"thinking_level": "MEDIUM"}),
        ("gemini-flash-latest", "minimal", {"thinking_level": "MINIMAL"}),
        ("gemini-4-argon", "low", {"thinking_level": "LOW"}),
    ],
)
def test_effort_is_a_budget_or_a_level(name: str, effort: str, thinking: dict[str, Any]) -> None:
    config = request_of(prompt(name, reasoning_effort=effort)).config
    assert config["thinking_config"] == {**thinking, "include_thoughts": True}


@pytest.mark.unit
@pytest.mark.parametrize(
    ("name", "effort", "reason"),
    [
        ("gemini-2.0-flash", "low", "gemini-2.0-flash does not support reasoning_effort"),
        (
            "gemini-3-pro-preview",
            "medium",
            "gemini-3-pro-preview does not support reasoning_effort medium. Supported: low, high",
        ),
        (
            "gemini-3.1-pro",
            "minimal",
            "gemini-3.1-pro does not support reasoning_effort minimal. Supported: low, medium, high",
        ),
    ],
)
def test_an_effort_that_a_model_does_not_know_is_refused(name: str, effort: str, reason: str) -> None:
    with pytest.raises(Refused) as caught:
        request_of(prompt(name, reasoning_effort=effort))
    assert caught.value.detail == reason


@pytest.mark.unit
def test_schemas_are_put_into_the_providers_form_at_any_depth() -> None:
    inner = {
        "type": "object",
        "properties": {"b": {"type": "string"}, "a": {"type": "integer"}},
        "additionalProperties": False,
    }
    schema = {
        "type": "object",
        "properties": {"list": {"type": "array", "items": inner}},
        "additionalProperties": False,
    }
    config = request_of(prompt(json_mode=True, json_schema=schema)).config
    ordered = {"type": "object", "properties": inner["properties"], "propertyOrdering": ["b", "a"]}
    assert config["response_schema"] == {
        "type": "object",
        "properties": {"list": {"type": "array", "items": ordered}},
        "propertyOrdering": ["list"],
    }


@pytest.mark.unit
def test_json_without_a_schema_is_any_json() -> None:
    assert request_of(prompt(json_mode=True)).config == {"response_mime_type": "application/json"}


@pytest.mark.integration
async def test_a_conversation_with_tools_is_carried_over() -> None:
    talk = (
        ChatMessage(role="user", content="look"),
        ChatMessage(role="assistant", content="well", tool_calls=(ToolCall(id="c1", name="f", arguments='{"q":1}'),)),
        ChatMessage(role="tool", content="found", tool_call_id="c1"),
        ChatMessage(role="tool", content='{"more":2}', tool_call_id="c1"),
    )
    tool = Tool(
        name="f", description="Looks up", parameters={"type": "object", "properties": {"q": {"type": "integer"}}}
    )
    async with GeminiServer() as server:
        provider = GoogleProvider(Endpoint(key="k", base_url=server.base_url))
        await provider.generate(Prompt(provider="gemini", model="gemini-2.5-flash", messages=talk, tools=(tool,)))
        await provider.close()
    body = server.seen[0].body
    assert body["contents"] == [
        {"role": "user", "parts": [{"text": "look"}]},
        {"role": "model", "parts": [{"text": "well"}, {"functionCall": {"name": "f", "args": {"q": 1}}}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"result": "found"}}}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"more": 2}}}]},
    ]
    (declared,) = body["tools"][0]["functionDeclarations"]
    assert (declared["name"], declared["parameters_json_schema"]) == ("f", tool.parameters)


@pytest.mark.unit
@pytest.mark.parametrize(("arguments", "reason"), [("{", "not JSON"), ("[1]", "not an object")])
def test_arguments_that_are_no_object_cannot_be_carried_over(arguments: str, reason: str) -> None:
    talk = (ChatMessage(role="assistant", content="", tool_calls=(ToolCall(id="c1", name="f", arguments=arguments),)),)
    with pytest.raises(Refused, match=f"c1 are {reason}"):
        request_of(Prompt(provider="gemini", model="gemini-2.5-flash", messages=talk))


@pytest.mark.integration
async def test_a_blocked_prompt_is_filtered_content() -> None:
    blocked = b'{"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":3},"modelVersion":"m"}'
    async with GeminiServer(Script(body=blocked, raw=b"data: " + blocked + b"\n\n")) as server:
        provider = GoogleProvider(Endpoint(key="k", base_url=server.base_url))
        plain = await provider.generate(prompt())
        (streamed,) = [chunk async for chunk in provider.stream(prompt())]
        await provider.close()
    assert (plain.content, plain.finish_reason) == ("", "content_filter")
    assert isinstance(streamed, Completion)
    assert (streamed.content, streamed.finish_reason) == ("", "content_filter")


@pytest.mark.integration
async def test_all_pages_of_the_list_are_read() -> None:
    async with GeminiServer() as server:
        server.models = (
            model("gemini-2.5-pro", "Gemini 2.5 Pro"),
            model("gemini-embedding-001", "Embedding", methods=("embedContent",)),
            model("gemma-3-27b-it", "Gemma"),
            {**model("gemini-2.0-flash", "Gemini 2.0 Flash"), "thinking": None, "inputTokenLimit": None},
            model("gemini-3-pro-preview", "Gemini 3 Pro"),
        )
        provider = GoogleProvider(Endpoint(key="k", base_url=server.base_url))
        models = await provider.models()
        await provider.close()
    assert len(server.seen) == 3
    assert models == (
        Model(id="gemini-2.5-pro", display_name="Gemini 2.5 Pro", supports_reasoning=True, max_tokens=1_048_576),
        Model(id="gemini-2.0-flash", display_name="Gemini 2.0 Flash", supports_reasoning=False, max_tokens=1_000_000),
        Model(id="gemini-3-pro-preview", display_name="Gemini 3 Pro", supports_reasoning=True, max_tokens=1_048_576),
    )


@pytest.mark.integration
@pytest.mark.parametrize("ending", ["", "/", "/v1beta", "/v1beta/"])
async def test_a_base_url_may_name_the_version(ending: str) -> None:
    async with GeminiServer() as server:
        provider = GoogleProvider(Endpoint(key="k", base_url=server.base_url + ending))
        await provider.generate(prompt())
        await provider.close()
    assert server.seen[0].path == "/v1beta/models/gemini-2.5-flash:generateContent"
