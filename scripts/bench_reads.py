"""How long do reads take with a number of stored spans?

The studio is a process of its own; one client asks over one connection that stays open and reads each answer to its
end. The kinds of read take turns, so that a noisy machine disturbs them alike; an empty aiohttp handler in another
process takes its turns too, as the floor of the stack.

Run from the repository: ``uv run python -m scripts.bench_reads``.
"""

import argparse
import asyncio
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection
from multiprocessing.connection import Connection
from pathlib import Path

import attrs
from aiohttp import web

from scripts.load.figures import percentile
from scripts.load.machine import machine
from scripts.load.own_studio import HOST, OwnStudio
from scripts.load.payloads import Payloads
from scripts.load.senders import SENDERS

SERVICE = "reads"
SPANS_A_REQUEST = 512
OBSERVABILITY = "/api/v1/observability"
WARM_UP = 5  # reads of each kind
HEAD = "| read | answer | p50 ms | p95 ms | max ms |\n|---|---|---|---|---|"


@attrs.frozen(kw_only=True)
class Read:
    """One kind of read, and the times of its repetitions."""

    name: str
    connection: HTTPConnection
    path: str
    headers: Mapping[str, str]
    seconds: list[float] = attrs.field(factory=list)
    sizes: set[int] = attrs.field(factory=set)

    def once(self) -> None:
        began = time.perf_counter()
        self.connection.request("GET", self.path, headers=dict(self.headers))
        response = self.connection.getresponse()
        body = response.read()
        self.seconds.append(time.perf_counter() - began)
        self.sizes.add(len(body))
        if response.status != 200:
            raise AssertionError(f"{self.path}: {response.status} {body[:300]!r}")

    def row(self) -> str:
        ascending = sorted(self.seconds[WARM_UP:])
        figures = (percentile(ascending, 0.5), percentile(ascending, 0.95), ascending[-1])
        times = " | ".join(f"{seconds * 1000:.2f}" for seconds in figures)
        return f"| {self.name} | {max(self.sizes):,} bytes | {times} |"


def fill(studio: OwnStudio, key: str, spans: int) -> tuple[str, int]:
    """Store at least ``spans`` spans; returns the id of a trace in the middle of them, and their number."""
    payloads = Payloads(SPANS_A_REQUEST)
    requests = -(-spans // SPANS_A_REQUEST)
    middle = ""
    with closing(SENDERS["http"](studio, key)) as sender:
        for number in range(requests):
            payload = payloads.make(SERVICE)
            sender.send(payload.body)
            if number == requests // 2:
                middle = payload.ids[0][0]
    return middle, requests * SPANS_A_REQUEST


def serve_nothing(pipe: Connection) -> None:
    """Serve an aiohttp application with one empty handler; sends its port through the pipe."""

    async def empty(_: web.Request) -> web.Response:
        return web.json_response({"user_email": "load@example.com"})

    async def run() -> None:
        app = web.Application()
        app.router.add_get("/", empty)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, HOST, 0).start()
        pipe.send(runner.addresses[0][1])
        await asyncio.to_thread(pipe.recv)
        await runner.cleanup()

    asyncio.run(run())


@contextmanager
def empty_server() -> Iterator[int]:
    """Start the empty server; yields its port."""
    ours, its = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve_nothing, args=(its,))
    process.start()
    try:
        yield ours.recv()
        ours.send(None)
    finally:
        process.join()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spans", type=int, default=100_000)
    parser.add_argument("--reads", type=int, default=100, help="of each kind")
    parser.add_argument("--folder", type=Path, help="where the data folder is made; default: the temporary folder")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(dir=options.folder))
        studio = stack.enter_context(OwnStudio(Path(folder) / "data"))
        trace, stored = fill(studio, studio.sign_up(), options.spans)
        floor = HTTPConnection(HOST, stack.enter_context(empty_server()))
        connection = stack.enter_context(closing(HTTPConnection(HOST, studio.http_port)))
        stack.enter_context(closing(floor))
        cookie = {"Cookie": studio.cookie}
        service = f"{OBSERVABILITY}/services/{SERVICE}/spans"
        reads = [
            Read(name=name, connection=connection, path=path, headers=cookie)
            for name, path in {
                "services": f"{OBSERVABILITY}/services",
                "latest 100 roots": f"{service}/root?limit=100",
                "latest 100 roots with an LLM span": f"{service}/root?limit=100&has_llm=true",
                "latest 100 spans": f"{service}?limit=100",
                "one trace of 10 spans": f"{OBSERVABILITY}/traces/{trace}/spans",
                "/auth-test": "/auth-test",
            }.items()
        ]
        reads.append(Read(name="empty aiohttp handler", connection=floor, path="/", headers={}))
        for _ in range(WARM_UP + options.reads):
            for read in reads:
                read.once()
        print(f"{machine()}; {stored:,} spans stored; {options.reads} reads of each kind\n\n{HEAD}")
        print("\n".join(read.row() for read in reads))
    return 0


if __name__ == "__main__":
    sys.exit(main())
