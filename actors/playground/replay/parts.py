"""Messages made of parts, as OpenTelemetry GenAI, OpenAI, Anthropic and Vercel write them."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs

from actors.playground.prompt import ChatMessage, ToolCall
from actors.playground.replay.draft import Draft, objects, text, tool_call

Part = Mapping[str, Any]


@attrs.define
class _Turn:
    """One stored message while its parts are read. The results of tools become messages of their own."""

    role: str
    texts: list[str] = attrs.field(factory=list)
    calls: list[ToolCall] = attrs.field(factory=list)
    results: list[ChatMessage] = attrs.field(factory=list)


def add_message(draft: Draft, message: Mapping[str, Any]) -> None:
    """Add a message ``{role, parts}`` or ``{role, content, tool_calls?, tool_call_id?}``."""
    turn = _Turn(text(message.get("role")) or "user")
    content = message.get("parts", message.get("content"))
    number = len(draft.messages) + 1
    for part in content if isinstance(content, list) else [content]:
        _add_part(draft, turn, part, number)
    for call in objects(message.get("tool_calls")):
        function = call.get("function")
        turn.calls.append(_call(function if isinstance(function, Mapping) else call, call.get("id")))
    answered = message.get("tool_call_id")
    if turn.texts or turn.calls or not turn.results:
        draft.messages.append(
            ChatMessage(
                role=turn.role,
                content="\n".join(turn.texts),
                tool_calls=tuple(turn.calls),
                tool_call_id=answered if isinstance(answered, str) and answered else None,
            )
        )
    draft.messages.extend(turn.results)


def _add_part(draft: Draft, turn: _Turn, part: object, number: int) -> None:
    if isinstance(part, str):
        turn.texts.append(part)
    elif isinstance(part, Mapping):
        kind = text(part.get("type")) or "text"
        read = _PARTS.get(kind)
        if read is None:
            draft.lost.append(f"message {number}: {kind}")
        else:
            read(turn, part)
    elif part is not None:
        turn.texts.append(text(part))


def _text(turn: _Turn, part: Part) -> None:
    turn.texts.append(text(part.get("content", part.get("text"))))


def _tool_call(turn: _Turn, part: Part) -> None:
    turn.calls.append(_call(part, part.get("id", part.get("toolCallId"))))


def _tool_result(turn: _Turn, part: Part) -> None:
    answered = _first(part, "id", "toolCallId", "tool_use_id")
    result = _first(part, "response", "result", "output", "content")
    if isinstance(result, Mapping) and result.keys() == {"type", "value"}:  # Vercel since version 5
        result = result["value"]
    turn.results.append(ChatMessage(role="tool", content=text(result), tool_call_id=text(answered)))


def _call(call: Part, call_id: object) -> ToolCall:
    return tool_call(call_id, _first(call, "name", "toolName"), _first(call, "arguments", "input", "args"))


def _first(part: Part, *names: str) -> Any:  # noqa: ANN401 - any JSON value
    return next((part[name] for name in names if part.get(name) is not None), None)


# By type: OpenTelemetry's underscores, Vercel's dashes, Anthropic's names. Other types cannot be carried over.
_PARTS: Final[Mapping[str, Callable[[_Turn, Part], None]]] = {
    "text": _text,
    "input_text": _text,
    "output_text": _text,
    "tool_call": _tool_call,
    "tool-call": _tool_call,
    "tool_use": _tool_call,
    "tool_call_response": _tool_result,
    "tool-result": _tool_result,
    "tool_result": _tool_result,
}
