"""Misdirected clients of the gRPC ports: other protocols, and spans at the wrong port."""

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import grpc
import pytest
from structlog.testing import capture_logs

from tests.spans import otlp_request, otlp_span
from tests.transports.grpc.conftest import EXPORT, Server, Serving, method
from tests.transports.grpc.http2_client import ENOUGH
from transports import misdirected_exporters as faults
from transports.connection_limits import ConnectionLimits
from transports.first_bytes import PREFACE

pytestmark = [pytest.mark.integration, pytest.mark.requires_grpc_server]

ONE_SPAN = otlp_request(otlp_span(1)).SerializeToString()


@pytest.fixture
def logged() -> Iterator[list[Any]]:
    with capture_logs() as lines:
        yield lines


@pytest.fixture(params=["serving_otlp", "serving_auth"])
def serving(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(request.param)


def told(logged: list[Any]) -> list[tuple[str, str]]:
    return [(line["sender"], line["fault"]) for line in logged if line["log_level"] == "warning"]


async def answered(port: int, *pieces: bytes) -> bytes:
    """All that comes until the server ends the connection, in whatever way."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    whole = b""
    with suppress(ConnectionError):
        for piece in pieces:
            writer.write(piece)
        while data := await asyncio.wait_for(reader.read(65536), ENOUGH):
            whole += data
    await closed(writer)
    return whole


async def closed(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()
    with suppress(ConnectionError):
        await writer.wait_closed()


@pytest.mark.parametrize("size", [0, 100, 20_000_000])
async def test_http_gets_an_answer_that_names_the_right_port(serving: Serving, logged: list[Any], size: int) -> None:
    """Also when much of the request is not read, which must not cost the client its answer."""
    async with serving() as server:
        server.config.misdirected.http_port = 4711
        head = f"POST /v1/traces HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\n\r\n".encode()
        answer = await answered(server.port, head + bytes(size))
    head, _, text = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert f"Content-Length: {len(text)}".encode() in head
    assert b"port 4711, path /v1/traces" in text
    assert told(logged) == [("127.0.0.1", faults.HTTP_AT_GRPC.name)]


async def test_tls_is_told(serving: Serving, logged: list[Any]) -> None:
    async with serving() as server:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await asyncio.open_connection("127.0.0.1", server.port, ssl=ssl.create_default_context())
    assert told(logged) == [("127.0.0.1", faults.TLS.name)]


@pytest.mark.security
@pytest.mark.parametrize("begin", [b"\0" * 100, b"\xff" * 1_000_000, b"\r\n"])
async def test_garbage_ends_its_connection(serving: Serving, logged: list[Any], begin: bytes) -> None:
    async with serving() as server:
        assert await answered(server.port, begin) == b""
    assert told(logged) == []


@pytest.mark.security
@pytest.mark.parametrize("begin", [b"", b"P", PREFACE[:-1]])
async def test_a_client_that_says_too_little_is_given_up(serving: Serving, begin: bytes) -> None:
    async with serving(limits=ConnectionLimits(first_request=0.01)) as server:
        assert await answered(server.port, begin) == b""


@pytest.mark.concurrency
async def test_a_stop_does_not_wait_for_those_who_say_nothing(serving: Serving) -> None:
    async with serving() as server:
        connections = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(3)]
        connections[1][1].write(PREFACE[:10])
        connections[2][1].write(b"GET / HTTP/1.1\r\n\r\n")
        assert await connections[2][0].readline() == b"HTTP/1.1 400 Bad Request\r\n"
    for reader, writer in connections:
        with suppress(ConnectionError):
            await asyncio.wait_for(reader.read(), ENOUGH)
        await closed(writer)


async def test_a_preface_in_pieces_is_one(otlp: Server) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", otlp.port)
    for place in range(len(PREFACE)):
        writer.write(PREFACE[place : place + 1])
        await writer.drain()
    settings = b"\0\0\0\4\0\0\0\0\0"
    writer.write(settings)
    assert (await reader.readexactly(9))[3:4] == b"\4"  # the server's own
    writer.close()
    await writer.wait_closed()


async def test_spans_at_the_port_for_key_checks_learn_the_right_one(auth: Server, logged: list[Any]) -> None:
    auth.config.misdirected.grpc_port = 4712
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await auth.export(ONE_SPAN)
    assert refusal.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert "port 4712" in (refusal.value.details() or "")
    assert told(logged) == [("127.0.0.1", faults.SPANS_AT_KEY_CHECK.name)]


@pytest.mark.security
async def test_a_key_that_will_not_do_is_told_and_not_shown(otlp: Server, logged: list[Any]) -> None:
    for _ in range(3):
        with pytest.raises(grpc.aio.AioRpcError):
            await otlp.export(ONE_SPAN, key="wrong-key-4711")
        with pytest.raises(grpc.aio.AioRpcError):
            await method(otlp.channel, EXPORT)(ONE_SPAN)
    assert told(logged) == [
        ("127.0.0.1", faults.BAD_KEY.name),
        ("127.0.0.1", faults.NO_KEY.name),
    ]
    assert "wrong-key-4711" not in str(logged)


async def test_good_calls_are_not_told_of(otlp: Server, logged: list[Any]) -> None:
    await otlp.export(ONE_SPAN)
    assert told(logged) == []
