"""Tools that find traces."""

import asyncio
from typing import Annotated, Any

import attrs
import orjson

from actors.scores.messages import SummarizeScores
from actors.span_store.asked.lists import TracePage
from actors.span_store.messages import ListServices
from transports.http.api.lists import ListQuery, cursor_behind, traces_asked
from transports.http.api.span_answers import read_within_budget
from transports.http.framework.route import described
from transports.http.framework.rules import Between
from transports.http.mcp.fitting import Document, fitted, most_that_fit, with_most
from transports.http.mcp.tool import MAX_TOKENS, MaxTokens, Tool, ToolCall
from transports.http.mcp.trace_digest import trace_line
from transports.http.wire.trace_json import Scores

_CURSOR = "x" * 200  # no cursor is longer


@attrs.frozen(kw_only=True)
class ListServicesArguments:
    """How much is answered."""

    max_tokens: MaxTokens = attrs.field(default=2000, metadata=described(MAX_TOKENS, 2000))


@attrs.frozen(kw_only=True)
class SearchTracesArguments(ListQuery):
    """Which traces are meant."""

    limit: Annotated[int, Between(1, 1000)] = attrs.field(default=20, metadata=described("Most to answer", 20))
    max_tokens: MaxTokens = attrs.field(default=4000, metadata=described(MAX_TOKENS, 4000))


async def list_services(asked: ToolCall[ListServicesArguments]) -> bytes:
    services = await asked.call.bus.ask(ListServices())
    most = asked.arguments.max_tokens
    return await asyncio.to_thread(lambda: fitted(with_most({"services": list(services)}, "services", most), most))


async def search_traces(asked: ToolCall[SearchTracesArguments]) -> bytes:
    """A page, or a shorter one where not all of its traces fit: its cursor is asked for, too."""
    most = asked.arguments.max_tokens
    page = await _page(asked, asked.arguments.limit)
    fit = await asyncio.to_thread(_traces_that_fit, page["traces"], most)
    if fit < len(page["traces"]):
        page = await _page(asked, max(1, fit))
    return await asyncio.to_thread(fitted, page, most)


def _traces_that_fit(traces: list[Document], most: int) -> int:
    return most_that_fit(len(traces), lambda count: orjson.dumps({"traces": traces[:count], "next": _CURSOR}), most)


async def _page(asked: ToolCall[SearchTracesArguments], limit: int) -> Document:
    query = attrs.evolve(asked.arguments, limit=limit)
    request = traces_asked(asked.question, query)

    async def read(room: int) -> Document:
        page = await asked.call.bus.ask(attrs.evolve(request, room=room))
        ids = tuple(trace.trace_id for trace in page.traces)
        scores: Any = await asked.call.bus.ask(SummarizeScores(trace_ids=ids))
        after = cursor_behind(asked.question, request, page.next)
        return await asyncio.to_thread(_document, page, scores, after)

    async with read_within_budget(asked.call, read) as found:
        return found


def _document(page: TracePage, scores: dict[str, Scores], after: str | None) -> Document:
    return {"traces": [trace_line(trace, scores.get(trace.trace_id, ())) for trace in page.traces], "next": after}


TOOLS = (
    Tool(
        name="list_services",
        title="List services",
        description="The names of the services that have sent spans.",
        arguments=ListServicesArguments,
        run=list_services,
    ),
    Tool(
        name="search_traces",
        title="Search traces",
        description=(
            "Traces, newest first or sorted, each in a line: what failed, how long, what it cost. q is a filter: "
            "status:error service:shop duration:>2s model:gpt-4* cost:>=0.01 type:tool attr.customer.plan:enterprise "
            '"rate limit exceeded" -user:u1; side by side is AND, OR and parentheses are there. from and to take '
            "RFC 3339 or now-1h. next is the after of the next page. Read one with get_trace."
        ),
        arguments=SearchTracesArguments,
        run=search_traces,
    ),
)
