"""What a follower is told before it has caught up, read from the span store at its pace."""

import asyncio
from collections.abc import AsyncGenerator, Sequence

import attrs

from actors.errors import NeedsRoom
from actors.live.follower import Follower
from actors.live.messages import Follow, Item, Of, Page
from actors.runtime.actor import ActorBus
from actors.span_store.asked.arrivals import MOST_ARRIVALS, Arrivals, GetEnd, ListArrivals
from actors.span_store.asked.lists import ListSpans, ListTraces, RankSpans, RankTraces, Sort, looks_at_many
from actors.span_store.query.expression import And, Arrival, Between, Expression, OneOf, Promoted
from actors.span_store.query.position import Position
from actors.span_store.traces.summary import SpanSummary, TraceSummary

TRACES_TOGETHER = 400

_SPANS_TOGETHER = 100
_ROOM = 8 * 1024 * 1024  # bytes of spans that are read together, unless one alone has more
_ROUNDS = 8  # pages of a list, which may end where their time was up


async def first_page(bus: ActorBus, request: Follow) -> Page:
    """The newest items, and the position that they are of: what comes behind it is none of them."""
    end = await bus.ask(GetEnd())
    where = And([request.where, Between(Arrival(), high=end.number)])
    if request.of is Of.TRACES:
        return Page(items=await _newest_traces(bus, where, request.limit), position=end)
    return Page(items=await _newest_spans(bus, where, request.limit), position=end)


async def caught_up(bus: ActorBus, follower: Follower, seconds: float) -> AsyncGenerator[tuple[Item, ...], None]:
    """All items behind the follower's position that are stored now; it moves on with them. ``NotFound``.

    Traces come every so many ``seconds``, so that none comes more often.
    """
    is_last = False
    while not is_last:
        if follower.of is Of.TRACES:
            items, end, is_last = await _traces(bus, follower)
        else:
            page = await _read(bus, ListArrivals(where=follower.where, after=follower.position, limit=_SPANS_TOGETHER))
            items, end, is_last = [_item(each.span, each.position) for each in page.spans], page.end, page.is_last
        if items:
            yield tuple(items)
        follower.position = end
        if follower.of is Of.TRACES and items:
            await asyncio.sleep(seconds)


async def summaries_of(
    bus: ActorBus, traces: Sequence[str], where: Expression | None = None
) -> dict[str, TraceSummary]:
    """Summaries of those of these traces that are stored and have a span that ``where`` is true of."""
    found: dict[str, TraceSummary] = {}
    for begin in range(0, len(traces), TRACES_TOGETHER):
        some = traces[begin : begin + TRACES_TOGETHER]
        asked = And([*([] if where is None else [where]), OneOf(Promoted("trace_id"), some)])
        found |= {each.trace_id: each for each in await _all_traces(bus, asked, len(some))}
    return found


async def _traces(bus: ActorBus, follower: Follower) -> tuple[list[Item], Position, bool]:
    """The next traces with new spans of which a span matches, be it one of before."""
    first: dict[str, Position] = {}
    end, is_last = follower.position, False
    while not is_last and len(first) < TRACES_TOGETHER:
        page = await _read(bus, ListArrivals(after=end, limit=MOST_ARRIVALS, traces=True))
        for each in page.traces:
            first.setdefault(each.trace_id, each.position)
        end, is_last = page.end, page.is_last
    summaries = await summaries_of(bus, tuple(first), follower.where) if first else {}
    return follower.items(first, summaries, end), end, is_last


async def _read(bus: ActorBus, request: ListArrivals) -> Arrivals:
    try:
        return await bus.ask(attrs.evolve(request, room=_ROOM))
    except NeedsRoom:
        return await bus.ask(attrs.evolve(request, limit=1))


def _item(span: SpanSummary, position: Position) -> Item:
    return Item(item=span, position=position)


async def _newest_spans(bus: ActorBus, where: Expression, limit: int) -> tuple[SpanSummary, ...]:
    kind = RankSpans if looks_at_many(Sort.NEWEST, where) else ListSpans
    found: list[SpanSummary] = []
    after = None
    for _ in range(_ROUNDS):
        page = await bus.ask(kind(where=where, limit=limit - len(found), after=after))
        found, after = [*found, *page.spans], page.next
        if after is None or len(found) >= limit:
            break
    return tuple(found)


async def _newest_traces(bus: ActorBus, where: Expression, limit: int) -> tuple[TraceSummary, ...]:
    kind = RankTraces if looks_at_many(Sort.NEWEST, where) else ListTraces
    found: list[TraceSummary] = []
    after = None
    for _ in range(_ROUNDS):
        page = await bus.ask(kind(where=where, limit=limit - len(found), after=after))
        found, after = [*found, *page.traces], page.next
        if after is None or len(found) >= limit:
            break
    return tuple(found)


async def _all_traces(bus: ActorBus, where: Expression, limit: int) -> list[TraceSummary]:
    kind = RankTraces if looks_at_many(Sort.NEWEST, where) else ListTraces
    found: list[TraceSummary] = []
    after = None
    while True:
        page = await bus.ask(kind(where=where, limit=limit, after=after))
        found, after = [*found, *page.traces], page.next
        if after is None:
            return found
