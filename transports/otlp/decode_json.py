"""OTLP in JSON: the protobuf JSON mapping with OTLP's differences.

Ids are hex in either case, enums are integers, keys are lowerCamelCase, unknown fields are ignored, and 64-bit integers
come as strings or numbers (OTLP 1.11, "JSON Protobuf Encoding"). A member that is ``null`` is as good as absent.
"""

import base64
import binascii
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from actors.errors import InvalidRequest
from actors.span_store.columns.spans import AttributeValue, InstrumentationScope, Resource, Span, SpanEvent, SpanLink
from transports.json_document import MOST_DIGITS, JsonObject, parse_object
from transports.otlp.limits import Parts, RequestLimits, json_memory
from transports.otlp.request import DecodedRequest, fault_of_ids, parent_id, summary

MAX_DEPTH = 48  # of values in values; the protobuf encoding reaches about as deep before its parser refuses

T = TypeVar("T")
_MAX_UINT32 = 2**32 - 1
_MAX_UINT64 = 2**64 - 1
_MIN_INT64 = -(2**63)
_NO_DOUBLE = re.compile(r"[\s_]")  # Python takes them in a number


class _BadSpan(Exception):
    """A span that the mapping does not allow; the text says why, without the sender's data."""


def decode_trace_json(body: bytes, limits: RequestLimits = RequestLimits()) -> DecodedRequest:  # noqa: B008 - frozen
    """Decode an ``ExportTraceServiceRequest`` in JSON.

    ``InvalidRequest`` when the body is not JSON or its frame is wrong, ``TooLarge`` when it has too many parts. A
    malformed span is rejected by itself, and a resource or scope with its spans.
    """
    memory = json_memory(body)
    document = parse_object(body)
    limits.demand_json(frame_of(document), memory, len(body))
    faults: Counter[str] = Counter()
    spans = list(_spans_of(document, faults))
    return DecodedRequest(spans=spans, rejected=faults.total(), message=summary(faults))


def frame_of(document: JsonObject) -> Parts:
    """Count the resources, scopes and spans of a request, malformed ones too. ``InvalidRequest`` for a wrong frame."""
    parts = Parts()
    for resource_spans in _frames(document, "resourceSpans"):
        parts.resources += 1
        for scope_spans in _frames(resource_spans, "scopeSpans"):
            parts.scopes += 1
            parts.spans += len(_frame(scope_spans, "spans"))
    return parts


def _spans_of(document: JsonObject, faults: "Counter[str]") -> Iterator[Span]:
    for resource_spans in _frames(document, "resourceSpans"):
        resource = _read(_resource, resource_spans)
        for scope_spans in _frames(resource_spans, "scopeSpans"):
            scope = _read(_scope, scope_spans)
            for span in _frame(scope_spans, "spans"):
                try:
                    yield _span(_as_object(span), _good(resource), _good(scope))
                except _BadSpan as fault:
                    faults[str(fault)] += 1


def _frames(holder: JsonObject, key: str) -> list[JsonObject]:
    """Resources or scopes. One that is no object fails the request: nobody knows how many spans it has."""
    frames = _frame(holder, key)
    if not _are_objects(frames):
        raise InvalidRequest(f"{key} must be an array of objects")
    return frames


def _frame(holder: JsonObject, key: str) -> list[Any]:
    found = holder.get(key)
    if found is None:
        return []
    if not isinstance(found, list):
        raise InvalidRequest(f"{key} must be an array of objects")
    return found


def _read(read: Callable[[JsonObject], T], holder: JsonObject) -> T | _BadSpan:
    """Read a resource or scope; returns its fault where it is malformed."""
    try:
        return read(holder)
    except _BadSpan as fault:
        return fault


def _as_object(span: Any) -> JsonObject:  # noqa: ANN401 - any JSON value
    if not isinstance(span, dict):
        raise _BadSpan("a span must be an object")
    return span


def _good(value: T | _BadSpan) -> T:
    if isinstance(value, _BadSpan):
        raise _BadSpan(*value.args)
    return value


def _span(span: JsonObject, resource: Resource, scope: InstrumentationScope) -> Span:
    trace_id, span_id = _id(span, "traceId"), _id(span, "spanId")
    fault = fault_of_ids(trace_id, span_id)
    if fault:
        raise _BadSpan(fault)
    status = _object(span, "status")
    return Span(
        trace_id.hex(),
        span_id.hex(),
        parent_id(_id(span, "parentSpanId")),
        _text(span, "traceState"),
        _integer(span, "flags", 0, _MAX_UINT32),
        _text(span, "name"),
        _integer(span, "kind", -(2**31), 2**31 - 1),
        _integer(span, "startTimeUnixNano", 0, _MAX_UINT64),
        _integer(span, "endTimeUnixNano", 0, _MAX_UINT64),
        _attributes(span),
        _dropped(span, "Attributes"),
        [_event(event) for event in _objects(span, "events")],
        _dropped(span, "Events"),
        [_link(link) for link in _objects(span, "links")],
        _dropped(span, "Links"),
        _integer(status, "code", -(2**31), 2**31 - 1),
        _text(status, "message"),
        resource,
        scope,
    )


def _event(event: JsonObject) -> SpanEvent:
    return SpanEvent(
        _integer(event, "timeUnixNano", 0, _MAX_UINT64),
        _text(event, "name"),
        _attributes(event),
        _dropped(event, "Attributes"),
    )


def _link(link: JsonObject) -> SpanLink:
    return SpanLink(
        _id(link, "traceId").hex(),
        _id(link, "spanId").hex(),
        _text(link, "traceState"),
        _attributes(link),
        _dropped(link, "Attributes"),
        _integer(link, "flags", 0, _MAX_UINT32),
    )


def _resource(resource_spans: JsonObject) -> Resource:
    resource = _object(resource_spans, "resource")
    return Resource(
        _attributes(resource),
        _dropped(resource, "Attributes"),
        _text(resource_spans, "schemaUrl"),
        [_entity(reference) for reference in _objects(resource, "entityRefs")],
    )


def _entity(reference: JsonObject) -> dict[str, AttributeValue]:
    """An entity reference with only the members that the specification names: others may hold anything."""
    return {member: read(reference, member) for member, read in _OF_ENTITIES.items() if member in reference}


def _scope(scope_spans: JsonObject) -> InstrumentationScope:
    scope = _object(scope_spans, "scope")
    return InstrumentationScope(
        _text(scope, "name"),
        _text(scope, "version"),
        _attributes(scope),
        _dropped(scope, "Attributes"),
        _text(scope_spans, "schemaUrl"),
    )


def _attributes(holder: JsonObject) -> dict[str, AttributeValue]:
    """Key-value pairs as a dictionary.

    An attribute without a value is left out; of two with one key the last counts.
    """
    return _key_values(_objects(holder, "attributes"), depth=0, keep_unset=False)


def _key_values(pairs: list[JsonObject], *, depth: int, keep_unset: bool) -> dict[str, AttributeValue]:
    values: dict[str, AttributeValue] = {}
    for pair in pairs:
        value = _any_value(_object(pair, "value"), depth)
        if value is not None or keep_unset:
            values[_text(pair, "key")] = value
    return values


def _any_value(value: JsonObject, depth: int) -> AttributeValue:
    """The member of an AnyValue that is set; ``None`` when none is."""
    if depth > MAX_DEPTH:
        raise _BadSpan(f"a value is nested more than {MAX_DEPTH} deep")
    for member, content in value.items():
        if content is not None and member in _MEMBERS:
            return _MEMBERS[member](value, depth)
    return None


def _object(holder: JsonObject, key: str) -> JsonObject:
    found = holder.get(key)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise _BadSpan(f"{key} must be an object")
    return found


def _objects(holder: JsonObject, key: str) -> list[JsonObject]:
    found = holder.get(key)
    if found is None:
        return []
    if not isinstance(found, list) or not _are_objects(found):
        raise _BadSpan(f"{key} must be an array of objects")
    return found


def _are_objects(items: list[Any]) -> bool:
    return all(isinstance(item, dict) for item in items)


def _texts(holder: JsonObject, key: str) -> list[str]:
    found = holder.get(key) or []
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise _BadSpan(f"{key} must be an array of strings")
    return found


def _text(holder: JsonObject, key: str) -> str:
    found = holder.get(key)
    if found is None:
        return ""
    if not isinstance(found, str):
        raise _BadSpan(f"{key} must be a string")
    return found


def _id(holder: JsonObject, key: str) -> bytes:
    text = _text(holder, key)
    try:
        found = bytes.fromhex(text)
    except ValueError as error:
        raise _BadSpan(f"{key} must be hexadecimal") from error
    if 2 * len(found) != len(text):  # Python passes over blanks
        raise _BadSpan(f"{key} must be hexadecimal")
    return found


def _dropped(holder: JsonObject, what: str) -> int:
    return _integer(holder, f"dropped{what}Count", 0, _MAX_UINT32)


def _integer(holder: JsonObject, key: str, least: int, most: int) -> int:
    found = holder.get(key)
    if found is None:
        return 0
    number = _whole(found)
    if number is None or not least <= number <= most:
        raise _BadSpan(f"{key} must be an integer from {least} to {most}")
    return number


def _whole(found: object) -> int | None:
    """Read an integer in any form that JSON has for one; ``None`` where it is none, or does not fit into 64 bits."""
    if isinstance(found, bool):
        return None
    if isinstance(found, str):
        digits = found.removeprefix("-")
        return int(found) if len(found) <= MOST_DIGITS and digits.isascii() and digits.isdigit() else None
    if isinstance(found, float):
        # The least of all may be one below it, rounded.
        return int(found) if _MIN_INT64 < found <= _MAX_UINT64 and found.is_integer() else None
    return found if isinstance(found, int) else None


def _bool(content: object) -> bool:
    if not isinstance(content, bool):
        raise _BadSpan("boolValue must be true or false")
    return content


def _double(content: object) -> float:
    """Read a number, or one of the protobuf JSON mapping's texts for what JSON numbers cannot express."""
    if isinstance(content, str) and content.isascii() and not _NO_DOUBLE.search(content):
        try:
            return float(content)
        except ValueError as error:
            raise _BadSpan("doubleValue must be a number") from error
    if isinstance(content, bool) or not isinstance(content, int | float):
        raise _BadSpan("doubleValue must be a number")
    return float(content)


def _bytes(content: object) -> bytes:
    """Decode base64, standard or URL-safe, padded or not."""
    if not isinstance(content, str):
        raise _BadSpan("bytesValue must be base64")
    text = content.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise _BadSpan("bytesValue must be base64") from error


def _array(value: JsonObject, depth: int) -> list[AttributeValue]:
    return [_any_value(item, depth + 1) for item in _objects(_object(value, "arrayValue"), "values")]


def _map(value: JsonObject, depth: int) -> dict[str, AttributeValue]:
    return _key_values(_objects(_object(value, "kvlistValue"), "values"), depth=depth + 1, keep_unset=True)


_OF_ENTITIES: dict[str, Callable[[JsonObject, str], AttributeValue]] = {
    "schemaUrl": _text,
    "type": _text,
    "idKeys": _texts,
    "descriptionKeys": _texts,
}
_MEMBERS: dict[str, Callable[[JsonObject, int], AttributeValue]] = {
    "stringValue": lambda value, _: _text(value, "stringValue"),
    "boolValue": lambda value, _: _bool(value["boolValue"]),
    "intValue": lambda value, _: _integer(value, "intValue", _MIN_INT64, 2**63 - 1),
    "doubleValue": lambda value, _: _double(value["doubleValue"]),
    "bytesValue": lambda value, _: _bytes(value["bytesValue"]),
    "arrayValue": _array,
    "kvlistValue": _map,
}
