"""What OpenAI's chat completions answer, whole and streamed: JSON that nobody has looked at yet.

Members that the vendor always sends are taken for granted; that one is missing fails where it is read.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from actors.playground.prompt import Completion, ToolCall, Usage
from actors.playground.providers.provider import Chunk, ReasoningDelta, TextDelta

# OpenAI's own models do not show their reasoning here; vLLM and DeepSeek say the first, Ollama and others the second.
_REASONING = ("reasoning_content", "reasoning")


Json = Mapping[str, Any]


def completion_of(answer: Json) -> Completion:
    """A plain answer."""
    choice = answer["choices"][0]
    message = choice["message"]
    return Completion(
        id=answer["id"],
        created=answer["created"],
        model=answer["model"],
        content=message.get("content") or message.get("refusal") or "",
        finish_reason=choice["finish_reason"],
        reasoning=_reasoning_in(message),
        tool_calls=tuple(
            ToolCall(id=call["id"], name=call["function"]["name"], arguments=call["function"]["arguments"])
            for call in message.get("tool_calls") or ()
            if call["type"] == "function"
        ),
        usage=_usage(answer.get("usage")),
    )


@attrs.define
class _Call:
    """A tool call of which parts have arrived."""

    id: str = ""
    name: str = ""
    arguments: list[str] = attrs.field(factory=list)

    def add(self, part: Json) -> None:
        self.id = part.get("id") or self.id
        function = part.get("function")
        if function is not None:
            self.name = function.get("name") or self.name
            self.arguments.append(function.get("arguments") or "")

    @property
    def whole(self) -> ToolCall:
        return ToolCall(id=self.id, name=self.name, arguments="".join(self.arguments))


class StreamedAnswer:
    """A streamed answer. A tool call is passed on when it is complete, which the finish reason says."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._calls: dict[int, _Call] = {}
        self._finish_reason: str | None = None
        self._usage: Json | None = None
        self._last: Json | None = None

    def add(self, chunk: Any) -> Iterable[Chunk]:  # noqa: ANN401 - any JSON
        self._last = chunk
        if chunk.get("usage") is not None:
            self._usage = chunk["usage"]  # in a last chunk without choices
        if not chunk["choices"]:
            return ()
        choice = chunk["choices"][0]
        news = self._deltas(choice["delta"])
        for part in choice["delta"].get("tool_calls") or ():
            self._calls.setdefault(part["index"], _Call()).add(part)
        finish_reason = choice.get("finish_reason")
        if finish_reason is not None and self._finish_reason is None:
            self._finish_reason = finish_reason
            news.extend(self._tool_calls())
        return news

    def completion(self) -> Completion | None:
        if self._last is None or self._finish_reason is None:
            return None
        return Completion(
            id=self._last["id"],
            created=self._last["created"],
            model=self._last["model"],
            content="".join(self._text),
            finish_reason=self._finish_reason,
            reasoning="".join(self._reasoning) or None,
            tool_calls=self._tool_calls(),
            usage=_usage(self._usage),
        )

    def _deltas(self, delta: Json) -> list[Chunk]:
        news: list[Chunk] = []
        if reasoning := _reasoning_in(delta):
            self._reasoning.append(reasoning)
            news.append(ReasoningDelta(text=reasoning))
        if text := delta.get("content") or delta.get("refusal"):
            self._text.append(text)
            news.append(TextDelta(text=text))
        return news

    def _tool_calls(self) -> tuple[ToolCall, ...]:
        return tuple(call.whole for _, call in sorted(self._calls.items()))


def _reasoning_in(message: Json) -> str | None:
    return next((message[name] for name in _REASONING if message.get(name)), None)


def _usage(usage: Json | None) -> Usage | None:
    if usage is None:
        return None
    read_from = usage.get("prompt_tokens_details") or {}
    made_of = usage.get("completion_tokens_details") or {}
    return Usage(
        prompt_tokens=usage["prompt_tokens"],
        completion_tokens=usage["completion_tokens"],
        cache_read_tokens=read_from.get("cached_tokens") or 0,
        cache_write_tokens=read_from.get("cache_write_tokens") or 0,
        reasoning_tokens=made_of.get("reasoning_tokens") or 0,
    )
