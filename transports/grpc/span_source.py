"""``ingestion.InternalIngestionService/ReadSpans`` as a source of spans, in both generations of its wire format.

The older one sends a message for each span and leaves out rows it cannot read. The newer one ends with a message
without span, which has the key of the last row read, readable or not, and how many rows remain.
"""

import asyncio

import attrs
from google.protobuf.message import DecodeError
from grpclib.client import Channel
from grpclib.exceptions import GRPCError, StreamTerminatedError
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans

from actors.errors import Unavailable
from actors.ingestion.source import PulledBatch
from actors.span_store.columns.spans import Span
from actors.span_store.masking.masking import Masking
from transports.addresses import host_and_port
from transports.grpc.generated.ingestion_grpc import InternalIngestionServiceStub
from transports.grpc.generated.ingestion_pb2 import ReadSpansRequest, ReadSpansResponse
from transports.otlp.decode import decode_single_span

_READ_SECONDS = 30.0  # seconds for one batch


class ReadSpansSource:
    """Client of one ingestion service. The channel connects at the first call, and again after it broke."""

    def __init__(
        self, host: str, port: int, *, read_seconds: float = _READ_SECONDS, masking: Masking | None = None
    ) -> None:
        self._channel = Channel(host, port)
        self._stub = InternalIngestionServiceStub(self._channel)
        self._where = host_and_port(host, port)
        self._read_seconds = read_seconds
        self._masking = masking

    async def read(self, after: bytes, limit: int) -> PulledBatch:
        """Read one batch. Raises ``Unavailable`` for any fault of the service or the connection."""
        request = ReadSpansRequest(start_key_ulid=after, batch_size=limit)
        try:
            rows = await self._stub.ReadSpans(request, timeout=self._read_seconds)
        except (TimeoutError, GRPCError, StreamTerminatedError, OSError) as fault:
            raise Unavailable(f"The ingestion service at {self._where} does not answer: {_reason(fault)}") from fault
        batch = _batch(rows, after, limit)
        if self._masking is None:
            return batch
        return attrs.evolve(batch, spans=await asyncio.to_thread(self._masking.spans, batch.spans))

    async def close(self) -> None:
        self._channel.close()


def _batch(rows: list[ReadSpansResponse], after: bytes, limit: int) -> PulledBatch:
    spans: list[Span] = []
    size = corrupt = 0
    last_key, remaining = None, None
    full = sum(bool(row.span_bytes) for row in rows) >= limit
    for row in rows:
        if row.key_ulid:  # a final message without key never moves ours
            last_key = row.key_ulid
        if not row.span_bytes:
            remaining = row.remaining_count
            continue
        size += len(row.span_bytes) + len(row.resource_bytes)
        span = _span(row)
        if span is None:
            corrupt += 1
        else:
            spans.append(span)
    return PulledBatch(
        spans=spans,
        size=size,
        last_key=last_key,
        corrupt=corrupt,
        remaining=remaining,
        more=last_key not in (None, after) and (full if remaining is None else remaining > 0),
    )


def _span(row: ReadSpansResponse) -> Span | None:
    """The span of a row with its own resource; ``None`` for a row that holds none."""
    try:
        resource_spans = ResourceSpans()
        resource_spans.resource.ParseFromString(row.resource_bytes)
        resource_spans.scope_spans.add().spans.add().ParseFromString(row.span_bytes)
    except DecodeError:
        return None
    return decode_single_span(resource_spans)


def _reason(fault: BaseException) -> str:
    if isinstance(fault, GRPCError):
        return f"{fault.status.name} {fault.message or ''}".strip()
    return type(fault).__name__ if not str(fault) else str(fault)
