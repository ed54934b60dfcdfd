"""Model calls of libraries with conventions of their own, written here and recorded, as prompts."""

import json
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from actors.errors import Refused
from actors.playground.messages import Replay
from actors.playground.prompt import ChatMessage, Image, Tool, ToolCall
from actors.playground.replay.reading import replay_of
from actors.span_store.columns.attribute_column import shown
from actors.span_store.columns.rows import span_rows
from tests.actors.playground.library_talks import ATTRIBUTES
from tests.actors.playground.stage import SCHEMA, span_with
from transports.otlp.decode import decode_trace_request

pytestmark = pytest.mark.unit

_RECORDINGS = Path(__file__).parents[2] / "recordings" / "instrumentations"
_FILES = (
    "google-adk-spanonly-2.13.0.bin",
    "langfuse-5.0.4.bin",
    "logfire-5.4.0.bin",
    "mlflow-3.17.2.bin",
    "strands-1.62.0.bin",
)
_ASKED = {"Where is my order 4711?", "What is this?", "json", "hi"}
_HI = {"role": "user", "content": "hi"}
_CALL = ToolCall(id="c1", name="weather", arguments='{"city":"Oslo"}')
_TALK = (
    ChatMessage(role="system", content="be brief"),
    ChatMessage(role="user", content="weather?"),
    ChatMessage(role="assistant", content="", tool_calls=(_CALL,)),
    ChatMessage(role="tool", content="sunny", tool_call_id="c1"),
)


def _replayed(attributes: dict[str, Any], events: list[dict[str, Any]] | None = None) -> Replay:
    return replay_of(span_with(attributes, events))


def _body(**fields: object) -> dict[str, str]:
    """A span with the body of a request in it."""
    return {"gen_ai.system": "openai", "request_data": json.dumps({"model": "gpt-4o", "messages": [_HI], **fields})}


@pytest.mark.parametrize("attributes", ATTRIBUTES.values(), ids=ATTRIBUTES)
def test_one_conversation_of_every_library(attributes: dict[str, Any]) -> None:
    replay = _replayed(attributes)
    prompt = replay.prompt
    assert prompt.messages == _TALK
    assert (prompt.provider, prompt.model) == ("openai", "gpt-4o")
    assert (prompt.temperature, prompt.max_tokens, prompt.stop) == (0.5, 50, ("END",))
    assert prompt.tools == (Tool(name="weather", description="Weather of a city", parameters=SCHEMA),)
    assert replay.not_carried_over == ()


@lru_cache
def _calls(file: str) -> tuple[dict[str, Any], ...]:
    """The rows of the model calls that a recording holds."""
    request = decode_trace_request((_RECORDINGS / file).read_bytes())
    rows = shown(pa.Table.from_batches([span_rows(request.spans).batch])).to_pylist()
    return tuple(row for row in rows if row["type"] == "llm")


def _every_call() -> Iterator[Any]:
    for file in _FILES:
        for row in _calls(file):
            yield pytest.param(row, id=f"{file.partition('-')[0]} {row['span_id']}")


@pytest.mark.parametrize("row", list(_every_call()))
def test_every_recorded_call_becomes_a_request(row: dict[str, Any]) -> None:
    replay = _replayed(json.loads(row["attributes_json"]), json.loads(row["events_json"]))
    first = next(message for message in replay.prompt.messages if message.role == "user")
    assert first.content in _ASKED
    assert replay.prompt.model == (row["request_model"] or row["model"])
    assert replay.prompt.provider in ("openai", "anthropic", "gemini")
    assert {loss.partition(" ")[0] for loss in replay.not_carried_over} <= {"message", "parameter"}
    answered = [message for message in replay.prompt.messages if message.role == "tool"]
    called = {call.id for message in replay.prompt.messages for call in message.tool_calls}
    assert {message.tool_call_id for message in answered} == called


@pytest.mark.parametrize(("file", "calls"), list(zip(_FILES, (2, 5, 22, 10, 3), strict=True)))
def test_as_many_calls_as_were_recorded(file: str, calls: int) -> None:
    assert len(_calls(file)) == calls


def test_recorded_tools_schemas_and_efforts() -> None:
    prompts = [_replayed(json.loads(row["attributes_json"])).prompt for row in _calls("mlflow-3.17.2.bin")]
    assert [tool.name for prompt in prompts for tool in prompt.tools] == ["lookup_order"] * 3
    assert [prompt.reasoning_effort for prompt in prompts if prompt.reasoning_effort] == ["low"]
    assert sum(prompt.json_schema is not None for prompt in prompts) == 1


def test_a_call_without_content_is_refused() -> None:
    for row in _calls("google-adk-2.13.0.bin"):
        with pytest.raises(Refused, match="holds no prompt"):
            _replayed(json.loads(row["attributes_json"]))


@pytest.mark.parametrize(
    ("fields", "losses"),
    [
        ({"seed": 7, "top_p": 0.5}, ("parameter seed",)),
        ({"presence_penalty": 0, "n": 1, "service_tier": "auto", "seed": None}, ()),
        ({"presence_penalty": 0.5, "n": 2}, ("parameter presence_penalty", "parameter n")),
        ({"tool_choice": "required"}, ("parameter tool_choice",)),
        ({"metadata": {"a": "b"}, "stream_options": {"include_usage": True}}, ()),
        (
            {"messages": [], "input": [{"role": "user", "content": "hi"}, {"type": "reasoning"}]},
            ("message 2: reasoning",),
        ),
    ],
)
def test_only_what_a_person_would_miss_is_said(fields: dict[str, Any], losses: tuple[str, ...]) -> None:
    assert _replayed(_body(**fields)).not_carried_over == losses


def test_calls_in_a_row_are_of_one_message() -> None:
    calls = [{"type": "function_call", "call_id": f"c{number}", "name": "f", "arguments": "{}"} for number in (1, 2)]
    prompt = _replayed(_body(messages=None, input=[_HI, *calls])).prompt
    assert [len(message.tool_calls) for message in prompt.messages] == [0, 2]


@pytest.mark.parametrize("given", ["hi", '{"role": "user", "content": "hi"}', '{"prompts": ["hi"]}', '{"input": "hi"}'])
def test_the_input_of_a_generation_in_any_form(given: str) -> None:
    attributes = {"langfuse.observation.type": "generation", "langfuse.observation.input": given}
    assert [(message.role, message.content) for message in _replayed(attributes).prompt.messages] == [("user", "hi")]


def test_what_gemini_has_and_others_have_not() -> None:
    config = {
        "response_mime_type": "application/json",
        "response_schema": {"type": "OBJECT", "properties": {"type": {"type": "STRING"}}},
        "thinking_config": {"thinking_budget": 5},
        "tools": [{"google_search": {}}],
        "system_instruction": {"parts": [{"text": "be brief"}]},
    }
    contents = [
        {"role": "user", "parts": [{"text": "hi"}, {"file_data": {"file_uri": "x"}}]},
        {"role": "user", "parts": []},
    ]
    request = json.dumps({"model": "gemini-2.5-flash", "config": config, "contents": contents})
    replay = _replayed({"gcp.vertex.agent.llm_request": request})
    assert replay.prompt.json_schema == {"type": "object", "properties": {"type": {"type": "string"}}}
    assert [message.content for message in replay.prompt.messages] == ["be brief", "hi", ""]
    assert set(replay.not_carried_over) == {
        "message 2: file",
        "message 3: a part that was not recorded",
        "parameter thinking_config",
        "tool google_search",
    }


def test_parts_of_other_kinds_in_events() -> None:
    content = ["what is this?", {"kind": "image-url", "url": "https://example.com/a.png"}]
    event = {"event.name": "gen_ai.user.message", "role": "user", "content": content}
    replay = _replayed({"gen_ai.request.model": "gpt-4o", "events": json.dumps([event, {"event.name": 5}])})
    image = Image(url="https://example.com/a.png")
    assert replay.prompt.messages == (ChatMessage(role="user", content="what is this?", images=(image,)),)
    assert replay.not_carried_over == ()


def test_schema_of_an_answer_of_pydantic_ai() -> None:
    request = json.dumps({"output_mode": "native", "output_object": {"name": "x", "json_schema": SCHEMA}})
    assert _replayed(ATTRIBUTES["Logfire"] | {"model_request_parameters": request}).prompt.json_schema == SCHEMA


def test_messages_in_one_event() -> None:
    fields = {"gen_ai.input.messages": json.dumps([{"role": "user", "parts": [{"type": "text", "content": "hi"}]}])}
    event = {"name": "gen_ai.client.inference.operation.details", "attributes": fields}
    assert _replayed({}, [event]).prompt.messages == (ChatMessage(role="user", content="hi"),)


@pytest.mark.parametrize(
    "attributes",
    [
        {"langsmith.span.kind": "chain", "gen_ai.prompt": '{"messages":[{"role":"user","content":"hi"}]}'},
        {"langfuse.observation.type": "tool", "langfuse.observation.input": '{"input": "hi"}'},
        {"mlflow.spanType": '"EMBEDDING"', "mlflow.spanInputs": '{"input": "hi"}'},
        {"events": '[{"event.name":"gen_ai.choice","content":"x"}]', "request_data": "[5]"},
        {"gcp.vertex.agent.llm_request": '{"config":5,"contents":"x"}', "model_request_parameters": "[]"},
        {"gcp.vertex.agent.llm_request": '{"config":{"system_instruction":"x","tools":[5]}}'},
    ],
)
def test_what_is_no_prompt_is_refused(attributes: dict[str, Any]) -> None:
    with pytest.raises(Refused, match="holds no prompt"):
        _replayed(attributes)
