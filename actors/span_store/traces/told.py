"""What a span tells, as it is answered: its conversation in one form, its log records, its cost explained."""

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import orjson

from actors.conversation.form import Json, Media, Message, Part, Reasoning, Refusal, Text, Tool, ToolCall, ToolResult
from actors.conversation.reading import conversation_of
from actors.span_store.columns.conventions import MODEL_CALLS
from actors.span_store.columns.spans import StoredSpan
from actors.span_store.pricing.book import PriceBook
from actors.span_store.pricing.cost import Cost
from actors.span_store.pricing.explained import explained
from actors.span_store.traces.detail import Said
from actors.span_store.traces.large_values import LargeValues
from actors.span_store.traces.summary import SpanSummary

_TOO_EARLY = "The span was stored before there was this price: a restatement computes its cost"


def said_by(span: StoredSpan, logs: Sequence[Mapping[str, Any]], large: LargeValues) -> Said:
    """Messages, tools and values of a span, from its attributes, events and log records."""
    scope = orjson.loads(span.scope_json).get("name") or ""
    attributes, events = orjson.loads(span.attributes_json), orjson.loads(span.events_json)
    said = conversation_of(span.name, scope, attributes, events, logs)
    return Said(
        messages=tuple(_message(each, number, large) for number, each in enumerate(said.messages)),
        tools=tuple(map(_tool, said.tools)),
        parameters=dict(said.parameters),
        input=large.shown("input", "", said.input),
        output=large.shown("output", "", said.output),
    )


def _message(message: Message, number: int, large: LargeValues) -> dict[str, Any]:
    return {
        "role": message.role,
        "side": message.side,
        "name": message.name,
        "finish_reason": message.finish_reason,
        "parts": [_part(part, f"{number}.{place}", large) for place, part in enumerate(message.parts)],
    }


def _part(part: Part, key: str, large: LargeValues) -> dict[str, Any]:
    """Large texts and values are their beginning; media are whole, for half an image is none."""
    match part:
        case Text() | Reasoning() | Refusal():
            return {"type": type(part).__name__.lower(), "text": large.shown("messages", key, part.text)}
        case ToolCall():
            arguments = large.shown("messages", key, part.arguments)
            return {"type": "tool_call", "id": part.id, "name": part.name, "arguments": arguments}
        case ToolResult():
            result = large.shown("messages", key, part.result)
            return {"type": "tool_result", "id": part.id, "name": part.name, "result": result}
        case Media():
            where = {"url": part.url, "data": part.data, "id": part.id}
            there = {name: value for name, value in where.items() if value is not None}
            return {"type": part.kind, "media_type": part.media_type} | there
        case Json():
            return {"type": "json", "value": large.shown("messages", key, part.value)}


def _tool(tool: Tool) -> dict[str, Any]:
    return {"name": tool.name, "description": tool.description, "parameters": tool.parameters}


def cost_of(summary: SpanSummary, book: PriceBook) -> Cost | None:
    """The cost of a model call line by line; ``None`` for other spans."""
    if summary.type not in MODEL_CALLS:
        return None
    is_reported = summary.cost_source == "reported"
    cost = explained(
        book,
        model=summary.model,
        provider=summary.provider,
        tokens=summary.tokens,
        start_time_unix_nano=summary.start_time_unix_nano,
        reported=summary.cost_usd if is_reported else None,
        stored=None if is_reported else summary.cost_usd,
    )
    if summary.cost_usd is None and cost.usd is not None:
        return attrs.evolve(cost, usd=None, source=None, lines=(), missing=_TOO_EARLY)
    return cost
