"""Spans in over gRPC, with the usual clients."""

import asyncio
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from google.rpc.error_details_pb2 import BadRequest, RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from actors.errors import Overloaded
from actors.key_registry.actor import KeyRegistryActor
from actors.principal import Scope
from actors.runtime.budget import Budget
from actors.runtime.bus import Bus
from actors.span_store.actor import SpanStoreActor
from actors.span_store.messages import GetTraceSpans, ListServices, SearchSpans
from tests.spans import many_spans, otlp_request, otlp_span
from tests.transports.grpc.conftest import BUDGET, EXPORT, Backend, Server, Serving, method
from transports.grpc.config import GrpcConfig
from transports.grpc.server import serve_otlp

pytestmark = [pytest.mark.integration, pytest.mark.requires_grpc_server]

ONE_SPAN = otlp_request(otlp_span(1)).SerializeToString()
TRACE = f"{1:032x}"
RECORDINGS = Path(__file__).parents[2] / "recordings"


def export_with_sdk(server: Server, spans: int, **options: Any) -> bool:
    """Export as a program with the OpenTelemetry SDK does. Blocks."""
    options = {"headers": {"x-junjo-api-key": server.backend.key}} | options
    exporter = OTLPSpanExporter(f"http://{server.target}", insecure=True, timeout=20, **options)
    provider = TracerProvider(resource=Resource({"service.name": "sdk"}))
    provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=10_000))
    tracer = provider.get_tracer("tests")
    for number in range(spans):
        with tracer.start_as_current_span(f"span {number}") as span:
            span.set_attribute("prompt", "a long prompt " * 100)
    flushed = provider.force_flush()
    provider.shutdown()
    return flushed


async def stored(bus: Bus, service: str) -> int:
    return len((await bus.ask(SearchSpans(service_name=service, limit=10_000))).spans)


def details_of(error: grpc.aio.AioRpcError) -> Status:
    """``grpc-status-details-bin``; an empty message when there is none."""
    trailers = dict(error.trailing_metadata())
    return Status.FromString(bytes(trailers.get("grpc-status-details-bin", b"")))


def retry_delay(error: grpc.aio.AioRpcError) -> float | None:
    """Seconds in RetryInfo."""
    info = RetryInfo()
    found = any(detail.Unpack(info) for detail in details_of(error).details)
    return info.retry_delay.ToNanoseconds() / 1e9 if found else None


async def refusal(server: Server, body: bytes, **options: Any) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await server.export(body, **options)
    return refused.value


@pytest.mark.parametrize("compression", list(grpc.Compression))
async def test_the_sdk_delivers_spans(otlp: Server, compression: grpc.Compression) -> None:
    assert await asyncio.to_thread(export_with_sdk, otlp, 1000, compression=compression)
    assert await stored(otlp.backend.bus, "sdk") == 1000


async def test_a_bearer_key_is_as_good(otlp: Server) -> None:
    headers = {"authorization": f"Bearer {otlp.backend.key}"}
    assert await asyncio.to_thread(export_with_sdk, otlp, 3, headers=headers)
    assert await stored(otlp.backend.bus, "sdk") == 3


@pytest.mark.parametrize("recording", ["junjo_0.62.0.bin", "junjo_0.69.0.bin", "crafted_main.bin"])
async def test_recorded_requests_are_stored(otlp: Server, recording: str) -> None:
    assert await otlp.export((RECORDINGS / recording).read_bytes()) == b""
    assert await otlp.backend.bus.ask(ListServices())


async def test_spans_are_readable_when_the_answer_comes(otlp: Server) -> None:
    assert await otlp.export(ONE_SPAN) == b""
    (span,) = await otlp.backend.bus.ask(GetTraceSpans(trace_id=TRACE))
    assert (span.name, span.service_name) == ("span 1", "tests")


async def test_an_empty_request_is_a_success(otlp: Server) -> None:
    assert await otlp.export(b"") == b""


async def test_bad_spans_are_rejected_and_good_ones_kept(otlp: Server) -> None:
    bad = otlp_span(2)
    bad.span_id = b"short"
    answer = await otlp.export(otlp_request(otlp_span(1), bad).SerializeToString())
    partial = ExportTraceServiceResponse.FromString(answer).partial_success
    assert partial.rejected_spans == 1
    assert "span_id" in partial.error_message
    assert len(await otlp.backend.bus.ask(GetTraceSpans(trace_id=TRACE))) == 1


async def test_a_malformed_request_is_a_bad_request(otlp: Server) -> None:
    error = await refusal(otlp, b"\xff" * 100)
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    bad_request = BadRequest()
    (detail,) = details_of(error).details
    assert detail.Unpack(bad_request)
    assert bad_request.field_violations[0].description == error.details()


async def test_metrics_are_dropped_with_success(otlp: Server) -> None:
    call = method(otlp.channel, "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export")
    assert await call(b"anything", metadata=(("x-junjo-api-key", otlp.backend.key),)) == b""
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call(b"")
    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize("path", ["/opentelemetry.proto.collector.trace.v1.TraceService/Import", "/no.Service/Export"])
async def test_an_unknown_method_is_unimplemented(otlp: Server, path: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await method(otlp.channel, path)(ONE_SPAN)
    assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.security
@pytest.mark.parametrize("key", ["", "wrong", "x" * 8000])
async def test_a_wrong_key_is_unauthenticated_and_not_echoed(otlp: Server, key: str) -> None:
    with capture_logs() as lines:
        error = await refusal(otlp, ONE_SPAN, key=key)
    assert error.code() is grpc.StatusCode.UNAUTHENTICATED
    assert not key or key not in f"{error.details()}{lines}"


@pytest.mark.security
async def test_a_revoked_key_ends_with_the_next_call(otlp: Server) -> None:
    issued = await otlp.backend.issue(Scope.INGEST)
    assert await otlp.export(b"", key=issued.secret) == b""
    await otlp.backend.revoke(issued)
    assert (await refusal(otlp, b"", key=issued.secret)).code() is grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.security
async def test_it_is_said_whether_a_key_is_unknown_or_has_ended(otlp: Server) -> None:
    revoked, expired = [await otlp.backend.issue(Scope.INGEST) for _ in range(2)]
    await otlp.backend.revoke(revoked)
    await otlp.backend.expire(expired)
    for key, fault in ((revoked.secret, "has ended"), (expired.secret, "has ended"), ("x" * 64, "is unknown")):
        error = await refusal(otlp, b"", key=key)
        text = f"Unauthorized: This API key {fault}"
        assert (error.code(), error.details()) == (grpc.StatusCode.UNAUTHENTICATED, text)


@pytest.mark.security
async def test_a_key_for_reading_may_not_send(otlp: Server) -> None:
    issued = await otlp.backend.issue(Scope.READ)
    error = await refusal(otlp, ONE_SPAN, key=issued.secret)
    assert (error.code(), error.details()) == (grpc.StatusCode.PERMISSION_DENIED, "This key lacks the scope ingest")


@pytest.mark.error_recovery
@pytest.mark.parametrize("away", [KeyRegistryActor, SpanStoreActor])
async def test_an_actor_that_is_away_is_a_reason_to_retry(otlp: Server, away: Any) -> None:
    otlp.backend.bus.disconnect(away)
    error = await refusal(otlp, ONE_SPAN)
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert retry_delay(error) == 1.0


@pytest.mark.error_recovery
async def test_a_fault_of_ours_is_masked_and_logged_under_its_id() -> None:
    async with (
        serve_otlp(Bus(), GrpcConfig(otlp_budget=Budget(1000)), "127.0.0.1", 0) as port,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        with capture_logs([merge_contextvars]) as lines, pytest.raises(grpc.aio.AioRpcError) as refused:
            await method(channel, EXPORT)(b"", metadata=(("x-junjo-api-key", "secret"),))
    assert refused.value.code() is grpc.StatusCode.INTERNAL
    assert "VerifyKey" not in str(refused.value.details())
    (line,) = lines
    assert line["request_id"] in str(refused.value.details())
    assert line["log_level"] == "error"


@pytest.mark.security
async def test_too_large_is_refused_for_good(serving_otlp: Serving) -> None:
    async with serving_otlp(max_request_bytes=100_000) as server:
        assert await server.export(many_spans(100, seed=1)) == b""
        for body, compression in ((b"\0" * 100_001, None), (b"\0" * 10_000_000, grpc.Compression.Gzip)):
            error = await refusal(server, body, compression=compression)
            assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
            assert retry_delay(error) is None


async def test_a_full_budget_is_a_reason_to_retry(otlp: Server) -> None:
    with otlp.config.otlp_budget.reserve() as others:
        others.grow(BUDGET)
        error = await refusal(otlp, ONE_SPAN)
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert retry_delay(error) == 1.0
    assert await otlp.export(ONE_SPAN) == b""


class OnceFull(Budget):
    """Refuses the first request."""

    refused = False

    def take(self, size: int, own: int = 0) -> None:
        if not self.refused:
            self.refused = True
            raise Overloaded("Too many bytes are being received at once", retry_after=0.02)
        super().take(size, own)


@pytest.mark.error_recovery
async def test_the_sdk_retries_what_was_overloaded(serving_otlp: Serving) -> None:
    budget = OnceFull(BUDGET)
    async with serving_otlp(otlp_budget=budget) as server:
        assert await asyncio.to_thread(export_with_sdk, server, 5)
        assert budget.refused
        assert await stored(server.backend.bus, "sdk") == 5


async def test_big_bodies_refused_early_do_not_stall_the_connection(otlp: Server) -> None:
    """Together they are several times the connection's flow control window, and none is read."""
    body = b"\0" * 20_000_000
    for _ in range(4):
        assert (await refusal(otlp, body, key="wrong", timeout=20)).code() is grpc.StatusCode.UNAUTHENTICATED
    assert await otlp.export(ONE_SPAN, timeout=20) == b""


@pytest.mark.concurrency
async def test_many_requests_at_once_are_all_stored(otlp: Server) -> None:
    bodies = [many_spans(20, seed=number) for number in range(100)]
    assert set(await asyncio.gather(*map(otlp.export, bodies))) == {b""}
    assert await stored(otlp.backend.bus, "tests") == 2000


async def test_large_requests_are_stored(otlp: Server) -> None:
    bodies = [many_spans(3000, seed=number) for number in range(2)]
    await asyncio.gather(*(otlp.export(body, compression=grpc.Compression.Gzip) for body in bodies))
    assert await stored(otlp.backend.bus, "tests") == 6000


async def test_a_taken_port_is_an_os_error(otlp: Server, backend: Backend) -> None:
    with pytest.raises(OSError, match="address already in use"):
        async with serve_otlp(backend.bus, otlp.config, "127.0.0.1", otlp.port):
            pass
