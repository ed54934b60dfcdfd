"""An OTLP trace request becomes spans. Used by HTTP and gRPC alike."""

from collections.abc import Sequence

import attrs
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from actors.runtime.bus import Bus
from actors.span_store.spans import Span


@attrs.frozen(kw_only=True)
class DecodedRequest:
    """The good spans of a request, and how many were rejected and why (OTLP ``partial_success``)."""

    spans: Sequence[Span]
    rejected: int
    message: str  # "" when nothing was rejected


def decode_trace_request(body: bytes) -> DecodedRequest:
    """Decode a serialised ``ExportTraceServiceRequest``. ``InvalidRequest`` when it is not one.

    Pure and CPU-heavy: run it off the event loop for large bodies.
    """
    raise NotImplementedError


async def receive_traces(bus: Bus, body: bytes) -> ExportTraceServiceResponse:
    """Decode and store a request; the answer comes after its spans are durable. Raises ``StudioError``."""
    raise NotImplementedError
