"""The forms in which providers and libraries write messages, each as the one form."""

import json
from typing import Any

import pytest

from actors.conversation.form import (
    Conversation,
    Json,
    Media,
    Message,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from actors.conversation.reading import conversation_of
from tests.actors.conversation.stage import sketch
from tests.actors.playground.library_talks import ATTRIBUTES
from tests.actors.playground.stage import NEW, OPEN_INFERENCE, OPEN_LLMETRY, SCHEMA, VERCEL

pytestmark = pytest.mark.unit

_PNG = "iVBORw0KGgo="
_IMAGE = Media("image", "image/png", data=_PNG)
_URL = "https://example.com/a.png"
_TALK = 'system be brief | user weather? | assistant call weather {"city": "Oslo"} | tool result of weather: sunny -> '


def said(attributes: dict[str, Any], *events: dict[str, Any], logs: tuple[dict[str, Any], ...] = ()) -> Conversation:
    return conversation_of("chat", "tests", attributes, events, logs)


def part_of(part: object) -> tuple[Part, ...]:
    """What a part of a user's message is in the form."""
    [message] = said({"gen_ai.input.messages": json.dumps([{"role": "user", "parts": [part]}])}).messages
    return message.parts


@pytest.mark.parametrize(
    ("part", "made"),
    [
        ({"type": "blob", "mime_type": "image/png", "modality": "image", "content": _PNG}, _IMAGE),
        ({"type": "blob", "media_type": "image/png", "modality": "image", "content": _PNG}, _IMAGE),
        ({"type": "uri", "modality": "image", "uri": f"data:image/png;base64,{_PNG}"}, _IMAGE),
        ({"type": "image_url", "image_url": {"url": f"data:image/png;base64,{_PNG}"}}, _IMAGE),
        ({"type": "input_image", "image_url": f"data:image/png;base64,{_PNG}", "detail": "low"}, _IMAGE),
        ({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": _PNG}}, _IMAGE),
        ({"type": "image", "image": _PNG}, _IMAGE),
        ({"type": "file", "mediaType": "image/png", "data": _PNG}, _IMAGE),
        ({"type": "image", "source_type": "base64", "mime_type": "image/png", "data": _PNG}, _IMAGE),
        ({"type": "binary", "media_type": "image/png", "content": _PNG}, _IMAGE),
        ({"inline_data": {"mime_type": "image/png", "data": _PNG}}, _IMAGE),
        ({"inlineData": {"mimeType": "image/png", "data": _PNG}}, _IMAGE),
        ({"image": {"format": "png", "source": {"bytes": _PNG}}}, _IMAGE),
        ({"type": "image_url", "image_url": {"url": _URL}}, Media("image", url=_URL)),
        ({"type": "image", "source": {"type": "url", "url": _URL}}, Media("image", url=_URL)),
        ({"kind": "image-url", "url": _URL}, Media("image", url=_URL)),
        ({"file_data": {"mime_type": "image/png", "file_uri": _URL}}, Media("image", "image/png", url=_URL)),
        (
            {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
            Media("audio", "audio/wav", data="AAAA"),
        ),
        ({"type": "file", "file": {"file_id": "file-1"}}, Media("file", id="file-1")),
        ({"type": "file", "file_id": "file-1", "modality": "image"}, Media("image", id="file-1")),
        (
            {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBE"}},
            Media("file", "application/pdf", data="JVBE"),
        ),
        ({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "note"}}, Text("note")),
        ({"type": "text", "content": "hi"}, Text("hi")),
        ({"type": "input_text", "text": "hi"}, Text("hi")),
        ("hi", Text("hi")),
        ({"text": "hi"}, Text("hi")),
        ({"text": "hm", "thought": True}, Reasoning("hm")),
        ({"type": "reasoning", "content": "hm"}, Reasoning("hm")),
        ({"type": "thinking", "thinking": "hm", "signature": "c2ln"}, Reasoning("hm")),
        ({"type": "reasoning", "content": '[{"text": "hm", "type": "summary_text"}]'}, Reasoning("hm")),
        ({"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]}, Reasoning("hm")),
        ({"reasoningContent": {"reasoningText": {"text": "hm"}}}, Reasoning("hm")),
        ({"type": "refusal", "refusal": "no"}, Refusal("no")),
        ({"type": "tool_call", "id": "c1", "name": "f", "arguments": '{"a": 1}'}, ToolCall("c1", "f", {"a": 1})),
        ({"type": "tool-call", "toolCallId": "c1", "toolName": "f", "input": {"a": 1}}, ToolCall("c1", "f", {"a": 1})),
        ({"type": "tool_use", "id": "c1", "name": "f", "input": {}}, ToolCall("c1", "f", {})),
        ({"toolUse": {"toolUseId": "c1", "name": "f", "input": {"a": 1}}}, ToolCall("c1", "f", {"a": 1})),
        ({"function_call": {"name": "f", "args": {"a": 1}}}, ToolCall("", "f", {"a": 1})),
        ({"type": "tool_call", "id": "c1", "name": "f", "arguments": "{cut"}, ToolCall("c1", "f", "{cut")),
        ({"type": "tool_call_response", "id": "c1", "response": "5"}, ToolResult("c1", None, "5")),
        ({"type": "tool_call_response", "id": "c1", "result": {"a": 1}}, ToolResult("c1", None, {"a": 1})),
        (
            {"type": "tool_result", "tool_use_id": "c1", "content": [{"type": "text", "text": "x"}]},
            ToolResult("c1", None, "x"),
        ),
        (
            {"type": "tool-result", "toolCallId": "c1", "toolName": "f", "output": {"type": "json", "value": [1]}},
            ToolResult("c1", "f", [1]),
        ),
        ({"function_response": {"name": "f", "response": {"a": 1}}}, ToolResult("", "f", {"a": 1})),
        ({"type": "blob"}, Json({"type": "blob"})),
        ({"type": "hologram", "x": 1}, Json({"type": "hologram", "x": 1})),
    ],
)
def test_a_part_in_every_form(part: object, made: Part) -> None:
    assert part_of(part) == (made,)


@pytest.mark.parametrize("part", [None, "", {"cachePoint": {"type": "default"}}, {"type": "step-start"}])
def test_what_says_nothing_is_no_part(part: object) -> None:
    assert part_of([part, "hi"][0]) == ()


def test_a_part_that_python_showed() -> None:
    shown = "media_resolution=None inline_data=None text='What isn\\'t this?' thought=None"
    assert part_of({"type": "text", "content": shown}) == (Text("What isn't this?"),)
    for other in ("a=None is text='x'", "media=None text='x' role=user"):
        assert part_of({"type": "text", "content": other}) == (Text(other),)


@pytest.mark.parametrize(
    ("attributes", "answer"),
    [
        *((pytest.param(given, "", id=name)) for name, given in ATTRIBUTES.items() if name != "Pydantic AI"),
        pytest.param(ATTRIBUTES["Pydantic AI"], "assistant nobody asks for this", id="Pydantic AI"),
        pytest.param(NEW, "", id="GenAI"),
        pytest.param(OPEN_INFERENCE, "", id="OpenInference"),
        pytest.param(OPEN_LLMETRY, "assistant nobody asks for this", id="OpenLLMetry"),
        pytest.param(VERCEL, "", id="Vercel"),
    ],
)
def test_one_talk_of_every_library(attributes: dict[str, Any], answer: str) -> None:
    conversation = said(attributes)
    assert sketch(conversation) == (_TALK + answer).strip()
    [tool] = conversation.tools
    assert (tool.name, tool.description, tool.parameters) == ("weather", "Weather of a city", SCHEMA)
    parameters = {name: conversation.parameters.get(name) for name in ("temperature", "max_tokens")}
    assert {name: float(value) for name, value in parameters.items() if value} == {"temperature": 0.5, "max_tokens": 50}
    assert conversation.parameters["stop"] in ("END", ["END"])
    assert (conversation.model, conversation.cut) == ("gpt-4o", ())


_ASKED = [{"role": "user", "parts": [{"type": "text", "content": "hi"}]}]
_ANSWERED = [{"role": "assistant", "parts": [{"type": "text", "content": "hello"}], "finish_reason": "end_turn"}]
_DETAILS = {"gen_ai.input.messages": _ASKED, "gen_ai.output.messages": _ANSWERED}
_OLD = (
    {"name": "gen_ai.user.message", "attributes": {"content": "hi"}},
    {"name": "gen_ai.choice", "attributes": {"index": 0, "finish_reason": "stop", "message": {"content": "hello"}}},
)
_RECORDS = (
    {"event_name": "gen_ai.user.message", "body": {"content": "hi"}, "attributes": {"gen_ai.system": "openai"}},
    {
        "event_name": "gen_ai.choice",
        "body": {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hello"}},
        "attributes": {},
    },
)
_DETAILS_RECORD = {"event_name": "gen_ai.client.inference.operation.details", "body": None, "attributes": _DETAILS}
_TALKED = "user hi -> assistant hello (stop)"


def test_messages_are_read_wherever_they_are_and_once() -> None:
    event = {"name": "gen_ai.client.inference.operation.details", "attributes": _DETAILS}
    named_in_attributes = (
        {**_DETAILS_RECORD, "event_name": None, "attributes": {**_DETAILS, "event.name": event["name"]}},
    )
    assert sketch(said(_DETAILS)) == _TALKED
    for events, logs in (
        ((), _RECORDS),
        ((), (_DETAILS_RECORD,)),
        ((), named_in_attributes),
        (_OLD, ()),
        ((event,), ()),
        ((event, *_OLD), (*_RECORDS, _DETAILS_RECORD)),
    ):
        assert sketch(said({}, *events, logs=logs)) == _TALKED
        assert sketch(said(_DETAILS, *events, logs=logs)) == _TALKED


def test_bodies_may_be_text_and_azure_writes_one_json_text() -> None:
    inner = json.dumps({"content": "hi", "role": "user"})
    text = ({"event_name": "gen_ai.user.message", "body": json.dumps({"content": "hi"}), "attributes": {}},)
    plain = ({"event_name": "gen_ai.user.message", "body": "hi", "attributes": {}},)
    assert sketch(said({}, logs=text)) == sketch(said({}, logs=plain)) == "user hi ->"
    azure = {"name": "gen_ai.user.message", "attributes": {"gen_ai.event.content": inner}}
    assert sketch(said({}, azure)) == "user hi ->"


def test_contents_of_google_in_log_records() -> None:
    logs = (
        {"event_name": "gen_ai.user.message", "body": {"content": {"role": "user", "parts": [{"text": "hi"}]}}},
        {
            "event_name": "gen_ai.choice",
            "body": {"index": 0, "content": {"role": "model", "parts": [{"text": "hello"}]}, "finish_reason": "STOP"},
        },
    )
    assert sketch(said({}, logs=logs)) == _TALKED


def test_a_system_prompt_in_two_attributes_is_one() -> None:
    system = {"role": "system", "parts": [{"type": "text", "content": "be brief"}]}
    twice = {
        "gen_ai.system_instructions": json.dumps([{"type": "text", "content": "be brief"}]),
        "gen_ai.input.messages": json.dumps([system, *_ASKED]),
        "llm.input_messages.0.message.role": "system",
        "llm.input_messages.0.message.content": "be brief",
    }
    assert sketch(said(twice)) == "system be brief | user hi ->"
    assert sketch(said(twice | {"gen_ai.input.messages": json.dumps(_ASKED)})) == "system be brief | user hi ->"
    other = twice | {"gen_ai.system_instructions": "be kind"}
    assert sketch(said(other)) == "system be kind | system be brief | user hi ->"


def test_choices_stay_apart_and_have_their_finish_reasons() -> None:
    parts = [{"type": "text", "content": "a"}]
    answers = [{"role": "assistant", "parts": parts}, {"role": "assistant", "parts": parts}]
    attributes = {"gen_ai.output.messages": answers, "gen_ai.response.finish_reasons": ["stop", "max_tokens"]}
    assert sketch(said(attributes)) == "-> assistant a (stop) | assistant a (length)"
    attributes["gen_ai.response.finish_reasons"] = '["stop"]'
    assert sketch(said(attributes)) == "-> assistant a | assistant a (stop)"
    choices = [{"index": index, "message": {"content": "a"}, "finish_reason": "stop"} for index in (0, 1)]
    answer = {"mlflow.spanType": '"LLM"', "mlflow.spanOutputs": json.dumps({"choices": choices})}
    assert sketch(said(answer)) == "-> assistant a (stop) | assistant a (stop)"


@pytest.mark.parametrize(
    ("answer", "made"),
    [
        (
            {"role": "assistant", "content": [{"type": "text", "text": "a"}], "stop_reason": "tool_use"},
            "a (tool_calls)",
        ),
        (
            {"output": [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "a"}]}]},
            "a",
        ),
        ({"output": [{"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}]}, "call f {}"),
        (
            {"candidates": [{"content": {"role": "model", "parts": [{"text": "a"}]}, "finishReason": "STOP"}]},
            "a (stop)",
        ),
        ({"generations": [[{"text": "a", "generation_info": {"finish_reason": "stop"}}]]}, "a (stop)"),
        (
            {"choices": [{"message": {"content": None, "refusal": "no"}, "finish_reason": "stop"}]},
            "refused 'no' (stop)",
        ),
        ({"choices": [{"message": {"content": "a", "reasoning_content": "hm"}}]}, "thought 'hm' + a"),
        ({"message": {"role": "assistant", "content": "a"}}, "a"),
        ({"combined_chunk_content": "a", "chunk_count": 1}, "a"),
        ({"choices": [{"text": "a", "finish_reason": "length"}]}, "a (length)"),
    ],
)
def test_answers_of_every_provider(answer: dict[str, Any], made: str) -> None:
    for attributes in (
        {"response_data": json.dumps(answer)},
        {"mlflow.spanType": '"CHAT_MODEL"', "mlflow.spanOutputs": json.dumps(answer)},
        {"langfuse.observation.type": "generation", "langfuse.observation.output": json.dumps(answer)},
        {"langsmith.span.kind": "llm", "gen_ai.completion": json.dumps(answer)},
        {"openinference.span.kind": "LLM", "output.value": json.dumps(answer)},
    ):
        assert sketch(said(attributes)) == f"-> assistant {made}"


def test_the_answer_of_google_adk() -> None:
    call = {"function_call": {"name": "f", "args": {"a": 1}}}
    answer = {"content": {"role": "model", "parts": [{"text": "hm", "thought": True}, call]}, "finish_reason": "STOP"}
    made = sketch(said({"gcp.vertex.agent.llm_response": json.dumps(answer)}))
    assert made == "-> assistant thought 'hm' + call f {\"a\": 1} (stop)"


def test_what_python_wrote_is_read_where_that_is_all() -> None:
    choice = {"finish_reason": "stop", "message": {"content": "it's", "role": "assistant", "tool_calls": None}}
    attributes = {
        "llm.openai.messages": str([{"role": "user", "content": "isn't it?"}]),
        "llm.openai.choices": str([choice]),
        "llm.openai.temperature": 1,
        "llm.openai.model": "gpt-4o",
    }
    conversation = conversation_of("raw_gen_ai_request", "litellm", attributes, [])
    assert sketch(conversation) == "user isn't it? -> assistant it's (stop)"
    assert (conversation.parameters, conversation.model) == ({"temperature": 1}, "gpt-4o")


def test_prompts_and_answers_that_are_texts_alone() -> None:
    events = (
        {"name": "gen_ai.content.prompt", "attributes": {"gen_ai.prompt": "user: hi"}},
        {"name": "gen_ai.content.completion", "attributes": {"gen_ai.completion": "hello"}},
    )
    assert sketch(said({}, *events)) == "user hi -> assistant hello"
    talk = {"gen_ai.prompt": "system: be brief\nuser: hi\nthere\nuser: hi"}
    expected = "system be brief | user hi\nthere | user hi ->"
    assert sketch(said({}, {"name": "gen_ai.content.prompt", "attributes": talk})) == expected
    spring = {"gen_ai.prompt": '["be brief", "hi"]', "gen_ai.completion": '["hello"]'}
    assert sketch(said(spring)) == "user be brief | user hi -> assistant hello"


def test_the_names_of_messages_and_roles_of_every_convention() -> None:
    roles = ("developer", "human", "model", "AI", "function", "narrator", 5, None)
    messages = [{"role": role, "name": "n", "content": "x"} for role in roles]
    found = said({"gen_ai.input.messages": messages}).messages
    expected = ["system", "user", "assistant", "assistant", "tool", "user", "user", "user"]
    assert [message.role for message in found] == expected
    assert {message.name for message in found} == {"n"}


def test_the_run_of_an_agent_of_pydantic_ai() -> None:
    messages = json.dumps([*_ASKED, {"role": "assistant", "parts": [{"type": "text", "content": "hello"}]}])
    assert sketch(said({"pydantic_ai.all_messages": messages, "final_result": "hello"})) == "user hi -> assistant hello"


def test_a_message_of_which_nothing_was_recorded() -> None:
    lost = {"gen_ai.input.messages": [{"role": "user", "parts": []}]}
    assert said(lost).messages == (Message("user", "input"),)
    assert said(lost | {"input.value": "hi"}).messages == ()
