"""The interface of a provider. Each adapter implements it on the provider's SDK."""

from collections.abc import AsyncGenerator
from typing import Protocol, TypeAlias

import attrs

from actors.playground.prompt import Completion, Prompt, ToolCall, Usage


@attrs.frozen(kw_only=True)
class TextDelta:
    """A further part of the answer."""

    text: str


@attrs.frozen(kw_only=True)
class ReasoningDelta:
    """A further part of the reasoning that the provider shows."""

    text: str


# A stream is deltas and tool calls as they come, the tokens counted so far where a provider tells them early, and one
# Completion with everything together at its end.
Chunk: TypeAlias = TextDelta | ReasoningDelta | ToolCall | Usage | Completion


@attrs.frozen(kw_only=True)
class Model:
    """A model that may be chosen. Unknown facts are ``None``."""

    id: str  # as the provider names it
    display_name: str
    supports_reasoning: bool | None = None
    supports_vision: bool | None = None
    max_tokens: int | None = None  # context window


@attrs.frozen(kw_only=True)
class Endpoint:
    """The address and key of a provider. ``key`` is empty for a server that needs none."""

    key: str = attrs.field(repr=False)
    base_url: str | None = None  # the provider's own when None


class Provider(Protocol):
    """One provider. Its SDK is imported with the adapter, before any of these methods is called.

    All methods raise ``Refused`` with the reason for parameters that the model does not support, and ``ProviderFailed``
    for every fault of the provider: ``<provider>: <short reason>``, without keys, URLs or tracebacks. Cancelling the
    caller, or closing the generator, closes the provider's connection at once.
    """

    async def generate(self, prompt: Prompt) -> Completion:
        """Return the whole answer."""

    def stream(self, prompt: Prompt) -> AsyncGenerator[Chunk, None]:
        """Stream the answer. A reader that pauses pauses the read from the provider."""

    async def models(self) -> tuple[Model, ...]:
        """List the models that can chat, up to 100 pages of the provider's list, in its order."""

    async def close(self) -> None:
        """Close idle connections."""
