"""Decoding of OTLP logs requests in JSON: see ``json_values`` for the mapping."""

from collections import Counter
from collections.abc import Iterator

from actors.span_store.columns.logs import Log
from actors.span_store.columns.spans import InstrumentationScope, Resource
from transports.json_document import JsonObject, parse_object
from transports.otlp.json_values import (
    MAX_UINT32,
    MAX_UINT64,
    Malformed,
    any_value,
    as_object,
    attributes_of,
    dropped,
    frame,
    frames,
    good,
    id_in,
    integer_in,
    object_in,
    read_shared,
    resource_of,
    scope_of,
    text_in,
)
from transports.otlp.limits import Parts, RequestLimits, json_memory
from transports.otlp.request import LOG_RECORD, DecodedLogs, fault_of_log, summary


def decode_logs_json(body: bytes, limits: RequestLimits = RequestLimits()) -> DecodedLogs:  # noqa: B008 - frozen
    """Decode an ``ExportLogsServiceRequest`` in JSON.

    ``InvalidRequest`` when the body is not JSON or its frame is wrong, ``TooLarge`` when it has too many parts. A
    malformed log record is rejected by itself, and a resource or scope with its records.
    """
    memory = json_memory(body)
    document = parse_object(body)
    limits.demand_json(logs_frame_of(document), memory, len(body))
    faults: Counter[str] = Counter()
    records = list(_records_of(document, faults))
    return DecodedLogs(records=records, rejected=faults.total(), message=summary(faults, LOG_RECORD))


def logs_frame_of(document: JsonObject) -> Parts:
    """Count the resources, scopes and log records of a request. ``InvalidRequest`` for a wrong frame."""
    parts = Parts()
    for resource_logs in frames(document, "resourceLogs"):
        parts.resources += 1
        for scope_logs in frames(resource_logs, "scopeLogs"):
            parts.scopes += 1
            parts.logs += len(frame(scope_logs, "logRecords"))
    return parts


def _records_of(document: JsonObject, faults: "Counter[str]") -> Iterator[Log]:
    for resource_logs in frames(document, "resourceLogs"):
        resource = read_shared(resource_of, resource_logs)
        for scope_logs in frames(resource_logs, "scopeLogs"):
            scope = read_shared(scope_of, scope_logs)
            for record in frame(scope_logs, "logRecords"):
                try:
                    yield _log(as_object(record, "a log record"), good(resource), good(scope))
                except Malformed as fault:
                    faults[str(fault)] += 1


def _log(record: JsonObject, resource: Resource, scope: InstrumentationScope) -> Log:
    trace_id, span_id = id_in(record, "traceId"), id_in(record, "spanId")
    fault = fault_of_log(trace_id, span_id)
    if fault:
        raise Malformed(fault)
    return Log(
        trace_id.hex(),
        span_id.hex(),
        integer_in(record, "timeUnixNano", 0, MAX_UINT64),
        integer_in(record, "observedTimeUnixNano", 0, MAX_UINT64),
        integer_in(record, "severityNumber", -(2**31), 2**31 - 1),
        text_in(record, "severityText"),
        text_in(record, "eventName"),
        any_value(object_in(record, "body"), 0),
        attributes_of(record),
        dropped(record, "Attributes"),
        integer_in(record, "flags", 0, MAX_UINT32),
        resource,
        scope,
    )
