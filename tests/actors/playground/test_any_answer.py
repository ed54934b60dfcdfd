"""Reading any JSON of a provider does not fail, and the chunks together equal the completion."""

import json
from collections.abc import Callable
from typing import Any

import attrs
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.playground.model_facts import cost
from actors.playground.prompt import Completion, ToolCall
from actors.playground.providers import anthropic_answer, google_answer, openai_answer
from actors.playground.providers.calls import Answer
from actors.playground.providers.provider import ReasoningDelta, TextDelta
from actors.playground.well_formed import Repair

pytestmark = pytest.mark.unit

_ANSWERS: dict[str, Callable[[str], Answer]] = {
    "openai": openai_answer.StreamedAnswer,
    "anthropic": anthropic_answer.StreamedAnswer,
    "gemini": google_answer.StreamedAnswer,
}
_NAMES = {
    "openai": "choices delta message content tool_calls function name arguments index id finish_reason usage type text "
    "prompt_tokens completion_tokens prompt_tokens_details cached_tokens reasoning_content reasoning created model",
    "anthropic": "type message index content_block delta content text thinking partial_json input id name stop_reason "
    "usage input_tokens output_tokens output_tokens_details thinking_tokens",
    "gemini": "candidates content parts text thought functionCall name args id finishReason promptFeedback blockReason "
    "usageMetadata promptTokenCount candidatesTokenCount responseId modelVersion",
}
_WORDS = (
    "content_block_start content_block_delta content_block_stop message_start message_delta message_stop message text "
    "tool_use thinking text_delta thinking_delta input_json_delta json_tool_call STOP stop 12 \ud83d \ude00"
)


def _json(names: str) -> st.SearchStrategy[Any]:
    words = st.sampled_from(_WORDS.split(" "))
    leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.just("") | words
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(names.split()), inner, max_size=5),
        max_leaves=25,
    )


@pytest.mark.parametrize("name", _ANSWERS)
@given(st.data())
def test_any_json_is_read(name: str, data: st.DataObject) -> None:
    answer, repair = _ANSWERS[name]("asked"), Repair()
    events = data.draw(st.lists(_json(_NAMES[name]), max_size=6))
    read = [chunk for event in events for chunk in answer.add(event)]
    *news, last = [safe for chunk in (*read, *answer.end()) for safe in repair.of(chunk)]
    assert isinstance(last, Completion)
    assert "".join(chunk.text for chunk in news if isinstance(chunk, TextDelta)) == last.content
    assert "".join(chunk.text for chunk in news if isinstance(chunk, ReasoningDelta)) == (last.reasoning or "")
    assert tuple(chunk for chunk in news if isinstance(chunk, ToolCall)) == last.tool_calls
    assert last.id
    assert last.model
    assert orjson.loads(orjson.dumps(attrs.asdict(last)))["content"] == last.content
    if last.usage is not None:
        assert 0 <= last.usage.total_tokens < 2**53
        cost(name, last.model, last.usage)


@given(st.lists(st.integers(1, 6), max_size=12), st.booleans())
def test_calls_in_pieces_of_any_size_are_whole(cuts: list[int], says_who: bool) -> None:
    arguments = [json.dumps({"city": city}) for city in ("Oslo", "Paris")]
    answer = openai_answer.StreamedAnswer("asked")
    for index, text in enumerate(arguments):
        whole = {"name": "f", "id": f"c{index}"}
        left = text
        for number, cut in enumerate([*cuts, len(text)]):
            part = {"arguments": left[:cut], **(whole if number == 0 else {}), **({"index": index} if says_who else {})}
            left = left[cut:]
            list(answer.add({"choices": [{"delta": {"tool_calls": [part]}}]}))
    *_, last = answer.end()
    assert isinstance(last, Completion)
    assert [call.arguments for call in last.tool_calls] == arguments
