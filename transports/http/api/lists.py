"""Routes that list traces and spans by what is said of them."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeAlias, TypeVar

import attrs
import orjson
from aiohttp import web

from actors.errors import Overloaded
from actors.scores.messages import SummarizeScores
from actors.span_store.asked.lists import (
    ListSpans,
    ListTraces,
    Place,
    RankSpans,
    RankTraces,
    Sort,
    SummaryPage,
    TracePage,
    looks_at_many,
)
from actors.span_store.query.expression import EVERYTHING
from transports.http.api.span_answers import SMALL, json_download, read_within_budget
from transports.http.framework.route import Access, Call, Handler, Route, described
from transports.http.framework.rules import Between, MaxLength
from transports.http.wire import filters
from transports.http.wire.cursors import Asked, cursor_of, place_after
from transports.http.wire.filters import Filter
from transports.http.wire.moments import Moment
from transports.http.wire.trace_answers import SpansAnswer, TracesAnswer
from transports.http.wire.trace_json import Scores, span_document, trace_document

P = TypeVar("P", TracePage, SummaryPage)
_Scores: TypeAlias = Mapping[str, Scores]  # by trace

_TIME = "2026-11-22T20:00:00.000Z"
_WHOLE = attrs.validators.optional(attrs.validators.matches_re(r"-?[0-9]{1,38}"))


@attrs.frozen
class _Place:
    """The continuation of a list, and the times that it was asked for: ``now`` is that of the first page.

    Numbers are texts: times have 64 bits, and sums more.
    """

    value: str | None = attrs.field(validator=_WHOLE)
    trace_id: str
    span_id: str
    first: str | None = attrs.field(validator=_WHOLE)
    end: str | None = attrs.field(validator=_WHOLE)


@attrs.frozen(kw_only=True)
class ListQuery:
    """A page of a list of traces or of spans."""

    q: Filter | None = attrs.field(default=None, metadata=described(filters.DESCRIPTION, filters.EXAMPLE))
    service: Annotated[str, MaxLength(2048)] | None = attrs.field(
        default=None, metadata=described("Only spans of this service, and traces with one", "shop")
    )
    from_: Moment | None = attrs.field(default=None, metadata=described("Only what began at this time or later", _TIME))
    to: Moment | None = attrs.field(default=None, metadata=described("Only what began before this time", _TIME))
    sort: Sort = attrs.field(
        default=Sort.NEWEST, metadata=described("Order; what is equal ascends by trace id, then span id", "-start")
    )
    limit: Annotated[int, Between(1, 1000)] = attrs.field(default=50, metadata=described("Most to answer", 50))
    after: str | None = attrs.field(
        default=None,
        metadata=described("The next of an earlier answer to the same question: go on behind it", "WyI1ZTg4IiwxXQ"),
    )


async def list_traces(call: Call[None, ListQuery]) -> web.StreamResponse:
    return await _answered(call, traces_asked(call.request, call.query), _render_traces)


async def list_spans(call: Call[None, ListQuery]) -> web.StreamResponse:
    kind = RankSpans if _is_long(call.query) else ListSpans
    return await _answered(call, kind(**_asked(call.request, call.query)), _render_spans)


def traces_asked(question: Asked, query: ListQuery) -> ListTraces:
    """The message that a list of traces is asked for with. ``cursor_invalid`` for a cursor of another question."""
    kind = RankTraces if _is_long(query) else ListTraces
    return kind(**_asked(question, query))


def _is_long(query: ListQuery) -> bool:
    return looks_at_many(query.sort, EVERYTHING if query.q is None else query.q.expression)


def _asked(question: Asked, query: ListQuery) -> dict[str, Any]:
    """The members of the message."""
    asked = {
        "service_name": query.service,
        "where": EVERYTHING if query.q is None else query.q.expression,
        "from_time_unix_nano": None if query.from_ is None else query.from_.unix_nano,
        "to_time_unix_nano": None if query.to is None else query.to.unix_nano,
        "sort": query.sort,
        "limit": query.limit,
    }
    if query.after is None:
        return asked
    place = place_after(question, query.after, _Place)
    after = Place(value=_number(place.value), trace_id=place.trace_id, span_id=place.span_id)
    times = {"from_time_unix_nano": _number(place.first), "to_time_unix_nano": _number(place.end)}
    return asked | times | {"after": after}


def _number(text: str | None) -> int | None:
    return None if text is None else int(text)


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)


async def _answered(
    call: Call[None, ListQuery], request: ListTraces | ListSpans, render: Callable[[Any, _Scores, str | None], bytes]
) -> web.StreamResponse:
    """Answer the page. ``Overloaded`` when it is large and others hold the budget of answers for too long."""

    async def read(room: int) -> bytes:
        page: TracePage | SummaryPage = await call.bus.ask(attrs.evolve(request, room=room))
        traces = page.traces if isinstance(page, TracePage) else ()
        scores = await call.bus.ask(SummarizeScores(trace_ids=tuple(trace.trace_id for trace in traces)))
        return await asyncio.to_thread(render, page, scores, cursor_behind(call.request, request, page.next))

    async with read_within_budget(call, read) as content:
        if len(content) <= SMALL:
            return web.Response(body=content, content_type="application/json")
        async with json_download(call.request) as download:
            await download.write(content)
        return download.response


def cursor_behind(question: Asked, request: ListTraces | ListSpans, place: Place | None) -> str | None:
    """The cursor of the page that begins at a place, with the times that this one was asked for."""
    if place is None:
        return None
    times = _text(request.from_time_unix_nano), _text(request.to_time_unix_nano)
    return cursor_of(question, _Place(_text(place.value), place.trace_id, place.span_id, *times))


def _render_traces(page: TracePage, scores: _Scores, cursor: str | None) -> bytes:
    traces = [trace_document(trace, scores.get(trace.trace_id, ())) for trace in page.traces]
    return orjson.dumps({"traces": traces, "next": cursor})


def _render_spans(page: SummaryPage, _: _Scores, cursor: str | None) -> bytes:
    return orjson.dumps({"spans": [span_document(span) for span in page.spans], "next": cursor})


def _route(path: str, handler: Handler, summary: str, answers: type) -> Route:
    return Route(
        method="GET",
        path=f"/api/v1/observability/{path}",
        handler=handler,
        access=Access.SESSION_OR_READ_KEY,
        query=ListQuery,
        only_known=True,
        errors=(Overloaded,),
        tag="observability",
        summary=summary,
        answers=answers,
    )


ROUTES = (
    _route("traces", list_traces, "List traces, each with what all of its spans say", TracesAnswer),
    _route("spans", list_spans, "List spans by what is said of them", SpansAnswer),
)
