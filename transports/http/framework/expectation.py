"""The ``Expect`` header (RFC 9110, section 10.1.1), which aiohttp answers before any layer, and with an echo."""

from aiohttp import web

from transports.http.framework.error_answers import error_response


async def meet_expectation(request: web.Request) -> web.Response | None:
    """Let a client wait that asks before it sends: the route may refuse by the headers alone. 417 for any other wish.

    ``read_body`` tells it to go on.
    """
    if request.version == (1, 1) and request.headers["Expect"].lower() != "100-continue":
        return error_response(417, {"detail": "Expectation Failed"})
    return None
