"""Every recorded model call that holds its content is a request again, with its images and tools."""

import json
from typing import Any

import pytest

from actors.conversation.form import Conversation, Media, Reasoning
from actors.errors import Refused
from actors.playground.messages import Replay
from actors.playground.replay.reading import replay_of
from tests.actors.conversation.stage import Recorded, recorded
from tests.actors.playground.stage import span_with

pytestmark = pytest.mark.unit

_FILES = (
    "anthropic-sdk-alone-2.14.0.bin",
    "genai-anthropic-spanonly-1.3b0.bin",
    "genai-google-spanonly-1.3b0.bin",
    "genai-langchain-spanonly-1.3b0.bin",
    "genai-openai-eventonly-1.3b0.bin",
    "genai-openai-spanonly-1.3b0.bin",
    "google-adk-2.13.0.bin",
    "google-adk-spanonly-2.13.0.bin",
    "langfuse-5.0.4.bin",
    "litellm-1.110.2.bin",
    "llmetry-google-0.62.4.bin",
    "llmetry-openai-0.62.4.bin",
    "logfire-5.4.0.bin",
    "mlflow-3.17.2.bin",
    "oi-agno-1.0.15.bin",
    "oi-anthropic-3.1.0.bin",
    "oi-dspy-0.1.48.bin",
    "oi-google-genai-1.4.14.bin",
    "oi-instructor-0.1.29.bin",
    "oi-langchain-0.1.80.bin",
    "oi-openai-0.1.66.bin",
    "oi-openai-agents-2.6.0.bin",
    "openai-v2-content-2.4b0.bin",
    "openai-v2-latest-2.4b0.bin",
    "strands-1.62.0.bin",
    "traceloop-langchain-0.62.4.bin",
    "vercel-ai-6.0.326.bin",
)
_CALLS = {
    f"{file} {span.row['span_id']}": span for file in _FILES for span in recorded(file) if span.row["type"] == "llm"
}


def replayed(span: Recorded) -> Replay:
    row = span.row
    stored = span_with(json.loads(row["attributes_json"]), json.loads(row["events_json"]))
    return replay_of(stored, logs=span.logs)


def asked(conversation: Conversation) -> list[Any]:
    return [part for message in conversation.messages if message.side == "input" for part in message.parts]


@pytest.mark.parametrize("span", _CALLS.values(), ids=_CALLS)
def test_a_call_with_content_is_a_request_again(span: Recorded) -> None:
    conversation = span.conversation()
    parts = asked(conversation)
    if not any(
        message.role != "system" and message.parts for message in conversation.messages if message.side == "input"
    ):
        with pytest.raises(Refused, match="holds no prompt"):
            replayed(span)
        return
    replay = replayed(span)
    prompt = replay.prompt
    images = [image for message in prompt.messages for image in message.images]
    here = [part for part in parts if isinstance(part, Media) and part.data]
    assert [image.data for image in images] == [part.data for part in here]
    assert [tool.name for tool in prompt.tools] == [tool.name for tool in conversation.tools]
    called = [call.id for message in prompt.messages for call in message.tool_calls]
    answered = [message.tool_call_id for message in prompt.messages if message.role == "tool"]
    assert answered == called
    assert all(called)
    assert {message.role for message in prompt.messages} <= {"system", "user", "assistant", "tool"}
    assert prompt.provider in ("openai", "anthropic", "gemini")
    assert ("message 2: reasoning" in replay.not_carried_over) <= any(isinstance(part, Reasoning) for part in parts)


def test_only_what_a_person_would_miss_is_named_in_all_recordings() -> None:
    lost = set()
    for span in _CALLS.values():
        try:
            lost |= set(replayed(span).not_carried_over)
        except Refused:
            continue
    assert lost == {
        "parameter seed",
        "parameter thinking",
        "parameter verbosity",
        "parameter tool_choice",
        "message 1: image",  # MLflow keeps it elsewhere, and names the place
        "message 3: reasoning",
    }
