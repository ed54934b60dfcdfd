"""The middleware of every request: id, preflight, cross-site check, errors, gzip, access log. One layer: each costs."""

import random
import re
from collections.abc import Awaitable, Callable
from time import perf_counter

from aiohttp import web
from aiohttp.typedefs import Middleware
from multidict import istr

from transports import log_context
from transports.http.framework import misdirected
from transports.http.framework.access_log import AccessLog
from transports.http.framework.app_keys import REQUEST_STATE
from transports.http.framework.compression import compress
from transports.http.framework.cors import preflight_answer
from transports.http.framework.cross_site import CrossSiteRules
from transports.http.framework.error_answers import answer_to
from transports.http.framework.request_state import RequestState
from transports.http.framework.request_tracer import RequestTracer, is_traced, method_of, route_of
from transports.http.wire.otlp_answers import is_otlp_request

HEADER = istr("X-Request-Id")
_REFUSED = 400
_SANE = re.compile(r"[A-Za-z0-9._:-]{1,128}")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def middleware(access_log: AccessLog, cross_site: CrossSiteRules, tracer: RequestTracer | None = None) -> Middleware:
    """Make the middleware, which answers each request, whatever it raises, and logs one line.

    Lines that are logged meanwhile carry the request's id.
    """
    handle = _handling(access_log, cross_site)
    return handle if tracer is None else _traced(handle, tracer)


def _traced(handle: Middleware, tracer: RequestTracer) -> Middleware:
    @web.middleware
    async def traced(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not is_traced(request):
            return await handle(request, handler)
        with tracer.answering(method_of(request), route_of(request)) as answer:
            response = await handle(request, handler)
            answer.status = response.status
            return response

    return traced


def _handling(access_log: AccessLog, cross_site: CrossSiteRules) -> Middleware:
    @web.middleware
    async def handle(request: web.Request, handler: Handler) -> web.StreamResponse:
        began = perf_counter()
        request_id = _id_for(request)
        request[REQUEST_STATE] = RequestState(request_id)
        log_context.REQUEST_ID.set(request_id)  # in place of that of an earlier request on this connection
        try:
            preflight = preflight_answer(request) if request.method == "OPTIONS" else None
            await cross_site.refuse(request)
            response = await handler(request) if preflight is None else preflight
        except Exception as error:  # noqa: BLE001 - it becomes an answer, and is logged where nobody expected it
            response = await answer_to(request, error)
            _drop_traceback(error)
        if response.status >= _REFUSED:
            misdirected.note(request, response.status)
        if not is_otlp_request(
            request
        ):  # exporters are answered in few bytes, and some of them ask for what they cannot read
            await compress(request, response)
        access_log.add(request, request_id, response.status, perf_counter() - began)
        return response

    return handle


def _drop_traceback(error: BaseException | None) -> None:
    """Drop the tracebacks of an error and its contexts.

    A body keeps the error that broke it off, whose traceback holds the frames that hold the body.
    """
    while error is not None:
        error.__traceback__ = None
        error = error.__context__


def _id_for(request: web.Request) -> str:
    """The client's own request id when it is harmless, else a random one."""
    given = request.headers.get(HEADER)
    if given is not None and _SANE.fullmatch(given):
        return given
    return random.randbytes(16).hex()  # noqa: S311 - to find lines by, and no secret
