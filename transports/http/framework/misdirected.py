"""Detection of exporters whose requests are refused because of their settings: path, format or key."""

import re

from aiohttp import web
from google.protobuf.message import Message

from transports.api_key import key_in
from transports.http.framework.app_keys import CONFIG
from transports.http.framework.clients import address_of
from transports.http.wire import otlp_answers
from transports.misdirected_exporters import BAD_KEY, GRPC_AT_HTTP, NO_KEY, OTHER_FORMAT, UNREADABLE, WRONG_PATH, Fault

_NOT_FOUND = (404, 405)
_KEY_REFUSED = (401, 403)
_UNREADABLE = 415
_GRPC = "application/grpc"
# Of Zipkin (/api/v2/spans) and of Jaeger (/api/traces), whose formats have content types of their own.
_OTHERS_PATH = re.compile(r"/api/(v[12]/spans|traces)/?")
_OTHERS_TYPES = ("application/x-thrift", "application/vnd.apache.thrift.binary")
_SPANS_PATH = re.compile(r"/(traces?|spans?)(/|$)", re.IGNORECASE)
_OTLP_TYPES = (otlp_answers.PROTOBUF, "application/protobuf")
_LONGEST = 200  # characters of a path in a line


def note(request: web.Request, status: int) -> None:
    """Warn of a refused request if an exporter sent it."""
    fault = _fault(request, status) if request.method == "POST" else None
    if fault is not None:
        config = request.app[CONFIG]
        sender = address_of(request, config.trusted_proxies) or "unknown"
        config.misdirected.report(sender, fault, path=request.path[:_LONGEST])


def note_rejected(request: web.Request, response: Message) -> None:
    """Keep what was not stored of an export."""
    config = request.app[CONFIG]
    config.misdirected.report_rejected(address_of(request, config.trusted_proxies) or "unknown", response)


def _fault(request: web.Request, status: int) -> Fault | None:
    if otlp_answers.is_otlp_request(request) and status in _KEY_REFUSED:
        return BAD_KEY if key_in(request.headers) else NO_KEY
    if otlp_answers.is_otlp_request(request) and status == _UNREADABLE:
        return UNREADABLE
    return _misplaced(request) if status in _NOT_FOUND else None


def _misplaced(request: web.Request) -> Fault | None:
    if request.content_type.startswith(_GRPC):
        return GRPC_AT_HTTP
    if _OTHERS_PATH.fullmatch(request.path) or request.content_type in _OTHERS_TYPES:
        return OTHER_FORMAT
    if request.path == "/" or _SPANS_PATH.search(request.path) or request.content_type in _OTLP_TYPES:
        return WRONG_PATH
    return None
