"""Spans out."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Annotated

import attrs
import orjson

from actors.span_store.messages import (
    Cursor,
    GetSpan,
    GetTraceSpans,
    ListServices,
    SearchSpans,
    SpanFilter,
    SpanPage,
)
from actors.span_store.spans import StoredSpan
from transports.http.cursor_text import cursor_text
from transports.http.route import Access, Answer, Call, Parameter, Route, described
from transports.http.rules import Between
from transports.http.span_json import SpanAnswer, may_be_in_subflow, render_span, render_spans

_PREFIX = "/api/v1/observability"
_SERVICE = {"service_name": Parameter(description="Name of the service, percent-encoded", example="joke-agent")}
_TRACE = {"trace_id": Parameter(description="32 lower-case hex digits", example="0af7651916cd43dd8448eb211c80319c")}
_SPAN = {"span_id": Parameter(description="16 lower-case hex digits", example="00f067aa0ba902b7")}
# Rendering so much text takes a millisecond at most; more goes to a thread. A span costs as much as a kilobyte.
_INLINE_BYTES = 128 * 1024
_SPAN_BYTES = 1024


@attrs.frozen(kw_only=True)
class PageQuery:
    """Which part of a list."""

    limit: Annotated[int, Between(1, 10000)] = attrs.field(default=500, metadata=described("Most spans to answer", 500))
    after: Cursor | None = attrs.field(
        default=None,
        metadata=described("The x-next-cursor of an earlier answer: go on behind it", "MTcwMDAwMDAwMDE0Mzk1Ni4xMg"),
    )


@attrs.frozen(kw_only=True)
class RootQuery(PageQuery):
    """Which part of the root spans."""

    has_llm: bool = attrs.field(
        default=False, metadata=described("Only roots whose trace has an LLM span", example=False)
    )


async def list_services(call: Call[None, None]) -> list[str]:
    return list(await call.bus.ask(ListServices()))


async def get_service_spans(call: Call[None, PageQuery]) -> Answer:
    return await _search(call, SpanFilter.ALL)


async def get_root_spans(call: Call[None, RootQuery]) -> Answer:
    return await _search(call, SpanFilter.LLM_ROOTS if call.query.has_llm else SpanFilter.ROOTS)


async def get_workflow_spans(call: Call[None, PageQuery]) -> Answer:
    return await _search(call, SpanFilter.WORKFLOWS)


async def get_trace_spans(call: Call[None, None]) -> Answer:
    return await answer_spans(await call.bus.ask(GetTraceSpans(trace_id=call.path("trace_id"))))


async def get_span(call: Call[None, None]) -> Answer:
    request = GetSpan(trace_id=call.path("trace_id"), span_id=call.path("span_id"))
    span = await call.bus.ask(request)
    parent = await _parent(call, span) if span is not None and may_be_in_subflow(span) else None
    spans = tuple(each for each in (span, parent) if each is not None)
    return Answer(body=await _rendered(partial(render_span, span, parent), spans))


async def _parent(call: Call[None, None], span: StoredSpan) -> StoredSpan | None:
    return await call.bus.ask(GetSpan(trace_id=span.trace_id, span_id=span.parent_span_id or ""))


async def _search(call: Call[None, PageQuery] | Call[None, RootQuery], which: SpanFilter) -> Answer:
    page = await call.bus.ask(
        SearchSpans(
            service_name=call.path("service_name"), filter=which, limit=call.query.limit, after=call.query.after
        )
    )
    return await answer_spans(page.spans, _next_page(call, page))


async def answer_spans(spans: tuple[StoredSpan, ...], headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    """A plain array of spans, which the front end knows; where it goes on is said in headers."""
    return Answer(body=await _rendered(partial(render_spans, spans), spans), headers=headers)


async def _rendered(render: Callable[[], orjson.Fragment], spans: tuple[StoredSpan, ...]) -> orjson.Fragment:
    size = sum(len(span.attributes_json) + len(span.events_json) + _SPAN_BYTES for span in spans)
    return await asyncio.to_thread(render) if size > _INLINE_BYTES else render()


def _next_page(call: Call[None, PageQuery] | Call[None, RootQuery], page: SpanPage) -> tuple[tuple[str, str], ...]:
    """Where the list goes on. In headers, because the body is a plain array that the front end knows."""
    if page.next is None:
        return ()
    cursor = cursor_text(page.next)
    target = call.request.rel_url.update_query(after=cursor)
    return ("Link", f'<{target.raw_path_qs}>; rel="next"'), ("X-Next-Cursor", cursor)


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
        tag="observability",
        summary="Get one span, or null",
    ),
)
