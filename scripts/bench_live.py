"""How soon does a live follower hear of a span, and what does that cost whoever sends?

A studio in a process of its own takes spans at a fixed rate, with requests at fixed times. Each span has an attribute
with one of a thousand values (``scripts.load.conversations.MARKS``), and each follower asks for one of them: it hears
of a span in a thousand. In every third run one more follows everything, and hears how many it missed. The time of a
span counts from when its request was due, so it has the acknowledgement in it; the sockets are read by a process of
their own. The last runs send as fast as requests are acknowledged.

Run from the repository: ``uv run python -m scripts.bench_live``.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack, ExitStack, closing
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import attrs
import orjson
from aiohttp import ClientSession, ClientWebSocketResponse

from scripts.load.conversations import mark
from scripts.load.figures import head, milliseconds, percentiles, row
from scripts.load.machine import machine
from scripts.load.own_studio import HOST, OwnStudio
from scripts.load.payloads import Payload, Payloads
from scripts.load.senders import SENDERS
from scripts.load.sending import Sent, as_fast_as_acknowledged, on_schedule

SPANS_A_REQUEST = 100
A_SOCKET = 25  # followers
EVERYTHING = "everything"
CLIENTS = 4
WARM_UP = 100  # requests
HEAD = head(
    *("followers", "spans/s", "spans told", "told after p50 ms", "p99", "max", "over 300 ms"),
    *("acknowledged after p50 ms", "p99", "CPU s per 10,000 spans", "everything: told", "left out"),
)


@attrs.frozen(kw_only=True)
class Heard:
    """What followers heard: when each span came, on the clock of ``time.perf_counter``; of everything how many."""

    spans: dict[str, list[float]]
    told: int
    skipped: int


class Followers:
    """A process with all sockets. ``heard`` ends it."""

    def __init__(self, studio: OwnStudio, count: int, *, everything: bool) -> None:
        filters = [f"attr.load.thousand:{mark(number)}" for number in range(count)]
        groups = [filters[begin : begin + A_SOCKET] for begin in range(0, count, A_SOCKET)]
        context = get_context("spawn")
        self._ours, its = context.Pipe()
        arguments = (studio.http_port, studio.cookie, groups, everything, its)
        self._process = context.Process(target=follow, args=arguments)
        self._process.start()
        self._ours.recv()  # all have caught up

    def heard(self) -> Heard:
        self._ours.send(None)
        heard: Heard = self._ours.recv()
        self._process.join()
        return heard


def follow(port: int, cookie: str, groups: Sequence[Sequence[str]], everything: bool, pipe: Connection) -> None:
    """Of the process: follow until something comes through the pipe."""
    asyncio.run(_follow(port, cookie, [*groups, [""]] if everything else groups, pipe))


async def _follow(port: int, cookie: str, groups: Sequence[Sequence[str]], pipe: Connection) -> None:
    heard = Hearing()
    headers = {"Cookie": cookie, "Origin": f"http://{HOST}:{port}"}
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(ClientSession(headers=headers))
        readers = []
        for filters in groups:
            connecting = http.ws_connect(f"http://{HOST}:{port}/api/v1/live", max_msg_size=0)
            socket = await stack.enter_async_context(connecting)
            await subscribe(socket, filters)
            readers.append(asyncio.create_task(heard.read(socket)))
        pipe.send(None)
        await asyncio.to_thread(pipe.recv)
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
    pipe.send(Heard(spans=heard.spans, told=heard.told, skipped=heard.skipped))


async def subscribe(socket: ClientWebSocketResponse, filters: Sequence[str]) -> None:
    for q in filters:
        await socket.send_json({"type": "subscribe", "id": q or EVERYTHING, "q": q, "limit": 1})
    left = len(filters)
    while left:
        left -= (await socket.receive_json())["type"] == "caught_up"


@attrs.define
class Hearing:
    """What has been heard so far, of followers of one value and of everything."""

    spans: dict[str, list[float]] = attrs.field(factory=dict)
    told: int = 0
    skipped: int = 0

    async def read(self, socket: ClientWebSocketResponse) -> None:
        async for message in socket:
            now, frame = time.perf_counter(), orjson.loads(message.data)
            if frame["type"] == "lagged":
                self.skipped += frame["skipped"]
            elif frame["id"] == EVERYTHING:
                self.told += 1
            else:
                self.spans.setdefault(frame["item"]["span_id"], []).append(now)


@attrs.frozen(kw_only=True)
class Run:
    """One run: who followed, how fast was sent, and what came of it."""

    followers: int
    spans: int
    seconds: float
    sent: Sent
    cpu: float
    heard: Heard
    due: dict[str, float]  # when the request of each span was due

    def cells(self) -> list[str]:
        delays = [at - self.due[span] for span, times in self.heard.spans.items() if span in self.due for at in times]
        told = [milliseconds(each) for each in (*percentiles(delays, 0.5, 0.99), max(delays))] if delays else ["-"] * 3
        return [
            *(f"{self.followers}", f"{self.spans / self.seconds:,.0f}", f"{len(delays):,}", *told),
            f"{sum(delay > 0.3 for delay in delays):,}",
            *(milliseconds(each) for each in percentiles(self.sent.delays, 0.5, 0.99)),
            f"{self.cpu / self.spans * 10_000:.3f}",
            *(f"{self.heard.told:,}", f"{self.heard.skipped:,}"),
        ]


def measure(options: argparse.Namespace, followers: int, rate: float | None, *, everything: bool) -> Run:
    """One run on a studio of its own."""
    payloads = Payloads(SPANS_A_REQUEST, marked=True)
    prepared = [payloads.make("load") for _ in range(options.spans // SPANS_A_REQUEST)]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=options.folder)))
        studio = stack.enter_context(OwnStudio(folder / "data"))
        key = studio.sign_up()
        clients = [stack.enter_context(closing(SENDERS[options.protocol](studio, key))) for _ in range(CLIENTS)]
        as_fast_as_acknowledged(clients, (payloads.make("warm-up") for _ in range(WARM_UP)))
        following = Followers(studio, followers, everything=everything)
        before, begin = studio.cpu_seconds(), time.perf_counter()
        if rate is None:
            sent = as_fast_as_acknowledged(clients, prepared)
        else:
            sent = on_schedule(clients, prepared, SPANS_A_REQUEST / rate)
        seconds = time.perf_counter() - begin
        time.sleep(1.0)  # the last ones are on their way
        cpu = studio.cpu_seconds() - before
        heard = following.heard()
    due = {} if rate is None else due_times(prepared, begin, SPANS_A_REQUEST / rate)
    return Run(
        followers=followers,
        spans=len(prepared) * SPANS_A_REQUEST,
        seconds=seconds,
        sent=sent,
        cpu=cpu,
        heard=heard,
        due=due,
    )


def due_times(prepared: Sequence[Payload], begin: float, interval: float) -> dict[str, float]:
    """When the request of each span was due, or at most some microseconds before."""
    return {span_id: begin + number * interval for number, payload in enumerate(prepared) for _, span_id in payload.ids}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--protocol", choices=sorted(SENDERS), default="http")
    parser.add_argument("--followers", type=int, default=100)
    parser.add_argument("--rate", type=float, default=10_000, help="spans a second")
    parser.add_argument("--spans", type=int, default=300_000, help="of a run")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where the data folders are made; default: the temporary folder")
    options = parser.parse_args()
    print(f"{machine()}; {SPANS_A_REQUEST} spans a request; {options.runs} runs\n\n{HEAD}")
    for rate in (options.rate, None):
        for _ in range(options.runs):
            for followers, everything in ((0, False), (options.followers, False), (options.followers, True)):
                print(row(*measure(options, followers, rate, everything=everything).cells()), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
