"""One port for OTLP over gRPC and over HTTP."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from actors.runtime.budget import Budget
from actors.runtime.bus import Bus
from actors.span_store.messages import GetTraceSpans
from tests.http_studio import http_config, running_http_studio
from tests.spans import otlp_request, otlp_span
from tests.transports.grpc.conftest import BUDGET, EXPORT, Backend, method
from tests.transports.grpc.conftest import backend as backend  # noqa: PLC0414 - a fixture
from transports.connection_limits import DEFAULT, ConnectionLimits
from transports.first_bytes import PREFACE
from transports.grpc.config import GrpcConfig
from transports.http.app import build_otlp_app
from transports.otlp_port import serve_otlp_both

pytestmark = [pytest.mark.integration, pytest.mark.requires_grpc_server]

ENOUGH = 120.0


@pytest.fixture
async def port(backend: Backend) -> AsyncIterator[int]:
    async with serving(backend.bus) as bound:
        yield bound


@asynccontextmanager
async def serving(bus: Bus, limits: ConnectionLimits = DEFAULT) -> AsyncIterator[int]:
    budget = Budget(BUDGET)
    app = build_otlp_app(bus, http_config(otlp_budget=budget))
    async with serve_otlp_both(bus, GrpcConfig(otlp_budget=budget, limits=limits), app, "127.0.0.1", 0) as bound:
        yield bound


async def over_http(port: int, body: bytes, path: str = "/v1/traces", **headers: str) -> tuple[int, bytes]:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"http://127.0.0.1:{port}{path}", data=body, headers=headers) as answer,
    ):
        return answer.status, await answer.read()


async def over_grpc(port: int, body: bytes, key: str) -> bytes:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        return await method(channel, EXPORT)(body, metadata=(("x-junjo-api-key", key),))


def a_span(number: int) -> bytes:
    return otlp_request(otlp_span(number)).SerializeToString()


async def test_both_protocols_are_served_side_by_side(backend: Backend, port: int) -> None:
    headers = {"x-junjo-api-key": backend.key, "Content-Type": "application/x-protobuf"}
    answers = await asyncio.gather(
        over_grpc(port, a_span(1), backend.key),
        over_http(port, a_span(2), **headers),
        over_http(port, gzip.compress(a_span(3)), **headers | {"Content-Encoding": "gzip"}),
        over_grpc(port, a_span(4), backend.key),
    )
    accepted = ExportTraceServiceResponse().SerializeToString()
    assert list(answers) == [accepted, (200, accepted), (200, accepted), accepted]
    stored = await backend.bus.ask(GetTraceSpans(trace_id=f"{1:032x}"))
    assert len(stored) == 4


@pytest.mark.security
async def test_the_rest_of_the_api_is_not_there(tmp_path: Path) -> None:
    async with (
        running_http_studio(tmp_path, http_config()) as studio,  # of which nothing else is there on this port
        serving(studio.bus) as port,
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session,
    ):
        async with session.get("/health") as answer:
            assert answer.status == 200
        for path in ("/", "/users/db-has-users", "/openapi.json", "/api/config", "/metrics"):
            async with session.get(path) as answer:
                assert (path, answer.status) == (path, 404)


@pytest.mark.security
async def test_a_key_is_needed_over_either(port: int) -> None:
    assert (await over_http(port, b""))[0] == 401
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await over_grpc(port, b"", "wrong")
    assert refusal.value.code() is grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.security
@pytest.mark.parametrize("begin", [b"", b"P", PREFACE[:-1], b"\0" * 50, b"\xff" * 100_000])
async def test_nobody_can_wait_for_ever(backend: Backend, begin: bytes) -> None:
    async with serving(backend.bus, ConnectionLimits(first_request=0.01)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(begin)
        try:
            assert await asyncio.wait_for(reader.read(), ENOUGH) == b""
        except ConnectionError:
            pass  # cut is ended too
        finally:
            writer.transport.abort()
        assert (await over_http(port, b""))[0] == 401


@pytest.mark.concurrency
async def test_a_stop_ends_idle_connections_of_both(backend: Backend) -> None:
    budget = Budget(BUDGET)
    app = build_otlp_app(backend.bus, http_config(otlp_budget=budget))
    async with aiohttp.ClientSession() as session:
        async with serve_otlp_both(backend.bus, GrpcConfig(otlp_budget=budget), app, "127.0.0.1", 0) as port:
            async with session.get(f"http://127.0.0.1:{port}/health") as answer:
                await answer.read()
            assert session.connector is not None
            await over_grpc(port, a_span(1), backend.key)
            reader, silent = await asyncio.open_connection("127.0.0.1", port)
            other, grpc_like = await asyncio.open_connection("127.0.0.1", port)
            grpc_like.write(PREFACE)
            assert await other.read(1)
        for half in (reader, other):
            with suppress(ConnectionError):  # cut is ended too
                await asyncio.wait_for(half.read(), ENOUGH)
        for writer in (silent, grpc_like):
            writer.transport.abort()
