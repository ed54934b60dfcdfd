"""The rate limit of a key: the token bucket, and what exporters meet."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import attrs
import grpc.aio
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from actors.errors import Throttled
from actors.principal import Scope
from actors.runtime.budget import Budget
from actors.span_store.messages import SearchSpans
from tests.http_studio import http_config
from tests.spans import logs_request, otlp_log, otlp_request, otlp_span
from tests.system.stage import batch_of_spans
from tests.transports.grpc.conftest import BUDGET, EXPORT, Backend, method
from tests.transports.grpc.conftest import backend as backend  # noqa: PLC0414 - a fixture
from transports import key_rate
from transports.grpc.config import GrpcConfig
from transports.http.app import build_otlp_app
from transports.key_rate import KeyRate
from transports.otlp_port import serve_otlp_both

pytestmark = [pytest.mark.integration, pytest.mark.requires_grpc_server]


class Hand:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def wait_of(rate: KeyRate, key: str = "k") -> float | None:
    """The wait of the key in seconds; ``None`` when it is admitted."""
    try:
        rate.admit(key)
    except Throttled as refusal:
        return refusal.retry_after
    return None


def test_a_steady_sender_is_never_refused_and_a_late_one_neither() -> None:
    clock = Hand()
    rate = KeyRate(100, clock)
    for seconds in (5, 5, 5, 10, 5, 5, 10, 10, 1, 1, 1):
        clock.now += seconds
        rate.admit("k")(seconds * 100)  # raises when it is refused


def test_ten_seconds_worth_may_come_at_once_and_then_it_waits() -> None:
    clock = Hand()
    rate = KeyRate(100, clock)
    rate.admit("k")(999)
    rate.admit("k")(1)
    assert wait_of(rate) == pytest.approx(0.1)
    clock.now += 0.1
    assert wait_of(rate) is None
    assert wait_of(rate, "another") is None


def test_no_request_is_too_large_and_what_it_took_too_much_is_paid_off() -> None:
    clock = Hand()
    rate = KeyRate(100, clock)
    rate.admit("k")(100_000)
    assert wait_of(rate) == pytest.approx(990.01)
    clock.now += 500
    assert wait_of(rate) == pytest.approx(490.01)
    clock.now += 490.01
    rate.admit("k")(1)
    assert wait_of(rate) is not None


def test_those_who_were_let_in_together_all_count() -> None:
    rate = KeyRate(100, Hand())
    for count in [rate.admit("k") for _ in range(3)]:
        count(1000)
    assert wait_of(rate) == pytest.approx(20.01)


@pytest.mark.security
def test_keys_that_have_paid_take_no_memory() -> None:
    clock = Hand()
    rate = KeyRate(10, clock)
    for number in range(100_000):
        clock.now += 1
        rate.admit(f"k{number}")(1)
    assert len(rate._full_at) <= 1024


@attrs.frozen
class Throttling:
    """A port for both protocols where each key sends 10 spans a second, 100 at once."""

    port: int
    key: str
    backend: Backend
    clock: Hand

    async def over_http(self, body: Any, **headers: str) -> tuple[int, Status, str | None]:
        sent = {"x-junjo-api-key": self.key, "Content-Type": "application/x-protobuf"} | headers
        async with (
            aiohttp.ClientSession(f"http://127.0.0.1:{self.port}") as session,
            session.post("/v1/traces", data=body, headers=sent) as answer,
        ):
            status = Status.FromString(await answer.read())
            return answer.status, status, answer.headers.get("Retry-After")

    async def over_grpc(self, body: bytes, path: str = EXPORT) -> bytes:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{self.port}") as channel:
            return await method(channel, path)(body, metadata=(("x-junjo-api-key", self.key),))

    async def stored(self, service: str) -> int:
        return len((await self.backend.bus.ask(SearchSpans(service_name=service, limit=10_000))).spans)


@asynccontextmanager
async def serving(backend: Backend, rate: KeyRate) -> AsyncIterator[int]:
    budget = Budget(BUDGET)
    app = build_otlp_app(backend.bus, http_config(otlp_budget=budget, key_rate=rate))
    config = GrpcConfig(otlp_budget=budget, key_rate=rate)
    async with serve_otlp_both(backend.bus, config, app, "127.0.0.1", 0) as port:
        yield port


@pytest.fixture
async def throttling(backend: Backend) -> AsyncIterator[Throttling]:
    clock = Hand()
    async with serving(backend, KeyRate(10, clock)) as port:
        yield Throttling(port, backend.key, backend, clock)


def spans(count: int, trace_id: int = 1) -> bytes:
    return otlp_request(*(otlp_span(number + 1, trace_id=trace_id) for number in range(count))).SerializeToString()


def delay_in(status: Status) -> float:
    (detail,) = status.details
    info = RetryInfo()
    assert detail.Unpack(info)
    return float(info.retry_delay.ToNanoseconds() / 1e9)


async def test_http_is_answered_429_with_the_time_to_wait(throttling: Throttling) -> None:
    assert (await throttling.over_http(spans(120)))[0] == 200
    status, refusal, retry_after = await throttling.over_http(b"not even read")
    assert (status, refusal.code, refusal.message) == (429, 8, "This key sends more than 10 spans a second")
    assert (delay_in(refusal), retry_after) == (2.1, "3")
    throttling.clock.now += 2.1
    assert (await throttling.over_http(spans(1, 2)))[0] == 200
    assert await throttling.stored("tests") == 121


async def test_json_is_throttled_in_json(throttling: Throttling) -> None:
    await throttling.over_http(spans(100))
    headers = {"x-junjo-api-key": throttling.key, "Content-Type": "application/json"}
    async with aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{throttling.port}/v1/traces"
        async with session.post(url, data=b"{}", headers=headers) as answer:
            assert (answer.status, (await answer.json())["code"]) == (429, 8)


async def test_grpc_is_answered_resource_exhausted_with_retry_info(throttling: Throttling) -> None:
    await throttling.over_grpc(spans(120))
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await throttling.over_grpc(b"\0" * 1_000_000)
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    trailers = dict(refused.value.trailing_metadata())
    assert delay_in(Status.FromString(bytes(trailers["grpc-status-details-bin"]))) == 2.1
    throttling.clock.now += 2.1
    assert await throttling.over_grpc(spans(1, 2)) == b""


async def test_large_bodies_that_are_not_read_do_not_stall_the_connection(throttling: Throttling) -> None:
    """Together they are several times the connection's flow control window."""
    await throttling.over_http(spans(120))
    metadata = (("x-junjo-api-key", throttling.key),)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{throttling.port}") as channel:
        export = method(channel, EXPORT)
        for _ in range(4):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await export(b"\0" * 20_000_000, metadata=metadata, timeout=60)
            assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        throttling.clock.now += 2.1
        assert await export(spans(1, 2), metadata=metadata, timeout=60) == b""


async def test_a_large_body_over_http_is_refused_unread(throttling: Throttling) -> None:
    await throttling.over_http(spans(120))

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield bytes(100_000)

    assert (await throttling.over_http(endless()))[0] == 429


async def test_all_ways_draw_from_one_bucket_and_each_key_has_its_own(throttling: Throttling) -> None:
    await throttling.over_http(spans(60))
    await throttling.over_grpc(spans(60, 2))
    assert (await throttling.over_http(spans(1)))[0] == 429
    other = (await throttling.backend.issue(Scope.INGEST)).secret
    assert (await throttling.over_http(spans(1, 3), **{"x-junjo-api-key": other}))[0] == 200


async def test_rejected_spans_count_and_metrics_do_not(throttling: Throttling) -> None:
    await throttling.over_http(spans(100, trace_id=0))
    assert (await throttling.over_http(spans(1)))[0] == 429
    assert await throttling.over_grpc(b"", EXPORT.replace("trace", "metrics").replace("Trace", "Metrics")) == b""


async def test_a_log_record_counts_as_a_span(throttling: Throttling) -> None:
    path = EXPORT.replace("trace", "logs").replace("Trace", "Logs")
    records = logs_request(*(otlp_log(number) for number in range(100))).SerializeToString()
    assert await throttling.over_grpc(records, path) == b""
    assert (await throttling.over_http(spans(1)))[0] == 429
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await throttling.over_grpc(records, path)
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


@pytest.mark.security
async def test_a_wrong_key_is_told_so_and_has_no_bucket(throttling: Throttling) -> None:
    await throttling.over_http(spans(100))
    assert (await throttling.over_http(spans(1), **{"x-junjo-api-key": "x" * 64}))[0] == 401


def over_grpc(port: int, key: str) -> SpanExporter:
    return GrpcExporter(f"http://127.0.0.1:{port}", insecure=True, headers={"x-junjo-api-key": key}, timeout=60)


def over_http(port: int, key: str) -> SpanExporter:
    return HttpExporter(f"http://127.0.0.1:{port}/v1/traces", headers={"x-junjo-api-key": key}, timeout=60)


@pytest.mark.error_recovery
@pytest.mark.parametrize("make_exporter", [over_grpc, over_http])
async def test_an_exporter_that_is_throttled_loses_nothing(
    backend: Backend, make_exporter: Callable[[int, str], SpanExporter], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(key_rate, "_BURST", 0.01)  # so that all but the first batch have to wait
    refused: list[float] = []

    class Telling(KeyRate):
        def admit(self, key_id: str) -> Callable[[int], None]:
            try:
                return super().admit(key_id)
            except Throttled as refusal:
                refused.append(refusal.retry_after or 0)
                raise

    async with serving(backend, Telling(100)) as port:
        exporter = make_exporter(port, backend.key)
        for _ in range(3):
            batch = batch_of_spans()
            assert await asyncio.to_thread(exporter.export, batch) is SpanExportResult.SUCCESS
        exporter.shutdown()
        assert refused
        assert len((await backend.bus.ask(SearchSpans(service_name="program", limit=10_000))).spans) == 150
