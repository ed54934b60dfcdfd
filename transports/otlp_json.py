"""OTLP in JSON: the protobuf JSON mapping with the differences that OTLP makes.

Ids are hex in either case, enums are integers, keys are lowerCamelCase, unknown fields are ignored, and 64-bit integers
come as strings or numbers (OTLP 1.11, "JSON Protobuf Encoding"). A member that is ``null`` is as good as absent.
"""

import base64
import binascii
import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias, TypeVar

import orjson

from actors.errors import InvalidRequest
from actors.span_store.spans import AttributeValue, InstrumentationScope, Resource, Span, SpanEvent, SpanLink
from transports.otlp_request import DecodedRequest, fault_of_ids, parent_id, summary

MAX_DEPTH = 48  # of values in values; the protobuf encoding reaches about as deep before its parser refuses

T = TypeVar("T")
_Object: TypeAlias = Mapping[str, Any]
_MAX_UINT32 = 2**32 - 1
_MAX_UINT64 = 2**64 - 1


class _BadSpan(Exception):
    """One span is not what the mapping allows; the text says what, without the sender's data."""


def decode_trace_json(body: bytes) -> DecodedRequest:
    """Decode an ``ExportTraceServiceRequest`` in JSON.

    ``InvalidRequest`` when the body is not JSON or its frame is wrong. A malformed span is rejected by itself, and a
    resource or scope with its spans.
    """
    faults: Counter[str] = Counter()
    spans = list(_spans_of(_parse(body), faults))
    return DecodedRequest(spans=spans, rejected=faults.total(), message=summary(faults))


def _parse(body: bytes) -> _Object:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        document = _parse_leniently(body)
    if not isinstance(document, dict):
        raise InvalidRequest("The body is not a JSON object")
    return document


def _parse_leniently(body: bytes) -> object:
    """Python's parser takes lone surrogates, which some JavaScript senders make; they become U+FFFD."""
    try:
        document = json.loads(body, parse_constant=_no_constant)
        text = json.dumps(document, ensure_ascii=False).encode("utf-8", "replace")
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest("The body is not valid JSON") from error


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _spans_of(document: _Object, faults: "Counter[str]") -> Iterator[Span]:
    for resource_spans in _frames(document, "resourceSpans"):
        resource = _read(_resource, resource_spans)
        for scope_spans in _frames(resource_spans, "scopeSpans"):
            scope = _read(_scope, scope_spans)
            for span in _frames(scope_spans, "spans"):
                try:
                    yield _span(span, _good(resource), _good(scope))
                except _BadSpan as fault:
                    faults[str(fault)] += 1


def _frames(holder: _Object, key: str) -> list[_Object]:
    try:
        return _objects(holder, key)
    except _BadSpan as fault:
        raise InvalidRequest(str(fault)) from fault


def _read(read: Callable[[_Object], T], holder: _Object) -> T | _BadSpan:
    """A resource or scope, or what is wrong with it."""
    try:
        return read(holder)
    except _BadSpan as fault:
        return fault


def _good(value: T | _BadSpan) -> T:
    if isinstance(value, _BadSpan):
        raise _BadSpan(*value.args)
    return value


def _span(span: _Object, resource: Resource, scope: InstrumentationScope) -> Span:
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


def _event(event: _Object) -> SpanEvent:
    return SpanEvent(
        _integer(event, "timeUnixNano", 0, _MAX_UINT64),
        _text(event, "name"),
        _attributes(event),
        _dropped(event, "Attributes"),
    )


def _link(link: _Object) -> SpanLink:
    return SpanLink(
        _id(link, "traceId").hex(),
        _id(link, "spanId").hex(),
        _text(link, "traceState"),
        _attributes(link),
        _dropped(link, "Attributes"),
        _integer(link, "flags", 0, _MAX_UINT32),
    )


def _resource(resource_spans: _Object) -> Resource:
    resource = _object(resource_spans, "resource")
    return Resource(
        _attributes(resource),
        _dropped(resource, "Attributes"),
        _text(resource_spans, "schemaUrl"),
        _objects(resource, "entityRefs"),
    )


def _scope(scope_spans: _Object) -> InstrumentationScope:
    scope = _object(scope_spans, "scope")
    return InstrumentationScope(
        _text(scope, "name"),
        _text(scope, "version"),
        _attributes(scope),
        _dropped(scope, "Attributes"),
        _text(scope_spans, "schemaUrl"),
    )


def _attributes(holder: _Object) -> dict[str, AttributeValue]:
    """Key-value pairs as a dictionary; an attribute without a value is left out, of two the last counts."""
    return _key_values(_objects(holder, "attributes"), depth=0, keep_unset=False)


def _key_values(pairs: list[_Object], *, depth: int, keep_unset: bool) -> dict[str, AttributeValue]:
    values: dict[str, AttributeValue] = {}
    for pair in pairs:
        value = _any_value(_object(pair, "value"), depth)
        if value is not None or keep_unset:
            values[_text(pair, "key")] = value
    return values


def _any_value(value: _Object, depth: int) -> AttributeValue:
    """The member of an AnyValue that is set; ``None`` when none is."""
    if depth > MAX_DEPTH:
        raise _BadSpan(f"a value is nested more than {MAX_DEPTH} deep")
    for member, content in value.items():
        if content is not None and member in _MEMBERS:
            return _MEMBERS[member](value, depth)
    return None


def _object(holder: _Object, key: str) -> _Object:
    found = holder.get(key)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise _BadSpan(f"{key} must be an object")
    return found


def _objects(holder: _Object, key: str) -> list[_Object]:
    found = holder.get(key)
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise _BadSpan(f"{key} must be an array of objects")
    return found


def _text(holder: _Object, key: str) -> str:
    found = holder.get(key)
    if found is None:
        return ""
    if not isinstance(found, str):
        raise _BadSpan(f"{key} must be a string")
    return found


def _id(holder: _Object, key: str) -> bytes:
    try:
        return bytes.fromhex(_text(holder, key))
    except ValueError as error:
        raise _BadSpan(f"{key} must be hexadecimal") from error


def _dropped(holder: _Object, what: str) -> int:
    return _integer(holder, f"dropped{what}Count", 0, _MAX_UINT32)


def _integer(holder: _Object, key: str, least: int, most: int) -> int:
    found = holder.get(key)
    if found is None:
        return 0
    number = _whole(found)
    if number is None or not least <= number <= most:
        raise _BadSpan(f"{key} must be an integer from {least} to {most}")
    return number


def _whole(found: object) -> int | None:
    if isinstance(found, bool):
        return None
    if isinstance(found, str):
        return int(found) if found.removeprefix("-").isascii() and found.removeprefix("-").isdigit() else None
    if isinstance(found, float):
        return int(found) if found.is_integer() else None
    return found if isinstance(found, int) else None


def _bool(content: object) -> bool:
    if not isinstance(content, bool):
        raise _BadSpan("boolValue must be true or false")
    return content


def _double(content: object) -> float:
    """A number, or the texts that the protobuf JSON mapping has for what JSON numbers cannot say."""
    if isinstance(content, str):
        try:
            return float(content)
        except ValueError as error:
            raise _BadSpan("doubleValue must be a number") from error
    if isinstance(content, bool) or not isinstance(content, int | float):
        raise _BadSpan("doubleValue must be a number")
    try:
        return float(content)
    except OverflowError:
        return math.inf


def _bytes(content: object) -> bytes:
    """Base64, standard or URL-safe, padded or not."""
    if not isinstance(content, str):
        raise _BadSpan("bytesValue must be base64")
    text = content.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise _BadSpan("bytesValue must be base64") from error


def _array(value: _Object, depth: int) -> list[AttributeValue]:
    return [_any_value(item, depth + 1) for item in _objects(_object(value, "arrayValue"), "values")]


def _map(value: _Object, depth: int) -> dict[str, AttributeValue]:
    return _key_values(_objects(_object(value, "kvlistValue"), "values"), depth=depth + 1, keep_unset=True)


_MEMBERS: dict[str, Callable[[_Object, int], AttributeValue]] = {
    "stringValue": lambda value, _: _text(value, "stringValue"),
    "boolValue": lambda value, _: _bool(value["boolValue"]),
    "intValue": lambda value, _: _integer(value, "intValue", -(2**63), 2**63 - 1),
    "doubleValue": lambda value, _: _double(value["doubleValue"]),
    "bytesValue": lambda value, _: _bytes(value["bytesValue"]),
    "arrayValue": _array,
    "kvlistValue": _map,
}
