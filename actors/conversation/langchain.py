"""Messages of LangChain, as other conventions carry them: written out, or as constructors with their arguments."""

from collections.abc import Mapping
from typing import Any, Final

from actors.conversation.json_values import first, object_in, objects

_ROLES: Final[Mapping[str, str]] = {
    "human": "user",
    "ai": "assistant",
    "AIMessageChunk": "assistant",
    "system": "system",
    "tool": "tool",
    "function": "tool",
}
_CALLS = ("tool_use", "tool_call", "function_call")  # types of parts; LangChain has them among its ``tool_calls`` too


def usual(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """A message of LangChain as one of role and content; any other is returned as it is."""
    fields = _fields(message)
    if fields is None or (fields is message and "role" in fields):
        return message
    kind = fields.get("type", _class_of(message))
    role = _ROLES.get(kind) if isinstance(kind, str) else None
    if role is None and fields is message:
        return message
    calls, more = objects(fields.get("tool_calls")), object_in(fields.get("additional_kwargs"))
    return {
        "role": role or fields.get("role"),
        "name": fields.get("name"),
        "content": _without_calls(fields.get("content")) if calls else fields.get("content"),
        "tool_calls": calls or more.get("tool_calls"),
        "tool_call_id": fields.get("tool_call_id"),
        "reasoning_content": more.get("reasoning_content"),
        "refusal": more.get("refusal"),
        "finish_reason": first(object_in(fields.get("response_metadata")), "finish_reason", "stop_reason"),
    }


def _fields(message: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The arguments of a constructor, the data of a message in a dictionary, or the message itself."""
    kind = message.get("type")
    inner = message.get("kwargs") if kind == "constructor" else message
    data = message.get("data")
    if isinstance(kind, str) and kind in _ROLES and isinstance(data, Mapping):
        inner = {"type": kind, **data}
    return inner if isinstance(inner, Mapping) else None


def _class_of(message: Mapping[str, Any]) -> object:
    """``human`` of ``["langchain", "schema", "messages", "HumanMessage"]``."""
    path = message.get("id")
    name = path[-1] if isinstance(path, list) and path else None
    return name.removesuffix("Chunk").removesuffix("Message").lower() if isinstance(name, str) else None


def _without_calls(content: object) -> object:
    if not isinstance(content, list):
        return content
    return [part for part in content if not isinstance(part, Mapping) or part.get("type") not in _CALLS]
