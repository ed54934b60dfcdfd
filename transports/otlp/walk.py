"""A walk over the fields of a serialised request, without decoding it."""

from collections.abc import Iterator

from google.protobuf.message import DecodeError

from transports.otlp.protobuf_wire import LENGTH_DELIMITED, field_at

# Messages inside each message, by field number. Names are those of OTLP; an item is a value in an array.
_INSIDE: dict[str, dict[int, str]] = {
    "request": {1: "resource_spans"},
    "resource_spans": {1: "resource", 2: "scope_spans"},
    "resource": {1: "attribute"},
    "scope_spans": {1: "scope", 2: "span"},
    "scope": {3: "attribute"},
    "span": {9: "attribute", 11: "event", 13: "link", 15: "status"},
    "logs_request": {1: "resource_logs"},
    "resource_logs": {1: "resource", 2: "scope_logs"},
    "scope_logs": {1: "scope", 2: "log"},
    "log": {5: "value", 6: "attribute"},
    "event": {3: "attribute"},
    "link": {4: "attribute"},
    "status": {},
    "attribute": {2: "value"},
    "value": {5: "array", 6: "map"},
    "item": {5: "array", 6: "map"},
    "array": {1: "item"},
    "map": {1: "attribute"},
}
_DEEPEST = 300  # protobuf's parser refuses a third of it


def parts_in(body: bytes, kind: str = "request") -> Iterator[str]:
    """The kind of each field of a serialised ``ExportTraceServiceRequest``: a message of ``_INSIDE``, or "".

    ``kind`` is that of the whole body: ``logs_request`` for an ``ExportLogsServiceRequest``. ``DecodeError`` at a field
    that is malformed, longer than the message around it, or too deep.
    """
    holders = [(0, len(body), kind)]
    while holders:
        position, end, kind = holders.pop()
        while position < end:
            number, wire_type, begin, position = field_at(body, position, end)
            part = _INSIDE[kind].get(number, "") if wire_type == LENGTH_DELIMITED else ""
            yield part
            if part and begin < position:
                holders.append((position, end, kind))
                position, end, kind = begin, position, part
                if len(holders) > _DEEPEST:
                    raise DecodeError("nested too deep")


def is_well_framed(body: bytes) -> bool:
    """Whether no field is longer than the message around it."""
    try:
        for _ in parts_in(body):
            pass
    except DecodeError:
        return False
    return True
