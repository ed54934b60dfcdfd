"""The ``Expect`` header (RFC 9110, section 10.1.1), which aiohttp answers before any middleware, and with an echo."""

from aiohttp import web

from transports.http.framework.error_answers import error_response


async def meet_expectation(request: web.Request) -> web.Response | None:
    """Answer 417 to any expectation but ``100-continue``.

    A client that expects it waits, because the route may refuse by the headers alone; ``read_body`` sends 100 Continue.
    """
    if request.version == (1, 1) and request.headers["Expect"].lower() != "100-continue":
        return error_response(417, {"detail": "Expectation Failed"})
    return None
