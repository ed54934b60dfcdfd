"""Prompts whose end the sender cut off: they are refused as such, and not called missing."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.conversation.cut import is_cut
from actors.errors import Refused
from actors.playground.replay.reading import replay_of
from tests.actors.playground.library_talks import ATTRIBUTES
from tests.actors.playground.stage import ANY_JSON, NEW, PARTS, span_with

pytestmark = pytest.mark.unit

_TALK = json.dumps(PARTS)
_NAMES = (
    *("gen_ai.input.messages", "gen_ai.prompt", "gcp.vertex.agent.llm_request", "langfuse.observation.input"),
    *("events", "request_data", "mlflow.spanInputs"),
)


@pytest.mark.parametrize("attributes", ATTRIBUTES.values(), ids=ATTRIBUTES)
@pytest.mark.parametrize("length", [2, 40, 150, 300])
def test_a_cut_prompt_is_refused_as_such(attributes: dict[str, Any], length: int) -> None:
    name = next(name for name in _NAMES if name in attributes)
    with pytest.raises(Refused, match=f"cut: its sender ended {name} early"):
        replay_of(span_with(attributes | {name: attributes[name][:length]}))


def test_a_whole_prompt_in_another_convention_is_taken() -> None:
    replay = replay_of(span_with({**ATTRIBUTES["Logfire"], "gen_ai.input.messages": _TALK[:50]}))
    assert len(replay.prompt.messages) == 4


def test_what_else_was_cut_is_said() -> None:
    instructions = json.dumps(NEW["gen_ai.system_instructions"])[:-5]
    tools = json.dumps(NEW["gen_ai.tool.definitions"])[:-5]
    cut = {"gen_ai.system_instructions": instructions, "gen_ai.tool.definitions": tools}
    replay = replay_of(span_with(NEW | cut))
    assert [message.role for message in replay.prompt.messages] == ["user", "assistant", "tool"]
    assert replay.not_carried_over == ("the system instructions: cut by the sender", "the tools: cut by the sender")


@given(st.lists(ANY_JSON, min_size=1, max_size=3).map(json.dumps), st.data(), st.booleans())
def test_every_beginning_is_cut_and_no_whole(whole: str, data: st.DataObject, ascii_only: bool) -> None:
    whole = json.dumps(json.loads(whole), ensure_ascii=ascii_only)
    assert not is_cut(whole)
    assert is_cut(whole[: data.draw(st.integers(1, len(whole) - 1))])


@pytest.mark.parametrize(
    "value",
    [None, 5, "", "not json", "{name} is a hero", "[1] is a footnote", "[x]", "[" + "9" * 5000 + "]", ["[{"]],
)
def test_what_is_no_json_is_not_cut(value: object) -> None:
    assert not is_cut(value)


def test_a_text_of_any_depth() -> None:
    assert is_cut("[" * 10**6) in (True, False)
