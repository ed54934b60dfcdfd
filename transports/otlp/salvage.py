"""Salvage of the good items of a protobuf request of which some part does not parse: spans, or log records.

Protobuf refuses a whole message for one bad string or one value nested too deep inside it. The frame around the items
is simple, and the same for each signal, so it is walked by hand.
"""

from typing import Any, Generic, TypeVar

import attrs
from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from actors.errors import InvalidRequest
from transports.otlp.protobuf_wire import fields

# Field numbers of a request, of what it has for each resource, and of what that has for each scope.
_RESOURCES = 1
_SCOPES = 2
_ITEMS = 2

R = TypeVar("R", bound=Message)


@attrs.frozen
class Frame(Generic[R]):
    """The names of a signal: of its request, the lists of resources, scopes and items, and one item."""

    request: type[R]
    resources: str
    scopes: str
    items: str
    item: type[Message]


SPANS = Frame(ExportTraceServiceRequest, "resource_spans", "scope_spans", "spans", Span)
LOGS = Frame(ExportLogsServiceRequest, "resource_logs", "scope_logs", "log_records", LogRecord)


def read_request(body: bytes, frame: Frame[R]) -> tuple[R, int]:
    """Parse a request; returns it with the number of its unreadable items. ``InvalidRequest`` when it is none."""
    try:
        return frame.request.FromString(body), 0
    except DecodeError:
        pass
    try:
        return salvage(body, frame)
    except DecodeError as error:
        raise InvalidRequest(f"The body is not an {frame.request.__name__}") from error


def salvage(body: bytes, frame: Frame[R]) -> tuple[R, int]:
    """Parse the request without its unreadable items, and count those. ``DecodeError`` when its frame is broken.

    A resource or scope that cannot be read takes its items with it: nobody could tell whose they are.
    """
    request = frame.request()
    lost = 0
    for number, field, _ in fields(memoryview(body)):
        if number == _RESOURCES:
            lost += _salvage_resource(field, getattr(request, frame.resources).add(), frame)
    return request, lost


# The targets below are protobuf messages, whose lists have the names of the frame.


def _salvage_resource(data: memoryview, target: Any, frame: Frame[Any]) -> int:  # noqa: ANN401 - see above
    lost = 0
    rest = bytearray()
    scopes = getattr(target, frame.scopes)
    for number, field, raw in fields(data):
        if number == _SCOPES:
            lost += _salvage_scope(field, scopes.add(), frame)
        else:
            rest += raw
    if not _merged(target, bytes(rest)):
        lost += sum(len(getattr(scope, frame.items)) for scope in getattr(target, frame.scopes))
        target.Clear()
    return lost


def _salvage_scope(data: memoryview, target: Any, frame: Frame[Any]) -> int:  # noqa: ANN401 - see above
    lost = 0
    rest = bytearray()
    items = getattr(target, frame.items)
    for number, field, raw in fields(data):
        if number != _ITEMS:
            rest += raw
            continue
        try:
            items.append(frame.item.FromString(bytes(field)))
        except DecodeError:
            lost += 1
    if not _merged(target, bytes(rest)):
        lost += len(getattr(target, frame.items))
        target.Clear()
    return lost


def _merged(target: Message, data: bytes) -> bool:
    """Add the fields in ``data`` to a message; false when they cannot be read."""
    try:
        target.MergeFromString(data)
    except DecodeError:
        return False
    return True
