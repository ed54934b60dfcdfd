"""A prompt as a request to Gemini's generateContent.

The SDK writes names in camelCase where the reference wrote snake_case, and sends the key as ``x-goog-api-key`` where it
sent a bearer token: the provider reads both alike.
"""

import mimetypes
import re
from base64 import b64decode
from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import orjson

from actors.errors import Refused
from actors.playground.prompt import ChatMessage, Image, JsonValue, Prompt, ToolCall


@attrs.frozen(kw_only=True)
class Family:
    """Models with the same control of thinking: a budget of tokens, or a level. ``thinking`` is by reasoning effort."""

    names: str  # what the name starts with, as a regular expression
    thinking: Mapping[str, int | str] = {}

    @property
    def reasons(self) -> bool:
        return bool(self.thinking)


_BUDGETS: Mapping[str, int] = {"low": 1024, "medium": 2048, "high": 4096}  # contract, section 7
_LEVELS: Mapping[str, str] = {"low": "LOW", "medium": "MEDIUM", "high": "HIGH"}

# The first that matches. From ai.google.dev/gemini-api/docs/thinking. The budgets for "minimal" are the least that each
# model takes, and 1 on 2.5-flash as in the reference; of the levels, "minimal" is for flash models only, and 3-pro
# has no medium.
_FAMILIES = (
    Family(names=r"gemini-(1|2\.0)", thinking={}),
    Family(names=r"gemini-2\.5-flash-lite", thinking={"minimal": 512, **_BUDGETS}),
    Family(names=r"gemini-2\.5-flash-(image|tts|preview-tts)", thinking={}),
    Family(names=r"gemini-2\.5-flash", thinking={"minimal": 1, **_BUDGETS}),
    Family(names=r"gemini-2\.5-pro", thinking={"minimal": 128, **_BUDGETS}),
    Family(names=r"gemini-3-pro", thinking={"low": "LOW", "high": "HIGH"}),
    Family(names=r"gemini-[\d.]+-flash", thinking={"minimal": "MINIMAL", **_LEVELS}),
    Family(names=r"gemini-flash", thinking={"minimal": "MINIMAL", **_LEVELS}),  # gemini-flash-latest
    Family(names=r"gemini-embedding|gemma-[123]", thinking={}),
    Family(names=r"", thinking=_LEVELS),
)

_ROLES = {"assistant": "model", "model": "model"}  # any other role is the user


def family_of(model: str) -> Family:
    """The family of a model, by its name; an unknown name is taken for a new model."""
    return next(family for family in _FAMILIES if re.match(family.names, model))


@attrs.frozen(kw_only=True)
class Request:
    """The arguments of the SDK's call, in plain values."""

    model: str
    contents: Sequence[Mapping[str, Any]]
    config: Mapping[str, Any]


def request_of(prompt: Prompt) -> Request:
    """The request for a prompt. Raises ``Refused`` for parameters that the model is known not to take."""
    config = {
        "system_instruction": _system(prompt),
        "temperature": prompt.temperature,
        "top_p": prompt.top_p,
        "stop_sequences": list(prompt.stop) if prompt.stop else None,
        "max_output_tokens": prompt.max_completion_tokens or prompt.max_tokens,
        "thinking_config": _thinking(prompt),
        "response_mime_type": "application/json" if prompt.json_mode else None,
        "response_schema": _response_schema(prompt),
        "tools": _tools(prompt),
    }
    return Request(
        model=prompt.model,
        contents=_contents(prompt),
        config={name: value for name, value in config.items() if value is not None},
    )


def _thinking(prompt: Prompt) -> Mapping[str, Any] | None:
    effort = prompt.reasoning_effort
    if effort is None:
        return None
    thinking = family_of(prompt.model).thinking
    if not thinking:
        raise Refused(f"{prompt.model} does not support reasoning_effort")
    if effort not in thinking:
        raise Refused(f"{prompt.model} does not support reasoning_effort {effort}. Supported: {', '.join(thinking)}")
    measure = thinking[effort]
    name = "thinking_budget" if isinstance(measure, int) else "thinking_level"
    return {name: measure, "include_thoughts": True}


def _system(prompt: Prompt) -> Mapping[str, Any] | None:
    parts = [{"text": message.content} for message in prompt.messages if _is_system(message)]
    return {"parts": parts} if parts else None


def _is_system(message: ChatMessage) -> bool:
    return message.role in ("system", "developer")


def _contents(prompt: Prompt) -> list[Mapping[str, Any]]:
    """The messages. A tool's answer names the tool, whose name only the call has."""
    names = {call.id: call.name for message in prompt.messages for call in message.tool_calls}
    return [_turn(message, names) for message in prompt.messages if not _is_system(message)]


def _turn(message: ChatMessage, names: Mapping[str, str]) -> Mapping[str, Any]:
    if message.role == "tool":
        name = names.get(message.tool_call_id or "", message.tool_call_id or "")
        return {"role": "user", "parts": [{"function_response": {"name": name, "response": _result(message.content)}}]}
    said = message.content or not (message.tool_calls or message.images)
    parts: list[Mapping[str, Any]] = [{"text": message.content}] if said else []
    parts.extend(map(_image, message.images))
    parts.extend({"function_call": {"name": call.name, "args": _arguments(call)}} for call in message.tool_calls)
    return {"role": _ROLES.get(message.role, "user"), "parts": parts}


def _image(image: Image) -> Mapping[str, Any]:
    """An image of the prompt. The provider wants a media type at a URL, too, where its name tells it."""
    if image.url is not None:
        media_type = image.media_type or mimetypes.guess_type(image.url)[0] or "image/jpeg"
        return {"file_data": {"file_uri": image.url, "mime_type": media_type}}
    try:
        return {"inline_data": {"data": b64decode(image.data or "", validate=True), "mime_type": image.media_type}}
    except ValueError as error:
        raise Refused("An image is not base64, as gemini demands") from error


def _result(content: str) -> Mapping[str, Any]:
    """A tool's answer as an object, which the provider requires."""
    try:
        value = orjson.loads(content)
    except orjson.JSONDecodeError:
        return {"result": content}
    return value if isinstance(value, dict) else {"result": value}


def _arguments(call: ToolCall) -> Mapping[str, Any]:
    try:
        arguments = orjson.loads(call.arguments or "{}")
    except orjson.JSONDecodeError as error:
        raise Refused(f"The arguments of the tool call {call.id} are not JSON, as gemini demands") from error
    if not isinstance(arguments, dict):
        raise Refused(f"The arguments of the tool call {call.id} are not an object, as gemini demands")
    return arguments


def _response_schema(prompt: Prompt) -> JsonValue:
    return _in_order(prompt.json_schema) if prompt.json_mode and prompt.json_schema is not None else None


def _in_order(schema: JsonValue) -> JsonValue:
    """The schema without ``additionalProperties``, and with ``propertyOrdering``, which the provider's schemas have."""
    if isinstance(schema, Mapping):
        kept = {name: _in_order(value) for name, value in schema.items() if name != "additionalProperties"}
        properties = kept.get("properties")
        if schema.get("type") == "object" and isinstance(properties, Mapping):
            kept.setdefault("propertyOrdering", list(properties))
        return kept
    if isinstance(schema, Sequence) and not isinstance(schema, str):
        return [_in_order(item) for item in schema]
    return schema


def _tools(prompt: Prompt) -> list[Mapping[str, Any]] | None:
    if not prompt.tools:
        return None
    declarations = [
        {"name": tool.name, "description": tool.description, "parameters_json_schema": tool.parameters}
        for tool in prompt.tools
    ]
    return [{"function_declarations": declarations}]
