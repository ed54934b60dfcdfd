"""One line of what went into a span and of what came out, for lists."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

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
from actors.conversation.json_values import text
from actors.conversation.langchain import usual
from actors.conversation.messages import message_of
from actors.conversation.request_body import messages_in

LONGEST: Final = 200  # characters
_EMPTY: Final[tuple[object, ...]] = (None, "", [], {})
_LOOKED_AT = 4_000  # characters of a text that are looked at; white space may be many


def previews(conversation: Conversation) -> tuple[str | None, str | None]:
    """The last thing that a person asked, and the answer; of a span without messages its values. Each one line."""
    asked = [message for message in conversation.messages if message.side == "input"]
    answered = [message for message in conversation.messages if message.side == "output"]
    return (
        _question(asked) or _question(_messages(conversation.input)) or _line(text(_core(conversation.input))),
        _last(answered) or _last(_messages(conversation.output)) or _line(text(_core(conversation.output))),
    )


def _question(asked: list[Message]) -> str | None:
    return _last([message for message in asked if message.role == "user"]) or _last(asked)


def _messages(value: object) -> list[Message]:
    """The messages that are a chain's value."""
    core = value if isinstance(value, Mapping) and "messages" in value else _core(value)
    if not isinstance(core, Mapping):
        return []
    if "messages" in core:
        return messages_in({"messages": core["messages"]})
    return [message_of(core, "output")] if "role" in core or usual(core) is not core else []


def _core(value: object) -> object:
    """A value without the objects and lists around it that have nothing else in them."""
    while isinstance(value, Mapping | list) and value:
        inner = [each for each in (value.values() if isinstance(value, Mapping) else value) if each not in _EMPTY]
        if len(inner) != 1:
            break
        value = inner[0]
    return value


def _last(messages: Sequence[Message]) -> str | None:
    """The line of the last message that says something."""
    return next((line for message in reversed(messages) if (line := _said(message.parts))), None)


def _said(parts: Iterable[Part]) -> str | None:
    """Texts and refusals, else what else there is: calls before thoughts."""
    given = list(parts)
    for kinds in ((Text, Refusal), (ToolCall,), (ToolResult,), (Media,), (Reasoning,), (Json,)):
        line = _line(" ".join(_shown(part)[:_LOOKED_AT] for part in given if isinstance(part, kinds)))
        if line is not None:
            return line
    return None


def _shown(part: Part) -> str:
    match part:
        case ToolCall():
            return f"{part.name}({text(part.arguments)})"
        case ToolResult():
            return text(part.result)
        case Media():
            return f"[{part.kind}]"
        case Json():
            return text(part.value)
        case _:
            return part.text


def _line(said: str) -> str | None:
    line = " ".join(said.lstrip()[:_LOOKED_AT].split())
    return (line if len(line) <= LONGEST else line[: LONGEST - 1] + "…") or None
