"""Answers on the OTLP paths, in the request's content type; errors are google.rpc.Status (OTLP 1.11, "Failures")."""

from collections.abc import Mapping

from aiohttp import web
from google.protobuf.duration_pb2 import Duration
from google.protobuf.json_format import MessageToJson
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, RetryInfo
from google.rpc.status_pb2 import Status as RpcStatus
from grpclib.const import Status

from actors.errors import InvalidRequest, StudioError

PROTOBUF = "application/x-protobuf"
JSON = "application/json"
_PREFIXES = ("/v1/", "/v1development/")
# HTTP statuses that have no StudioError behind them.
_CODES = {
    400: Status.INVALID_ARGUMENT,
    404: Status.UNIMPLEMENTED,
    405: Status.UNIMPLEMENTED,
    413: Status.RESOURCE_EXHAUSTED,
}


def is_otlp(path: str) -> bool:
    """Whether exporters send to this path, for any signal."""
    return path.startswith(_PREFIXES)


def is_otlp_request(request: web.Request) -> bool:
    """Whether this is a request of an OTLP exporter."""
    return is_otlp(request.path)


def error_answer(
    request: web.Request, status: int, code: Status, error: StudioError, headers: Mapping[str, str]
) -> web.Response:
    """Answer an error of the actors, with the details that the specification recommends."""
    message = RpcStatus(code=code.value, message=error.detail)
    if isinstance(error, InvalidRequest):
        violation = BadRequest.FieldViolation(description=error.detail)
        message.details.add().Pack(BadRequest(field_violations=[violation]))
    if error.retry_after is not None:
        delay = Duration()
        delay.FromMilliseconds(round(error.retry_after * 1000))
        message.details.add().Pack(RetryInfo(retry_delay=delay))
    return answer(request, message, status, headers)


def failure(request: web.Request, status: int, text: str, headers: Mapping[str, str]) -> web.Response:
    """Answer an error of HTTP itself, or a masked one of ours."""
    if status == web.HTTPNotFound.status_code:
        text = f"{text}: spans go to /v1/traces"
    message = RpcStatus(code=_CODES.get(status, Status.INTERNAL).value, message=text)
    return answer(request, message, status, headers)


def answer(
    request: web.Request, message: Message, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Serialise as protobuf, or as JSON where the request was JSON."""
    if request.content_type == JSON:
        body = MessageToJson(message, indent=None).encode()
        return web.Response(status=status, body=body, content_type=JSON, headers=headers)
    body = message.SerializeToString()
    return web.Response(status=status, body=body, content_type=PROTOBUF, headers=headers)
