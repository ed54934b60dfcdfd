"""Connection limits: floods, large claims and slowness end the connection or the call; honest clients meet no limit."""

import asyncio
import logging
import socket
import struct
from collections.abc import Callable

import attrs
import pytest
from grpclib.const import Status
from h2.errors import ErrorCodes

from tests.spans import many_spans, otlp_request, otlp_span
from tests.transports.grpc.conftest import EXPORT, Server, Serving
from tests.transports.grpc.http2_client import ENOUGH, Http2Client, framed, http2_client
from transports.connection_limits import ConnectionLimits

pytestmark = [pytest.mark.integration, pytest.mark.requires_grpc_server, pytest.mark.security]

ONE_SPAN = otlp_request(otlp_span(1)).SerializeToString()
HEALTH = "/grpc.health.v1.Health/Check"
WATCH = "/grpc.health.v1.Health/Watch"
QUICK = ConnectionLimits(check_interval=0.01)
_DATA, _HEADERS, _PRIORITY, _RESET, _SETTINGS, _PUSH, _PING, _GOAWAY, _WINDOW, _CONTINUATION = range(10)
_END_HEADERS = 4
_HEADER = b"\0\x01a\x64" + b"v" * 100
_MINIMAL = b"\x83\x86\x84\x41\x01x"  # POST http / x, in HPACK


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack(">IBI", len(payload) << 8 | kind, flags, stream) + payload


_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(_SETTINGS, 0, 0)


def rapid_reset(number: int) -> bytes:
    stream = 3 + 2 * number
    return frame(_HEADERS, _END_HEADERS, stream, _MINIMAL) + frame(_RESET, 0, stream, struct.pack(">I", 8))


def many_settings(_: int) -> bytes:
    return frame(_SETTINGS, 0, 0, struct.pack(">HI", 4, 65_535) * 2000)


FLOODS: dict[str, Callable[[int], bytes]] = {
    "rapid reset": rapid_reset,
    "ping": lambda number: frame(_PING, 0, 0, number.to_bytes(8, "big")),
    "answers to pings that were not": lambda number: frame(_PING, 1, 0, number.to_bytes(8, "big")),
    "settings": lambda _: frame(_SETTINGS, 0, 0),
    "many settings": many_settings,
    "empty data": lambda _: frame(_DATA, 0, 1),
    "padding": lambda _: frame(_DATA, 8, 1, b"\x09" + bytes(9)),
    "tiny data": lambda _: frame(_DATA, 0, 1, b"x"),
    "window updates": lambda _: frame(_WINDOW, 0, 0, struct.pack(">I", 1)),
    "window updates of a stream": lambda _: frame(_WINDOW, 0, 1, struct.pack(">I", 1)),
    "priorities": lambda number: frame(_PRIORITY, 0, 3 + 2 * number, struct.pack(">IB", 0, 1)),
    "resets of one stream": lambda _: frame(_RESET, 0, 1, struct.pack(">I", 8)),
    "unknown frames": lambda _: frame(0xF0, 0, 0, b"what"),
    "pieces of headers": lambda number: frame(_CONTINUATION if number else _HEADERS, 0, 3, b"" if number else _MINIMAL),
    "large pieces of headers": lambda number: frame(_CONTINUATION if number else _HEADERS, 0, 3, b"\x00\x7f" * 8000),
    "headers that are too many": lambda _: frame(_HEADERS, _END_HEADERS, 3, _MINIMAL + _HEADER * 550),
}


async def flooded(client: Http2Client, flood: Callable[[int], bytes], count: int) -> None:
    """Send it until the studio closes."""
    try:
        for begin in range(0, count, 20):
            await client.send_raw(b"".join(flood(number) for number in range(begin, begin + 20)))
    except ConnectionError:
        pass


@pytest.mark.parametrize("kind", FLOODS)
async def test_a_flood_is_ended_with_the_advice_to_calm_down(otlp: Server, kind: str) -> None:
    async with http2_client(otlp.port) as client:
        await client.open(HEALTH)
        await client.answer_of_ping()
        flood = asyncio.create_task(flooded(client, FLOODS[kind], 5000))
        await client.until_closed()
        await flood
        assert client.reason == ErrorCodes.ENHANCE_YOUR_CALM
    assert await otlp.export(ONE_SPAN) == b""


async def test_anonymous_connections_share_their_frames(serving_otlp: Serving) -> None:
    limits = ConnectionLimits(all_anonymous_frames=40, all_anonymous_frames_a_second=0)
    pings = b"".join(FLOODS["ping"](number) for number in range(40))
    async with serving_otlp(limits=limits) as server, http2_client(server.port) as with_key:
        assert await server.export(ONE_SPAN) == b""
        call = await with_key.open(EXPORT, ("x-junjo-api-key", server.backend.key))
        await with_key.send(call, framed(b""), end=True)
        assert (await with_key.answer(call))["grpc-status"] == "0"
        async with http2_client(server.port) as first, http2_client(server.port) as second:
            await first.open(HEALTH)
            await first.send_raw(pings)
            await first.answer_of_ping()
            assert first.reason is None
            await second.open(HEALTH)
            await second.send_raw(pings)
            await second.until_closed()
            assert second.reason == ErrorCodes.ENHANCE_YOUR_CALM
        await with_key.send_raw(pings * 2)
        call = await with_key.open(EXPORT, ("x-junjo-api-key", server.backend.key))
        await with_key.send(call, framed(b""), end=True)
        assert (await with_key.answer(call))["grpc-status"] == "0"


@pytest.mark.parametrize("kind", ["ping", "settings"])
async def test_a_flood_whose_answers_nobody_reads_is_ended(otlp: Server, kind: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", otlp.port, limit=1)
    writer.write(_PREFACE)
    writer.write(b"".join(FLOODS[kind](number) for number in range(5000)))
    async with asyncio.timeout(ENOUGH):
        try:
            said = await reader.read()
        except ConnectionError:
            said = b""
    writer.close()
    assert len(said) < 300 * 17 + 200
    assert await otlp.export(ONE_SPAN) == b""


@pytest.mark.parametrize("length", [64 * 1024 + 1, 2**24 - 1])
async def test_a_frame_that_will_be_too_large_is_not_waited_for(otlp: Server, length: int) -> None:
    async with http2_client(otlp.port) as client:
        await client.open(HEALTH)
        await client.answer_of_ping()
        await client.send_raw(struct.pack(">IBI", length << 8, 0, 1) + b"x")
        await client.until_closed()
        assert client.reason == ErrorCodes.FRAME_SIZE_ERROR


async def test_a_window_is_small_until_a_key_was_seen(otlp: Server) -> None:
    async with http2_client(otlp.port) as client:
        call = await client.open(EXPORT, ("x-junjo-api-key", "wrong"))
        assert Status(int((await client.answer(call))["grpc-status"])) is Status.UNAUTHENTICATED
        assert client.window <= 64 * 1024
        call = await client.open(EXPORT, ("x-junjo-api-key", otlp.backend.key))
        await client.send(call, framed(ONE_SPAN), end=True)
        assert Status(int((await client.answer(call))["grpc-status"])) is Status.OK
        assert client.window > 8 * 1024 * 1024
        assert client.most_in_a_frame == 256 * 1024


async def test_anonymous_calls_together_hold_no_more_than_their_budget(serving_otlp: Serving) -> None:
    limits = ConnectionLimits(anonymous_bytes=100 * 1024)
    async with serving_otlp(limits=limits) as server, http2_client(server.port) as client:
        calls = [await client.open(HEALTH) for _ in range(4)]
        answer = await client.answer(calls[3])
        assert Status(int(answer["grpc-status"])) is Status.RESOURCE_EXHAUSTED
        assert "grpc-status-details-bin" in answer  # it may come again
        assert await server.export(ONE_SPAN) == b""  # others have room of their own
        await client.send(calls[0], framed(b""), end=True)
        assert (await client.answer(calls[0]))["grpc-status"] == "0"
        late = await client.open(HEALTH)
        await client.send(late, framed(b""), end=True)
        assert (await client.answer(late))["grpc-status"] == "0"


async def test_a_large_anonymous_message_is_counted_as_it_arrives(serving_otlp: Serving) -> None:
    limits = ConnectionLimits(anonymous_bytes=104 * 1024)
    async with serving_otlp(limits=limits) as server, http2_client(server.port) as client:
        first = await client.open(HEALTH)
        await client.send(first, framed(bytes(40_000), length=200_000))
        call = await client.open(HEALTH)  # for the usual size there is room beside it, and for more there is not
        await client.send(call, framed(bytes(20_000), length=200_000))
        assert Status(int((await client.answer(call))["grpc-status"])) is Status.RESOURCE_EXHAUSTED


@attrs.frozen
class Dawdling:
    path: str
    sent: bytes
    headers: tuple[tuple[str, str], ...] = ()


@pytest.mark.parametrize(
    "dawdling",
    [
        Dawdling(HEALTH, b""),
        Dawdling(HEALTH, b"\0\0"),
        Dawdling(HEALTH, framed(b"x", length=2)),
        Dawdling("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", b""),
        Dawdling(EXPORT, b""),
        Dawdling(EXPORT, framed(b"x", length=20)),
        Dawdling(EXPORT, framed(b"x" * 1000, length=50_000_000)),
    ],
)
async def test_a_message_that_does_not_come_is_given_up(
    serving_otlp: Serving, dawdling: Dawdling, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    limits = attrs.evolve(QUICK, anonymous_message_seconds=0.05)
    async with serving_otlp(limits=limits, message_seconds=0.05) as server, http2_client(server.port) as client:
        call = await client.open(dawdling.path, ("x-junjo-api-key", server.backend.key))
        if dawdling.sent:
            await client.send(call, dawdling.sent)
        answer = await client.answer(call)
        assert Status(int(answer["grpc-status"])) is Status.DEADLINE_EXCEEDED
        assert "in time" in answer["grpc-message"]


async def test_a_watch_ends_some_time(serving_otlp: Serving, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    async with serving_otlp(limits=attrs.evolve(QUICK, answer=0.05)) as server, http2_client(server.port) as client:
        call = await client.open(WATCH)
        await client.send(call, framed(b""), end=True)
        assert Status(int((await client.answer(call))["grpc-status"])) is Status.DEADLINE_EXCEEDED


@pytest.mark.parametrize("said", [b"", _PREFACE[:9], _PREFACE])
async def test_a_connection_that_asks_nothing_is_closed(serving_otlp: Serving, said: bytes) -> None:
    """With GOAWAY, once the client has said that it speaks HTTP/2."""
    async with serving_otlp(limits=attrs.evolve(QUICK, first_request=0.05)) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(said)
        async with asyncio.timeout(ENOUGH):
            answer = await reader.read()
        assert frame(_GOAWAY, 0, 0, bytes(8)) in answer if said == _PREFACE else answer == b""
        writer.close()


async def test_a_connection_that_asks_nothing_more_is_closed_later(serving_otlp: Serving) -> None:
    limits = attrs.evolve(QUICK, first_request=0.02, idle=0.2)
    async with serving_otlp(limits=limits) as server, http2_client(server.port) as client:
        call = await client.open(HEALTH)
        await client.send(call, framed(b""), end=True)
        assert (await client.answer(call))["grpc-status"] == "0"
        await client.until_closed()
        assert client.reason == ErrorCodes.NO_ERROR


async def test_a_client_that_takes_no_answer_is_cut_off(serving_otlp: Serving) -> None:
    """And nothing more is read of it, so that no more answers wait."""
    many = 10_000_000
    limits = attrs.evolve(QUICK, unread=0.2, anonymous_frames=many, all_anonymous_frames=many)
    async with serving_otlp(limits=limits) as server:
        small = socket.socket()
        small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        small.connect(("127.0.0.1", server.port))
        _, writer = await asyncio.open_connection(sock=small, limit=1)
        writer.write(_PREFACE)
        pings = FLOODS["ping"](1) * 10_000
        with pytest.raises(ConnectionError):  # noqa: PT012 - it may be any of them that fails
            async with asyncio.timeout(ENOUGH):
                while True:
                    writer.write(pings)
                    await writer.drain()
        writer.close()


async def test_an_honest_client_meets_no_bound(serving_otlp: Serving) -> None:
    """Many calls on one connection, each with what gRPC's clients send along, and large ones between them."""
    large = many_spans(3000, seed=1)
    limits = ConnectionLimits(anonymous_frames=20, frames=20, frames_a_second=0)
    async with serving_otlp(limits=limits) as otlp, http2_client(otlp.port) as client:
        for number in range(100):
            call = await client.open(EXPORT, ("x-junjo-api-key", otlp.backend.key))
            await client.send_raw(frame(_PING, 0, 0, bytes(8)) + frame(_WINDOW, 0, 0, struct.pack(">I", 10)))
            message = framed(large if number == 50 else b"")
            await client.send(call, message[:5])
            await client.send(call, message[5:], end=True)
            assert (await client.answer(call))["grpc-status"] == "0"
