"""Routes that read spans: services, lists of spans, traces and single spans."""

from functools import partial
from typing import Annotated

import attrs
from aiohttp import web

from actors.errors import NeedsRoom, Overloaded
from actors.span_store.columns.spans import StoredSpan
from actors.span_store.messages import (
    Cursor,
    GetSpan,
    ListServices,
    SearchSpans,
    SpanFilter,
)
from transports.http.api.page_headers import next_page
from transports.http.api.span_answers import Found, answer_found, span_bytes
from transports.http.api.whole_trace import answer_trace
from transports.http.framework.route import Access, Answer, Call, Parameter, Route, described
from transports.http.framework.rules import Between
from transports.http.wire.span_json import SpanAnswer, may_be_in_subflow, render_span, render_spans

_PREFIX = "/api/v1/observability"
_SERVICE = {"service_name": Parameter(description="Name of the service, percent-encoded", example="joke-agent")}
_TRACE = {"trace_id": Parameter(description="32 lower-case hex digits", example="0af7651916cd43dd8448eb211c80319c")}
_SPAN = {"span_id": Parameter(description="16 lower-case hex digits", example="00f067aa0ba902b7")}


@attrs.frozen(kw_only=True)
class PageQuery:
    """A page of a list."""

    limit: Annotated[int, Between(1, 10000)] = attrs.field(default=500, metadata=described("Most spans to answer", 500))
    after: Cursor | None = attrs.field(
        default=None,
        metadata=described("The x-next-cursor of an earlier answer: go on behind it", "MTcwMDAwMDAwMDE0Mzk1Ni4xMg"),
    )


@attrs.frozen(kw_only=True)
class RootQuery(PageQuery):
    """A page of the root spans."""

    has_llm: bool = attrs.field(
        default=False, metadata=described("Only roots whose trace has an LLM span", example=False)
    )


async def list_services(call: Call[None, None]) -> list[str]:
    return list(await call.bus.ask(ListServices()))


async def get_service_spans(call: Call[None, PageQuery]) -> Answer | web.StreamResponse:
    return await _search(call, SpanFilter.ALL)


async def get_root_spans(call: Call[None, RootQuery]) -> Answer | web.StreamResponse:
    return await _search(call, SpanFilter.LLM_ROOTS if call.query.has_llm else SpanFilter.ROOTS)


async def get_workflow_spans(call: Call[None, PageQuery]) -> Answer | web.StreamResponse:
    return await _search(call, SpanFilter.WORKFLOWS)


async def get_trace_spans(call: Call[None, None]) -> Answer | web.StreamResponse:
    return await answer_trace(call, call.path("trace_id"))


async def get_span(call: Call[None, None]) -> Answer | web.StreamResponse:
    request = GetSpan(trace_id=call.path("trace_id"), span_id=call.path("span_id"))

    async def read(room: int) -> Found:
        span = await call.bus.ask(attrs.evolve(request, room=room))
        parent = await _parent(call, span, room) if span is not None and may_be_in_subflow(span) else None
        spans = tuple(each for each in (span, parent) if each is not None)
        return Found(spans=spans, render=partial(render_span, span, parent))

    return await answer_found(call, read)


async def _parent(call: Call[None, None], span: StoredSpan, room: int) -> StoredSpan | None:
    """The parent of a span, within the room that the span leaves."""
    taken = min(span_bytes(span), room)
    request = GetSpan(trace_id=span.trace_id, span_id=span.parent_span_id or "", room=room - taken)
    try:
        return await call.bus.ask(request)
    except NeedsRoom as need:
        both = taken + need.bytes
    raise NeedsRoom(both)


async def _search(
    call: Call[None, PageQuery] | Call[None, RootQuery], which: SpanFilter
) -> Answer | web.StreamResponse:
    """Answer a plain array of spans, as the front end expects it; the next page is named in headers."""
    request = SearchSpans(
        service_name=call.path("service_name"), filter=which, limit=call.query.limit, after=call.query.after
    )

    async def read(room: int) -> Found:
        page = await call.bus.ask(attrs.evolve(request, room=room))
        return Found(
            spans=page.spans, render=partial(render_spans, page.spans), headers=next_page(call.request, page.next)
        )

    return await answer_found(call, read)


ROUTES = (
    Route(
        method="GET",
        path=f"{_PREFIX}/services",
        handler=list_services,
        access=Access.SESSION_OR_READ_KEY,
        answers=list[str],
        tag="observability",
        summary="List the names of all services that sent spans, ascending; of more than 4 MB the shortest",
    ),
    Route(
        method="GET",
        path=f"{_PREFIX}/services/{{service_name}}/spans",
        handler=get_service_spans,
        access=Access.SESSION_OR_READ_KEY,
        query=PageQuery,
        answers=list[SpanAnswer],
        path_parameters=_SERVICE,
        errors=(Overloaded,),
        tag="observability",
        summary="List the spans of a service, newest start first",
    ),
    Route(
        method="GET",
        path=f"{_PREFIX}/services/{{service_name}}/spans/root",
        handler=get_root_spans,
        access=Access.SESSION_OR_READ_KEY,
        query=RootQuery,
        answers=list[SpanAnswer],
        path_parameters=_SERVICE,
        errors=(Overloaded,),
        tag="observability",
        summary="List the root spans of a service, newest start first",
    ),
    Route(
        method="GET",
        path=f"{_PREFIX}/services/{{service_name}}/workflows",
        handler=get_workflow_spans,
        access=Access.SESSION_OR_READ_KEY,
        query=PageQuery,
        answers=list[SpanAnswer],
        path_parameters=_SERVICE,
        errors=(Overloaded,),
        tag="observability",
        summary="List the workflow spans of a service, newest start first",
    ),
    Route(
        method="GET",
        path=f"{_PREFIX}/traces/{{trace_id}}/spans",
        handler=get_trace_spans,
        access=Access.SESSION_OR_READ_KEY,
        answers=list[SpanAnswer],
        path_parameters=_TRACE,
        errors=(Overloaded,),
        tag="observability",
        summary="List every span of a trace, newest start first",
    ),
    Route(
        method="GET",
        path=f"{_PREFIX}/traces/{{trace_id}}/spans/{{span_id}}",
        handler=get_span,
        access=Access.SESSION_OR_READ_KEY,
        answers=SpanAnswer | None,
        path_parameters=_TRACE | _SPAN,
        errors=(Overloaded,),
        tag="observability",
        summary="Get one span, or null",
    ),
)
