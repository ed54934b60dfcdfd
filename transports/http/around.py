"""What surrounds every request: its id, its line in the log, preflights and errors. One layer, because each costs."""

import random
import re
from collections.abc import Awaitable, Callable
from time import perf_counter

from aiohttp import web
from structlog.contextvars import bind_contextvars

from transports.http.cors import preflight_answer
from transports.http.error_answers import answer_of
from transports.http.keys import ACCESS_LOG, REQUEST_ID

HEADER = "X-Request-Id"
_SANE = re.compile(r"[A-Za-z0-9._:-]{1,128}")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def surround(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer a request, whatever comes of it, and log one line. Lines that are logged meanwhile carry its id too."""
    began = perf_counter()
    request[REQUEST_ID] = request_id = _id_for(request)
    bind_contextvars(request_id=request_id)  # in place of that of an earlier request on this connection
    response = preflight_answer(request) or await answer_of(request, handler)
    request.app[ACCESS_LOG].add(request, request_id, response.status, perf_counter() - began)
    return response


def _id_for(request: web.Request) -> str:
    """The client's own, when it is a harmless one."""
    given = request.headers.get(HEADER)
    if given is not None and _SANE.fullmatch(given):
        return given
    return f"{random.getrandbits(128):032x}"
