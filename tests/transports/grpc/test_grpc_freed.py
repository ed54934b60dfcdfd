"""A closed connection is freed at once, whatever its client did, without the garbage collector."""

import asyncio
import logging
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeAlias

import pytest
from grpclib.const import Status
from grpclib.server import Stream

from tests.freed import held, no_collector, until_free
from tests.spans import otlp_request, otlp_span
from tests.transports.grpc.conftest import EXPORT, Server, Serving
from tests.transports.grpc.http2_client import Http2Client, framed, http2_client
from transports.grpc.connection import CallHandler, HttpConnection, HttpStream, ServerProtocol
from transports.grpc.corked_transport import CorkedTransport
from transports.grpc.http2 import Http2
from transports.grpc.message_reader import MessageReader

pytestmark = [
    pytest.mark.integration,
    pytest.mark.requires_grpc_server,
    pytest.mark.security,
    pytest.mark.usefixtures("no_collector"),
]

__all__ = ["no_collector"]  # a fixture, which pytest finds by its name

ONE_SPAN = otlp_request(otlp_span(1)).SerializeToString()
HEALTH = "/grpc.health.v1.Health/Check"
ENOUGH = 20  # seconds; a test that waits so long would wait for ever
KINDS = (CallHandler, CorkedTransport, Http2, HttpConnection, HttpStream, MessageReader, ServerProtocol, Stream)
End: TypeAlias = Callable[[Http2Client, Server], Awaitable[None]]


@pytest.fixture
async def server(serving_otlp: Serving) -> AsyncIterator[Server]:
    async with serving_otlp(message_seconds=60.0) as server:
        yield server


async def begun(client: Http2Client, server: Server) -> int:
    return await client.open(EXPORT, ("x-junjo-api-key", server.backend.key))


async def leave_in_a_message(client: Http2Client, server: Server) -> None:
    call = await begun(client, server)
    await client.send(call, framed(b"x" * 500_000, length=600_000))


async def leave_in_a_health_check(client: Http2Client, server: Server) -> None:
    for _ in range(4):
        await client.send(await client.open(HEALTH), framed(b"x" * 10_000, length=1_000_000))


async def ask(client: Http2Client, server: Server) -> None:
    call = await begun(client, server)
    await client.send(call, framed(ONE_SPAN), end=True)
    assert (await client.answer(call))["grpc-status"] == "0"


async def be_refused(client: Http2Client, server: Server) -> None:
    for path in (EXPORT, "/no.Such/Method"):
        call = await client.open(path)
        assert (await client.answer(call))["grpc-status"] != "0"
    call = await begun(client, server)
    await client.send(call, framed(b"\xff"), end=True)
    assert Status(int((await client.answer(call))["grpc-status"])) is Status.INVALID_ARGUMENT


async def be_late(client: Http2Client, server: Server) -> None:
    call = await client.open(EXPORT, ("x-junjo-api-key", server.backend.key), ("grpc-timeout", "20m"))
    await client.send(call, framed(b"half", length=8))
    assert Status(int((await client.answer(call))["grpc-status"])) is Status.DEADLINE_EXCEEDED


async def reset_in_a_message(client: Http2Client, server: Server) -> None:
    call = await begun(client, server)
    await client.send(call, framed(b"half", length=8))
    await ask(client, server)  # the other call is in work by now
    await client.reset(call)


async def break_the_protocol(client: Http2Client, server: Server) -> None:
    await leave_in_a_message(client, server)
    await client.send_raw(b"\0\0\x01\0\0\0\0\0\0x")  # DATA of no stream
    await client.until_closed()


async def say_goodbye(client: Http2Client, server: Server) -> None:
    await leave_in_a_message(client, server)
    await client.send_raw(b"\0\0\x08\x07\0\0\0\0\0" + bytes(8))  # GOAWAY
    await client.until_closed()


WAYS = [
    leave_in_a_message,
    leave_in_a_health_check,
    ask,
    be_refused,
    be_late,
    reset_in_a_message,
    break_the_protocol,
    say_goodbye,
]


@pytest.mark.parametrize("way", WAYS)
async def test_a_closed_connection_is_free_at_once(server: Server, way: End, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)  # a kept record would keep its error
    async with http2_client(server.port) as client:
        await way(client, server)
        async with asyncio.timeout(ENOUGH):
            while not held(ServerProtocol) and way not in (break_the_protocol, say_goodbye):  # noqa: ASYNC110 - see below
                await asyncio.sleep(0)  # nobody announces that the server has read what was sent
    await until_free(*KINDS)


@pytest.mark.parametrize("way", [ask, be_refused, be_late, reset_in_a_message])
async def test_an_ended_call_is_free_while_its_connection_lives(
    server: Server, way: End, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    async with http2_client(server.port) as client:
        await way(client, server)
        await until_free(HttpStream, MessageReader, Stream)
        assert held(ServerProtocol)


async def test_a_call_that_is_reset_before_it_begins_is_free(server: Server) -> None:
    """Issue 217 of grpclib: its own way of ending such a call never comes."""
    async with http2_client(server.port) as client:
        first = await client.open(HEALTH)  # the client knows the encoding of the headers by now
        await client.answer_of_ping()
        for call in range(first + 2, first + 100, 2):
            block = b"\x83\x86\x84\x41\x01x"  # POST http / x
            headers = struct.pack(">IBI", len(block) << 8 | 1, 4, call) + block
            await client.send_raw(headers + struct.pack(">IBII", 4 << 8 | 3, 0, call, 8))
        await client.answer_of_ping()
        await until_free(HttpStream, but=1)
