"""An external ingestion service for tests: keeps rows in memory and serves ``ReadSpans`` in either generation."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import attrs
from grpclib.server import Stream

from tests.spans import any_value, otlp_span
from transports.grpc.generated.ingestion_grpc import InternalIngestionServiceBase
from transports.grpc.generated.ingestion_pb2 import ReadSpansRequest, ReadSpansResponse
from transports.grpc.listener import Listener

CORRUPT = b""  # a stored row that the service itself cannot read


def key(number: int) -> bytes:
    return number.to_bytes(16, "big")


@attrs.define
class IngestionService(InternalIngestionServiceBase):
    """``rows`` are (span bytes, resource bytes) under the keys 1, 2, 3, ...; ``v3`` adds the final control message."""

    v3: bool
    rows: list[tuple[bytes, bytes]] = attrs.field(factory=list)
    asked: list[tuple[bytes, int]] = attrs.field(factory=list)  # start key and batch size of each call
    final_key: bool = True  # whether the control message has a key
    _called: asyncio.Condition = attrs.field(factory=asyncio.Condition)

    async def until_asked(self, calls: int) -> None:
        """Return when so many calls have come since the start."""
        async with self._called:
            await self._called.wait_for(lambda: len(self.asked) >= calls)

    def add(self, span_id: int, *, service: str = "pulled", trace_id: int = 1) -> None:
        resource = any_resource(service)
        self.rows.append((otlp_span(span_id, trace_id=trace_id).SerializeToString(), resource))

    async def ReadSpans(self, stream: Stream[ReadSpansRequest, ReadSpansResponse]) -> None:  # noqa: N802 - from the proto
        request = await stream.recv_message()
        assert request is not None
        self.asked.append((request.start_key_ulid, request.batch_size))
        async with self._called:
            self._called.notify_all()
        start = int.from_bytes(request.start_key_ulid, "big")
        batch = list(enumerate(self.rows, 1))[start : start + request.batch_size]
        for number, (span, resource) in batch:
            if span != CORRUPT:
                await stream.send_message(
                    ReadSpansResponse(key_ulid=key(number), span_bytes=span, resource_bytes=resource)
                )
        if self.v3:
            last = key(batch[-1][0]) if batch and self.final_key else b""
            remaining = len(self.rows) - start - len(batch)
            await stream.send_message(ReadSpansResponse(key_ulid=last, remaining_count=remaining))


def any_resource(service: str) -> bytes:
    from opentelemetry.proto.resource.v1.resource_pb2 import Resource  # noqa: PLC0415 - would shadow the store's own

    resource = Resource()
    resource.attributes.add(key="service.name", value=any_value(service))
    return resource.SerializeToString()


@asynccontextmanager
async def serving(service: Any, port: int = 0) -> AsyncIterator[int]:
    """Serve on loopback; yields the port."""
    listener = Listener([service])
    await listener.start("127.0.0.1", port)
    try:
        yield listener.port
    finally:
        await listener.stop()
