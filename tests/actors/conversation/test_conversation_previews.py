"""One line of what went in and of what came out."""

import pytest

from actors.conversation.form import (
    Conversation,
    Media,
    Message,
    Part,
    Reasoning,
    Refusal,
    Role,
    Side,
    Text,
    ToolCall,
    ToolResult,
)
from actors.conversation.preview import LONGEST, previews

pytestmark = pytest.mark.unit


def message(role: Role, side: Side, *parts: Part) -> Message:
    return Message(role, side, parts=parts)


def test_the_question_and_the_answer() -> None:
    talk = (
        message("system", "input", Text("be brief")),
        message("user", "input", Text("first?")),
        message("assistant", "input", Text("yes")),
        message("user", "input", Text("  Where is\n\tmy   order? ")),
        message("assistant", "input", ToolCall("c", "f", {})),
        message("tool", "input", ToolResult("c", "f", "customs")),
        message("assistant", "output", Reasoning("hm"), Text("On its"), Text("way."), ToolCall("c", "f", {})),
    )
    assert previews(Conversation(messages=talk)) == ("Where is my order?", "On its way.")


@pytest.mark.parametrize(
    ("part", "line"),
    [
        (Refusal("no"), "no"),
        (ToolCall("c", "f", {"a": 1}), 'f({"a":1})'),
        (ToolResult("c", "f", {"a": 1}), '{"a":1}'),
        (Media("image", data="x"), "[image]"),
        (Reasoning("hm"), "hm"),
    ],
)
def test_what_is_no_text(part: Part, line: str) -> None:
    assert previews(Conversation(messages=(message("assistant", "output", part),))) == (None, line)


def test_a_question_without_text_gives_way_to_the_one_before() -> None:
    talk = (message("user", "input", Text("look")), message("user", "input"))
    assert previews(Conversation(messages=talk))[0] == "look"


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("  a\nb ", "a b"),
        ({"args": ["4711"], "kwargs": {}}, "4711"),
        ({"q": "Where?"}, "Where?"),
        ({"a": 1, "b": 2}, '{"a":1,"b":2}'),
        ({"messages": [{"role": "user", "content": "Where?"}]}, "Where?"),
        ([{"update": {"messages": [{"type": "ai", "data": {"content": "There."}}]}}], "There."),
        (None, None),
        ({}, "{}"),
    ],
)
def test_the_values_of_spans_without_messages(value: object, line: str | None) -> None:
    assert previews(Conversation(input=value, output=value)) == (line, line)


def test_lines_have_an_end() -> None:
    for text in ("x" * 10**6, "x " * 10**6, " " * 10**6 + "x" * 300):
        line = previews(Conversation(input=text))[0]
        assert line is not None
        assert (len(line), line[-1]) == (LONGEST, "…")
    assert previews(Conversation(input="x" * LONGEST)) == ("x" * LONGEST, None)
