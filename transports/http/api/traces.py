"""Routes of one trace: its spans, its outline, the details of a span and single values of it."""

import asyncio
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import attrs
from aiohttp import web

from actors.errors import NotFound, Overloaded, TooLarge
from actors.runtime.messages import Request
from actors.span_store.messages import GetAttributeValue, GetOutline, GetSpanDetail, GetTrace
from transports.http.api.tagged_answers import Body, answer_tagged
from transports.http.framework.path_ids import SPAN_ID, TRACE_ID, ids_of
from transports.http.framework.route import Access, Call, Handler, Parameter, Route, described
from transports.http.framework.rules import Pattern
from transports.http.wire.span_detail_answers import SpanDetailAnswer
from transports.http.wire.trace_answers import OutlineAnswer, TraceAnswer
from transports.http.wire.trace_json import render_detail, render_outline, render_trace

T = TypeVar("T")

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
    return await _rendered(call, GetTrace(**ids_of(call)), render_trace)


async def get_trace_outline(call: Call[None, None]) -> web.StreamResponse:
    return await _rendered(call, GetOutline(**ids_of(call)), render_outline)


async def get_span_detail(call: Call[None, None]) -> web.StreamResponse:
    return await _rendered(call, GetSpanDetail(**ids_of(call)), render_detail)


async def get_attribute_value(call: Call[None, ValueQuery]) -> web.StreamResponse:
    request = GetAttributeValue(**ids_of(call), key=call.path("key"), within=call.query.in_)

    async def read(room: int) -> Body:
        value = await call.bus.ask(attrs.evolve(request, room=room))
        return Body(content=value.content, media_type=value.media_type)

    return await answer_tagged(call, read)


async def _rendered(call: Call[None, None], request: Request[T], render: Callable[[T], bytes]) -> web.StreamResponse:
    """Answer what the request finds. ``request`` has a member ``room``."""

    async def read(room: int) -> Body:
        asked: Any = request
        found: T = await call.bus.ask(attrs.evolve(asked, room=room))
        return Body(content=await asyncio.to_thread(render, found))

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
