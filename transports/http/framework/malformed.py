"""Requests that aiohttp's parser refuses, answered in JSON that never quotes them.

aiohttp's own answers and log lines quote the request, cookies and keys included. Not even the path is known here.
"""

from aiohttp import web
from aiohttp.hdrs import SERVER
from aiohttp.http_exceptions import HttpProcessingError, LineTooLong
from aiohttp.web_protocol import RequestHandler

from actors.errors import HeadersTooLarge, StudioError, UrlTooLong
from transports.errors import wire_form
from transports.http.framework.error_answers import error_response

# Bytes of the first line, and of each header. They differ, so that the error shows which of them was too long.
LONGEST_LINE, LONGEST_HEADER = 8192, 8190
MOST_HEADERS = 128
_TOO_MANY = "Too many headers received"  # the parser's words
_NO_HTTP = "The request is not valid HTTP"


class MalformedRefused(RequestHandler):
    """An HTTP/1 connection that answers malformed requests as described above."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        if not isinstance(exc, HttpProcessingError) or request.writer.output_size > 0:
            return super().handle_error(request, status, exc, message)
        self.logger.info("refused a malformed request from %s: %s", request.remote, type(exc).__name__)
        return _refusal(exc)

    def log_exception(self, *args: object, **options: object) -> None:
        """Log a refusal of the parser without the parser's message."""
        error = options.get("exc_info")
        if isinstance(error, HttpProcessingError):
            self.logger.info("refused a malformed request: %s", type(error).__name__)
        else:
            super().log_exception(*args, **options)


def _refusal(error: HttpProcessingError) -> web.Response:
    known = _known(error)
    status, text = (400, _NO_HTTP) if known is None else (wire_form(known).http, known.detail)
    answer = error_response(status, {"detail": text}, {"X-Content-Type-Options": "nosniff", SERVER: "studio"})
    answer.force_close()
    return answer


def _known(error: HttpProcessingError) -> StudioError | None:
    if isinstance(error, LineTooLong):
        if LONGEST_LINE in error.args:
            return UrlTooLong(f"The request line is longer than {LONGEST_LINE} bytes")
        return HeadersTooLarge(f"A header is longer than {LONGEST_HEADER} bytes")
    if error.message == _TOO_MANY:
        return HeadersTooLarge(f"The request has more than {MOST_HEADERS} headers")
    return None
