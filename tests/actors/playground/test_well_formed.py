"""Characters that a provider cut in two."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.playground.prompt import ToolCall
from actors.playground.providers.provider import Chunk, ReasoningDelta, TextDelta
from actors.playground.well_formed import Repair, well_formed
from tests.scripted_provider import completion

pytestmark = pytest.mark.unit

FACE, HIGH, LOW = "\U0001f600", "\ud83d", "\ude00"


def passed_on(*chunks: Chunk) -> list[Chunk]:
    repair = Repair()
    return [news for chunk in chunks for news in repair.of(chunk)]


@pytest.mark.parametrize(
    ("text", "repaired"),
    [
        ("plain", "plain"),
        ("é", "é"),
        (HIGH + LOW, FACE),
        (HIGH, "\ufffd"),
        (LOW + HIGH, "\ufffd\ufffd"),
        (HIGH + HIGH + LOW + LOW, f"\ufffd{FACE}\ufffd"),
        (f"a{HIGH}b", "a\ufffdb"),
    ],
)
def test_halves_are_paired_or_replaced(text: str, repaired: str) -> None:
    assert well_formed(text) == repaired


@pytest.mark.parametrize("kind", [TextDelta, ReasoningDelta])
def test_a_character_in_two_chunks_is_one(kind: type[Any]) -> None:
    assert passed_on(kind(text=f"a{HIGH}"), kind(text=f"{LOW}b")) == [kind(text="a"), kind(text=f"{FACE}b")]
    assert passed_on(kind(text=HIGH), kind(text=LOW)) == [kind(text=FACE)]
    assert passed_on(kind(text=HIGH), kind(text="b")) == [kind(text="\ufffdb")]
    assert passed_on(kind(text=LOW)) == [kind(text="\ufffd")]


def test_text_and_reasoning_wait_for_their_own_halves() -> None:
    news = passed_on(TextDelta(text=HIGH), ReasoningDelta(text=HIGH), TextDelta(text=LOW), ReasoningDelta(text=LOW))
    assert news == [TextDelta(text=FACE), ReasoningDelta(text=FACE)]


def test_a_half_at_the_end_is_replaced_once() -> None:
    *news, last = passed_on(TextDelta(text="a"), TextDelta(text=HIGH), completion(f"a{HIGH}"))
    assert news == [TextDelta(text="a"), TextDelta(text="\ufffd")]
    assert last == completion("a\ufffd")


def test_every_text_of_a_call_and_a_completion_is_repaired() -> None:
    call = ToolCall(id=HIGH, name=HIGH, arguments=HIGH + LOW)
    (news,) = passed_on(call)
    assert news == ToolCall(id="\ufffd", name="\ufffd", arguments=FACE)
    made = completion(HIGH + LOW, id=HIGH, model=HIGH, finish_reason=HIGH, reasoning=HIGH + LOW, tool_calls=(call,))
    replaced = {"id": "\ufffd", "model": "\ufffd", "finish_reason": "\ufffd", "reasoning": FACE, "tool_calls": (news,)}
    assert passed_on(made) == [completion(FACE, **replaced)]


@given(st.text(st.sampled_from(("a", "é", HIGH, LOW, FACE)), max_size=20), st.lists(st.integers(1, 4)))
def test_pieces_say_what_the_whole_says(text: str, cuts: list[int]) -> None:
    left, chunks = text, []
    for cut in cuts:
        chunks.append(TextDelta(text=left[:cut]))
        left = left[cut:]
    *news, last = passed_on(*chunks, TextDelta(text=left), completion(text))
    assert "".join(chunk.text for chunk in news if isinstance(chunk, TextDelta)) == well_formed(text)
    assert last == completion(well_formed(text))
    well_formed(text).encode()
