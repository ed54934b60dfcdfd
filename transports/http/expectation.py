"""The ``Expect`` header (RFC 9110, section 10.1.1), which aiohttp answers before any layer, and with an echo."""

from aiohttp import web

from transports.http.error_answers import error_response

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


async def meet_expectation(request: web.Request) -> web.Response | None:
    """Let a client that asked go on and send its body; 417 for any other wish."""
    if request.version != (1, 1):
        return None
    if request.headers["Expect"].lower() != "100-continue":
        return error_response(417, {"detail": "Expectation Failed"})
    await request.writer.write(_CONTINUE)
    request.writer.output_size = 0  # it is no part of the answer
    return None
