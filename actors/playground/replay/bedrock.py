"""Content in the form of Amazon Bedrock's Converse, as Strands writes it: the kind of a part is its only name."""

from collections.abc import Mapping
from typing import Any

from actors.playground.replay.draft import as_json

_KINDS = ("text", "toolUse", "toolResult", "image", "document", "video", "reasoningContent", "cachePoint")


def in_usual_form(content: object) -> object:
    """Parts of Bedrock as parts with a type; any other content is returned as it is."""
    parts = as_json(content)
    if not isinstance(parts, list) or not parts or not all(_is_part(part) for part in parts):
        return content
    return [_part(part) for part in parts if "cachePoint" not in part]


def _is_part(part: object) -> bool:
    return isinstance(part, Mapping) and "type" not in part and any(kind in part for kind in _KINDS)


def _part(part: Mapping[str, Any]) -> dict[str, Any]:
    kind = next(kind for kind in _KINDS if kind in part)
    value = part[kind]
    if kind == "toolUse" and isinstance(value, Mapping):
        return {**value, "type": "tool_use", "id": value.get("toolUseId")}
    if kind == "toolResult" and isinstance(value, Mapping):
        return {"type": "tool_result", "id": value.get("toolUseId"), "content": _result(value.get("content"))}
    return {"type": kind, "text": value}


def _result(content: object) -> object:
    """One text as a text, anything else as it is."""
    only = content[0] if isinstance(content, list) and len(content) == 1 else None
    return only["text"] if isinstance(only, Mapping) and only.keys() == {"text"} else content
