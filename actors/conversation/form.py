"""The one form of what a span said: messages made of parts, tools, request parameters, and values without messages.

Values of type ``Any`` are JSON values, nested at most 100 levels deep: a deeper one stands as its JSON text.
"""

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import attrs

Role: TypeAlias = Literal["system", "user", "assistant", "tool"]
Side: TypeAlias = Literal["input", "output"]
Kind: TypeAlias = Literal["image", "audio", "file"]


@attrs.frozen
class Text:
    """Something that was said."""

    text: str


@attrs.frozen
class Reasoning:
    """What a model thought before it answered, as far as its provider shows that."""

    text: str


@attrs.frozen
class ToolCall:
    """A call that the model asks for. ``arguments`` is what its JSON text says, or the text if that is no JSON.

    ``id`` is empty where the provider has none.
    """

    id: str
    name: str
    arguments: Any


@attrs.frozen
class ToolResult:
    """The answer of a tool. ``id`` is that of the call; text stays text, also if it looks like JSON."""

    id: str
    name: str | None
    result: Any


@attrs.frozen
class Media:
    """An image, a sound or a file: at a URL, as base64 data, or by the id that its provider gave it."""

    kind: Kind
    media_type: str | None = None
    url: str | None = None
    data: str | None = None
    id: str | None = None


@attrs.frozen
class Refusal:
    """The text with which a model refused to answer."""

    text: str


@attrs.frozen
class Json:
    """A part of a kind that is not known here, as it was recorded."""

    value: Any


Part: TypeAlias = Text | Reasoning | ToolCall | ToolResult | Media | Refusal | Json


@attrs.frozen
class Message:
    """One message. ``finish_reason`` is stop, length, tool_calls, content_filter or error; others are as sent."""

    role: Role
    side: Side
    name: str | None = None
    finish_reason: str | None = None
    parts: tuple[Part, ...] = ()


@attrs.frozen
class Tool:
    """A tool that the model may call; ``parameters`` is the JSON schema of its arguments, ``None`` if none was told.

    A tool of the provider's own, like a web search, has neither description nor parameters.
    """

    name: str
    description: str | None = None
    parameters: Mapping[str, Any] | None = None


@attrs.frozen
class Conversation:
    """What a span said. ``input`` and ``output`` have the values of a side that has no messages.

    ``parameters`` has one word for each thing: temperature, top_p, top_k, max_tokens, stop, seed, n, reasoning_effort,
    frequency_penalty, presence_penalty, tool_choice, response_format (``{"type": "json_object"}`` or ``{"type":
    "json_schema", "schema": {…}}``); others by their own names. ``provider`` and ``model`` are those that were asked,
    the provider as recorded, the model without its provider. ``cut`` names the attributes whose end was cut off.
    """

    messages: tuple[Message, ...] = ()
    tools: tuple[Tool, ...] = ()
    parameters: Mapping[str, Any] = attrs.field(factory=dict)
    input: Any = None
    output: Any = None
    provider: str | None = None
    model: str | None = None
    cut: tuple[str, ...] = ()
