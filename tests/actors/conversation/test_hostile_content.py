"""Content of any shape, depth and size: a span is always read, in time that is linear in its size."""

import json
from collections.abc import Iterable
from typing import Any

import attrs
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.conversation.form import Conversation
from actors.conversation.preview import LONGEST, previews
from actors.conversation.reading import conversation_of
from tests.actors.playground.library_talks import ATTRIBUTES
from tests.actors.playground.stage import NAMES, NEW, OPEN_INFERENCE, OPEN_LLMETRY, VERCEL

pytestmark = pytest.mark.unit

_BASES = (NEW, OPEN_INFERENCE, OPEN_LLMETRY, VERCEL, *ATTRIBUTES.values(), {})
_KINDS = {
    "openinference.span.kind": "LLM",
    "langfuse.observation.type": "generation",
    "mlflow.spanType": '"CHAT_MODEL"',
}
_MORE = (
    *("gen_ai.output.messages", "gen_ai.completion", "gen_ai.completion.0.content", "response_data", "input.value"),
    *("output.value", "llm.output_messages.0.message.content", "mlflow.spanOutputs", "langfuse.observation.output"),
    *("ai.response.text", "ai.response.toolCalls", "ai.response.files", "gcp.vertex.agent.llm_response"),
    *("junjo.agent.model.response", "gen_ai.tool.call.arguments", "traceloop.entity.input", "ai.values"),
    *("llm.openai.messages", "llm.openai.choices", "pydantic_ai.all_messages", "gen_ai.response.finish_reasons"),
    *("llm.tools.0.tool.json_schema", "gen_ai.agent.tools", "gen_ai.request.stop_sequences"),
    *("gen_ai.request.response_format", "ai.settings.responseFormat", "gen_ai.openai.request.response_format"),
    *("llm.invocation_parameters", "request_data", "haystack.component.input", "haystack.component.output"),
)
_MEMBERS = (
    *(
        "role",
        "content",
        "parts",
        "type",
        "text",
        "tool_calls",
        "function",
        "name",
        "id",
        "arguments",
        "kwargs",
        "data",
    ),
    *("messages", "contents", "config", "choices", "candidates", "generations", "output", "message", "source", "url"),
    *("image_url", "inline_data", "function_call", "toolResult", "tool_use", "response", "result", "summary", "system"),
    *("response_format", "json_schema", "schema", "tools", "parameters", "responseFormat", "max_tokens", "thinking"),
    *("reasoning_content", "refusal", "audio", "additional_kwargs", "response_metadata", "finish_reason", "thought"),
)
_WORDS = ("user", "tool", "image", "blob", "constructor", "function_call", "reasoning", "text", "tool_call", "human")


def _json_with(numbers: st.SearchStrategy[int]) -> st.SearchStrategy[Any]:
    return st.recursive(
        st.none() | st.booleans() | numbers | st.floats() | st.text(max_size=5) | st.sampled_from(_WORDS),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_MEMBERS), inner, max_size=5),
        max_leaves=12,
    )


_JSON = _json_with(st.integers(-(2**63), 2**64 - 1))  # what JSON of a stored span is read as; texts may say any number
_TEXTS = _json_with(st.integers())
_VALUES = _JSON | _TEXTS.map(json.dumps) | _TEXTS.map(repr)


def read(attributes: dict[str, Any], events: Iterable[Any] = (), logs: Iterable[Any] = ()) -> Conversation:
    """What the span says, after it was written as a route writes it."""
    conversation = conversation_of("raw_gen_ai_request", "tests", attributes, list(events), list(logs))
    for message in conversation.messages:
        assert message.role in ("system", "user", "assistant", "tool")
        assert message.side in ("input", "output")
        for part in message.parts:
            orjson.dumps([getattr(part, each.name) for each in attrs.fields(type(part))], default=str)
    orjson.dumps([conversation.input, conversation.output, dict(conversation.parameters)], default=str)
    orjson.dumps([tool.parameters for tool in conversation.tools], default=str)
    for line in previews(conversation):
        assert line is None or (0 < len(line) <= LONGEST and "\n" not in line)
    return conversation


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.sampled_from(_BASES),
    st.dictionaries(st.sampled_from((*NAMES, *_MORE, *_KINDS)), _VALUES, max_size=8),
    st.booleans(),
)
def test_attributes_of_any_shape(base: dict[str, Any], attributes: dict[str, Any], calls: bool) -> None:
    read({**(_KINDS if calls else {}), **base, **attributes})


_EVENTS = (
    *("gen_ai.system.message", "gen_ai.user.message", "gen_ai.tool.message", "gen_ai.choice", "gen_ai.content.prompt"),
    *("gen_ai.client.inference.operation.details", "gen_ai.content.completion", ""),
)
_FIELDS = st.dictionaries(
    st.sampled_from(
        ("content", "message", "id", "tool_calls", "gen_ai.input.messages", "gen_ai.event.content", "tool.result")
    ),
    _VALUES,
    max_size=4,
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.lists(
        _JSON | st.fixed_dictionaries({"name": st.sampled_from(_EVENTS) | _JSON, "attributes": _FIELDS | _JSON}),
        max_size=3,
    ),
    st.lists(
        st.fixed_dictionaries(
            {"event_name": st.sampled_from(_EVENTS) | _JSON, "body": _FIELDS | _VALUES, "attributes": _FIELDS | _JSON}
        ),
        max_size=3,
    ),
    st.sampled_from(("chat", "execute_tool")),
)
def test_events_and_log_records_of_any_shape(events: list[Any], logs: list[Any], operation: str) -> None:
    read({"gen_ai.operation.name": operation}, events, logs)


def _nested(levels: int) -> Any:
    value: Any = []
    for _ in range(levels):
        value = [value]
    return value


_HUGE = {
    "text": "x" * 2_000_000,
    "white space": " " * 2_000_000,
    "messages": json.dumps(_NEW_MESSAGES := [{"role": "user", "parts": [{"type": "text", "content": "a"}]}] * 20_000),
    "cut messages": json.dumps(_NEW_MESSAGES)[:-100],
    "open lists": "[" * 1_000_000,
    "open objects": '[{"a":' * 300_000,
    "quotes": '["' + '\\"' * 900_000,
    "python": "['" + "a', '" * 10_000 + "']",
    "deep text": "[" * 10_000 + "]" * 10_000,
    "deep objects": '{"content":' * 10_000 + "1" + "}" * 10_000,
    "parsed deep": '{"content":' * 900 + "1" + "}" * 900,
    "deep value": _nested(10_000),
    "python, deep": "['a'," + "[" * 10_000,
    "items": json.dumps({"input": [{"type": "function_call", "name": "f", "arguments": "{}"}] * 20_000}),
    "calls": json.dumps([{"role": "assistant", "tool_calls": [{"name": "f", "arguments": "{}"}] * 20_000}]),
}


@pytest.mark.parametrize("value", _HUGE.values(), ids=_HUGE)
@pytest.mark.parametrize(
    "name",
    [
        *("gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.system_instructions", "gen_ai.tool.definitions"),
        *("llm.input_messages.0.message.content", "gen_ai.prompt.0.content", "ai.prompt.messages", "input.value"),
        *("langfuse.observation.input", "langfuse.observation.output", "mlflow.spanInputs", "mlflow.spanOutputs"),
        *("llm.openai.messages", "gen_ai.request.stop_sequences", "llm.tools.0.tool.json_schema", "ai.schema"),
        "request_data",
    ],
)
def test_values_of_any_size_and_depth(name: str, value: object) -> None:
    read({**_KINDS, name: value})


@pytest.mark.parametrize("value", _HUGE.values(), ids=_HUGE)
def test_events_of_any_size_and_depth(value: object) -> None:
    events = [{"name": name, "attributes": {"content": value, "message": value}} for name in _EVENTS]
    read({}, events, [{"event_name": name, "body": value} for name in _EVENTS])


def test_many_attributes() -> None:
    attributes = {f"llm.input_messages.{index}.message.content": "a" for index in range(20_000)}
    attributes |= {
        f"llm.input_messages.0.message.contents.{index}.message_content.text": "a" for index in range(20_000)
    }
    assert len(read(attributes).messages) == 20_000


@pytest.mark.parametrize(
    ("name", "side"), [("gen_ai.input.messages", "input"), ("gen_ai.output.messages", "output"), ("ai.prompt", "input")]
)
def test_messages_that_were_cut_are_their_side_and_are_named(name: str, side: str) -> None:
    whole = json.dumps([{"role": "user", "parts": [{"type": "text", "content": "a long text"}]}])
    conversation = read({name: whole[:40]})
    assert (conversation.messages, conversation.cut) == ((), (name,))
    assert getattr(conversation, side) == whole[:40]


def test_nothing_at_all() -> None:
    assert read({}) == Conversation()
    assert previews(Conversation()) == (None, None)
