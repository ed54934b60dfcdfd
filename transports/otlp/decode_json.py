"""Decoding of OTLP trace requests in JSON: see ``json_values`` for the mapping."""

from collections import Counter
from collections.abc import Iterator

from actors.span_store.columns.spans import InstrumentationScope, Resource, Span, SpanEvent, SpanLink
from transports.json_document import JsonObject, parse_object
from transports.otlp.json_values import (
    MAX_UINT32,
    MAX_UINT64,
    Malformed,
    as_object,
    attributes_of,
    dropped,
    frame,
    frames,
    good,
    id_in,
    integer_in,
    object_in,
    objects_in,
    read_shared,
    resource_of,
    scope_of,
    text_in,
)
from transports.otlp.limits import Parts, RequestLimits, json_memory
from transports.otlp.request import DecodedRequest, fault_of_ids, parent_id, summary


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
    for resource_spans in frames(document, "resourceSpans"):
        parts.resources += 1
        for scope_spans in frames(resource_spans, "scopeSpans"):
            parts.scopes += 1
            parts.spans += len(frame(scope_spans, "spans"))
    return parts


def _spans_of(document: JsonObject, faults: "Counter[str]") -> Iterator[Span]:
    for resource_spans in frames(document, "resourceSpans"):
        resource = read_shared(resource_of, resource_spans)
        for scope_spans in frames(resource_spans, "scopeSpans"):
            scope = read_shared(scope_of, scope_spans)
            for span in frame(scope_spans, "spans"):
                try:
                    yield _span(as_object(span, "a span"), good(resource), good(scope))
                except Malformed as fault:
                    faults[str(fault)] += 1


def _span(span: JsonObject, resource: Resource, scope: InstrumentationScope) -> Span:
    trace_id, span_id = id_in(span, "traceId"), id_in(span, "spanId")
    fault = fault_of_ids(trace_id, span_id)
    if fault:
        raise Malformed(fault)
    status = object_in(span, "status")
    return Span(
        trace_id.hex(),
        span_id.hex(),
        parent_id(id_in(span, "parentSpanId")),
        text_in(span, "traceState"),
        integer_in(span, "flags", 0, MAX_UINT32),
        text_in(span, "name"),
        integer_in(span, "kind", -(2**31), 2**31 - 1),
        integer_in(span, "startTimeUnixNano", 0, MAX_UINT64),
        integer_in(span, "endTimeUnixNano", 0, MAX_UINT64),
        attributes_of(span),
        dropped(span, "Attributes"),
        [_event(event) for event in objects_in(span, "events")],
        dropped(span, "Events"),
        [_link(link) for link in objects_in(span, "links")],
        dropped(span, "Links"),
        integer_in(status, "code", -(2**31), 2**31 - 1),
        text_in(status, "message"),
        resource,
        scope,
    )


def _event(event: JsonObject) -> SpanEvent:
    return SpanEvent(
        integer_in(event, "timeUnixNano", 0, MAX_UINT64),
        text_in(event, "name"),
        attributes_of(event),
        dropped(event, "Attributes"),
    )


def _link(link: JsonObject) -> SpanLink:
    return SpanLink(
        id_in(link, "traceId").hex(),
        id_in(link, "spanId").hex(),
        text_in(link, "traceState"),
        attributes_of(link),
        dropped(link, "Attributes"),
        integer_in(link, "flags", 0, MAX_UINT32),
    )
