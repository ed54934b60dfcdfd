#!/usr/bin/env python3
r"""What does the studio add to a request? Each of its checks beside an empty handler of the same library.

``ValidateApiKey`` is compared with an empty grpclib handler, an authenticated ``GET /auth-test`` with an empty aiohttp
handler. All servers run in one process apart from the load; the studio runs whole, with its log going to a file. The
two sides of a comparison take turns, so that a noisy machine disturbs them alike.
Run from the repository: ``uv run python -m scripts.bench_auth``.
"""

import argparse
import asyncio
import multiprocessing
import os
import re
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

import attrs
import grpclib.server
import psutil
from aiohttp import web
from grpclib.client import Channel

from actors.key_registry.messages import IssueKey
from actors.principal import SYSTEM, Scope
from actors.runtime.bus import Bus
from actors.session.messages import CreateFirstUser
from scripts.load.machine import machine
from scripts.load.own_studio import EMAIL, HOST, PASSWORD, environment
from studio.app import running
from studio.garbage import leave_the_start_alone
from studio.logs import configure_logging
from studio.settings import load_settings
from studio.tuning import tune_process
from transports.grpc.generated.auth_grpc import InternalAuthServiceBase, InternalAuthServiceStub
from transports.grpc.generated.auth_pb2 import ValidateApiKeyRequest, ValidateApiKeyResponse

WARM_UP = 0.3  # share of a run
CONCURRENCIES = (1, 32)
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)

Ask = Callable[[], Awaitable[object]]


class EmptyHandler(InternalAuthServiceBase):
    """Reads the request and answers true."""

    async def ValidateApiKey(  # noqa: N802 - the name in auth.proto
        self, stream: "grpclib.server.Stream[ValidateApiKeyRequest, ValidateApiKeyResponse]"
    ) -> None:
        await stream.recv_message()
        await stream.send_message(ValidateApiKeyResponse(is_valid=True))


async def empty_handler(_: web.Request) -> web.Response:
    return web.Response(body=b'{"user_email":"load@example.com"}', content_type="application/json")


@attrs.frozen(kw_only=True)
class Servers:
    """Ports of the servers, and the credentials."""

    studio_grpc: int
    studio_http: int
    empty_grpc: int
    empty_http: int
    key: str
    cookie: str


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[Servers]:
    """Run the studio and the empty servers for the length of the block."""
    settings = load_settings(environment(folder / "data"), folder)
    async with AsyncExitStack() as stack:
        configure_logging(settings, stack.enter_context((folder / "studio.log").open("w")))
        studio = await stack.enter_async_context(running(settings))
        key, cookie = await admitted(studio.bus)
        servers = Servers(
            studio_grpc=studio.grpc_port,
            studio_http=studio.http_port,
            empty_grpc=await stack.enter_async_context(empty_grpc()),
            empty_http=await stack.enter_async_context(empty_http()),
            key=key,
            cookie=cookie,
        )
        tune_process()
        leave_the_start_alone()
        yield servers


async def admitted(bus: Bus) -> tuple[str, str]:
    """Make a live key and a live cookie."""
    issued = await bus.ask(IssueKey(name="bench", scopes=frozenset(Scope), by=SYSTEM))
    signed_in = await bus.ask(CreateFirstUser(email=EMAIL, password=PASSWORD))
    return issued.secret, signed_in.cookie


@asynccontextmanager
async def empty_grpc() -> AsyncIterator[int]:
    server = grpclib.server.Server([EmptyHandler()])
    await server.start(HOST, 0)
    try:
        yield server._server.sockets[0].getsockname()[1]  # type: ignore[union-attr] # noqa: SLF001 - grpclib hides it
    finally:
        server.close()


@asynccontextmanager
async def empty_http() -> AsyncIterator[int]:
    app = web.Application()
    app.router.add_get("/auth-test", empty_handler)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, HOST, 0).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def serve(pipe: Connection) -> None:
    """The server process: it sends its ports and ends when told."""

    async def run(folder: Path) -> None:
        async with serving(folder) as servers:
            pipe.send(servers)
            await asyncio.to_thread(pipe.recv)

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(Path(folder)))
    os._exit(0)  # as the studio itself ends


class HttpConnection(asyncio.Protocol):
    """Repeats one request, each after the previous answer, with as little work of its own as possible."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._received = b""
        self._answer: asyncio.Future[bytes] | None = None
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if not isinstance(transport, asyncio.Transport):
            raise TypeError("TCP has transports that write")
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if self._answer and end and length and len(body) >= int(length[1]):
            answer, self._received = self._received, b""
            self._answer.set_result(answer)

    def connection_lost(self, _: Exception | None) -> None:
        if self._answer and not self._answer.done():
            self._answer.set_exception(ConnectionError("the server hung up"))

    async def ask(self) -> bytes:
        """Send the request and read its answer."""
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(self._request)
        return await self._answer

    def close(self) -> None:
        self._transport.close()


@attrs.frozen
class Rate:
    """Result of one run."""

    calls: float  # answered in a second
    cpu: float  # microseconds of the server's, for each


async def rate(asks: Sequence[Ask], seconds: float, server: psutil.Process) -> Rate:
    """Run all askers at once for ``seconds``, after a shorter warm-up."""

    async def until(ask: Ask, end: float) -> int:
        count = 0
        while time.perf_counter() < end:
            await ask()
            count += 1
        return count

    for length in (seconds * WARM_UP, seconds):
        begin, cpu = time.perf_counter(), server.cpu_times()
        calls = sum(await asyncio.gather(*(until(ask, begin + length) for ask in asks)))
    elapsed, spent = time.perf_counter() - begin, server.cpu_times()
    return Rate(calls / elapsed, (spent.user + spent.system - cpu.user - cpu.system) / calls * 1e6)


@asynccontextmanager
async def grpc_asks(port: int, key: str) -> AsyncIterator[list[Ask]]:
    """Askers for the highest concurrency, over one connection."""
    async with Channel(HOST, port) as channel:
        ask = partial(InternalAuthServiceStub(channel).ValidateApiKey, ValidateApiKeyRequest(api_key=key))
        if not (await ask()).is_valid:
            raise SystemExit("the key should be valid")
        yield [ask] * CONCURRENCIES[-1]


@asynccontextmanager
async def http_asks(port: int, cookie: str) -> AsyncIterator[list[Ask]]:
    """Askers for the highest concurrency, each over its own connection."""
    request = f"GET /auth-test HTTP/1.1\r\nHost: {HOST}:{port}\r\nCookie: session={cookie}\r\n\r\n".encode()
    loop = asyncio.get_running_loop()
    made = [
        await loop.create_connection(partial(HttpConnection, request), HOST, port) for _ in range(CONCURRENCIES[-1])
    ]
    connections = [connection for _, connection in made]
    if not (answer := await connections[0].ask()).endswith(b'{"user_email":"load@example.com"}'):
        raise SystemExit(f"the cookie should be valid: {answer.decode()}")
    yield [connection.ask for connection in connections]
    for connection in connections:
        connection.close()


async def compare(servers: Servers, server: psutil.Process, runs: int, seconds: float) -> None:
    """Print both comparisons at each concurrency."""
    pairs = {
        ("ValidateApiKey", "empty grpclib handler"): (
            grpc_asks(servers.studio_grpc, servers.key),
            grpc_asks(servers.empty_grpc, servers.key),
        ),
        ("GET /auth-test", "empty aiohttp handler"): (
            http_asks(servers.studio_http, servers.cookie),
            http_asks(servers.empty_http, servers.cookie),
        ),
    }
    for names, (ours, empty) in pairs.items():
        async with ours as our_asks, empty as empty_asks:
            sides = our_asks, empty_asks
            for concurrency in CONCURRENCIES:
                rates: tuple[list[Rate], list[Rate]] = ([], [])
                for run in range(runs):
                    for side in (0, 1) if run % 2 else (1, 0):
                        rates[side].append(await rate(sides[side][:concurrency], seconds, server))
                report(concurrency, dict(zip(names, rates, strict=True)))


def report(concurrency: int, rates: dict[str, list[Rate]]) -> None:
    """A row for each side, with the ratio of the medians."""
    best = statistics.median(run.calls for run in list(rates.values())[-1])
    for name, runs in rates.items():
        calls = [run.calls for run in runs]
        median = statistics.median(calls)
        cpu = statistics.median(run.cpu for run in runs)
        print(
            f"| {name} | {concurrency} | {median:,.0f} | {min(calls):,.0f} | {max(calls):,.0f} "
            f"| {cpu:.0f} | {median / best:.0%} |"
        )


def main() -> None:
    """Start the servers, measure, and end them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0)
    options = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=serve, args=(there,), daemon=True)
    process.start()
    servers: Servers = here.recv()
    print(f"{machine()}; {options.runs} runs of {options.seconds:g} s\n")
    print("| call | at once | calls/s (median) | min | max | µs of CPU a call | of the empty one |")
    print("|---|---|---|---|---|---|---|")
    asyncio.run(compare(servers, psutil.Process(process.pid), options.runs, options.seconds))
    here.send("end")
    process.join()


if __name__ == "__main__":
    main()
