"""The chunks that an adapter makes of an answer that a test writes byte by byte."""

import json
from collections.abc import Mapping
from typing import Any

import attrs

from actors.playground.prompt import Completion, ToolCall
from actors.playground.providers.provider import Chunk, ReasoningDelta, TextDelta
from tests.providers.pairs import PAIRS
from tests.providers.server import Script

PAIRS_BY_NAME = {pair.name: pair for pair in PAIRS}
OSLO, PARIS = '{"city":"Oslo"}', '{"city":"Paris"}'


@attrs.frozen(kw_only=True)
class Heard:
    """All that an adapter passed on."""

    text: str
    reasoning: str
    calls: list[tuple[str, str]]
    told: list[ToolCall]  # the calls as chunks of their own
    last: Completion


def sse(*events: object, done: bool = True) -> bytes:
    told = "".join(f"data: {json.dumps(event)}\n\n" for event in events)
    return (told + ("data: [DONE]\n\n" if done else "")).encode()


def named(*events: Mapping[str, Any]) -> bytes:
    return "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events).encode()


async def streamed(name: str, raw: bytes, stream_type: str = "text/event-stream") -> Heard:
    pair = PAIRS_BY_NAME[name]
    async with pair.open(Script(raw=raw, stream_type=stream_type)) as (_, provider):
        chunks = [chunk async for chunk in provider.stream(pair.prompt())]
    return heard(chunks)


def heard(chunks: list[Chunk]) -> Heard:
    *news, last = chunks
    assert isinstance(last, Completion)
    found = Heard(
        text="".join(chunk.text for chunk in news if isinstance(chunk, TextDelta)),
        reasoning="".join(chunk.text for chunk in news if isinstance(chunk, ReasoningDelta)),
        calls=[(call.name, call.arguments) for call in last.tool_calls],
        told=[chunk for chunk in news if isinstance(chunk, ToolCall)],
        last=last,
    )
    assert (last.content, last.reasoning or "", last.tool_calls) == (found.text, found.reasoning, tuple(found.told))
    assert last.id
    assert last.model
    assert last.created > 1_600_000_000
    assert len({call.id for call in last.tool_calls}) == len(last.tool_calls)
    return found


async def whole(name: str, document: object) -> Completion:
    pair = PAIRS_BY_NAME[name]
    async with pair.open(Script(body=json.dumps(document).encode())) as (_, provider):
        completion = await provider.generate(pair.prompt())
    assert completion.id
    assert completion.model
    assert completion.created > 1_600_000_000
    return completion
