"""An OTLP trace request becomes spans. Used by HTTP and gRPC alike.

Follows opentelemetry-proto 1.x (``opentelemetry.proto.trace.v1``) and the OTLP 1.11 rules for partial success.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from typing import Any

import attrs
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from actors.errors import InvalidRequest
from actors.runtime.bus import Bus
from actors.span_store.messages import IngestSpans
from actors.span_store.spans import (
    AttributeValue,
    InstrumentationScope,
    Resource,
    Span,
    SpanEvent,
    SpanLink,
)

# Decoding so many bytes takes about 0.3 ms; below that a hop to a thread costs more than it frees.
_INLINE_BYTES = 32 * 1024
# Members of AnyValue whose Python form is the value itself.
_PLAIN = frozenset(("string_value", "bool_value", "int_value", "double_value", "bytes_value"))
_NO_ID = frozenset((b"", b"\0" * 8, b"\0" * 16))


@attrs.frozen(kw_only=True)
class DecodedRequest:
    """The good spans of a request, and how many were rejected and why (OTLP ``partial_success``)."""

    spans: Sequence[Span]
    rejected: int
    message: str  # "" when nothing was rejected


async def receive_traces(bus: Bus, body: bytes, executor: Executor | None = None) -> ExportTraceServiceResponse:
    """Decode and store a request; the answer comes after its spans are durable. Raises ``StudioError``.

    Large bodies are decoded in ``executor``, by default the loop's own.
    """
    if len(body) > _INLINE_BYTES:
        decoded = await asyncio.get_running_loop().run_in_executor(executor, decode_trace_request, body)
    else:
        decoded = decode_trace_request(body)
    if decoded.spans:
        await bus.ask(IngestSpans(spans=decoded.spans, size=len(body)))
    response = ExportTraceServiceResponse()
    if decoded.rejected:
        response.partial_success.rejected_spans = decoded.rejected
        response.partial_success.error_message = decoded.message
    return response


def decode_trace_request(body: bytes) -> DecodedRequest:
    """Decode a serialised ``ExportTraceServiceRequest``. ``InvalidRequest`` when it is not one.

    Nesting of values is bounded by protobuf's parser (100 messages deep). Of a key that stands twice in one map, which
    OTLP forbids, the last value counts. CPU-heavy: run it off the event loop for large bodies.
    """
    try:
        request = ExportTraceServiceRequest.FromString(body)
    except DecodeError as error:
        raise InvalidRequest("The body is not an ExportTraceServiceRequest") from error
    faults: Counter[str] = Counter()
    spans = list(_spans_of(request, faults))
    return DecodedRequest(spans=spans, rejected=faults.total(), message=_summary(faults))


def _summary(faults: "Counter[str]") -> str:
    return "; ".join(f"{count} span(s) rejected: {fault}" for fault, count in faults.items())


# The arguments below are protobuf messages. They are typed Any because attribute access through the generated types
# costs mypy nothing and the reader much: the field names are those of the OTLP specification.


def _spans_of(request: Any, faults: "Counter[str]") -> Iterator[Span]:  # noqa: ANN401 - see above
    for resource_spans in request.resource_spans:
        resource = _resource(resource_spans)
        for scope_spans in resource_spans.scope_spans:
            scope = _scope(scope_spans)
            for span in scope_spans.spans:
                fault = _fault_of(span)
                if fault:
                    faults[fault] += 1
                else:
                    yield _span(span, resource, scope)


def _fault_of(span: Any) -> str:  # noqa: ANN401 - see above
    """Why the span cannot be stored, or "". The rules for ids are those of the trace data model."""
    if len(span.trace_id) != 16 or span.trace_id in _NO_ID:  # noqa: PLR2004 - bytes of a trace id
        return "trace_id must be 16 bytes, not all zero"
    if len(span.span_id) != 8 or span.span_id in _NO_ID:  # noqa: PLR2004 - bytes of a span id
        return "span_id must be 8 bytes, not all zero"
    return ""


def _span(span: Any, resource: Resource, scope: InstrumentationScope) -> Span:  # noqa: ANN401 - see above
    parent = span.parent_span_id
    status = span.status
    return Span(
        span.trace_id.hex(),
        span.span_id.hex(),
        "" if parent in _NO_ID else parent.hex(),
        span.trace_state,
        span.flags,
        span.name,
        span.kind,
        span.start_time_unix_nano,
        span.end_time_unix_nano,
        _attributes(span.attributes),
        span.dropped_attributes_count,
        [_event(event) for event in span.events] if span.events else (),
        span.dropped_events_count,
        [_link(link) for link in span.links] if span.links else (),
        span.dropped_links_count,
        status.code,
        status.message,
        resource,
        scope,
    )


def _event(event: Any) -> SpanEvent:  # noqa: ANN401 - see above
    return SpanEvent(event.time_unix_nano, event.name, _attributes(event.attributes), event.dropped_attributes_count)


def _link(link: Any) -> SpanLink:  # noqa: ANN401 - see above
    return SpanLink(
        link.trace_id.hex(),
        link.span_id.hex(),
        link.trace_state,
        _attributes(link.attributes),
        link.dropped_attributes_count,
        link.flags,
    )


def _resource(resource_spans: Any) -> Resource:  # noqa: ANN401 - see above
    resource = resource_spans.resource
    entities = [
        {
            "schemaUrl": entity.schema_url,
            "type": entity.type,
            "idKeys": list(entity.id_keys),
            "descriptionKeys": list(entity.description_keys),
        }
        for entity in resource.entity_refs
    ]
    return Resource(
        _attributes(resource.attributes), resource.dropped_attributes_count, resource_spans.schema_url, entities
    )


def _scope(scope_spans: Any) -> InstrumentationScope:  # noqa: ANN401 - see above
    scope = scope_spans.scope
    return InstrumentationScope(
        scope.name,
        scope.version,
        _attributes(scope.attributes),
        scope.dropped_attributes_count,
        scope_spans.schema_url,
    )


def _attributes(pairs: Any) -> dict[str, AttributeValue]:  # noqa: ANN401 - see above
    """Key-value pairs as a dictionary; an attribute without a value is left out."""
    attributes: dict[str, AttributeValue] = {}
    for pair in pairs:
        value = pair.value
        member = value.WhichOneof("value")
        if member in _PLAIN:
            attributes[pair.key] = getattr(value, member)
        elif member is not None:
            attributes[pair.key] = _nested(value, member)
    return attributes


def _nested(value: Any, member: str | None) -> AttributeValue:  # noqa: ANN401 - see above
    """An AnyValue inside another: an unset one is ``None``, because its place in an array counts."""
    if member is None:
        return None
    if member == "array_value":
        return [_nested(item, item.WhichOneof("value")) for item in value.array_value.values]
    if member == "kvlist_value":
        return {pair.key: _nested(pair.value, pair.value.WhichOneof("value")) for pair in value.kvlist_value.values}
    plain: AttributeValue = getattr(value, member)
    return plain
