"""Answers of OpenAI's chat completions, plain and streamed, and of servers that are nearly compatible."""

from collections.abc import Iterable

from actors.playground.prompt import Usage
from actors.playground.providers.call_parts import CallParts
from actors.playground.providers.gathered import Gathered
from actors.playground.providers.provider import Chunk
from actors.playground.providers.untrusted import Json, an_object, member, objects, text_in, word

# OpenAI's own models show no reasoning here; vLLM and DeepSeek use the first, Ollama and others the second.
_REASONING = ("reasoning_content", "reasoning")
_THOUGHTS = ("thinking", "reasoning")  # kinds of parts, where content is made of parts


class StreamedAnswer:
    """A partial answer; a plain one is complete at once.

    Tool calls are passed on at the end, because no sign before it is reliable that one is complete.
    """

    def __init__(self, model: str) -> None:
        self._gathered = Gathered(model=model)
        self._calls = CallParts()

    @property
    def begun(self) -> bool:
        return self._gathered.begun

    def add(self, chunk: object) -> Iterable[Chunk]:
        answer = an_object(chunk)
        gathered = self._gathered
        gathered.head(answer.get("id"), answer.get("model"), answer.get("created"))
        usage = answer.get("usage")  # in a last chunk without choices, or in each
        gathered.begun |= isinstance(answer.get("choices"), list | dict) or isinstance(usage, dict)
        self._count(an_object(usage))
        choice = next(iter(objects(answer.get("choices"))), {})
        gathered.finish_reason = word(choice.get("finish_reason")) or gathered.finish_reason
        return self._deltas(self._turn(choice))

    def end(self) -> Iterable[Chunk]:
        calls = self._calls.calls()
        return (*calls, self._gathered.completion(calls, _usage(self._gathered.counts)))

    def _turn(self, choice: Json) -> Json:
        """The new part of a choice. Some servers end a stream with the whole message, which was passed on already."""
        delta = choice.get("delta")
        if not delta and not (self._gathered.has_output or self._calls.any):
            delta = choice.get("message") or choice.get("text")
        return {"content": delta} if isinstance(delta, str) else an_object(delta)

    def _deltas(self, delta: Json) -> list[Chunk]:
        thoughts = next((found for name in _REASONING if (found := text_in(delta.get(name)))), "")
        content = delta.get("content")
        parts = content if isinstance(content, list) else [content]
        thoughts = thoughts or text_in([part for part in parts if _is_thought(part)])
        text = text_in([part for part in parts if not _is_thought(part)]) or text_in(delta.get("refusal"))
        for call in objects(delta.get("tool_calls")):
            self._calls.add(call)
        return [*self._gathered.add_reasoning(thoughts), *self._gathered.add_text(text)]

    def _count(self, usage: Json) -> None:
        gathered = self._gathered
        gathered.count(usage)
        gathered.count(an_object(usage, "prompt_tokens_details"))
        gathered.count(an_object(usage, "completion_tokens_details"))


def _is_thought(part: object) -> bool:
    return member(part, "type") in _THOUGHTS


def _usage(counts: dict[str, int]) -> Usage | None:
    asked, made, total = (counts.get(f"{name}_tokens") for name in ("prompt", "completion", "total"))
    if asked is None and made is None and total is None:
        return None
    return Usage(
        prompt_tokens=max((total or 0) - (made or 0), 0) if asked is None else asked,
        completion_tokens=max((total or 0) - (asked or 0), 0) if made is None and asked is not None else made or 0,
        cache_read_tokens=counts.get("cached_tokens", 0),
        cache_write_tokens=counts.get("cache_write_tokens", 0),
        reasoning_tokens=counts.get("reasoning_tokens", 0),
    )
