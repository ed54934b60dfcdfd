"""Framing that no gRPC client would send, and clients that leave, wait or are slow."""

import asyncio
import gzip
import logging
import struct
import sys
import zlib
from base64 import b64decode
from collections.abc import Callable

import pytest
from google.rpc.status_pb2 import Status as RpcStatus
from grpclib.const import Status

from actors.runtime.budget import Budget
from actors.span_store.messages import GetTraceSpans
from tests.spans import many_spans, otlp_request, otlp_span
from tests.transports.grpc.conftest import BUDGET, EXPORT, Server, Serving
from tests.transports.grpc.http2_client import ENOUGH, Http2Client, framed, http2_client

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

pytestmark = [pytest.mark.integration, pytest.mark.requires_grpc_server]

ONE_SPAN = otlp_request(otlp_span(1)).SerializeToString()
HEALTH = "/grpc.health.v1.Health/Check"
REFLECTION = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"


def status_in(answer: dict[str, str]) -> Status:
    return Status(int(answer["grpc-status"]))


async def open_export(client: Http2Client, server: Server, *headers: tuple[str, str]) -> int:
    return await client.open(EXPORT, ("x-junjo-api-key", server.backend.key), *headers)


async def sent(server: Server, data: bytes, *headers: tuple[str, str], end: bool = True) -> dict[str, str]:
    """The answer to these bytes as the body of a call."""
    async with http2_client(server.port) as client:
        call = await open_export(client, server, *headers)
        await client.send(call, data, end=end)
        return await client.answer(call)


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        ("gzip", gzip.compress),
        ("GZIP", gzip.compress),
        ("x-gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("zstd", zstd.compress),
    ],
)
async def test_takes_packed_and_plain_messages_under_one_header(
    otlp: Server, encoding: str, pack: Callable[[bytes], bytes]
) -> None:
    for message in (framed(pack(ONE_SPAN), flag=1), framed(ONE_SPAN)):
        answer = await sent(otlp, message, ("grpc-encoding", encoding))
        assert status_in(answer) is Status.OK
    assert len(await otlp.backend.bus.ask(GetTraceSpans(trace_id=f"{1:032x}"))) == 1


async def test_a_large_message_may_come_in_one_frame(otlp: Server) -> None:
    """Before the client has answered the settings that say so, too: its answer and the frame may come together."""
    message = framed(many_spans(600, seed=1))
    assert 16 * 1024 < len(message) < 64 * 1024  # HTTP/2 lets a client send so much unasked
    async with http2_client(otlp.port) as client:
        call = await open_export(client, otlp)
        last = 1
        await client.send_raw(struct.pack(">IBI", len(message) << 8, last, call) + message)
        assert status_in(await client.answer(call)) is Status.OK
        assert client.most_in_a_frame == 256 * 1024


@pytest.mark.parametrize(
    ("encodings", "message"),
    [
        ((), "does not say how"),
        (("identity",), "does not say how"),
        (("snappy",), "set compression to gzip, zstd, deflate or none"),
        (("lz4",), "set compression to gzip, zstd, deflate or none"),
        (("gzip", "gzip"), "More than one encoding"),
        (("gzip,gzip",), "More than one encoding"),
    ],
)
async def test_an_encoding_that_is_not_known_is_unimplemented(
    otlp: Server, encodings: tuple[str, ...], message: str
) -> None:
    headers = [("grpc-encoding", encoding) for encoding in encodings]
    answer = await sent(otlp, framed(gzip.compress(ONE_SPAN), flag=1), *headers)
    assert status_in(answer) is Status.UNIMPLEMENTED
    assert answer["grpc-accept-encoding"] == "identity,gzip,zstd,deflate"
    assert message in answer["grpc-message"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0",
        b"\0\0\0\0",
        framed(b"short", length=6),
        framed(b"", length=1),
        framed(ONE_SPAN, flag=2),
        framed(ONE_SPAN, flag=255),
        framed(b"not gzip", flag=1),
        framed(gzip.compress(ONE_SPAN, mtime=0)[:-1], flag=1),
        framed(gzip.compress(ONE_SPAN, mtime=0) + b"more", flag=1),
        framed(gzip.compress(many_spans(200, seed=1), mtime=0)[:-9], flag=1),
    ],
)
async def test_a_message_that_is_none_is_invalid(otlp: Server, data: bytes) -> None:
    answer = await sent(otlp, data, ("grpc-encoding", "gzip"))
    assert status_in(answer) is Status.INVALID_ARGUMENT


@pytest.mark.security
@pytest.mark.parametrize("length", [64 * 1024 * 1024 + 1, 2**32 - 1])
async def test_a_message_that_will_be_too_large_is_refused_before_it_comes(otlp: Server, length: int) -> None:
    answer = await sent(otlp, framed(b"the beginning", length=length), end=False)
    assert status_in(answer) is Status.RESOURCE_EXHAUSTED
    assert "grpc-status-details-bin" not in answer


@pytest.mark.parametrize(("encoding", "pack"), [("deflate", zlib.compress), ("zstd", zstd.compress)])
async def test_other_encodings_are_whole_or_invalid_too(
    otlp: Server, encoding: str, pack: Callable[[bytes], bytes]
) -> None:
    for data in (b"no such form", pack(ONE_SPAN)[:-1], pack(ONE_SPAN) + b"more", gzip.compress(ONE_SPAN)):
        answer = await sent(otlp, framed(data, flag=1), ("grpc-encoding", encoding))
        assert status_in(answer) is Status.INVALID_ARGUMENT


@pytest.mark.security
@pytest.mark.parametrize(
    ("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress), ("zstd", zstd.compress)]
)
async def test_a_bomb_is_refused(otlp: Server, encoding: str, pack: Callable[[bytes], bytes]) -> None:
    bomb = pack(b"\0" * (64 * 1024 * 1024 + 1))
    answer = await sent(otlp, framed(bomb, flag=1), ("grpc-encoding", encoding))
    assert status_in(answer) is Status.RESOURCE_EXHAUSTED
    assert "grpc-status-details-bin" not in answer


@pytest.mark.security
@pytest.mark.parametrize("path", [HEALTH, REFLECTION])
async def test_without_a_key_only_small_messages_are_taken(otlp: Server, path: str) -> None:
    async with http2_client(otlp.port) as client:
        call = await client.open(path)
        await client.send(call, framed(b"", length=4 * 1024 * 1024 + 1))
        assert status_in(await client.answer(call)) is Status.RESOURCE_EXHAUSTED
        call = await client.open(path)
        await client.send(call, framed(b"\xff\xff"), end=True)
        assert status_in(await client.answer(call)) is Status.INVALID_ARGUMENT


async def test_the_key_is_checked_before_the_message_comes(otlp: Server) -> None:
    async with http2_client(otlp.port) as client:
        call = await client.open(EXPORT, ("x-junjo-api-key", "wrong"))
        assert status_in(await client.answer(call)) is Status.UNAUTHENTICATED


async def test_the_deadline_is_honoured(otlp: Server, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    async with http2_client(otlp.port) as client:
        call = await open_export(client, otlp, ("grpc-timeout", "50m"))
        await client.send(call, framed(b"half", length=8))
        assert status_in(await client.answer(call)) is Status.DEADLINE_EXCEEDED


@pytest.mark.security
async def test_a_message_that_dawdles_is_given_up(serving_otlp: Serving) -> None:
    async with serving_otlp(message_seconds=0.05) as server:
        answer = await sent(server, framed(b"half", length=100_000), end=False)
    assert status_in(answer) is Status.DEADLINE_EXCEEDED
    assert "in time" in answer["grpc-message"]


class WatchedBudget(Budget):
    """Says when something is held, and when nothing is."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.taken = asyncio.Event()

    def take(self, size: int, own: int = 0) -> None:
        super().take(size, own)
        self.taken.set()


@pytest.mark.concurrency
@pytest.mark.parametrize("way", ["reset", "disconnect"])
async def test_a_client_that_leaves_gives_its_room_back(serving_otlp: Serving, way: str) -> None:
    budget = WatchedBudget(BUDGET)
    async with serving_otlp(otlp_budget=budget) as server:
        async with http2_client(server.port) as client:
            call = await open_export(client, server)
            await client.send(call, framed(b"half", length=1_000_000))
            await asyncio.wait_for(budget.taken.wait(), timeout=ENOUGH)
            assert budget.room == BUDGET - 1_000_000
            if way == "reset":
                await client.reset(call)
                other = await open_export(client, server)  # answered after the reset has been seen
                await client.send(other, framed(ONE_SPAN), end=True)
                assert status_in(await client.answer(other)) is Status.OK
        await server.export(ONE_SPAN)
    assert budget.room == BUDGET


@pytest.mark.security
async def test_odd_headers_are_answered(otlp: Server) -> None:
    odd = (("broken-bin", "a"), ("x-schlüssel", "schlüssel"), ("x-long", "x" * 30_000))
    assert status_in(await sent(otlp, framed(ONE_SPAN), *odd)) is Status.OK
    async with http2_client(otlp.port) as client:
        call = await client.open(EXPORT, ("x-junjo-api-key", "schlüssel"))
        assert status_in(await client.answer(call)) is Status.UNAUTHENTICATED


@pytest.mark.security
@pytest.mark.parametrize(
    "headers",
    [
        ((":method", "POST"),),
        ((":path", EXPORT),),
        ((":method", "GET"), (":path", EXPORT)),
        ((":method", "POST"), (":path", EXPORT), ("content-type", "application/json")),
        ((":method", "POST"), (":path", EXPORT), ("content-type", "application/grpc")),
        (
            (":method", "POST"),
            (":path", EXPORT),
            ("content-type", "application/grpc"),
            ("te", "trailers"),
            ("grpc-timeout", "9" * 4000 + "H"),
        ),
    ],
)
async def test_a_call_whose_headers_make_no_sense_is_ended(
    otlp: Server, headers: tuple[tuple[str, str], ...], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    async with http2_client(otlp.port) as client:
        answer = await client.answer(await client.open_with(*headers))
        assert answer.get("grpc-status") != "0"
        call = await open_export(client, otlp)
        await client.send(call, framed(ONE_SPAN), end=True)
        assert status_in(await client.answer(call)) is Status.OK


@pytest.mark.security
@pytest.mark.parametrize(
    "data", [b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 1000, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\1\0\0\0\0\0\0x"]
)
async def test_what_is_not_http2_ends_its_connection_and_no_other(otlp: Server, data: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", otlp.port)
    writer.write(data)
    async with asyncio.timeout(ENOUGH):
        await reader.read()
    writer.close()
    await writer.wait_closed()
    assert await otlp.export(ONE_SPAN) == b""


async def test_frames_of_unknown_type_are_ignored(otlp: Server) -> None:
    """RFC 9113, section 5.5; some clients send them to keep servers honest."""
    async with http2_client(otlp.port) as client:
        call = await open_export(client, otlp)
        await client.send_raw(b"\0\0\x04" + b"\xf0" + b"\0" + b"\0\0\0\0" + b"what")
        await client.send(call, framed(ONE_SPAN), end=True)
        assert status_in(await client.answer(call)) is Status.OK


async def test_details_of_an_error_are_a_google_rpc_status(otlp: Server) -> None:
    answer = await sent(otlp, framed(b"\xff"))
    encoded = answer["grpc-status-details-bin"]
    status = RpcStatus.FromString(b64decode(encoded + "=" * (-len(encoded) % 4)))
    assert status.code == Status.INVALID_ARGUMENT.value
    assert status.message == answer["grpc-message"]
