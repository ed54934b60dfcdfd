"""An orderly stop: no new calls, those in work may finish, and it ends."""

import asyncio
from contextlib import AsyncExitStack

import grpc.aio
import pytest
from grpclib.const import Status
from grpclib.health.v1.health_pb2 import HealthCheckResponse

from actors.span_store.messages import GetTraceSpans
from tests.spans import otlp_request, otlp_span
from tests.transports.grpc.conftest import EXPORT, Serving
from tests.transports.grpc.http2_client import Http2Client, framed, http2_client

pytestmark = [pytest.mark.integration, pytest.mark.requires_grpc_server]

ONE_SPAN = otlp_request(otlp_span(1)).SerializeToString()
HEALTH = "/grpc.health.v1.Health/Watch"
SERVING = HealthCheckResponse(status=HealthCheckResponse.SERVING).SerializeToString()
NOT_SERVING = HealthCheckResponse(status=HealthCheckResponse.NOT_SERVING).SerializeToString()


async def test_calls_in_work_finish_and_new_ones_are_refused(serving_otlp: Serving) -> None:
    serving = AsyncExitStack()
    server = await serving.enter_async_context(serving_otlp())
    key = ("x-junjo-api-key", server.backend.key)
    async with (
        http2_client(server.port) as client,
        grpc.aio.insecure_channel(server.target) as channel,
    ):
        watch_health: grpc.aio.UnaryStreamMultiCallable[bytes, bytes] = channel.unary_stream(HEALTH)
        watch = watch_health(b"")
        assert await watch.read() == SERVING
        call = await client.open(EXPORT, key)
        await client.send(call, framed(ONE_SPAN)[:10])
        await a_whole_call(client, key)  # answered behind the first, which is in work by now

        stopping = asyncio.create_task(serving.aclose())
        assert await watch.read() == NOT_SERVING
        refusal = await a_whole_call(client, key)
        assert Status(int(refusal["grpc-status"])) is Status.UNAVAILABLE
        assert "grpc-status-details-bin" in refusal
        await client.send(call, framed(ONE_SPAN)[10:], end=True)
        assert (await client.answer(call))["grpc-status"] == "0"
        await client.until_closed()
        assert client.goodbye
        watch.cancel()
        await stopping
    assert len(await server.backend.bus.ask(GetTraceSpans(trace_id=f"{1:032x}"))) == 1


async def a_whole_call(client: Http2Client, key: tuple[str, str]) -> dict[str, str]:
    call = await client.open(EXPORT, key)
    await client.send(call, framed(b""), end=True)
    return await client.answer(call)


async def test_a_call_that_does_not_finish_is_cut_short(serving_otlp: Serving) -> None:
    async with serving_otlp(grace=0.05) as server, http2_client(server.port) as client:
        key = ("x-junjo-api-key", server.backend.key)
        call = await client.open(EXPORT, key)
        await client.send(call, framed(b"half", length=8))
        assert (await a_whole_call(client, key))["grpc-status"] == "0"


async def test_stops_while_clients_are_connected(serving_otlp: Serving) -> None:
    async with AsyncExitStack() as stack:
        async with serving_otlp() as server:
            channel = await stack.enter_async_context(grpc.aio.insecure_channel(server.target))
            await channel.channel_ready()
            idle = await stack.enter_async_context(http2_client(server.port))
            silent = await asyncio.open_connection("127.0.0.1", server.port)
        await idle.until_closed()
        silent[1].close()
        await silent[1].wait_closed()
