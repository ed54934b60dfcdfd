"""Spans as JSON text: plain for reading, and exact where plain JSON would lose something.

Plain JSON cannot tell bytes from text, has no NaN or infinity, and no unset value. The few spans that hold such values
keep them a second time in the encoding of OTLP/JSON (an AnyValue as ``{"bytesValue": ...}`` and so on).
"""

from collections.abc import Sequence

from actors.span_store.columns.attributes import json_text, key_values, plain_json
from actors.span_store.columns.spans import (
    Attributes,
    InstrumentationScope,
    Resource,
    SpanColumns,
    SpanEvent,
    SpanLink,
)


def exact_json(spans: SpanColumns, row: int, attributes: Attributes) -> bytes:
    """Attributes of the span and those of its events, links, resource and scope in OTLP/JSON."""
    return json_text(
        {
            "attributes": key_values(attributes),
            "events": [{"attributes": key_values(event.attributes)} for event in spans.events.get(row, ())],
            "links": [{"attributes": key_values(link.attributes)} for link in spans.links.get(row, ())],
            "resource": {"attributes": key_values(spans.resource.at(row).attributes)},
            "scope": {"attributes": key_values(spans.scope.at(row).attributes)},
        }
    )


def events_json(events: Sequence[SpanEvent]) -> tuple[bytes, bool]:
    """The events in the form that the REST API shows, and whether it is exact."""
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
