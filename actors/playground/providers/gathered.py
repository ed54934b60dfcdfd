"""The parts of an answer that have arrived, from any provider."""

import time

import attrs

from actors.playground.counts import count
from actors.playground.prompt import Completion, ToolCall, Usage
from actors.playground.providers.provider import Chunk, ReasoningDelta, TextDelta
from actors.playground.providers.untrusted import Json, word

_LAST_YEAR = 253_402_300_799  # the end of the year 9999, in Unix seconds


@attrs.define(kw_only=True)
class Gathered:
    """A partial answer.

    ``model`` is the requested one, until the provider names its own. ``begun`` says that there is an answer.
    """

    model: str
    id: str = ""
    created: int | None = None
    finish_reason: str | None = None
    begun: bool = False
    text: list[str] = attrs.field(factory=list)
    reasoning: list[str] = attrs.field(factory=list)
    counts: dict[str, int] = attrs.field(factory=dict)

    @property
    def has_output(self) -> bool:
        return bool(self.text or self.reasoning)

    def head(self, identity: object, model: object, created: object = None) -> None:
        """Set id, model and time of creation, where they have a value."""
        self.id = word(identity) or self.id
        self.model = word(model) or self.model
        moment = count(created)
        if moment is not None and 0 < moment <= _LAST_YEAR:
            self.created = moment

    def add_text(self, text: str) -> list[Chunk]:
        if not text:
            return []
        self.text.append(text)
        return [TextDelta(text=text)]

    def add_reasoning(self, text: str) -> list[Chunk]:
        if not text:
            return []
        self.reasoning.append(text)
        return [ReasoningDelta(text=text)]

    def count(self, counts: Json) -> None:
        """Record counts. They are cumulative: the last of each kind is valid."""
        for name, value in counts.items():
            number = count(value)
            if number is not None:
                self.counts[name] = number

    def completion(self, calls: tuple[ToolCall, ...], usage: Usage | None) -> Completion:
        """Make the completion; members that the provider left out are filled in."""
        return Completion(
            id=self.id or f"chatcmpl-{time.time_ns():x}",
            created=int(time.time()) if self.created is None else self.created,
            model=self.model,
            content="".join(self.text),
            finish_reason=self.finish_reason,
            reasoning="".join(self.reasoning) or None,
            tool_calls=calls,
            usage=usage,
        )
