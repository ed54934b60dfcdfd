"""Salvage of the good spans of a protobuf request of which some part does not parse.

Protobuf refuses a whole message for one bad string or one value nested too deep inside it. The frame around the spans
is simple, so it is walked by hand.
"""

from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from transports.otlp.protobuf_wire import fields

# Field numbers of ExportTraceServiceRequest, ResourceSpans and ScopeSpans.
_RESOURCE_SPANS = 1
_SCOPE_SPANS = 2
_SPANS = 2


def salvage(body: bytes) -> tuple[ExportTraceServiceRequest, int]:
    """Parse the request without its unreadable spans, and count those. ``DecodeError`` when its frame is broken.

    A resource or scope that cannot be read takes its spans with it: nobody could tell whose they are.
    """
    request = ExportTraceServiceRequest()
    lost = 0
    for number, field, _ in fields(memoryview(body)):
        if number == _RESOURCE_SPANS:
            lost += _salvage_resource_spans(field, request.resource_spans.add())
    return request, lost


def _salvage_resource_spans(data: memoryview, target: ResourceSpans) -> int:
    lost = 0
    rest = bytearray()
    for number, field, raw in fields(data):
        if number == _SCOPE_SPANS:
            lost += _salvage_scope_spans(field, target.scope_spans.add())
        else:
            rest += raw
    if not _merged(target, bytes(rest)):
        lost += sum(len(scope_spans.spans) for scope_spans in target.scope_spans)
        target.Clear()
    return lost


def _salvage_scope_spans(data: memoryview, target: ScopeSpans) -> int:
    lost = 0
    rest = bytearray()
    for number, field, raw in fields(data):
        if number != _SPANS:
            rest += raw
            continue
        try:
            target.spans.append(Span.FromString(bytes(field)))
        except DecodeError:
            lost += 1
    if not _merged(target, bytes(rest)):
        lost += len(target.spans)
        target.Clear()
    return lost


def _merged(target: Message, data: bytes) -> bool:
    """Add the fields in ``data`` to a message; false when they cannot be read."""
    try:
        target.MergeFromString(data)
    except DecodeError:
        return False
    return True
