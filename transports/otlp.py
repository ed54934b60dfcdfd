"""An OTLP trace request becomes spans. Used by HTTP and gRPC alike.

Follows opentelemetry-proto 1.x (``opentelemetry.proto.trace.v1``) and the OTLP 1.11 rules for partial success.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans

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
from transports.otlp_json import decode_trace_json
from transports.otlp_request import DecodedRequest, fault_of_ids, parent_id, summary
from transports.otlp_salvage import salvage

# Decoding so many bytes takes about 0.3 ms; below that a hop to a thread costs more than it frees.
_INLINE_BYTES = 32 * 1024
# Members of AnyValue whose Python form is the value itself.
_PLAIN = frozenset(("string_value", "bool_value", "int_value", "double_value", "bytes_value"))


async def receive_traces(
    bus: Bus, body: bytes, *, json: bool = False, executor: Executor | None = None
) -> ExportTraceServiceResponse:
    """Decode and store a request; the answer comes after its spans are durable. Raises ``StudioError``.

    ``json`` says that the body is OTLP/JSON and not protobuf. Large bodies are decoded in ``executor``, by default the
    loop's own.
    """
    decode: Callable[[bytes], DecodedRequest] = decode_trace_json if json else decode_trace_request
    if len(body) > _INLINE_BYTES:
        decoded = await asyncio.get_running_loop().run_in_executor(executor, decode, body)
    else:
        decoded = decode(body)
    if decoded.spans:
        await bus.ask(IngestSpans(spans=decoded.spans, size=len(body)))
    response = ExportTraceServiceResponse()
    if decoded.rejected:
        response.partial_success.rejected_spans = decoded.rejected
        response.partial_success.error_message = decoded.message
    return response


def decode_trace_request(body: bytes) -> DecodedRequest:
    """Decode a serialised ``ExportTraceServiceRequest``. ``InvalidRequest`` when it is not one.

    Nesting of values is bounded by protobuf's parser (100 messages deep); a span that it refuses is rejected by itself.
    Of a key that stands twice in one map, which OTLP forbids, the last value counts. CPU-heavy: run it off the event
    loop for large bodies.
    """
    faults: Counter[str] = Counter()
    try:
        request = ExportTraceServiceRequest.FromString(body)
    except DecodeError:
        request = _salvaged(body, faults)
    spans = list(_spans_of(request, faults))
    return DecodedRequest(spans=spans, rejected=faults.total(), message=summary(faults))


def decode_single_span(resource_spans: ResourceSpans) -> Span | None:
    """The one span of a resource; ``None`` when its ids identify nothing."""
    request = ExportTraceServiceRequest(resource_spans=[resource_spans])
    return next(_spans_of(request, Counter()), None)


def _salvaged(body: bytes, faults: "Counter[str]") -> ExportTraceServiceRequest:
    try:
        request, lost = salvage(body)
    except DecodeError as error:
        raise InvalidRequest("The body is not an ExportTraceServiceRequest") from error
    if lost:
        faults["the span is malformed or nested too deeply"] = lost
    return request


# The arguments below are protobuf messages. They are typed Any because attribute access through the generated types
# costs mypy nothing and the reader much: the field names are those of the OTLP specification.


def _spans_of(request: Any, faults: "Counter[str]") -> Iterator[Span]:  # noqa: ANN401 - see above
    for resource_spans in request.resource_spans:
        resource = _resource(resource_spans)
        for scope_spans in resource_spans.scope_spans:
            scope = _scope(scope_spans)
            for span in scope_spans.spans:
                fault = fault_of_ids(span.trace_id, span.span_id)
                if fault:
                    faults[fault] += 1
                else:
                    yield _span(span, resource, scope)


def _span(span: Any, resource: Resource, scope: InstrumentationScope) -> Span:  # noqa: ANN401 - see above
    status = span.status
    return Span(
        span.trace_id.hex(),
        span.span_id.hex(),
        parent_id(span.parent_span_id),
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
