"""What Anthropic's messages answer, whole and streamed: JSON that nobody has looked at yet.

Members that the vendor always sends are taken for granted; that one is missing fails where it is read.
"""

import time
from collections.abc import Iterable, Mapping
from typing import Any

import attrs
import orjson

from actors.playground.prompt import Completion, ToolCall, Usage
from actors.playground.providers.anthropic_request import JSON_TOOL
from actors.playground.providers.provider import Chunk, ReasoningDelta, TextDelta

Json = Mapping[str, Any]

_FINISH_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}


@attrs.define
class _Block:
    """A content block of which parts have arrived."""

    type: str
    id: str = ""
    name: str = ""
    parts: list[str] = attrs.field(factory=list)

    @property
    def is_answer(self) -> bool:
        return self.type == "text" or (self.type == "tool_use" and self.name == JSON_TOOL)

    @property
    def is_call(self) -> bool:
        return self.type == "tool_use" and self.name != JSON_TOOL

    @property
    def whole(self) -> str:
        return "".join(self.parts)

    @property
    def call(self) -> ToolCall:
        return ToolCall(id=self.id, name=self.name, arguments=self.whole or "{}")


def completion_of(answer: Json) -> Completion:
    """A plain answer."""
    blocks = [_block(block) for block in answer["content"]]
    return _completion(answer["id"], answer["model"], blocks, answer["stop_reason"], _usage(answer.get("usage")))


class StreamedAnswer:
    """A streamed answer. A tool call is passed on when its block ends."""

    def __init__(self) -> None:
        self._blocks: dict[int, _Block] = {}
        self._start: Json | None = None
        self._counts: dict[str, Any] = {}
        self._stop_reason: str | None = None
        self._ended = False

    def add(self, event: Any) -> Iterable[Chunk]:  # noqa: ANN401 - any JSON
        match event["type"]:
            case "content_block_delta":
                return self._delta(self._blocks[event["index"]], event["delta"])
            case "content_block_start":
                return self._begin(event["index"], event["content_block"])
            case "content_block_stop":
                block = self._blocks[event["index"]]
                return (block.call,) if block.is_call else ()
            case "message_start":
                self._start = event["message"]
                self._count(event["message"]["usage"])
            case "message_delta":
                self._stop_reason = event["delta"]["stop_reason"]
                self._count(event["usage"])
            case "message_stop":
                self._ended = True
            case _:  # the vendor announces that there may be more types
                pass
        return ()

    def completion(self) -> Completion | None:
        if self._start is None or not self._ended:
            return None
        blocks = list(self._blocks.values())
        usage = _usage(self._counts)
        return _completion(self._start["id"], self._start["model"], blocks, self._stop_reason, usage)

    def _begin(self, index: int, content: Json) -> Iterable[Chunk]:
        block = self._blocks[index] = _Block(
            type=content["type"], id=content.get("id", ""), name=content.get("name", "")
        )
        # Deltas follow; what the start holds already is empty but for servers that only speak like Anthropic.
        return self._say(block, content.get("text") or content.get("thinking") or "")

    def _delta(self, block: _Block, delta: Json) -> Iterable[Chunk]:
        match delta["type"]:
            case "text_delta":
                return self._say(block, delta["text"])
            case "thinking_delta":
                return self._say(block, delta["thinking"])
            case "input_json_delta":
                return self._say(block, delta["partial_json"])
            case _:  # signatures and citations
                return ()

    @staticmethod
    def _say(block: _Block, text: str) -> Iterable[Chunk]:
        if not text:
            return ()
        block.parts.append(text)
        if block.is_answer:
            return (TextDelta(text=text),)
        return (ReasoningDelta(text=text),) if block.type == "thinking" else ()

    def _count(self, usage: Json) -> None:
        """The last figure of each kind counts: they are cumulative."""
        self._counts.update((name, count) for name, count in usage.items() if count is not None)


def _block(block: Json) -> _Block:
    match block["type"]:
        case "text":
            return _Block(type="text", parts=[block["text"]])
        case "thinking":
            return _Block(type="thinking", parts=[block["thinking"]])
        case "tool_use":
            arguments = orjson.dumps(block["input"]).decode()
            return _Block(type="tool_use", id=block["id"], name=block["name"], parts=[arguments])
        case kind:  # redacted thinking, and blocks of tools that we do not offer
            return _Block(type=kind)


def _completion(
    identity: str, model: str, blocks: list[_Block], stop_reason: str | None, usage: Usage | None
) -> Completion:
    calls = tuple(block.call for block in blocks if block.is_call)
    finish_reason = None if stop_reason is None else _FINISH_REASONS.get(stop_reason, stop_reason)
    if finish_reason == "tool_calls" and not calls:
        finish_reason = "stop"  # it was the tool whose arguments are the answer
    return Completion(
        id=identity,
        created=int(time.time()),  # the vendor does not say
        model=model,
        content="".join(block.whole for block in blocks if block.is_answer),
        finish_reason=finish_reason,
        reasoning="".join(block.whole for block in blocks if block.type == "thinking") or None,
        tool_calls=calls,
        usage=usage,
    )


def _usage(counts: Json | None) -> Usage | None:
    """The vendor counts cached tokens beside the others, and thinking among the output."""
    if counts is None:
        return None
    read, written = counts.get("cache_read_input_tokens") or 0, counts.get("cache_creation_input_tokens") or 0
    thought = counts.get("output_tokens_details") or {}
    return Usage(
        prompt_tokens=(counts.get("input_tokens") or 0) + read + written,
        completion_tokens=counts.get("output_tokens") or 0,
        cache_read_tokens=read,
        cache_write_tokens=written,
        reasoning_tokens=thought.get("thinking_tokens") or 0,
    )
