"""What Gemini's generateContent answers, whole and streamed: a stream is partial answers of the same form."""

import time
from collections.abc import Iterable

import orjson
from google.genai.types import GenerateContentResponse, GenerateContentResponseUsageMetadata, Part

from actors.playground.prompt import Completion, ToolCall, Usage
from actors.playground.providers.provider import Chunk, ReasoningDelta, TextDelta

_FINISH_REASONS = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "IMAGE_SAFETY": "content_filter",
}


def completion_of(response: GenerateContentResponse, model: str) -> Completion:
    """A plain answer. ``ValueError`` when it is none."""
    answer = StreamedAnswer(model)
    answer.add(response)
    completion = answer.completion()
    if completion is None:
        raise ValueError("an answer without a finish reason")
    return completion


class StreamedAnswer:
    """An answer, of which parts arrive. ``model`` stands in where the vendor does not name its own."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._id = ""
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._calls: list[ToolCall] = []
        self._finish_reason: str | None = None
        self._usage: GenerateContentResponseUsageMetadata | None = None

    def add(self, response: GenerateContentResponse) -> Iterable[Chunk]:
        self._id = response.response_id or self._id
        self._model = response.model_version or self._model
        self._usage = response.usage_metadata or self._usage  # each is the sum so far
        if not response.candidates:
            self._blocked(response)
            return ()
        candidate = response.candidates[0]
        if candidate.finish_reason is not None:
            self._finish_reason = candidate.finish_reason.value
        parts = (candidate.content and candidate.content.parts) or ()
        return [chunk for part in parts if (chunk := self._chunk(part)) is not None]

    def completion(self) -> Completion | None:
        if self._finish_reason is None:
            return None
        return Completion(
            id=self._id or f"chatcmpl-{time.time_ns():x}",
            created=int(time.time()),  # the vendor does not say
            model=self._model,
            content="".join(self._text),
            finish_reason=_said_reason(self._finish_reason, called=bool(self._calls)),
            reasoning="".join(self._reasoning) or None,
            tool_calls=tuple(self._calls),
            usage=_usage(self._usage),
        )

    def _blocked(self, response: GenerateContentResponse) -> None:
        """A prompt that is refused has an answer without candidates."""
        feedback = response.prompt_feedback
        if feedback is not None and feedback.block_reason is not None:
            self._finish_reason = "PROHIBITED_CONTENT"

    def _chunk(self, part: Part) -> Chunk | None:
        if part.function_call is not None:
            call = part.function_call
            self._calls.append(
                ToolCall(
                    id=call.id or f"call_{len(self._calls)}",
                    name=call.name or "",
                    arguments=orjson.dumps(call.args or {}).decode(),
                )
            )
            return self._calls[-1]
        if not part.text:
            return None
        if part.thought:
            self._reasoning.append(part.text)
            return ReasoningDelta(text=part.text)
        self._text.append(part.text)
        return TextDelta(text=part.text)


def _said_reason(finish_reason: str, *, called: bool) -> str:
    if called and finish_reason == "STOP":
        return "tool_calls"
    return _FINISH_REASONS.get(finish_reason, finish_reason)


def _usage(usage: GenerateContentResponseUsageMetadata | None) -> Usage | None:
    """The vendor counts thoughts beside the answer, and cached tokens among those of the prompt."""
    if usage is None:
        return None
    thoughts = usage.thoughts_token_count or 0
    return Usage(
        prompt_tokens=(usage.prompt_token_count or 0) + (usage.tool_use_prompt_token_count or 0),
        completion_tokens=(usage.candidates_token_count or 0) + thoughts,
        cache_read_tokens=usage.cached_content_token_count or 0,
        reasoning_tokens=thoughts,
    )
