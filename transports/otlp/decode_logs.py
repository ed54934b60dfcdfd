"""Decoding of OTLP logs requests, for HTTP and gRPC alike: log records of spans are stored, and all others rejected.

Follows ``opentelemetry.proto.logs.v1``. Bounds, partial success and what is malformed are as for spans.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import attrs
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse

from actors.runtime.bus import Bus
from actors.span_store.columns.logs import Log, Logs
from actors.span_store.columns.spans import InstrumentationScope, Resource
from actors.span_store.masking.masking import Masking
from actors.span_store.messages import IngestSpans
from transports.otlp.decode_logs_json import decode_logs_json
from transports.otlp.decoder import Decoder
from transports.otlp.limits import RequestLimits, demand_few_logs
from transports.otlp.request import LOG_RECORD, DecodedLogs, fault_of_log, summary
from transports.otlp.salvage import LOGS, read_request
from transports.otlp.values import attributes_of, nested_value, resource_of, scope_of

_INLINE_BYTES = 8 * 1024  # a few records; below that a hop to a thread costs more than it frees
_LOST = "the log record, its scope or its resource is malformed or too deep"


@attrs.frozen
class ReceivedLogs:
    """What to store, and the answer to it."""

    request: IngestSpans
    response: ExportLogsServiceResponse

    @property
    def records(self) -> int:
        return len(self.request.spans) + self.response.partial_success.rejected_log_records


async def receive_logs(
    bus: Bus,
    body: bytes,
    *,
    json: bool = False,
    decoder: Decoder = Decoder(),  # noqa: B008 - frozen
    count: Callable[[int], None] | None = None,
) -> ExportLogsServiceResponse:
    """Decode a request and store its log records; the answer comes after they are durable. Raises ``StudioError``.

    ``json`` and ``count`` are as in ``receive_traces``; a log record counts as a span.
    """

    def receive() -> ReceivedLogs:
        return decode_any_logs(body, json, decoder.limits, decoder.masking)

    received = await decoder.run(receive, len(body)) if len(body) > _INLINE_BYTES else receive()
    if count is not None:
        count(received.records)
    if len(received.request.spans):
        await bus.ask(received.request)
    return received.response


def decode_any_logs(body: bytes, json: bool, limits: RequestLimits, masking: Masking | None = None) -> ReceivedLogs:
    """Decode a request into rows and the answer. Records are masked before they are rows."""
    decoded = decode_logs_json(body, limits) if json else decode_logs_request(body, limits)
    response = ExportLogsServiceResponse()
    if decoded.rejected:
        response.partial_success.rejected_log_records = decoded.rejected
        response.partial_success.error_message = decoded.message
    records = decoded.records if masking is None else masking.logs(decoded.records)
    return ReceivedLogs(IngestSpans(spans=Logs(records), size=len(body)), response)


def decode_logs_request(body: bytes, limits: RequestLimits = RequestLimits()) -> DecodedLogs:  # noqa: B008 - frozen
    """Decode a serialised ``ExportLogsServiceRequest``. ``InvalidRequest`` when it is not one, or ``TooLarge``."""
    demand_few_logs(body, limits)
    request, lost = read_request(body, LOGS)
    faults = Counter({_LOST: lost} if lost else {})
    records = list(_records_of(request, faults))
    return DecodedLogs(records=records, rejected=faults.total(), message=summary(faults, LOG_RECORD))


# The arguments below are protobuf messages; see ``decode`` on their types.


def _records_of(request: Any, faults: "Counter[str]") -> Iterator[Log]:  # noqa: ANN401 - see above
    for resource_logs in request.resource_logs:
        resource = resource_of(resource_logs.resource, resource_logs.schema_url)
        for scope_logs in resource_logs.scope_logs:
            scope = scope_of(scope_logs.scope, scope_logs.schema_url)
            for record in scope_logs.log_records:
                fault = fault_of_log(record.trace_id, record.span_id)
                if fault:
                    faults[fault] += 1
                else:
                    yield _log(record, resource, scope)


def _log(record: Any, resource: Resource, scope: InstrumentationScope) -> Log:  # noqa: ANN401 - see above
    return Log(
        record.trace_id.hex(),
        record.span_id.hex(),
        record.time_unix_nano,
        record.observed_time_unix_nano,
        record.severity_number,
        record.severity_text,
        record.event_name,
        nested_value(record.body, record.body.WhichOneof("value")),
        attributes_of(record.attributes),
        record.dropped_attributes_count,
        record.flags,
        resource,
        scope,
    )
