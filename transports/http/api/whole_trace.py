"""Answer with a whole trace of any size: a plain array of its spans, made piece by piece while it is sent."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from functools import partial

import attrs
import orjson
from aiohttp import web

from actors.errors import NeedsRoom
from actors.span_store.columns.spans import StoredSpan
from actors.span_store.messages import GetTraceSpans, SearchTrace
from transports.http.api.span_answers import SMALL, Found, JsonBody, Piece, answer_small, json_download, piece_of
from transports.http.framework.route import Answer, Call
from transports.http.wire.span_json import render_spans, subflow_names

_SPANS = 2000  # of a piece at most
# Limits for subflows that have two names. No SDK makes names as long as this.
_MOST_NAMES, _LONGEST_NAME = 100_000, 256

Render = Callable[[tuple[StoredSpan, ...]], bytes]


async def answer_trace(call: Call[None, None], trace_id: str) -> Answer | web.StreamResponse:
    """Answer all spans of the trace, newest start first."""
    try:
        spans = await call.bus.ask(GetTraceSpans(trace_id=trace_id, room=SMALL))
    except NeedsRoom:
        pass
    else:
        return await answer_small(Found(spans=spans, render=partial(render_spans, spans)))
    names = await _names(call, trace_id)
    every = SearchTrace(trace_id=trace_id, limit=_SPANS, room=SMALL)
    async with aclosing(_pieces(call, every, partial(render_spans, names=names))) as pieces:
        first = await anext(pieces)  # an error that comes before the first piece is answered as one
        async with json_download(call.request) as body:
            await _write(body, first, pieces)
    return body.response


async def _write(body: JsonBody, first: Piece, others: AsyncGenerator[Piece, None]) -> None:
    """Write the pieces, each of which is an array, as one array."""
    await body.write(memoryview(first.text)[:-1])
    is_empty = not first.spans
    del first
    async for piece in others:
        if piece.spans:
            await body.write(b"" if is_empty else b",")
            await body.write(memoryview(piece.text)[1:-1])
            is_empty = False
    await body.write(b"]")


async def _names(call: Call[None, None], trace_id: str) -> Mapping[str, str]:
    """Names of all subflows of the trace. The array has subflows behind their children, which started later."""
    subflows = SearchTrace(trace_id=trace_id, only_subflows=True, limit=_SPANS, room=SMALL)
    found: dict[str, str] = {}
    async with aclosing(_pieces(call, subflows, _rendered_names)) as pieces:
        async for piece in pieces:
            found |= orjson.loads(piece.text)
            if len(found) > _MOST_NAMES:
                break
    return found


def _rendered_names(spans: tuple[StoredSpan, ...]) -> bytes:
    names = subflow_names(spans)
    return orjson.dumps({ours: shown for ours, shown in names.items() if len(ours) + len(shown) <= _LONGEST_NAME})


async def _pieces(call: Call[None, None], request: SearchTrace, render: Render) -> AsyncGenerator[Piece, None]:
    """Read page after page. The budget holds each page while it is used, and nothing between two pages."""

    async def read(room: int) -> Found:
        page = await call.bus.ask(attrs.evolve(request, room=room))
        return Found(spans=page.spans, render=partial(render, page.spans), next=page.next)

    has_begun = False
    while True:
        async with piece_of(call, read, SMALL, has_begun=has_begun) as piece:
            yield piece
            after, spans = piece.next, piece.spans
        if after is None:
            return
        has_begun = True
        # So that a page of large spans is not read several times before it is known how many fit.
        request = attrs.evolve(request, after=after, limit=min(_SPANS, 2 * spans + 1))
