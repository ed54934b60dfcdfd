"""The limit on open connections, over HTTP and gRPC together, and the eviction of idle ones."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from ipaddress import ip_network
from itertools import pairwise
from pathlib import Path

import attrs
import pytest
from structlog.testing import capture_logs

from actors.runtime.budget import Budget
from actors.runtime.bus import Bus
from tests.http_studio import http_config
from transports.addresses import Network
from transports.connections import Connections
from transports.grpc.config import GrpcConfig
from transports.grpc.server import serve_otlp
from transports.http.app import build_app
from transports.http.framework.server import serve_http

pytestmark = [pytest.mark.integration, pytest.mark.security]

_ENOUGH = 20  # seconds; a test that waits so long would wait for ever
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"
_PING = b"GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n"
# Its body does not come, so that it stays in work.
_HALF = b"POST /sign-in HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\n"


@attrs.frozen(kw_only=True)
class Ports:
    http: int
    otlp: int
    connections: Connections


@asynccontextmanager
async def ports(most: int, proxies: tuple[Network, ...] = ()) -> AsyncIterator[Ports]:
    connections = Connections(most, proxies)
    bus = Bus()
    grpc = GrpcConfig(otlp_budget=Budget(1024), connections=connections)
    async with (
        serve_http(build_app(bus, http_config()), "127.0.0.1", 0, connections) as http,
        serve_otlp(bus, grpc, "127.0.0.1", 0) as otlp,
    ):
        yield Ports(http=http, otlp=otlp, connections=connections)


class Client:
    """One open connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    async def lives(self) -> bool:
        """Whether a ping is answered."""
        try:
            self.writer.write(_PING)
            async with asyncio.timeout(_ENOUGH):
                return b"pong" in await self._reader.readuntil(b"}")
        except (OSError, asyncio.IncompleteReadError):
            return False

    async def until_closed(self) -> bytes:
        """The bytes that the studio sent before it closed."""
        async with asyncio.timeout(_ENOUGH):
            try:
                return await self._reader.read()
            except ConnectionResetError:
                return b""


@asynccontextmanager
async def clients() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


async def connect(stack: AsyncExitStack, port: int, say: bytes = b"", host: str = "127.0.0.1") -> Client:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(host, 0))
    stack.callback(writer.close)
    writer.write(say)
    return Client(reader, writer)


async def until(connections: Connections, count: int) -> None:
    async with asyncio.timeout(_ENOUGH):
        while connections.count != count:  # noqa: ASYNC110 - nothing tells when one is accepted
            await asyncio.sleep(0)


async def test_an_idle_connection_makes_way_for_a_new_one_of_its_address() -> None:
    async with ports(most=8) as served, clients() as stack:
        first = await connect(stack, served.http)
        await until(served.connections, 1)
        others = [await connect(stack, served.otlp, _PREFACE) for _ in range(3)]
        await until(served.connections, 4)
        newest = await connect(stack, served.http)
        assert await newest.lives()
        assert not await first.lives()
        assert await (await connect(stack, served.http)).lives()
        assert b"\0\0\x08\7" in await others[0].until_closed()  # GOAWAY
        assert served.connections.count == 4


async def test_what_is_used_stays() -> None:
    async with ports(most=4) as served, clients() as stack:
        used, unused = await connect(stack, served.http), await connect(stack, served.http)
        await until(served.connections, 2)
        assert await used.lives()
        assert await (await connect(stack, served.http)).lives()
        assert await used.lives()
        assert not await unused.lives()


async def test_one_address_has_no_more_than_half_and_the_log_line_is_rate_limited() -> None:
    async with ports(most=4) as served, clients() as stack:
        for _ in range(2):
            await connect(stack, served.http, _HALF, host="127.0.0.2")
        await until(served.connections, 2)
        with capture_logs() as lines:
            for _ in range(20):
                assert not await (await connect(stack, served.http, host="127.0.0.2")).lives()
        refusals = [line for line in lines if line["event"].startswith("connection refused")]
        assert 0 < len(refusals) < 10
        assert (refusals[0]["times"], refusals[0]["client"]) == (1, "127.0.0.2")
        assert await (await connect(stack, served.http)).lives()
        assert await (await connect(stack, served.http)).lives()


async def test_a_trusted_proxy_has_no_share_of_its_own() -> None:
    async with ports(most=4, proxies=(ip_network("127.0.0.2"),)) as served, clients() as stack:
        for _ in range(4):
            await connect(stack, served.http, _HALF, host="127.0.0.2")
        await until(served.connections, 4)
        assert not await (await connect(stack, served.http, host="127.0.0.2")).lives()


async def test_an_idle_connection_of_another_address_makes_way_where_all_are_taken() -> None:
    async with ports(most=4) as served, clients() as stack:
        idle = [await connect(stack, served.http, host="127.0.0.2") for _ in range(2)]
        await connect(stack, served.http, _HALF, host="127.0.0.3")
        await connect(stack, served.http, _HALF, host="127.0.0.4")
        await until(served.connections, 4)
        assert await (await connect(stack, served.http, host="127.0.0.5")).lives()
        assert [await client.lives() for client in idle] == [False, True]


async def test_a_connection_that_ends_gives_its_place_back(tmp_path: Path) -> None:
    async with ports(most=4) as served, clients() as stack:
        for _ in range(10):
            for port, say in ((served.http, _HALF), (served.otlp, _PREFACE)):
                client = await connect(stack, port, say)
                await until(served.connections, 1)
                client.writer.close()
                await until(served.connections, 0)


async def test_many_that_come_at_once_are_accepted_a_few_at_a_time() -> None:
    async with ports(most=200) as served, clients() as stack:
        for _ in range(60):
            stack.callback(socket.create_connection(("127.0.0.1", served.http)).close)  # the event loop has no turn
        counts = [0]
        while counts[-1] < 60:
            await asyncio.sleep(0)
            counts.append(served.connections.count)
        assert max(after - before for before, after in pairwise(counts)) <= 8
