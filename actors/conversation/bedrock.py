"""Content in the form of Amazon Bedrock's Converse, as Strands writes it: the kind of a part is its only name."""

from collections.abc import Mapping

from actors.conversation.json_values import as_json

_KINDS = ("text", "toolUse", "toolResult", "image", "document", "video", "reasoningContent", "cachePoint")


def in_usual_form(content: object) -> object:
    """JSON text of Bedrock's parts as these parts; any other content is returned as it is."""
    parts = as_json(content)
    return parts if isinstance(parts, list) and parts and all(_is_part(part) for part in parts) else content


def _is_part(part: object) -> bool:
    return isinstance(part, Mapping) and "type" not in part and any(kind in part for kind in _KINDS)
