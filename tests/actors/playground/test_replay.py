"""Spans of every convention as prompts."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from actors.errors import Refused
from actors.playground.messages import Replay
from actors.playground.prompt import ChatMessage, Tool, ToolCall
from actors.playground.replay.reading import replay_of
from tests.actors.playground.stage import (
    GEN_AI,
    NAMES,
    NEW,
    OPEN_INFERENCE,
    OPEN_LLMETRY,
    PARTS,
    SCHEMA,
    VERCEL,
    span_with,
)

pytestmark = pytest.mark.unit

_RECORDINGS = Path(__file__).parents[2] / "recordings"
_CALL = ToolCall(id="c1", name="weather", arguments='{"city":"Oslo"}')
_TALK = (
    ChatMessage(role="system", content="be brief"),
    ChatMessage(role="user", content="weather?"),
    ChatMessage(role="assistant", content="", tool_calls=(_CALL,)),
    ChatMessage(role="tool", content="sunny", tool_call_id="c1"),
)
_TOOL = Tool(name="weather", description="Weather of a city", parameters=SCHEMA)


def replayed(attributes: dict[str, Any], events: list[dict[str, Any]] | None = None) -> Replay:
    return replay_of(span_with(attributes, events))


_OLD_PARTS = [*PARTS[:2], {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "result": "sunny"}]}]


@pytest.mark.parametrize(
    "attributes",
    [
        pytest.param(NEW, id="GenAI, structured"),
        pytest.param(
            {name: json.dumps(value) if isinstance(value, list) else value for name, value in NEW.items()}
            | {"gen_ai.request.stop_sequences": ["END"]},
            id="GenAI, JSON text",
        ),
        pytest.param(NEW | {"gen_ai.input.messages": _OLD_PARTS}, id="GenAI, older drafts"),
        pytest.param(OPEN_INFERENCE, id="OpenInference"),
        pytest.param(OPEN_LLMETRY, id="OpenLLMetry"),
        pytest.param(VERCEL, id="Vercel"),
    ],
)
def test_one_conversation_in_every_convention(attributes: dict[str, Any]) -> None:
    replay = replayed(attributes)
    prompt = replay.prompt
    assert prompt.messages == _TALK
    assert (prompt.provider, prompt.model) == ("openai", "gpt-4o")
    assert (prompt.temperature, prompt.max_tokens, prompt.stop) == (0.5, 50, ("END",))
    assert prompt.tools == (_TOOL,)
    assert replay.not_carried_over == ()
    assert prompt.replay_of is not None
    assert (prompt.replay_of.trace_id, prompt.replay_of.span_id) == ("a" * 32, "b" * 16)


def test_messages_as_events() -> None:
    events: list[dict[str, Any]] = [
        {"name": "gen_ai.system.message", "attributes": {"content": "be brief"}},
        {"name": "gen_ai.user.message", "attributes": {"content": "weather?"}},
        {
            "name": "gen_ai.assistant.message",
            "attributes": {
                "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}}
                ]
            },
        },
        {"name": "gen_ai.tool.message", "attributes": {"content": "sunny", "id": "c1"}},
        {"name": "gen_ai.choice", "attributes": {"message": "nobody asks for this"}},
    ]
    assert replayed(GEN_AI, events).prompt.messages == _TALK


def _model_requests() -> list[dict[str, Any]]:
    request = ExportTraceServiceRequest.FromString((_RECORDINGS / "junjo_0.69.0.bin").read_bytes())
    spans = [span for r in request.resource_spans for s in r.scope_spans for span in s.spans]
    return [
        {a.key: a.value.string_value or a.value.int_value for a in span.attributes}
        for span in spans
        if span.name.startswith("model request")
    ]


def test_model_requests_of_junjo() -> None:
    second = next(a for a in _model_requests() if '"ordinal":2' in str(a["junjo.agent.model.request"]))
    replay = replayed(second)
    prompt = replay.prompt
    assert (prompt.provider, prompt.model) == ("demo", "demo-1")
    assert [message.role for message in prompt.messages] == ["system", "user", "assistant", "tool"]
    assert prompt.messages[0].content == "Answer with the tool."
    assert prompt.messages[2].tool_calls == (_CALL,)
    assert prompt.messages[3] == ChatMessage(role="tool", content="sunny in Oslo", tool_call_id="c1")
    assert [tool.name for tool in prompt.tools] == ["weather"]
    assert replay.not_carried_over == ("provider demo: not served here",)


@pytest.mark.parametrize(
    ("attributes", "lost"),
    [
        ({"gen_ai.request.seed": 7}, "parameter seed"),
        ({"gen_ai.request.temperature": 3.0}, "parameter temperature: 3.0 is not allowed here"),
        ({"gen_ai.request.reasoning.level": "extreme"}, "parameter reasoning_effort: 'extreme' is not allowed here"),
        ({"gen_ai.request.model": "GPT 4"}, "model 'GPT 4': not a name that may be asked for here"),
        (
            {
                "gen_ai.input.messages": [
                    {"role": "user", "parts": [{"type": "text", "content": "x"}, {"type": "blob"}]}
                ]
            },
            "message 1: blob",
        ),
        ({"gen_ai.tool.definitions": ["?", {"type": "web_search"}]}, "tool web_search"),
        ({"llm.invocation_parameters": '{"logit_bias":{}}'}, "parameter logit_bias"),
    ],
)
def test_what_gets_lost_is_said(attributes: dict[str, Any], lost: str) -> None:
    replay = replayed(GEN_AI | {"gen_ai.input.messages": PARTS} | attributes)
    assert lost in replay.not_carried_over


@pytest.mark.parametrize(
    ("provider", "model", "found"),
    [
        ("gcp.gemini", "models/gemini-2.5-flash", ("gemini", "gemini-2.5-flash")),
        ("google.generative-ai", "gemini-2.5-flash", ("gemini", "gemini-2.5-flash")),
        ("azure.ai.openai", "gpt-4o", ("openai", "gpt-4o")),
        ("anthropic.messages", "claude-3-7-sonnet", ("anthropic", "claude-3-7-sonnet")),
        ("aws.bedrock", "claude-3-7-sonnet", ("anthropic", "claude-3-7-sonnet")),
        (None, "o3-mini", ("openai", "o3-mini")),
        ("Mistral AI", "mistral-large", ("mistral_ai", "mistral-large")),
        (None, None, ("unknown", "unknown")),
    ],
)
def test_which_provider(provider: str | None, model: str | None, found: tuple[str, str]) -> None:
    attributes = {"gen_ai.provider.name": provider, "gen_ai.request.model": model, "gen_ai.input.messages": PARTS}
    prompt = replayed({name: value for name, value in attributes.items() if value is not None}).prompt
    assert (prompt.provider, prompt.model) == found


def test_schema_of_an_answer() -> None:
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}}
    parameters = {"llm.invocation_parameters": json.dumps({"response_format": form})}
    prompt = replayed(OPEN_INFERENCE | parameters).prompt
    assert (prompt.json_mode, prompt.json_schema) == (True, SCHEMA)


def test_the_prompt_around_a_vercel_call() -> None:
    prompt = replayed({"ai.prompt": json.dumps({"system": "be brief", "prompt": "hi"}), "ai.model.id": "gpt-4o"}).prompt
    assert [(m.role, m.content) for m in prompt.messages] == [("system", "be brief"), ("user", "hi")]


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"gen_ai.input.messages": "not json"},
        {"gen_ai.input.messages": "5", "llm.input_messages.x.message.role": 3, "gen_ai.prompt.": 1},
        {"junjo.agent.model.request": '{"messages":5}', "ai.prompt": "[]", "ai.prompt.tools": "{}"},
    ],
)
def test_a_span_without_a_prompt_is_refused(attributes: dict[str, Any]) -> None:
    with pytest.raises(Refused, match="holds no prompt"):
        replayed(attributes)


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(("role", "content", "parts", "type", "text", "tool_calls", "function", "calls", "name")),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@given(
    st.dictionaries(st.sampled_from(NAMES), _JSON | _JSON.map(json.dumps), max_size=6),
    st.lists(st.fixed_dictionaries({"name": st.just("gen_ai.tool.message"), "attributes": _JSON}), max_size=2),
)
def test_nothing_that_was_stored_is_too_odd(attributes: dict[str, Any], events: list[dict[str, Any]]) -> None:
    try:
        replay = replayed(attributes, events)
    except Refused:
        return
    assert replay.prompt.messages


def test_the_two_limits_of_an_answer() -> None:
    parameters = {"llm.invocation_parameters": json.dumps({"max_completion_tokens": 50})}
    assert replayed(OPEN_INFERENCE | parameters).prompt.max_completion_tokens == 50
    prompt = replayed(OPEN_INFERENCE).prompt
    assert (prompt.max_tokens, prompt.max_completion_tokens) == (50, None)


def test_calls_without_ids_are_answered_by_their_names() -> None:
    calls: list[dict[str, Any]] = [
        {"type": "tool_call", "id": "", "name": name, "arguments": {}} for name in ("a", "b", "a")
    ]
    results = [{"type": "tool_call_response", "id": "", "name": name, "response": name} for name in ("b", "a", "a")]
    talk = [
        {"role": "assistant", "parts": calls},
        {"role": "user", "parts": [*results, {"type": "text", "content": "so?"}]},
    ]
    prompt = replayed(GEN_AI | {"gen_ai.input.messages": talk}).prompt
    assert [call.id for call in prompt.messages[0].tool_calls] == ["a", "b", "a_3"]
    answers = [(message.role, message.content, message.tool_call_id) for message in prompt.messages[1:]]
    assert answers == [("tool", "b", "b"), ("tool", "a", "a"), ("tool", "a", "a_3"), ("user", "so?", None)]


def test_an_image_of_which_only_the_place_is_known_is_named() -> None:
    parts = [{"type": "text", "content": "what?"}, {"type": "uri", "uri": "gs://bucket/a.png", "modality": "image"}]
    replay = replayed(GEN_AI | {"gen_ai.input.messages": [{"role": "user", "parts": parts}]})
    assert replay.prompt.messages == (ChatMessage(role="user", content="what?"),)
    assert replay.not_carried_over == ("message 1: image",)
