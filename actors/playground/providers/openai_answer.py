"""What OpenAI's chat completions answer, whole and streamed."""

from collections.abc import Iterable
from typing import Any

import attrs
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.chat.chat_completion_chunk import ChoiceDeltaToolCall
from openai.types.completion_usage import CompletionUsage

from actors.playground.prompt import Completion, ToolCall, Usage
from actors.playground.providers.provider import Chunk, ReasoningDelta, TextDelta

# OpenAI's own models do not show their reasoning here; vLLM and DeepSeek say the first, Ollama and others the second.
_REASONING = ("reasoning_content", "reasoning")


def completion_of(answer: ChatCompletion) -> Completion:
    """A plain answer."""
    choice = answer.choices[0]
    return Completion(
        id=answer.id,
        created=answer.created,
        model=answer.model,
        content=choice.message.content or choice.message.refusal or "",
        finish_reason=choice.finish_reason,
        reasoning=_reasoning_in(choice.message),
        tool_calls=tuple(
            ToolCall(id=call.id, name=call.function.name, arguments=call.function.arguments)
            for call in choice.message.tool_calls or ()
            if call.type == "function"
        ),
        usage=_usage(answer.usage),
    )


@attrs.define
class _Call:
    """A tool call of which parts have arrived."""

    id: str = ""
    name: str = ""
    arguments: list[str] = attrs.field(factory=list)

    def add(self, part: ChoiceDeltaToolCall) -> None:
        self.id = part.id or self.id
        if part.function is not None:
            self.name = part.function.name or self.name
            self.arguments.append(part.function.arguments or "")

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
        self._usage: CompletionUsage | None = None
        self._last: ChatCompletionChunk | None = None

    def add(self, chunk: ChatCompletionChunk) -> Iterable[Chunk]:
        self._last = chunk
        if chunk.usage is not None:
            self._usage = chunk.usage  # in a last chunk without choices
        if not chunk.choices:
            return ()
        choice = chunk.choices[0]
        news = self._deltas(choice.delta)
        for part in choice.delta.tool_calls or ():
            self._calls.setdefault(part.index, _Call()).add(part)
        if choice.finish_reason is not None and self._finish_reason is None:
            self._finish_reason = choice.finish_reason
            news.extend(self._tool_calls())
        return news

    def completion(self) -> Completion | None:
        if self._last is None or self._finish_reason is None:
            return None
        return Completion(
            id=self._last.id,
            created=self._last.created,
            model=self._last.model,
            content="".join(self._text),
            finish_reason=self._finish_reason,
            reasoning="".join(self._reasoning) or None,
            tool_calls=self._tool_calls(),
            usage=_usage(self._usage),
        )

    def _deltas(self, delta: Any) -> list[Chunk]:  # noqa: ANN401 - has fields that the SDK does not know
        news: list[Chunk] = []
        if reasoning := _reasoning_in(delta):
            self._reasoning.append(reasoning)
            news.append(ReasoningDelta(text=reasoning))
        if text := delta.content or delta.refusal:
            self._text.append(text)
            news.append(TextDelta(text=text))
        return news

    def _tool_calls(self) -> tuple[ToolCall, ...]:
        return tuple(call.whole for _, call in sorted(self._calls.items()))


def _reasoning_in(message: Any) -> str | None:  # noqa: ANN401 - has fields that the SDK does not know
    extra = message.model_extra
    if not extra:
        return None
    return next((extra[name] for name in _REASONING if extra.get(name)), None)


def _usage(usage: CompletionUsage | None) -> Usage | None:
    if usage is None:
        return None
    read_from, made_of = usage.prompt_tokens_details, usage.completion_tokens_details
    return Usage(
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        cache_read_tokens=(read_from and read_from.cached_tokens) or 0,
        cache_write_tokens=(read_from and read_from.cache_write_tokens) or 0,
        reasoning_tokens=(made_of and made_of.reasoning_tokens) or 0,
    )
