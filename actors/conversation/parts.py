"""Messages and their parts, as OpenTelemetry GenAI, OpenAI, Anthropic, Google, Bedrock and Vercel write them."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from actors.conversation.form import Json, Part, Reasoning, Refusal, Text, ToolCall, ToolResult
from actors.conversation.json_values import as_json, as_part_of_google, first, plain, text
from actors.conversation.media import media_of

Fields = Mapping[str, Any]

_ARGUMENTS = ("arguments", "input", "args")


def parts_of(content: object) -> list[Part]:
    """The parts of a content: a text, one part, or a list of both. What says nothing is left out."""
    items = content if isinstance(content, list | tuple) else [content]
    return [part for item in items for part in _parts_of_item(item)]


def tool_call(call_id: object, name: object, arguments: object) -> ToolCall:
    """A call with arguments that may be JSON text."""
    made = as_json(arguments) if isinstance(arguments, str) and arguments.lstrip().startswith(("{", "[")) else arguments
    return ToolCall(text(call_id), text(name), plain({} if made is None or made == "" else made))


def call_of(part: Fields) -> ToolCall:
    """A call: flat, or as OpenAI's function."""
    function = part.get("function")
    held = function if isinstance(function, Mapping) else part
    call_id = first(part, "call_id", "id", "toolCallId", "toolUseId", "tool_call_id")
    return tool_call(call_id, first(held, "name", "toolName", "tool_name"), first(held, *_ARGUMENTS))


def _parts_of_item(item: object) -> list[Part]:
    if item is None or item == "":
        return []
    if not isinstance(item, Mapping):
        return [Text(text(item))]
    kind = _kind_of(item)
    read = _PARTS.get(kind)
    made = None if read is None else read(kind, item)
    return [Json(plain(item))] if made is None else made


def _kind_of(part: Fields) -> str:
    """The name of a part's kind, in snake_case. Bedrock and Google have it as the name of a member."""
    named = first(part, "type", "kind", "part_kind")
    if isinstance(named, str):
        return named.replace("-", "_")
    return next((kind for kind in _SHAPES if part.get(kind) is not None), "")


def _text(_: str, part: Fields) -> list[Part] | None:
    said = as_part_of_google(first(part, "content", "text"))
    if part.get("thought") is True:
        return [Reasoning(text(said))]
    return _said(said, Text)


def _said(said: object, make: type[Text | Reasoning | Refusal]) -> list[Part]:
    return [make(text(said))] if said is not None and said != "" else []


def _reasoning(_: str, part: Fields) -> list[Part] | None:
    said = first(part, "content", "text", "thinking", "reasoning", "reasoningContent", "summary")
    if isinstance(said, str) and said.startswith("[{"):
        said = as_json(said)  # OpenLLMetry: the summary as JSON text
    if isinstance(said, Mapping):
        said = first(said, "reasoningText", "reasoning_text", "text") or ""
    if isinstance(said, Mapping):
        said = said.get("text")
    if isinstance(said, list):
        said = "\n".join(text(item.get("text") if isinstance(item, Mapping) else item) for item in said)
    return None if said is None else _said(said, Reasoning)


def _refusal(_: str, part: Fields) -> list[Part] | None:
    return _said(first(part, "refusal", "content", "text"), Refusal)


def _call(kind: str, part: Fields) -> list[Part] | None:
    inner = part.get(kind)
    held = {**part, **inner} if isinstance(inner, Mapping) else part
    told = first(held, "name", "toolName", "tool_name", "function", *_ARGUMENTS)
    return None if told is None else [call_of(held)]


def _result(kind: str, part: Fields) -> list[Part] | None:
    inner = part.get(kind)
    held = {**part, **inner} if isinstance(inner, Mapping) else part
    origin = held.get("origin")  # Haystack: the call that is answered
    held = {**held, **origin} if isinstance(origin, Mapping) else held
    answered = first(held, "call_id", "tool_use_id", "tool_call_id", "toolCallId", "toolUseId", "id")
    name = first(held, "name", "toolName", "tool_name")
    result = result_value(first(held, "response", "result", "output", "content"))
    return [ToolResult(text(answered), name if isinstance(name, str) else None, plain(result))]


def result_value(result: object) -> object:
    """One text as that text; Vercel's value without its type."""
    if isinstance(result, Mapping) and result.keys() == {"type", "value"}:
        return result["value"]
    only = result[0] if isinstance(result, list) and len(result) == 1 else None
    if isinstance(only, Mapping) and isinstance(only.get("text"), str) and only.keys() <= {"type", "text"}:
        return only["text"]
    return result


def _media(kind: str, part: Fields) -> list[Part] | None:
    source = part.get("source")
    if isinstance(source, Mapping) and source.get("type") == "text":  # Anthropic: a document that is plain text
        return _said(source.get("data"), Text)
    made = media_of(kind, part)
    return None if made is None else [made]


def _nothing(_: str, __: Fields) -> list[Part] | None:
    return []


# By kind: OpenTelemetry's, OpenAI's, Anthropic's, Google's, Bedrock's, Vercel's and Pydantic AI's names.
_PARTS: Final[Mapping[str, Callable[[str, Fields], list[Part] | None]]] = {
    **dict.fromkeys(("text", "input_text", "output_text", "summary_text", "user_prompt", "system_prompt"), _text),
    **dict.fromkeys(("reasoning", "thinking", "reasoning_text", "reasoningContent", "reasoning_content"), _reasoning),
    **dict.fromkeys(("tool_call", "tool_use", "toolUse", "function_call", "functionCall", "custom_tool_call"), _call),
    **dict.fromkeys(("server_tool_call", "server_tool_use", "mcp_call", "builtin_tool_call"), _call),
    **dict.fromkeys(("tool_call_response", "tool_result", "toolResult", "tool_return", "function_response"), _result),
    **dict.fromkeys(
        ("functionResponse", "function_call_output", "custom_tool_call_output", "tool_call_result"), _result
    ),
    **dict.fromkeys(("server_tool_call_response", "server_tool_result", "builtin_tool_return"), _result),
    **dict.fromkeys(("image", "image_url", "input_image", "image_file", "output_image"), _media),
    **dict.fromkeys(("audio", "input_audio", "audio_url", "output_audio", "video", "video_url", "media"), _media),
    **dict.fromkeys(("file", "input_file", "document", "document_url", "blob", "uri", "binary"), _media),
    **dict.fromkeys(("inline_data", "inlineData", "file_data", "fileData"), _media),
    "refusal": _refusal,
    **dict.fromkeys(("cachePoint", "cache_point", "step_start"), _nothing),
}
# Members that tell the kind of a part without a type; the first that is there.
_SHAPES = (
    *(
        "tool_call",
        "tool_call_result",
        "toolUse",
        "toolResult",
        "functionCall",
        "function_call",
        "functionResponse",
        "function_response",
    ),
    *("image", "document", "video", "inline_data", "inlineData", "file_data", "fileData", "reasoningContent"),
    *("cachePoint", "text", "reasoning"),
)
