"""Prompts and completions, in the terms of the REST contract (chat completions)."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import attrs

JsonValue: TypeAlias = "str | int | float | bool | Sequence[JsonValue] | Mapping[str, JsonValue] | None"
JsonObject: TypeAlias = Mapping[str, JsonValue]


@attrs.frozen(kw_only=True)
class ChatMessage:
    """One message. ``role`` is free text; system, developer, user, assistant and tool have a meaning.

    ``tool_calls`` of an assistant and ``tool_call_id`` of a tool message carry a replayed conversation over; the REST
    contract has neither, so they are optional additions. So are the ``images`` of a user's message, behind its text.
    """

    role: str
    content: str
    tool_calls: tuple["ToolCall", ...] = ()
    tool_call_id: str | None = None
    images: tuple["Image", ...] = ()


@attrs.frozen(kw_only=True)
class Image:
    """An image for the model: base64 ``data`` of a media type, or one at a ``url`` that the provider can reach."""

    media_type: str | None = None
    data: str | None = None
    url: str | None = None


@attrs.frozen(kw_only=True)
class ToolCall:
    """A function call that the model asks for. ``arguments`` is JSON text as the model wrote it."""

    id: str
    name: str
    arguments: str


@attrs.frozen(kw_only=True)
class Tool:
    """A function that the model may call; ``parameters`` is its JSON schema."""

    name: str
    description: str
    parameters: JsonObject


@attrs.frozen(kw_only=True)
class SpanReference:
    """A reference to a stored span, in lower-case hex ids."""

    trace_id: str
    span_id: str


@attrs.frozen(kw_only=True)
class Prompt:
    """One request to a model. ``provider`` is openai, anthropic or gemini; ``model`` is without that prefix."""

    provider: str
    model: str
    messages: tuple[ChatMessage, ...]
    temperature: float | None = None
    max_tokens: int | None = None
    top_p: float | None = None
    stop: tuple[str, ...] | None = None
    reasoning_effort: str | None = None  # minimal, low, medium or high
    max_completion_tokens: int | None = None
    json_mode: bool = False
    json_schema: JsonObject | None = None  # counts only with json_mode
    tools: tuple[Tool, ...] = ()
    replay_of: SpanReference | None = None  # the span that this prompt was taken from

    @property
    def size(self) -> int:
        """Approximate number of characters of its texts."""
        characters = sum(_size_of_message(message) for message in self.messages)
        return characters + len(str(self.json_schema)) + sum(len(str(tool)) for tool in self.tools)


def _size_of_message(message: ChatMessage) -> int:
    calls = sum(len(call.arguments) for call in message.tool_calls)
    return len(message.content) + calls + sum(len(image.data or image.url or "") for image in message.images)


@attrs.frozen(kw_only=True)
class Usage:
    """Tokens as the provider counted them.

    ``prompt_tokens`` includes those read from and written to a cache, ``completion_tokens`` includes reasoning.
    """

    prompt_tokens: int
    completion_tokens: int
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0

    @property
    def total_tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens


@attrs.frozen(kw_only=True)
class Completion:
    """A whole answer. ``finish_reason`` is OpenAI's: stop, length, tool_calls, content_filter; or the raw one.

    ``created`` is in Unix seconds, ``model`` as the provider names it.
    """

    id: str
    created: int
    model: str
    content: str
    finish_reason: str | None
    reasoning: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    usage: Usage | None = None
