"""Saves the good spans of a protobuf request of which some part does not parse.

Protobuf refuses a whole message for one bad string or one value nested too deep inside it. The frame around the spans
is simple, so it is walked by hand (protobuf encoding: a varint tag, and for wire type 2 a length and so many bytes).
"""

from collections.abc import Iterator

from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

# Field numbers of ExportTraceServiceRequest, ResourceSpans and ScopeSpans.
_RESOURCE_SPANS = 1
_SCOPE_SPANS = 2
_SPANS = 2

_LENGTH_DELIMITED = 2
_FIXED_SIZES = {1: 8, 5: 4}
_VARINT = 0


def salvage(body: bytes) -> tuple[ExportTraceServiceRequest, int]:
    """The request without its unreadable spans, and how many those are. ``DecodeError`` when its frame is broken.

    A resource or scope that cannot be read takes its spans with it: nobody could tell whose they are.
    """
    request = ExportTraceServiceRequest()
    lost = 0
    for number, field in _fields(memoryview(body)):
        if number == _RESOURCE_SPANS:
            lost += _salvage_resource_spans(field, request.resource_spans.add())
    return request, lost


def _salvage_resource_spans(data: memoryview, target: ResourceSpans) -> int:
    lost = 0
    rest = bytearray()
    for number, field, raw in _raw_fields(data):
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
    for number, field, raw in _raw_fields(data):
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
    """Add the fields in ``data`` to a message; whether they could be read."""
    try:
        target.MergeFromString(data)
    except DecodeError:
        return False
    return True


def _fields(data: memoryview) -> Iterator[tuple[int, memoryview]]:
    return ((number, field) for number, field, _ in _raw_fields(data))


def _raw_fields(data: memoryview) -> Iterator[tuple[int, memoryview, memoryview]]:
    """Each field: its number, its content, and all its bytes with the tag."""
    position = 0
    while position < len(data):
        begin = position
        tag, position = _varint(data, position)
        wire_type = tag & 7
        if wire_type == _LENGTH_DELIMITED:
            size, position = _varint(data, position)
        elif wire_type == _VARINT:
            _, after = _varint(data, position)
            size = after - position
        elif wire_type in _FIXED_SIZES:
            size = _FIXED_SIZES[wire_type]
        else:
            raise DecodeError("unknown wire type")
        end = position + size
        if end > len(data):
            raise DecodeError("truncated")
        yield tag >> 3, data[position:end], data[begin:end]
        position = end


def _varint(data: memoryview, position: int) -> tuple[int, int]:
    """The number at a position, and the position behind it."""
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(data):
            raise DecodeError("truncated")
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004 - the continuation bit
            return value, position
    raise DecodeError("a varint is too long")
