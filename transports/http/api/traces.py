"""Routes of one trace: its spans, its outline, the details of a span and single values of it."""

import asyncio
from collections.abc import Callable
from typing import Annotated, Any

import attrs
from aiohttp import web

from actors.errors import NotFound, Overloaded, TooLarge
from actors.runtime.messages import Request
from actors.scores.messages import SummarizeScores
from actors.span_store.messages import GetAttributeValue, GetOutline, GetSpanDetail, GetTrace
from transports.http.api.tagged_answers import Body, answer_tagged
from transports.http.framework.path_ids import SPAN_ID, TRACE_ID, ids_of
from transports.http.framework.route import Access, Call, Handler, Parameter, Route, described
from transports.http.framework.rules import Pattern
from transports.http.wire.span_detail_answers import SpanDetailAnswer
from transports.http.wire.trace_answers import OutlineAnswer, TraceAnswer
from transports.http.wire.trace_json import Scores, render_detail, render_outline, render_trace

_PREFIX = "/api/v1/observability/traces/{trace_id}"
_TRACE = {"trace_id": TRACE_ID}
_SPAN = {"span_id": SPAN_ID}
_KEY = {"key": Parameter(description="Key of the attribute, percent-encoded", example="gen_ai.input.messages")}


@attrs.frozen(kw_only=True)
class ValueQuery:
    """Where the attribute is."""

    in_: Annotated[str, Pattern(r"^(attributes|resource|scope|event\.[0-9]{1,9}|link\.[0-9]{1,9})$")] = attrs.field(
        default="attributes", metadata=described("attributes, resource, scope, event.N or link.N, from 0", "event.0")
    )


async def get_trace(call: Call[None, None]) -> web.StreamResponse:
    return await _scored(call, GetTrace(**ids_of(call)), render_trace)


async def get_trace_outline(call: Call[None, None]) -> web.StreamResponse:
    return await _scored(call, GetOutline(**ids_of(call)), render_outline)


async def get_span_detail(call: Call[None, None]) -> web.StreamResponse:
    request = GetSpanDetail(**ids_of(call))

    async def read(room: int) -> Body:
        detail = await call.bus.ask(attrs.evolve(request, room=room))
        return Body(content=await asyncio.to_thread(render_detail, detail))

    return await answer_tagged(call, read)


async def get_attribute_value(call: Call[None, ValueQuery]) -> web.StreamResponse:
    request = GetAttributeValue(**ids_of(call), key=call.path("key"), within=call.query.in_)

    async def read(room: int) -> Body:
        value = await call.bus.ask(attrs.evolve(request, room=room))
        return Body(content=value.content, media_type=value.media_type)

    return await answer_tagged(call, read)


async def _scored(
    call: Call[None, None], request: GetTrace | GetOutline, render: Callable[[Any, Scores], bytes]
) -> web.StreamResponse:
    """Answer what the request finds, with the scores of the trace."""
    trace_id = request.trace_id

    async def read(room: int) -> Body:
        asked: Request[Any] = attrs.evolve(request, room=room)
        found = await call.bus.ask(asked)
        scores = await call.bus.ask(SummarizeScores(trace_ids=(trace_id,)))
        return Body(content=await asyncio.to_thread(render, found, scores.get(trace_id, ())))

    return await answer_tagged(call, read)


def _route(path: str, handler: Handler, parameters: dict[str, Parameter], summary: str, answers: type | None) -> Route:
    return Route(
        method="GET",
        path=f"{_PREFIX}{path}",
        handler=handler,
        access=Access.SESSION_OR_READ_KEY,
        path_parameters=_TRACE | parameters,
        errors=(NotFound, TooLarge, Overloaded),
        only_known=True,
        has_etag=True,
        tag="observability",
        summary=summary,
        answers=answers,
    )


ROUTES = (
    _route("", get_trace, {}, "Get a trace and its spans, oldest first", TraceAnswer),
    _route("/outline", get_trace_outline, {}, "Get a trace as columns, for a picture of it", OutlineAnswer),
    _route("/spans/{span_id}/detail", get_span_detail, _SPAN, "Get everything about one span", SpanDetailAnswer),
    attrs.evolve(
        _route(
            "/spans/{span_id}/attributes/{key}",
            get_attribute_value,
            _SPAN | _KEY,
            "Get one value of a span whole: text, bytes or JSON",
            None,
        ),
        query=ValueQuery,
        downloads=("text/plain", "application/octet-stream", "application/json"),
    ),
)
