#!/usr/bin/env python3
"""How fast is ValidateApiKey, compared with an empty grpclib handler in the same run?

The servers run in one process apart from the load. Both sides take turns, so that a noisy machine disturbs them alike.
Run from the repository: ``uv run python -m scripts.bench_auth``.
"""

import argparse
import asyncio
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import attrs
import grpclib.server
import psutil
from grpclib.client import Channel

from actors.key_registry.actor import KeyRegistryActor
from actors.key_registry.messages import IssueKey
from actors.principal import SYSTEM, Scope
from actors.runtime.bus import Bus
from actors.runtime.supervisor import Supervisor
from transports.byte_budget import ByteBudget
from transports.grpc.config import GrpcConfig
from transports.grpc.generated.auth_grpc import InternalAuthServiceBase, InternalAuthServiceStub
from transports.grpc.generated.auth_pb2 import ValidateApiKeyRequest, ValidateApiKeyResponse
from transports.grpc.server import serve_auth

HOST = "127.0.0.1"
WARM_UP = 0.3  # share of a run


class EmptyHandler(InternalAuthServiceBase):
    """Reads the request and says yes."""

    async def ValidateApiKey(  # noqa: N802 - the name in auth.proto
        self, stream: "grpclib.server.Stream[ValidateApiKeyRequest, ValidateApiKeyResponse]"
    ) -> None:
        await stream.recv_message()
        await stream.send_message(ValidateApiKeyResponse(is_valid=True))


@asynccontextmanager
async def studio(folder: Path) -> AsyncIterator[tuple[int, str]]:
    """The key check of the studio: its port and a live key."""
    bus = Bus()
    supervisor = Supervisor(bus)
    supervisor.add(KeyRegistryActor, partial(KeyRegistryActor, folder / "junjo.db"))
    await supervisor.start()
    issued = await bus.ask(IssueKey(name="bench", scopes=frozenset(Scope), by=SYSTEM))
    async with serve_auth(bus, GrpcConfig(otlp_budget=ByteBudget(1)), HOST, 0) as port:
        yield port, issued.secret
    await supervisor.stop()


@asynccontextmanager
async def empty() -> AsyncIterator[int]:
    server = grpclib.server.Server([EmptyHandler()])
    await server.start(HOST, 0)
    try:
        yield server._server.sockets[0].getsockname()[1]  # type: ignore[union-attr] # noqa: SLF001 - grpclib hides it
    finally:
        server.close()


def serve(pipe: Connection) -> None:
    """The server process: says where it listens and ends when told."""

    async def run() -> None:
        async with AsyncExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            pipe.send((*await stack.enter_async_context(studio(folder)), await stack.enter_async_context(empty())))
            await asyncio.to_thread(pipe.recv)

    asyncio.run(run())


@attrs.frozen
class Rate:
    """Of one run."""

    calls: float  # answered in a second
    cpu: float  # microseconds of the server's, for each


async def rate(ask: Callable[[], Awaitable[object]], concurrency: int, seconds: float, server: psutil.Process) -> Rate:
    """Call for so many seconds, after a shorter warm-up."""

    async def until(end: float) -> int:
        count = 0
        while time.perf_counter() < end:
            await ask()
            count += 1
        return count

    for length in (seconds * WARM_UP, seconds):
        begin, cpu = time.perf_counter(), server.cpu_times()
        calls = sum(await asyncio.gather(*(until(begin + length) for _ in range(concurrency))))
    elapsed, spent = time.perf_counter() - begin, server.cpu_times()
    return Rate(calls / elapsed, (spent.user + spent.system - cpu.user - cpu.system) / calls * 1e6)


async def compare(studio_port: int, key: str, empty_port: int, server: psutil.Process, options: Any) -> None:  # noqa: ANN401 - argparse's
    """Print both sides at each concurrency."""
    async with Channel(HOST, studio_port) as ours, Channel(HOST, empty_port) as theirs:
        request = ValidateApiKeyRequest(api_key=key)
        sides = {
            "ValidateApiKey": partial(InternalAuthServiceStub(ours).ValidateApiKey, request),
            "empty handler": partial(InternalAuthServiceStub(theirs).ValidateApiKey, request),
        }
        for side in sides.values():
            if not (await side()).is_valid:
                raise SystemExit("the key should be valid")
        for concurrency in (1, 32):
            rates: dict[str, list[Rate]] = {name: [] for name in sides}
            for run in range(options.runs):
                for name in sorted(sides, reverse=run % 2 == 1):
                    rates[name].append(await rate(sides[name], concurrency, options.seconds, server))
            report(concurrency, rates)


def report(concurrency: int, rates: dict[str, list[Rate]]) -> None:
    """A line for each side, and the ratio of the medians."""
    medians = []
    for name, runs in rates.items():
        calls = [run.calls for run in runs]
        medians.append(statistics.median(calls))
        print(
            f"concurrency {concurrency:2}  {name:15} {medians[-1]:6,.0f} calls/s (min {min(calls):,.0f}, "
            f"max {max(calls):,.0f})  {statistics.median(run.cpu for run in runs):4.0f} us of CPU a call"
        )
    print(f"concurrency {concurrency:2}  ratio           {medians[0] / medians[1]:6.0%}")


def main() -> None:
    """Start the servers, measure, and end them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0)
    options = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    servers = context.Process(target=serve, args=(there,), daemon=True)
    servers.start()
    studio_port, key, empty_port = here.recv()
    asyncio.run(compare(studio_port, key, empty_port, psutil.Process(servers.pid), options))
    here.send("end")
    servers.join()


if __name__ == "__main__":
    main()
