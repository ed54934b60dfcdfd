"""Dispatch: from an entry of the route table to an aiohttp handler that authorises, validates, calls and answers."""

from collections.abc import Awaitable, Callable

import orjson
from aiohttp import web

from actors.errors import Forbidden
from actors.runtime.bus import Bus
from transports.http.config import HttpConfig
from transports.http.framework.access import NEEDS_ADMIN, admitted
from transports.http.framework.body import is_large
from transports.http.framework.json_body import read_document
from transports.http.framework.refused import record_refused_route
from transports.http.framework.route import Access, Answer, Call, NoQuery, Route
from transports.http.framework.score_filters import has_filter, without_scores
from transports.http.framework.validation import structure_body, structure_query, unstructure


def endpoint(route: Route, bus: Bus, config: HttpConfig) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Make the handler of a route.

    The order of the checks is the contract's: malformed JSON, then authentication, then validation. The sender of a
    large body is authenticated before it is read as well, so that anonymous clients cannot make the studio hold many of
    them.
    """
    access = route.access
    budget = config.anonymous_budget if access is Access.PUBLIC else config.otlp_budget
    takes_filter = route.query is not None and has_filter(route.query)

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            return await answer_if_admitted(request)
        except Forbidden as refusal:
            if refusal.detail == NEEDS_ADMIN:
                await record_refused_route(request, route, bus, config)
            raise

    async def answer_if_admitted(request: web.Request) -> web.StreamResponse:
        document = None
        if route.body:
            if is_large(request):
                await admitted(request, access)
            document = await read_document(request, route.most_bytes, budget)
        session = await admitted(request, access)
        query = _query_of(request, route) if route.query or route.only_known else None
        call = Call(
            bus=bus,
            config=config,
            request=request,
            session=session,
            query=await without_scores(bus, query) if takes_filter else query,
            body=None
            if document is None or route.body is None
            else structure_body(document.value, route.body, large=document.is_large),
        )
        return _response(await route.handler(call), route.status)

    return answer


def _query_of(request: web.Request, route: Route) -> object:
    return structure_query(request.query, route.query or NoQuery, only_known=route.only_known)


def _response(result: object, status: int) -> web.StreamResponse:
    if isinstance(result, Answer):
        response = _json_response(result.body, status)
        response.headers.extend(result.headers)
        return response
    return result if isinstance(result, web.StreamResponse) else _json_response(result, status)


def _json_response(body: object, status: int) -> web.Response:
    if status == web.HTTPNoContent.status_code:
        return web.Response(status=status)
    return web.Response(status=status, body=json_bytes(body), content_type="application/json")


def json_bytes(body: object) -> bytes:
    """Serialise to compact JSON. An ``orjson.Fragment`` passes unchanged."""
    return orjson.dumps(body if isinstance(body, orjson.Fragment) else unstructure(body))
