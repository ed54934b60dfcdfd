"""The tool that adds up."""

import asyncio
from collections.abc import Iterable
from typing import Any

import attrs
import orjson

from transports.http.api.span_answers import read_within_budget
from transports.http.api.stats import StatsQuery, sums_of
from transports.http.framework.route import described
from transports.http.mcp.fitting import Document, fitted, with_most, without_unknown
from transports.http.mcp.tool import MAX_TOKENS, MaxTokens, Tool, ToolCall


@attrs.frozen(kw_only=True)
class StatsArguments(StatsQuery):
    """What is added up, and how."""

    max_tokens: MaxTokens = attrs.field(default=4000, metadata=described(MAX_TOKENS, 4000))


async def stats(asked: ToolCall[StatsArguments]) -> bytes:
    async def read(room: int) -> bytes:
        text = await sums_of(asked.call.bus, asked.arguments, room)
        return await asyncio.to_thread(_written, text, asked.arguments.max_tokens)

    async with read_within_budget(asked.call, read) as text:
        return text


def _written(text: bytes, most: int) -> bytes:
    found = orjson.loads(text)
    others = found["other"]
    shown = {
        **without_unknown({name: found[name] for name in ("of", "from", "to", "interval", "tz")}),
        "groups": [_group(group) for group in found["groups"]],
        **({} if others is None else {"other": {"groups": others["groups"], **_group(others)}}),
    }
    return fitted(with_most(shown, "groups", most), most)


def _group(group: Document) -> Document:
    """A group without what is not known, and without the buckets in which nothing happened."""
    key = {"key": group["key"]} if "key" in group else {}
    points = [*_points(group["points"])]
    return {**key, "total": _point(group["total"]), **({"points": points} if points else {})}


def _points(points: Iterable[Document]) -> Iterable[Document]:
    return (_point(point) for point in points if point["count"])


def _point(point: Document) -> dict[str, Any]:
    return without_unknown({**point, "partial": point["partial"] or None})


TOOLS = (
    Tool(
        name="stats",
        title="Add up calls, spans or traces",
        description=(
            "Counts, errors, tokens, costs, quantiles of durations (ns) of model calls, spans or traces: by groups "
            "(group_by=model,service) and over time (interval=1h). Empty buckets are left out."
        ),
        arguments=StatsArguments,
        run=stats,
    ),
)
