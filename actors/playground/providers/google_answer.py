"""Answers of Gemini's generateContent, plain and streamed: a stream is partial answers of the same form."""

from collections.abc import Iterable

from actors.playground.prompt import ToolCall, Usage
from actors.playground.providers.gathered import Gathered
from actors.playground.providers.provider import Chunk
from actors.playground.providers.untrusted import Json, an_object, arguments, member, objects, text_in, word

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
_ANSWER = ("promptFeedback", "usageMetadata", "modelVersion", "responseId")


class StreamedAnswer:
    """A partial answer. ``model`` is used where the provider does not name its own."""

    def __init__(self, model: str) -> None:
        self._gathered = Gathered(model=model)
        self._calls: list[ToolCall] = []
        self._finish_reason = ""

    @property
    def begun(self) -> bool:
        return self._gathered.begun

    def add(self, response: object) -> Iterable[Chunk]:
        answer = an_object(response)
        candidates = answer.get("candidates")
        gathered = self._gathered
        gathered.begun |= isinstance(candidates, list | dict) or any(answer.get(name) for name in _ANSWER)
        gathered.head(answer.get("responseId"), answer.get("modelVersion"))
        gathered.count(an_object(answer, "usageMetadata"))  # each is the sum so far
        if member(answer, "promptFeedback", "blockReason"):
            self._finish_reason = "PROHIBITED_CONTENT"  # a prompt that is refused has an answer without candidates
        candidate = next(iter(objects(candidates)), {})
        self._finish_reason = word(candidate.get("finishReason")) or self._finish_reason
        return [chunk for part in _parts(candidate.get("content")) for chunk in self._chunks(part)]

    def end(self) -> Iterable[Chunk]:
        calls = tuple(self._calls)
        reason = self._finish_reason
        called = calls and reason == "STOP"
        self._gathered.finish_reason = "tool_calls" if called else _FINISH_REASONS.get(reason, reason) or None
        return (self._gathered.completion(calls, _usage(self._gathered.counts)),)

    def _chunks(self, part: Json) -> list[Chunk]:
        call = an_object(part, "functionCall")
        if call:
            return [self._call(call)]
        text = text_in(part.get("text"))
        return self._gathered.add_reasoning(text) if part.get("thought") else self._gathered.add_text(text)

    def _call(self, call: Json) -> ToolCall:
        made = ToolCall(
            id=word(call.get("id")) or f"call_{len(self._calls)}",
            name=word(call.get("name")),
            arguments=arguments(call.get("args")) or "{}",
        )
        self._calls.append(made)
        return made


def _parts(content: object) -> list[Json]:
    parts = member(content, "parts") if isinstance(content, dict) else content
    given = parts if isinstance(parts, list) else [parts]
    return [{"text": part} if isinstance(part, str) else an_object(part) for part in given]


def _usage(counts: dict[str, int]) -> Usage | None:
    """Sum the counts: the provider counts thoughts beside the answer, and cached tokens among those of the prompt."""
    if not counts:
        return None
    thoughts = counts.get("thoughtsTokenCount", 0)
    return Usage(
        prompt_tokens=counts.get("promptTokenCount", 0) + counts.get("toolUsePromptTokenCount", 0),
        completion_tokens=counts.get("candidatesTokenCount", 0) + thoughts,
        cache_read_tokens=counts.get("cachedContentTokenCount", 0),
        reasoning_tokens=thoughts,
    )
