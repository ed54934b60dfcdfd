"""Route of the text search."""

from functools import partial
from typing import Annotated

import attrs
from aiohttp import web

from actors.errors import Overloaded
from actors.span_store.messages import SearchText
from actors.span_store.query.expression import EVERYTHING
from actors.span_store.query.position import Position
from transports.http.api.span_answers import Found, answer_found
from transports.http.framework.route import Access, Answer, Call, Route, described
from transports.http.framework.rules import Between, HexId
from transports.http.wire.filters import DESCRIPTION, EXAMPLE, Filter
from transports.http.wire.moments import Moment
from transports.http.wire.span_json import SpanAnswer, render_spans


@attrs.frozen(kw_only=True)
class TextQuery:
    """A text, and the spans to search it in."""

    text: str = attrs.field(
        metadata=described("Text as it was said, case and all, however JSON spells it", "rate limit exceeded")
    )
    q: Filter | None = attrs.field(default=None, metadata=described(DESCRIPTION, EXAMPLE))
    service: str | None = attrs.field(default=None, metadata=described("Only spans of this service", "joke-agent"))
    trace_id: Annotated[str, HexId(32)] | None = attrs.field(
        default=None, metadata=described("Only spans of this trace", "0af7651916cd43dd8448eb211c80319c")
    )
    from_: Moment | None = attrs.field(
        default=None, metadata=described("Only spans that started at this time or later", "2026-11-22T20:00:00.000Z")
    )
    to: Moment | None = attrs.field(
        default=None, metadata=described("Only spans that started before this time", "2026-11-22T21:00:00.000Z")
    )
    since: Moment | None = attrs.field(
        default=None, metadata=described("The same as from, which it was called first", "2026-11-22T20:00:00.000Z")
    )
    until: Moment | None = attrs.field(
        default=None, metadata=described("The same as to, which it was called first", "2026-11-22T21:00:00.000Z")
    )
    limit: Annotated[int, Between(1, 1000)] = attrs.field(default=100, metadata=described("Most spans to answer", 100))
    before: Annotated[int, Between(0, 2**63)] | None = attrs.field(
        default=None, metadata=described("From the link of an earlier answer: go on from there", 123456)
    )


async def search_text(call: Call[None, TextQuery]) -> Answer | web.StreamResponse:
    query = call.query
    request = SearchText(
        text=query.text,
        where=EVERYTHING if query.q is None else query.q.expression,
        service_name=query.service,
        trace_id=query.trace_id,
        from_time_unix_nano=_latest(query.from_, query.since),
        to_time_unix_nano=_earliest(query.to, query.until),
        limit=query.limit,
        before=None if query.before is None else Position.from_text(str(query.before)),
    )

    async def read(room: int) -> Found:
        found = await call.bus.ask(attrs.evolve(request, room=room))
        return Found(
            spans=found.spans, render=partial(render_spans, found.spans), headers=_next_page(call, found.before)
        )

    return await answer_found(call, read)


def _next_page(call: Call[None, TextQuery], before: Position | None) -> tuple[tuple[str, str], ...]:
    if before is None:
        return ()
    target = call.request.rel_url.update_query(before=str(before))
    return (("Link", f'<{target.raw_path_qs}>; rel="next"'),)


def _latest(*bounds: Moment | None) -> int | None:
    return max((bound.unix_nano for bound in bounds if bound is not None), default=None)


def _earliest(*bounds: Moment | None) -> int | None:
    return min((bound.unix_nano for bound in bounds if bound is not None), default=None)


ROUTES = (
    Route(
        method="GET",
        path="/api/v1/observability/search",
        handler=search_text,
        access=Access.SESSION_OR_READ_KEY,
        query=TextQuery,
        only_known=True,
        answers=list[SpanAnswer],
        errors=(Overloaded,),
        tag="observability",
        summary="Find spans by text in their name, status, attributes and events, latest arrival first",
    ),
)
