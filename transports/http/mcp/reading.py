"""Tools that read a trace, a span of it, and a value of that."""

import asyncio
from base64 import b64encode
from enum import Enum
from typing import Annotated, Any, Final

import attrs
import orjson

from actors.scores.messages import SummarizeScores
from actors.span_store.messages import GetAttributeValue, GetSpanDetail, GetTrace
from actors.span_store.traces.detail import AttributeValue, SpanDetail
from transports.http.api.span_answers import read_within_budget
from transports.http.api.traces import ValueQuery
from transports.http.framework.route import described
from transports.http.framework.rules import Between, HexId, MaxLength
from transports.http.mcp.fitting import (
    Cut,
    Document,
    bytes_of,
    fitted,
    most_that_fit,
    shortened,
    tokens_of,
    without_unknown,
)
from transports.http.mcp.tool import MAX_TOKENS, MaxTokens, Tool, ToolCall
from transports.http.mcp.trace_digest import digest, page
from transports.http.wire.trace_json import render_detail

_TRACE, _SPAN = "0af7651916cd43dd8448eb211c80319c", "00f067aa0ba902b7"
_BINARY: Final = "application/octet-stream"
# Of what a span's messages say again, or says little of it: enough to see what is there.
_GLANCE: Final = Cut(160, 60, 4)
_MOST_OFFSET: Final = 2**31


class Part(Enum):
    """What of a span is answered."""

    SPAN = "span"
    MESSAGES = "messages"
    INPUT = "input"
    OUTPUT = "output"
    TOOLS = "tools"
    PARAMETERS = "parameters"
    COST = "cost"
    ATTRIBUTES = "attributes"
    EVENTS = "events"
    LOGS = "logs"
    LINKS = "links"
    RESOURCE = "resource"
    SCOPE = "scope"
    TRUNCATED = "truncated"


@attrs.frozen(kw_only=True)
class GetTraceArguments:
    """Which trace, or which part of it."""

    trace_id: Annotated[str, HexId(32)] = attrs.field(metadata=described("The trace", _TRACE))
    span_id: Annotated[str, HexId(16)] | None = attrs.field(
        default=None, metadata=described("Only this span and what is below it", _SPAN)
    )
    after: Annotated[str, HexId(16)] | None = attrs.field(
        default=None, metadata=described("All spans behind this one, in the order of the tree, none left out", _SPAN)
    )
    max_tokens: MaxTokens = attrs.field(default=4000, metadata=described(MAX_TOKENS, 4000))


@attrs.frozen(kw_only=True)
class GetSpanArguments(ValueQuery):
    """Which span, and what of it."""

    trace_id: Annotated[str, HexId(32)] = attrs.field(metadata=described("The trace", _TRACE))
    span_id: Annotated[str, HexId(16)] = attrs.field(metadata=described("The span", _SPAN))
    part: Part | None = attrs.field(
        default=None, metadata=described("Only this part, with all of the room", "messages")
    )
    key: Annotated[str, MaxLength(4096)] | None = attrs.field(
        default=None,
        metadata=described("The whole value of this attribute, a piece at a time", "gen_ai.input.messages"),
    )
    offset: Annotated[int, Between(0, _MOST_OFFSET)] = attrs.field(
        default=0, metadata=described("The next_offset of the piece before, with key", 0)
    )
    max_tokens: MaxTokens = attrs.field(default=4000, metadata=described(MAX_TOKENS, 4000))


async def get_trace(asked: ToolCall[GetTraceArguments]) -> bytes:
    wanted, bus = asked.arguments, asked.call.bus

    async def read(room: int) -> bytes:
        found = await bus.ask(GetTrace(trace_id=wanted.trace_id, room=room))
        scores = (await bus.ask(SummarizeScores(trace_ids=(wanted.trace_id,)))).get(wanted.trace_id, ())
        if wanted.after is None:
            return await asyncio.to_thread(digest, found, scores, wanted.span_id, wanted.max_tokens)
        return await asyncio.to_thread(page, found, scores, wanted.span_id, wanted.after, wanted.max_tokens)

    async with read_within_budget(asked.call, read) as text:
        return text


async def get_span(asked: ToolCall[GetSpanArguments]) -> bytes:
    wanted = asked.arguments
    request = _asked_of_the_store(wanted)

    async def read(room: int) -> bytes:
        found: Any = await asked.call.bus.ask(attrs.evolve(request, room=room))
        return await asyncio.to_thread(_written, found, wanted)

    async with read_within_budget(asked.call, read) as text:
        return text


def _asked_of_the_store(wanted: GetSpanArguments) -> GetSpanDetail | GetAttributeValue:
    if wanted.key is None:
        return GetSpanDetail(trace_id=wanted.trace_id, span_id=wanted.span_id)
    return GetAttributeValue(trace_id=wanted.trace_id, span_id=wanted.span_id, key=wanted.key, within=wanted.in_)


def _written(found: SpanDetail | AttributeValue, wanted: GetSpanArguments) -> bytes:
    if isinstance(found, AttributeValue):
        return _piece(found, wanted)
    document = orjson.loads(render_detail(found))
    if wanted.part is not None:
        return fitted({wanted.part.value: document[wanted.part.value]}, wanted.max_tokens)
    return _glance(document, wanted.max_tokens)


def _glance(document: Document, most: int) -> bytes:
    """Everything that is there, what says most of the span first; of tools, and of attributes for want of room, names.

    What attributes say stands in the other parts, too.
    """
    cost = document["cost"]
    shown = {
        "span": without_unknown(document["span"]),
        **{name: document[name] for name in ("messages", "input", "output", "parameters")},
        "tools": [tool["name"] for tool in document["tools"]],
        "cost": None if cost is None else without_unknown(cost),
        **{name: document[name] for name in ("events", "logs", "links", "truncated")},
        **{name: shortened(document[name], _GLANCE) for name in ("attributes", "resource")},
    }
    there = {name: part for name, part in shown.items() if part is not None and part not in ([], {})}
    if tokens_of(orjson.dumps(there)) > most:
        there |= {name: [*document[name]] for name in ("attributes", "resource") if name in there}
    return fitted(there, most)


def _piece(value: AttributeValue, wanted: GetSpanArguments) -> bytes:
    """As many characters of the value as fit, from the offset on; bytes are base64."""
    is_binary = value.media_type == _BINARY
    whole = b64encode(value.content).decode() if is_binary else value.content.decode(errors="replace")
    rest = whole[wanted.offset :]

    def piece(count: int) -> bytes:
        end = wanted.offset + count
        document = {
            "key": wanted.key,
            "in": wanted.in_,
            "media_type": value.media_type,
            **({"encoding": "base64"} if is_binary else {}),
            "characters": len(whole),
            "text": rest[:count],
            "next_offset": end if end < len(whole) else None,
        }
        return orjson.dumps(document)

    most = min(len(rest), bytes_of(wanted.max_tokens))
    return piece(most_that_fit(most, piece, wanted.max_tokens))


TOOLS = (
    Tool(
        name="get_trace",
        title="Read a trace",
        description=(
            "A trace in few words: a line about it, and the spans that say most (what failed, model calls, steps, then "
            "the longest) in the order of the tree; depth is that among the spans shown, hidden says how many spans "
            "below one are not. span_id shows the part below that span; after goes through all spans, none left out. "
            "Read one with get_span."
        ),
        arguments=GetTraceArguments,
        run=get_trace,
    ),
    Tool(
        name="get_span",
        title="Read a span",
        description=(
            "A span: messages, input, output, tools, cost, events, logs, attributes. Long values are cut in the middle "
            "and say how much is missing; part gives all of the room to one part, key reads one attribute whole, a "
            "piece at a time (in: attributes, resource, scope, event.N, link.N)."
        ),
        arguments=GetSpanArguments,
        run=get_span,
    ),
)
