"""Messages of role and content in the form, whoever wrote them, and how those of one turn are joined."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import attrs

from actors.conversation.form import Message, Part, Reasoning, Refusal, Role, Side, Text, ToolCall, ToolResult
from actors.conversation.json_values import object_in, objects, plain, some_text, text
from actors.conversation.langchain import usual
from actors.conversation.parts import call_of, parts_of
from actors.span_store.columns.model_names import finish_reason_word

_ROLES: Final[Mapping[str, Role]] = {
    **dict.fromkeys(("system", "developer", "instructions"), "system"),
    **dict.fromkeys(("user", "human"), "user"),
    **dict.fromkeys(("assistant", "ai", "model", "bot"), "assistant"),
    **dict.fromkeys(("tool", "function", "ipython"), "tool"),
}


def message_of(message: Mapping[str, Any], side: Side) -> Message:
    """A message ``{role, parts}`` or ``{role, content, tool_calls?, tool_call_id?, …}``, or one of LangChain's."""
    fields = usual(message)
    role = role_of(fields.get("role"), side)
    parts = _parts(fields)
    if role == "tool" and not any(isinstance(part, ToolResult) for part in parts):
        parts = _answer(fields, parts)
    elif role == "user" and parts and all(isinstance(part, ToolResult) for part in parts):
        role = "tool"  # Anthropic, Google and Bedrock send what tools answer as the user
    return Message(role, side, some_text(fields.get("name")), _finish(fields), tuple(parts))


def role_of(role: object, side: Side) -> Role:
    """One of the four roles. Whoever has another speaks to the model on one side, and for it on the other."""
    known = _ROLES.get(role.lower()) if isinstance(role, str) else None
    return known or ("user" if side == "input" else "assistant")


def said_by(role: Role, side: Side, content: object) -> list[Message]:
    """One message of this content, or none where there is none."""
    parts = parts_of(content)
    return [Message(role, side, parts=tuple(parts))] if parts else []


def finish_word(reason: object) -> str | None:
    """The one word for a finish reason; ``None`` for what is none."""
    return finish_reason_word(reason) if isinstance(reason, str) and reason else None


def joined(messages: Iterable[Message], belong: Callable[[Message, Message], bool]) -> list[Message]:
    """Messages of the assistant in a row as one, where each belongs to the one before."""
    turns: list[list[Message]] = []
    for message in messages:
        last = turns[-1][-1] if turns else None
        if last is not None and last.role == message.role == "assistant" and belong(last, message):
            turns[-1].append(message)
        else:
            turns.append([message])
    return [turn[0] if len(turn) == 1 else _one(turn) for turn in turns]


def _one(turn: list[Message]) -> Message:
    finish = next((message.finish_reason for message in reversed(turn) if message.finish_reason), None)
    parts = tuple(part for message in turn for part in message.parts)
    return attrs.evolve(turn[0], parts=parts, finish_reason=finish)


def named(messages: Iterable[Message]) -> list[Message]:
    """Messages whose tools' answers have the names of the tools, where only the calls tell them."""
    given = list(messages)
    names = {part.id: part.name for message in given for part in message.parts if isinstance(part, ToolCall)}
    return [attrs.evolve(message, parts=tuple(_named(part, names) for part in message.parts)) for message in given]


def _named(part: Part, names: Mapping[str, str]) -> Part:
    if isinstance(part, ToolResult) and part.name is None:
        return attrs.evolve(part, name=names.get(part.id) or None)
    return part


def only(message: Message, kind: type[Part]) -> bool:
    """Whether a message has parts of this kind and no others."""
    return bool(message.parts) and all(isinstance(part, kind) for part in message.parts)


def _parts(fields: Mapping[str, Any]) -> list[Part]:
    """All parts in the order of a turn: what was thought, said and refused, and the calls that are not among these."""
    content = fields.get("parts")
    said = parts_of(fields.get("content") if content is None or content == [] else content)
    thought = fields.get("reasoning_content") or fields.get("reasoning")
    if isinstance(thought, str) and not any(isinstance(part, Reasoning) for part in said):
        said.insert(0, Reasoning(thought))
    refusal = some_text(fields.get("refusal"))
    if refusal is not None:
        said.append(Refusal(refusal))
    if isinstance(fields.get("audio"), Mapping):
        said += parts_of({"type": "audio", "audio": fields["audio"]})
        said += parts_of(fields["audio"].get("transcript"))
    return said + _calls(fields, said)


def _calls(fields: Mapping[str, Any], said: list[Part]) -> list[Part]:
    calls = [call_of(call) for call in objects(fields.get("tool_calls"))]
    function = fields.get("function_call")
    if not calls and isinstance(function, Mapping):  # OpenAI before tools
        calls = [call_of(function)]
    there = {_identity(part) for part in said if isinstance(part, ToolCall)}
    return [call for call in calls if _identity(call) not in there]


def _identity(call: ToolCall) -> str:
    return call.id or f"{call.name} {text(call.arguments)}"


def _answer(fields: Mapping[str, Any], parts: list[Part]) -> list[Part]:
    """What a tool answered, from a message of the tool's role."""
    texts = [part.text for part in parts if isinstance(part, Text)]
    content = fields.get("content")
    result = "\n".join(texts) if len(texts) == len(parts) and not isinstance(content, Mapping) else plain(content)
    answered = fields.get("tool_call_id") or fields.get("id")
    return [ToolResult(text(answered), some_text(fields.get("name")), result)] if parts or answered else []


def _finish(fields: Mapping[str, Any]) -> str | None:
    given = (
        fields.get("finish_reason") or fields.get("stop_reason") or object_in(fields.get("meta")).get("finish_reason")
    )
    return finish_word(given)
