"""Errors on the wire: FastAPI's forms on the REST routes, google.rpc.Status on the OTLP routes.

The table in ``transports/errors.py`` gives the statuses.
"""

import json
import math
from collections.abc import Mapping
from typing import Any

import structlog
from aiohttp import web
from aiohttp.web_protocol import RequestPayloadError

from actors.errors import InternalError, InvalidRequest, Problem, StudioError
from transports.errors import wire_form
from transports.http.framework.app_keys import REQUEST_STATE
from transports.http.framework.not_found import allowed_method, slashless_url
from transports.http.wire import otlp_answers

log = structlog.get_logger(__name__)

_MASKED = "Internal Server Error"


async def answer_to(request: web.Request, error: Exception) -> web.StreamResponse:
    """Answer the error of a handler, inside its ``except`` block.

    An unexpected error is logged with its traceback and masked.
    """
    match error:
        case StudioError():
            return _studio_error(request, error)
        case web.HTTPException():
            return await _http_error(request, error)
        case RequestPayloadError() | ConnectionError():  # the client stopped or garbled its own body
            return _failure(request, 400, "The request body did not arrive whole")
    log.exception("unhandled error", method=request.method, path=request.path)  # noqa: LOG004 - error is being handled
    return _internal_error(request)


def error_response(status: int, document: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> web.Response:
    """Make an error answer in compact JSON.

    The standard library writes it, because an echoed input may hold integers that orjson refuses.
    """
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return web.Response(status=status, body=text.encode(), content_type="application/json", headers=headers)


def _studio_error(request: web.Request, error: StudioError) -> web.Response:
    if isinstance(error, InternalError):
        return _internal_error(request)
    wire = wire_form(error)
    headers = {}
    if error.retry_after is not None:
        headers["Retry-After"] = str(math.ceil(error.retry_after))
    if otlp_answers.is_otlp_request(request):
        return otlp_answers.error_answer(request, wire.otlp or wire.http, wire.grpc, error, headers)
    return error_response(wire.http, {"detail": detail_of(error)}, headers)


def detail_of(error: StudioError) -> str | list[dict[str, Any]]:
    """The error's text, or the list of its faults."""
    if isinstance(error, InvalidRequest) and error.problems:
        return [_item(problem) for problem in error.problems]
    return error.detail


def _item(problem: Problem) -> dict[str, Any]:
    """One item of a 422 answer, in the reference's order of members."""
    item = {
        "type": problem.type,
        "loc": list(problem.location),
        "msg": problem.message,
        "input": problem.input,
    }
    return item if problem.context is None else {**item, "ctx": problem.context}


async def _http_error(request: web.Request, error: web.HTTPException) -> web.StreamResponse:
    """Answer an error of aiohttp's own: an unknown path or method, or a body over the limit."""
    headers: dict[str, str] = {}
    if isinstance(error, web.HTTPNotFound) and not otlp_answers.is_otlp_request(request):
        location = await slashless_url(request)
        if location is not None:
            return web.Response(status=307, headers={"Location": location})
    if isinstance(error, web.HTTPMethodNotAllowed):
        headers["Allow"] = await allowed_method(request)
    return _failure(request, error.status, error.reason, headers)


def _failure(request: web.Request, status: int, detail: str, headers: Mapping[str, str] | None = None) -> web.Response:
    if otlp_answers.is_otlp_request(request):
        return otlp_answers.failure(request, status, detail, headers or {})
    return error_response(status, {"detail": detail}, headers)


def _internal_error(request: web.Request) -> web.Response:
    if otlp_answers.is_otlp_request(request):
        return otlp_answers.failure(request, 500, _MASKED, {})
    return error_response(500, {"detail": _MASKED, "request_id": request[REQUEST_STATE].request_id})
