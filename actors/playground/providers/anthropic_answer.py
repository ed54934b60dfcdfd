"""Answers of Anthropic's Messages API, plain and streamed."""

from collections.abc import Iterable

import attrs

from actors.playground.counts import count
from actors.playground.prompt import ToolCall, Usage
from actors.playground.providers.anthropic_request import JSON_TOOL
from actors.playground.providers.gathered import Gathered
from actors.playground.providers.provider import Chunk
from actors.playground.providers.untrusted import Json, an_object, arguments, member, objects, text_in, word

_FINISH_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
# The member of a delta or block with its text, by the kind of the block.
_TEXT_MEMBERS = {"text": "text", "thinking": "thinking", "tool_use": "partial_json"}
_KINDS = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "tool_use"}

_EVENTS = frozenset(
    (
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_start",
        "message_delta",
        "message_stop",
    )
)


@attrs.define(eq=False)
class _Block:
    """A partial content block. ``given`` are the arguments of a call that came at its start."""

    kind: str
    id: str = ""
    name: str = ""
    given: str = ""
    parts: list[str] = attrs.field(factory=list)
    ended: bool = False

    @property
    def is_answer(self) -> bool:
        return self.kind == "text" or (self.kind == "tool_use" and self.name == JSON_TOOL)

    @property
    def is_call(self) -> bool:
        return self.kind == "tool_use" and self.name != JSON_TOOL


class StreamedAnswer:
    """A partial answer; a plain one is complete at once. A call is passed on when its block ends."""

    def __init__(self, model: str) -> None:
        self._gathered = Gathered(model=model)
        self._blocks: list[_Block] = []
        self._by_index: dict[int, _Block] = {}
        self._calls: list[ToolCall] = []
        self._stop_reason = ""

    @property
    def begun(self) -> bool:
        return self._gathered.begun

    def add(self, event: object) -> Iterable[Chunk]:
        kind = word(member(event, "type"))
        if not kind or kind == "message":  # a plain answer
            self._gathered.begun |= bool(kind) or isinstance(member(event, "content"), list)
            return self._message(an_object(event))
        self._gathered.begun |= kind in _EVENTS
        return self._event(kind, event)

    def end(self) -> Iterable[Chunk]:
        news = [chunk for block in self._blocks for chunk in self._end_block(block)]
        finish_reason = _FINISH_REASONS.get(self._stop_reason, self._stop_reason)
        if finish_reason == "tool_calls" and not self._calls:
            finish_reason = "stop"  # the only call was the tool whose arguments are the answer
        self._gathered.finish_reason = finish_reason or None
        return (*news, self._gathered.completion(tuple(self._calls), _usage(self._gathered.counts)))

    def _event(self, kind: str, event: object) -> Iterable[Chunk]:
        match kind:
            case "content_block_delta":
                return self._delta(event)
            case "content_block_start":
                return self._begin(an_object(event, "content_block"), member(event, "index"))
            case "content_block_stop":
                return self._end_block(self._block_of(event))
            case "message_start":
                return self._message(an_object(event, "message"))
            case "message_delta":
                return self._last(an_object(event, "delta"), an_object(event, "usage"))
            case _:  # the provider announces that there may be more types
                return ()

    def _message(self, message: Json) -> list[Chunk]:
        self._gathered.head(message.get("id"), message.get("model"))
        self._last(message, an_object(message, "usage"))
        content = message.get("content")
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else objects(content)
        return [chunk for block in blocks for chunk in (*self._begin(block, None), *self._end_block(self._blocks[-1]))]

    def _last(self, delta: Json, usage: Json) -> list[Chunk]:
        self._stop_reason = word(delta.get("stop_reason")) or self._stop_reason
        self._gathered.count(usage)
        self._gathered.count(an_object(usage, "output_tokens_details"))
        return []

    def _begin(self, content: Json, index: object) -> list[Chunk]:
        kind = word(content.get("type")) or ("tool_use" if "input" in content else "text")
        given = content.get("input") or None  # empty, but for servers that send everything here
        block = _Block(kind=kind, id=word(content.get("id")), name=word(content.get("name")), given=arguments(given))
        self._blocks.append(block)
        number = count(index)
        before = None if number is None else self._by_index.get(number)
        if number is not None:
            self._by_index[number] = block
        # Deltas follow; the start is empty but for servers that imitate Anthropic.
        return [*self._end_block(before), *self._say(block, content)]

    def _delta(self, event: object) -> list[Chunk]:
        delta, block = an_object(event, "delta"), self._block_of(event)
        kind = _KINDS.get(word(delta.get("type")))
        if kind is None:  # signatures and citations
            return []
        if block is None or block.ended:
            if kind == "tool_use":  # arguments of a call without a start
                return []
            self._begin({"type": kind}, member(event, "index"))
            block = self._blocks[-1]
        return self._say(block, delta)

    def _block_of(self, event: object) -> _Block | None:
        """The block of an event; the newest one where the event names none."""
        number = count(member(event, "index"))
        if number is not None:
            return self._by_index.get(number)
        return self._blocks[-1] if self._blocks else None

    def _say(self, block: _Block, holder: Json) -> list[Chunk]:
        value = holder.get(_TEXT_MEMBERS.get(block.kind, ""))
        text = arguments(value) if block.kind == "tool_use" else text_in(value)
        if text:
            block.parts.append(text)
        if block.is_answer:
            return self._gathered.add_text(text)
        return self._gathered.add_reasoning(text) if block.kind == "thinking" else []

    def _end_block(self, block: _Block | None) -> list[Chunk]:
        """The call of a block, once; or the answer that its start held as arguments."""
        if block is None or block.ended:
            return []
        block.ended = True
        if block.is_answer:
            return [] if block.parts else self._gathered.add_text(block.given)
        if not block.is_call:
            return []
        whole = "".join(block.parts) or block.given or "{}"
        call = ToolCall(id=block.id or f"call_{len(self._calls)}", name=block.name, arguments=whole)
        self._calls.append(call)
        return [call]


def _usage(counts: dict[str, int]) -> Usage | None:
    """Sum the counts: the provider counts cached tokens beside the others, and thinking among the output."""
    if not counts:
        return None
    read, written = counts.get("cache_read_input_tokens", 0), counts.get("cache_creation_input_tokens", 0)
    return Usage(
        prompt_tokens=counts.get("input_tokens", 0) + read + written,
        completion_tokens=counts.get("output_tokens", 0),
        cache_read_tokens=read,
        cache_write_tokens=written,
        reasoning_tokens=counts.get("thinking_tokens", 0),
    )
