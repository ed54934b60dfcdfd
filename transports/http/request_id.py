"""The outermost layer: each request has an id, and leaves one line in the log."""

import re
from collections.abc import Awaitable, Callable
from secrets import token_hex
from time import perf_counter

import structlog
from aiohttp import web

from transports.http.keys import REQUEST_ID

HEADER = "X-Request-Id"
_SANE = re.compile(r"[A-Za-z0-9._:-]{1,128}")

log = structlog.get_logger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def identify(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give the request its id: the client's own, when it is a harmless one. All log lines of the request carry it."""
    given = request.headers.get(HEADER, "")
    request_id = given if _SANE.fullmatch(given) else token_hex(16)
    request[REQUEST_ID] = request_id
    structlog.contextvars.clear_contextvars()  # of an earlier request on this connection
    structlog.contextvars.bind_contextvars(request_id=request_id)
    return await handler(request)


@web.middleware
async def log_access(request: web.Request, handler: Handler) -> web.StreamResponse:
    """One line for each answer. The query stays out of it, like everything else that a client may think secret."""
    began = perf_counter()
    response = await handler(request)
    log.info(
        "http request",
        method=request.method,
        path=request.path,
        status=response.status,
        milliseconds=round((perf_counter() - began) * 1000, 2),
        client=request.remote,
    )
    return response
