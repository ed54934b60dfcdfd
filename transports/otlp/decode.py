"""Decoding of OTLP trace requests, for HTTP and gRPC alike.

Follows opentelemetry-proto 1.x (``opentelemetry.proto.trace.v1``) and the OTLP 1.11 rules for partial success.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import attrs
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans

from actors.runtime.bus import Bus
from actors.span_store.columns.spans import (
    InstrumentationScope,
    Resource,
    Span,
    SpanEvent,
    SpanLink,
)
from actors.span_store.masking.masking import Masking
from actors.span_store.messages import IngestSpans
from transports.otlp.decode_columns import decode_columns
from transports.otlp.decode_json import decode_trace_json
from transports.otlp.decoder import Decoder
from transports.otlp.limits import RequestLimits, demand_few
from transports.otlp.request import DecodedRequest, fault_of_ids, parent_id, summary
from transports.otlp.salvage import SPANS, read_request
from transports.otlp.values import attributes_of, resource_of, scope_of

# Decoding this many bytes, and making rows of them, takes about 0.7 ms; below that a hop to a thread costs more than
# it frees.
_INLINE_BYTES = 32 * 1024
# Columns cost 0.5 ms for each request, however few its spans are; below that single spans cost less.
_COLUMNS_BYTES = 16 * 1024
_LOST = "the span, its scope or its resource is malformed or too deep"


async def receive_traces(
    bus: Bus,
    body: bytes,
    *,
    json: bool = False,
    decoder: Decoder = Decoder(),  # noqa: B008 - frozen
    count: Callable[[int], None] | None = None,
) -> ExportTraceServiceResponse:
    """Decode and store a request; the answer comes after its spans are durable. Raises ``StudioError``.

    ``json`` says that the body is OTLP/JSON and not protobuf. All but small bodies are decoded by ``decoder``.
    ``count`` is called with the number of spans, good or not, before they are stored.
    """
    if len(body) > _INLINE_BYTES:
        received = await decoder.run(lambda: decode_any(body, json, decoder.limits, decoder.masking), len(body))
    else:
        received = decode_any(body, json, decoder.limits, decoder.masking)
    if count is not None:
        count(len(received.request.spans) + received.rejected)
    if len(received.request.spans):
        await bus.ask(received.request)
    response = ExportTraceServiceResponse()
    if received.rejected:
        response.partial_success.rejected_spans = received.rejected
        response.partial_success.error_message = received.message
    return response


@attrs.frozen
class Received:
    """The spans to store, the number of rejected spans, and the reasons."""

    request: IngestSpans
    rejected: int
    message: str


def decode_any(body: bytes, json: bool, limits: RequestLimits, masking: Masking | None = None) -> Received:
    """Decode a request; all but small ones into columns where possible (see ``decode_columns``).

    What is to be masked is decoded span by span: it is looked at in all its parts anyway.
    """
    in_columns = len(body) > _COLUMNS_BYTES and not json and masking is None
    columns = decode_columns(body, limits) if in_columns else None
    if columns is not None:
        return Received(IngestSpans(spans=columns, size=len(body)), 0, "")
    decoded = decode_trace_json(body, limits) if json else decode_trace_request(body, limits)
    spans = decoded.spans if masking is None else masking.spans(decoded.spans)
    return Received(IngestSpans(spans=spans, size=len(body)), decoded.rejected, decoded.message)


def decode_trace_request(body: bytes, limits: RequestLimits = RequestLimits()) -> DecodedRequest:  # noqa: B008 - frozen
    """Decode a serialised ``ExportTraceServiceRequest``. ``InvalidRequest`` when it is not one, or ``TooLarge``.

    Nesting of values is bounded by protobuf's parser (100 messages deep); a span that it refuses is rejected by itself.
    Of a key that stands twice in one map, which OTLP forbids, the last value counts. CPU-heavy: run it off the event
    loop for large bodies.
    """
    demand_few(body, limits)
    request, lost = read_request(body, SPANS)
    faults = Counter({_LOST: lost} if lost else {})
    spans = list(_spans_of(request, faults))
    return DecodedRequest(spans=spans, rejected=faults.total(), message=summary(faults))


def decode_single_span(resource_spans: ResourceSpans) -> Span | None:
    """Decode the one span of a resource; ``None`` when its ids are not valid."""
    request = ExportTraceServiceRequest(resource_spans=[resource_spans])
    return next(_spans_of(request, Counter()), None)


# The arguments below are protobuf messages. They are typed Any because attribute access through the generated types
# costs mypy nothing and the reader much: the field names are those of the OTLP specification.


def _spans_of(request: Any, faults: "Counter[str]") -> Iterator[Span]:  # noqa: ANN401 - see above
    for resource_spans in request.resource_spans:
        resource = resource_of(resource_spans.resource, resource_spans.schema_url)
        for scope_spans in resource_spans.scope_spans:
            scope = scope_of(scope_spans.scope, scope_spans.schema_url)
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
        attributes_of(span.attributes),
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
    return SpanEvent(event.time_unix_nano, event.name, attributes_of(event.attributes), event.dropped_attributes_count)


def _link(link: Any) -> SpanLink:  # noqa: ANN401 - see above
    return SpanLink(
        link.trace_id.hex(),
        link.span_id.hex(),
        link.trace_state,
        attributes_of(link.attributes),
        link.dropped_attributes_count,
        link.flags,
    )
