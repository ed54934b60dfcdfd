"""Spans for tests: OTLP requests made by hand, and the spans that they become."""

import random
from collections.abc import Mapping
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span as OtlpSpan

from actors.span_store.columns.logs import Log
from actors.span_store.columns.spans import InstrumentationScope, Resource, Span

START = 1_700_000_000_000_000_000  # 2023-11-14T22:13:20Z in Unix nanoseconds


def span(
    span_id: int,
    *,
    trace_id: int = 1,
    parent: int | None = None,
    service: str = "tests",
    start: int = START,
    attributes: Mapping[str, Any] | None = None,
    **others: Any,
) -> Span:
    """A stored value; numbers become ids."""
    values: dict[str, Any] = {
        "trace_id": f"{trace_id:032x}",
        "span_id": f"{span_id:016x}",
        "parent_span_id": "" if parent is None else f"{parent:016x}",
        "trace_state": "",
        "flags": 0,
        "name": f"span {span_id}",
        "kind": 1,
        "start_time_unix_nano": start,
        "end_time_unix_nano": start + 1000,
        "attributes": attributes or {},
        "dropped_attributes_count": 0,
        "events": (),
        "dropped_events_count": 0,
        "links": (),
        "dropped_links_count": 0,
        "status_code": 0,
        "status_message": "",
        "resource": Resource({"service.name": service}),
        "scope": InstrumentationScope("tests", "1"),
    }
    return Span(**(values | others))


def log(number: int = 0, *, trace_id: int = 1, span_id: int = 1, service: str = "tests", **others: Any) -> Log:
    """A log record of a span; numbers become ids, and ``number`` is when it was written, in nanoseconds."""
    values: dict[str, Any] = {
        "trace_id": f"{trace_id:032x}",
        "span_id": f"{span_id:016x}",
        "time_unix_nano": START + number,
        "observed_time_unix_nano": START + number + 1,
        "severity_number": 9,
        "severity_text": "INFO",
        "event_name": f"log {number}",
        "body": f"body {number}",
        "attributes": {},
        "dropped_attributes_count": 0,
        "flags": 1,
        "resource": Resource({"service.name": service}),
        "scope": InstrumentationScope("tests", "1"),
    }
    return Log(**(values | others))


def log_like(of: Span, **others: Any) -> Log:
    """A log record of a span that says all that the span says, and so would be found wherever the span is."""
    values: dict[str, Any] = {
        "trace_id": of.trace_id,
        "span_id": of.span_id,
        "time_unix_nano": of.start_time_unix_nano,
        "observed_time_unix_nano": of.end_time_unix_nano,
        "severity_number": 17,
        "severity_text": of.status_message,
        "event_name": of.name,
        "body": {"name": of.name, **of.attributes},
        "attributes": of.attributes,
        "dropped_attributes_count": 0,
        "flags": of.flags,
        "resource": of.resource,
        "scope": of.scope,
    }
    return Log(**(values | others))


def otlp_log(number: int = 0, *, trace_id: int = 1, span_id: int = 1, body: Any = "said") -> LogRecord:
    """An OTLP log record; numbers become ids."""
    return LogRecord(
        trace_id=trace_id.to_bytes(16, "big"),
        span_id=span_id.to_bytes(8, "big"),
        time_unix_nano=START + number,
        observed_time_unix_nano=START + number + 1,
        severity_number=9,  # type: ignore[arg-type] # INFO
        severity_text="INFO",
        event_name=f"log {number}",
        body=any_value(body),
    )


def logs_request(*records: LogRecord, service: str = "tests") -> ExportLogsServiceRequest:
    """One resource and scope with these log records."""
    request = ExportLogsServiceRequest()
    resource_logs = request.resource_logs.add()
    resource_logs.resource.attributes.add(key="service.name", value=any_value(service))
    resource_logs.scope_logs.add(log_records=records).scope.name = "tests"
    return request


def otlp_span(span_id: int, *, trace_id: int = 1, start: int = START, **attributes: Any) -> OtlpSpan:
    """An OTLP span; numbers become ids."""
    made = OtlpSpan(
        trace_id=trace_id.to_bytes(16, "big"),
        span_id=span_id.to_bytes(8, "big"),
        name=f"span {span_id}",
        kind=OtlpSpan.SPAN_KIND_INTERNAL,
        start_time_unix_nano=start,
        end_time_unix_nano=start + 1000,
    )
    for key, value in attributes.items():
        made.attributes.add(key=key, value=any_value(value))
    return made


def otlp_request(*spans: OtlpSpan, service: str = "tests") -> ExportTraceServiceRequest:
    """One resource and scope with these spans."""
    request = ExportTraceServiceRequest()
    resource_spans = request.resource_spans.add()
    resource_spans.resource.attributes.add(key="service.name", value=any_value(service))
    resource_spans.scope_spans.add(spans=spans).scope.name = "tests"
    return request


def request_of(service: str, spans: int) -> bytes:
    """A serialised request of spans that are numbered from 1, of which three at a time begin together."""
    made = (otlp_span(number + 1, start=START + number // 3) for number in range(spans))
    return otlp_request(*made, service=service).SerializeToString()


def many_spans(count: int, *, seed: int, service: str = "tests", start: int = START) -> bytes:
    """A serialised request of ``count`` spans, ten to a trace, with ids that differ from seed to seed."""
    chance = random.Random(seed)
    spans = []
    for index in range(count):
        if index % 10 == 0:
            trace_id = chance.getrandbits(127) + 1
        spans.append(otlp_span(chance.getrandbits(63) + 1, trace_id=trace_id, start=start + index, index=index))
    return otlp_request(*spans, service=service).SerializeToString()


def any_value(value: Any) -> AnyValue:
    """A Python value as an OTLP AnyValue."""
    made = AnyValue()
    match value:
        case None:
            pass
        case bool():
            made.bool_value = value
        case str():
            made.string_value = value
        case int():
            made.int_value = value
        case float():
            made.double_value = value
        case bytes():
            made.bytes_value = value
        case Mapping():
            made.kvlist_value.SetInParent()
            for key, item in value.items():
                made.kvlist_value.values.add(key=key, value=any_value(item))
        case _:
            made.array_value.SetInParent()
            made.array_value.values.extend(any_value(item) for item in value)
    return made
