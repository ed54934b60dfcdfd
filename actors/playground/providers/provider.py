"""What the playground asks of a provider. Each adapter translates it to the provider's SDK and back."""

from collections.abc import AsyncGenerator
from typing import Protocol, TypeAlias

import attrs

from actors.playground.prompt import Completion, Prompt, ToolCall, Usage


@attrs.frozen(kw_only=True)
class TextDelta:
    """More of the answer."""

    text: str


@attrs.frozen(kw_only=True)
class ReasoningDelta:
    """More of the reasoning that the provider shows."""

    text: str


# A stream is deltas and tool calls as they come, the tokens counted so far where a provider tells them early, and one
# Completion with everything together at its end.
Chunk: TypeAlias = TextDelta | ReasoningDelta | ToolCall | Usage | Completion


@attrs.frozen(kw_only=True)
class Model:
    """A model that may be chosen. Facts that are not known are ``None``."""

    id: str  # as the provider says it
    display_name: str
    supports_reasoning: bool | None = None
    supports_vision: bool | None = None
    max_tokens: int | None = None  # context window


@attrs.frozen(kw_only=True)
class Endpoint:
    """Where and as whom to call a provider. ``key`` is empty for a server that wants none."""

    key: str = attrs.field(repr=False)
    base_url: str | None = None  # the provider's own when None


class Provider(Protocol):
    """One provider. Its SDK is imported with the adapter, before any of these is called.

    All methods raise ``Refused`` with the reason for parameters that the model does not support, and ``ProviderFailed``
    for every fault of the provider: ``<provider>: <short reason>``, without keys, URLs or tracebacks. Cancelling the
    caller, or closing the generator, closes the provider's connection at once.
    """

    async def generate(self, prompt: Prompt) -> Completion:
        """The whole answer in one piece."""

    def stream(self, prompt: Prompt) -> AsyncGenerator[Chunk, None]:
        """The answer as it comes. A reader that pauses pauses the read from the provider."""

    async def models(self) -> tuple[Model, ...]:
        """The models that can chat, up to 100 pages of the provider's list, in its order."""

    async def close(self) -> None:
        """Close idle connections."""
