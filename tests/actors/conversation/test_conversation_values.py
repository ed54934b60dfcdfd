"""What spans say beside messages: values, tools and parameters."""

import json
from base64 import b64encode
from typing import Any

import pytest

from actors.conversation.form import Conversation, Tool
from actors.conversation.reading import conversation_of
from tests.actors.conversation.stage import sketch
from tests.actors.playground.stage import OPEN_INFERENCE, SCHEMA

pytestmark = pytest.mark.unit


def said(attributes: dict[str, Any]) -> Conversation:
    return conversation_of("chat", "tests", attributes, [])


@pytest.mark.parametrize(
    ("attributes", "given", "made"),
    [
        ({"openinference.span.kind": "TOOL", "input.value": '{"a": 1}', "output.value": "5"}, {"a": 1}, "5"),
        ({"gen_ai.tool.call.arguments": '{"a": 1}', "gen_ai.tool.call.result": "ok"}, {"a": 1}, "ok"),
        (
            {"ai.operationId": "ai.toolCall", "ai.toolCall.args": '{"a": 1}', "ai.toolCall.result": '"ok"'},
            {"a": 1},
            "ok",
        ),
        ({"mlflow.spanType": '"TOOL"', "mlflow.spanInputs": '{"a": 1}', "mlflow.spanOutputs": "5"}, {"a": 1}, 5),
        ({"langfuse.observation.type": "tool", "langfuse.observation.input": '{"a": 1}'}, {"a": 1}, None),
        ({"traceloop.entity.input": '{"inputs": {"a": 1}, "kwargs": {}, "tags": []}'}, {"a": 1}, None),
        ({"junjo.workflow.state.start": '{"a": 1}', "junjo.workflow.state.end": '{"a": 2}'}, {"a": 1}, {"a": 2}),
        ({"gcp.vertex.agent.tool_call_args": '{"a": 1}', "gcp.vertex.agent.tool_response": "ok"}, {"a": 1}, "ok"),
        ({"tool_arguments": '{"a": 1}', "tool_response": "ok"}, {"a": 1}, "ok"),
        ({"input.value": "4711", "output.value": "[x]", "output.mime_type": "text/plain"}, "4711", "[x]"),
        ({"ai.values": ['"one"', '"two"']}, ["one", "two"], None),
    ],
)
def test_what_spans_without_messages_say_of_themselves(attributes: dict[str, Any], given: object, made: object) -> None:
    conversation = said(attributes)
    assert (conversation.messages, conversation.input, conversation.output) == ((), given, made)


def test_instructions_alone_leave_the_value_of_an_agent() -> None:
    conversation = said({"gen_ai.system_instructions": "be brief", "input.value": "hi"})
    assert (sketch(conversation), conversation.input) == ("system be brief ->", "hi")


def test_what_was_embedded_and_what_was_found() -> None:
    embedded = {"embedding.embeddings.0.embedding.text": "one", "embedding.embeddings.0.embedding.vector": [0.1]}
    assert said(embedded).input == [{"text": "one"}]
    document = {"content": "x", "score": 0.5, "metadata": '{"page": 1}'}
    found = said({f"retrieval.documents.0.document.{name}": value for name, value in document.items()})
    assert found.output == [{"content": "x", "score": 0.5, "metadata": {"page": 1}}]


def test_a_side_with_messages_has_no_value_beside_them() -> None:
    conversation = said(OPEN_INFERENCE | {"input.value": "{}", "output.value": '{"order": 1}'})
    assert (conversation.input, conversation.output) == (None, {"order": 1})


@pytest.mark.parametrize(
    ("definition", "tool"),
    [
        ({"type": "function", "function": {"name": "f", "parameters": SCHEMA}}, Tool("f", None, SCHEMA)),
        ({"name": "f", "description": "d", "input_schema": SCHEMA}, Tool("f", "d", SCHEMA)),
        ({"name": "f", "inputSchema": {"jsonSchema": SCHEMA}}, Tool("f", None, SCHEMA)),
        (
            {"function_declarations": [{"name": "f", "parameters": {"type": "OBJECT"}}]},
            Tool("f", None, {"type": "object"}),
        ),
        ({"type": "function", "name": "f", "description": "d", "parameters": None}, Tool("f", "d", None)),
        ({"type": "function", "name": "f"}, Tool("f", None, {})),
        ({"type": "web_search"}, Tool("web_search", None, None)),
        ({"type": "web_search_20250305", "name": "web_search"}, Tool("web_search", None, None)),
        ({"google_search": {}}, Tool("google_search", None, None)),
    ],
)
def test_a_tool_in_every_form(definition: dict[str, Any], tool: Tool) -> None:
    assert said({"gen_ai.tool.definitions": json.dumps([definition])}).tools == (tool,)


@pytest.mark.parametrize(
    ("attributes", "parameters"),
    [
        ({"gen_ai.request.choice.count": 2, "gen_ai.request.top_k": 5}, {"n": 2, "top_k": 5}),
        (
            {"gen_ai.request.stop_sequences": '["a"]', "gen_ai.request.reasoning.level": "low"},
            {"stop": ["a"], "reasoning_effort": "low"},
        ),
        (
            {"ai.settings.maxOutputTokens": 5, "ai.settings.topP": 0.5, "ai.settings.maxRetries": 2},
            {"max_tokens": 5, "top_p": 0.5},
        ),
        ({"llm.invocation_parameters": '{"max_completion_tokens": 5, "model": "m"}'}, {"max_tokens": 5}),
        (
            {"gen_ai.request.temperature": "0.2", "gen_ai.request.max_tokens": 5.0, "gen_ai.request.seed": "x"},
            {"temperature": 0.2, "max_tokens": 5, "seed": "x"},
        ),
        ({"llm.request.max_tokens": 5, "llm.top_p": 0.5}, {"max_tokens": 5, "top_p": 0.5}),
        (
            {"request_data": '{"reasoning": {"effort": "low"}, "max_output_tokens": 5}'},
            {"max_tokens": 5, "reasoning_effort": "low"},
        ),
        (
            {"gen_ai.output.type": "json", "ai.schema": json.dumps(SCHEMA)},
            {"response_format": {"type": "json_schema", "schema": SCHEMA}},
        ),
        (
            {"request_data": '{"response_format": {"type": "json_object"}}'},
            {"response_format": {"type": "json_object"}},
        ),
    ],
)
def test_one_word_for_each_parameter(attributes: dict[str, Any], parameters: dict[str, Any]) -> None:
    assert said(attributes).parameters == parameters


def test_bytes_of_json_are_base64() -> None:
    def encoded(value: object) -> str:
        return b64encode(json.dumps(value).encode()).decode()

    attributes = {
        "langsmith.span.kind": "llm",
        "gen_ai.prompt": encoded({"messages": [{"role": "user", "content": "hi"}]}),
        "gen_ai.completion": encoded({"choices": [{"message": {"content": "hello"}, "finish_reason": "stop"}]}),
    }
    assert sketch(said(attributes)) == "user hi -> assistant hello (stop)"
    message = {"type": "tool", "content": "ok", "tool_call_id": "c1"}
    tool = {"langsmith.span.kind": "tool", "gen_ai.prompt": encoded({"a": 1})}
    conversation = said(tool | {"gen_ai.completion": encoded({"output": message})})
    assert (conversation.input, conversation.output) == ({"a": 1}, "ok")
    token = "eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.x"
    assert said({"input.value": token, "output.value": "eyJ"}).input == token


def test_the_generators_of_haystack() -> None:
    call = {"tool_call": {"tool_name": "f", "arguments": {"a": 1}, "id": "c1"}}
    result = {"tool_call_result": {"result": "ok", "origin": {"id": "c1", "tool_name": "f"}, "error": False}}
    given = [{"role": "user", "content": [{"text": "hi"}]}, {"role": "assistant", "content": [call]}]
    reply = {"role": "assistant", "meta": {"finish_reason": "stop"}, "content": [{"text": "hello"}]}
    attributes = {
        "haystack.component.input": json.dumps({"messages": [*given, {"role": "tool", "content": [result]}]}),
        "haystack.component.output": json.dumps({"replies": [reply]}),
    }
    talk = 'user hi | assistant call f {"a": 1} | tool result of f: ok -> assistant hello (stop)'
    assert sketch(said(attributes)) == talk


def test_events_of_a_call_that_end_with_its_answer() -> None:
    events = [
        {"event.name": "gen_ai.user.message", "role": "user", "content": "hi"},
        {"event.name": "gen_ai.unknown", "role": "assistant", "content": "reasoning"},
        {"event.name": "gen_ai.assistant.message", "role": "assistant", "content": "hello"},
    ]
    for name in ("events", "all_messages_events"):
        assert sketch(said({name: json.dumps(events)})) == "user hi -> assistant hello"


def test_logfire_of_agents_has_the_answer_among_the_messages() -> None:
    given, made = {"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}
    attributes = {
        "request_data": json.dumps({"messages": [given, made], "model": "gpt-4o"}),
        "input": json.dumps([given]),
        "output": json.dumps([made]),
    }
    conversation = conversation_of("Chat completion", "logfire.openai_agents", attributes, [])
    assert sketch(conversation) == "user hi -> assistant hello"


def test_models_have_no_provider_before_them() -> None:
    for name in ("openai/gpt-4o", "models/gpt-4o", "gpt-4o"):
        assert said({"gen_ai.request.model": name}).model == "gpt-4o"


@pytest.mark.parametrize(
    ("attributes", "form"),
    [
        ({"gen_ai.openai.request.response_format": "json_schema"}, {"type": "json_object"}),
        ({"gen_ai.request.response_format": 5, "ai.settings.responseFormat": "text"}, None),
        ({"ai.settings.responseFormat": '{"type": "json", "schema": {}}'}, {"type": "json_schema", "schema": {}}),
    ],
)
def test_forms_of_an_answer(attributes: dict[str, Any], form: object) -> None:
    assert said(attributes).parameters.get("response_format") == form
