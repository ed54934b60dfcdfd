#!/usr/bin/env python3
"""How long does a message take through the bus? Microseconds for an ``ask`` there and back, beside a bare coroutine.

"one after the other" is the latency of a lone asker, "together" the cost of each when many ask at once. The delivery
modes take turns, so that a noisy machine disturbs them alike. Run from the repository: ``uv run python -m
scripts.bench_bus``.
"""

import argparse
import asyncio
import gc
import platform
import statistics
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import ClassVar

import attrs

from actors.errors import StudioError
from actors.runtime.actor import Actor, handles, handles_batched, handles_inline
from actors.runtime.bus import Bus
from actors.runtime.lane import Lane
from actors.runtime.messages import Request
from actors.runtime.supervisor import Supervisor

ASKERS = 200
Ask = Callable[[], Awaitable[object]]


@attrs.frozen(kw_only=True)
class Read(Request[int]):
    """A message that is answered concurrently."""

    number: int


@attrs.frozen(kw_only=True)
class Look(Request[int]):
    """A message that is answered inside the ask."""

    number: int


@attrs.frozen(kw_only=True)
class Write(Request[int]):
    """A message that is answered one at a time."""

    number: int


@attrs.frozen(kw_only=True)
class WriteTogether(Request[int]):
    """A message that is answered in batches."""

    number: int


class Echo(Actor):
    """Returns the number that it is sent."""

    lanes: ClassVar[Mapping[str, Lane]] = {"reads": Lane(at_once=ASKERS)}

    @handles(Read, lane="reads")
    async def read(self, request: Read) -> int:
        return request.number

    @handles_inline(Look)
    def look(self, request: Look) -> int:
        return request.number

    @handles(Write)
    async def write(self, request: Write) -> int:
        return request.number

    @handles_batched(WriteTogether, messages=64, weight=0)
    async def write_together(self, requests: Sequence[WriteTogether]) -> Sequence[int | StudioError]:
        return [request.number for request in requests]


async def one_after_the_other(ask: Ask, times: int) -> float:
    """Microseconds for each message of a lone asker."""
    begun = time.perf_counter()
    for _ in range(times):
        await ask()
    return (time.perf_counter() - begun) / times * 1e6


async def together(ask: Ask, times: int) -> float:
    """Microseconds for each message of a crowd of askers."""

    async def asker() -> None:
        for _ in range(times // ASKERS):
            await ask()

    begun = time.perf_counter()
    await asyncio.gather(*(asker() for _ in range(ASKERS)))
    return (time.perf_counter() - begun) / times * 1e6


async def measure(runs: int, times: int) -> dict[str, list[float]]:
    bus = Bus()
    supervisor = Supervisor(bus)
    supervisor.add(Echo, lambda bus: nullcontext(Echo(bus)))
    await supervisor.start()
    echo = Echo(bus)
    ways: dict[str, Ask] = {
        "bare coroutine": lambda: echo.read(Read(number=1)),
        "ask at once": lambda: bus.ask(Look(number=1)),
        "concurrent ask": lambda: bus.ask(Read(number=1)),
        "serial ask": lambda: bus.ask(Write(number=1)),
        "grouped ask": lambda: bus.ask(WriteTogether(number=1)),
    }
    figures: defaultdict[str, list[float]] = defaultdict(list)
    for _ in range(runs):
        for name, ask in ways.items():
            figures[f"{name}, one after the other"].append(await one_after_the_other(ask, times))
            figures[f"{name}, together"].append(await together(ask, times))
    await supervisor.stop()
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--times", type=int, default=10_000, help="asks in each run")
    options = parser.parse_args()
    gc.freeze()
    figures = asyncio.run(measure(options.runs, options.times))
    print(f"Python {platform.python_version()}, {options.runs} runs of {options.times}")
    for name, micros in figures.items():
        print(f"{name:38}  median {statistics.median(micros):6.1f} µs   best {min(micros):6.1f} µs")


if __name__ == "__main__":
    main()
