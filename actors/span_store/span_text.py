"""Spans as JSON text: plain for reading, and exact where plain JSON would lose something.

Plain JSON cannot tell bytes from text, has no NaN or infinity, and no unset value. The few spans that hold such values
keep them a second time in the encoding of OTLP/JSON (an AnyValue as ``{"bytesValue": ...}`` and so on).
"""

import base64
import math
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from actors.span_store.attributes import plain_json
from actors.span_store.spans import (
    Attributes,
    AttributeValue,
    InstrumentationScope,
    Resource,
    SpanColumns,
    SpanEvent,
    SpanLink,
)

EMPTY_ARRAY = b"[]"


def exact_json(spans: SpanColumns, row: int, attributes: Attributes) -> bytes:
    """Attributes of the span and those of its events, links, resource and scope in OTLP/JSON."""
    return orjson.dumps(
        {
            "attributes": _key_values(attributes),
            "events": [{"attributes": _key_values(event.attributes)} for event in spans.events[row]],
            "links": [{"attributes": _key_values(link.attributes)} for link in spans.links[row]],
            "resource": {"attributes": _key_values(spans.resource[row].attributes)},
            "scope": {"attributes": _key_values(spans.scope[row].attributes)},
        }
    )


def events_json(events: Sequence[SpanEvent]) -> tuple[bytes, bool]:
    """The events in the form that the REST API shows, and whether it is exact."""
    if not events:
        return EMPTY_ARRAY, True
    return plain_json(
        [
            {
                "name": event.name,
                "timeUnixNano": event.time_unix_nano,
                "droppedAttributesCount": event.dropped_attributes_count,
                "attributes": event.attributes,
            }
            for event in events
        ]
    )


def links_json(links: Sequence[SpanLink]) -> tuple[bytes, bool]:
    """The links in the form that the REST API shows, and whether it is exact."""
    if not links:
        return EMPTY_ARRAY, True
    return plain_json(
        [
            {
                "traceId": link.trace_id,
                "spanId": link.span_id,
                "traceState": link.trace_state,
                "attributes": link.attributes,
                "droppedAttributesCount": link.dropped_attributes_count,
                "flags": link.flags,
            }
            for link in links
        ]
    )


def resource_json(resource: Resource) -> tuple[bytes, bool]:
    return plain_json(
        {
            "attributes": resource.attributes,
            "droppedAttributesCount": resource.dropped_attributes_count,
            "schemaUrl": resource.schema_url,
            "entityRefs": resource.entity_refs,
        }
    )


def scope_json(scope: InstrumentationScope) -> tuple[bytes, bool]:
    return plain_json(
        {
            "name": scope.name,
            "version": scope.version,
            "attributes": dict(scope.attributes),
            "droppedAttributesCount": scope.dropped_attributes_count,
            "schemaUrl": scope.schema_url,
        }
    )


def _key_values(attributes: Attributes) -> list[dict[str, Any]]:
    return [{"key": key, "value": _any_value(value)} for key, value in attributes.items()]


def _any_value(value: AttributeValue) -> dict[str, Any]:  # noqa: PLR0911 - one return for each member of AnyValue
    match value:
        case None:
            return {}
        case bool():
            return {"boolValue": value}
        case str():
            return {"stringValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value if math.isfinite(value) else _non_finite(value)}
        case bytes():
            return {"bytesValue": base64.b64encode(value).decode()}
        case Mapping():
            return {"kvlistValue": {"values": _key_values(value)}}
        case _:
            return {"arrayValue": {"values": [_any_value(item) for item in value]}}


def _non_finite(value: float) -> str:
    """How the protobuf JSON mapping writes these."""
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"
