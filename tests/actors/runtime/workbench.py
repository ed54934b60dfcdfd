"""An actor that does what its messages carry, and a gate to hold it at."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, nullcontext
from typing import Any, ClassVar, Self, TypeAlias

import attrs

from actors.errors import StudioError
from actors.runtime.actor import Actor, ActorBus, handles, handles_batched, streams, subscribes
from actors.runtime.bus import Bus
from actors.runtime.lane import Lane
from actors.runtime.mailbox import Capacity
from actors.runtime.messages import Event, Request, StreamRequest
from actors.runtime.supervisor import ActorFactory, Supervisor

Work = Callable[[], Awaitable[Any]]
Part: TypeAlias = tuple[type[Actor], ActorFactory]


@attrs.frozen(kw_only=True, eq=False)
class DoSerially(Request[Any]):
    """Await the work, one at a time, and answer its result."""

    work: Work
    weight: int = 0


@attrs.frozen(kw_only=True, eq=False)
class DoConcurrently(Request[Any]):
    """Await the work beside others and answer its result."""

    work: Work
    weight: int = 0


@attrs.frozen(kw_only=True)
class DoTogether(Request[int]):
    """Answered as the workbench's ``together`` says."""

    number: int
    weight: int = 0


@attrs.frozen(kw_only=True, eq=False)
class Watch(StreamRequest[Any]):
    """The items of the generator."""

    items: Callable[[], AsyncGenerator[Any, None]]


@attrs.frozen(kw_only=True, eq=False)
class Happened(Event):
    """Subscribers await the work."""

    work: Work


async def numbers_of(requests: Sequence[DoTogether]) -> Sequence[int | StudioError]:
    return [request.number for request in requests]


class Workbench(Actor):
    """Small in every dimension, so that a test can fill it."""

    capacity = Capacity(messages=8, bytes=1000)
    lanes: ClassVar[Mapping[str, Lane]] = {"reads": Lane(at_once=3, capacity=capacity)}
    most_streams = 3
    stream_buffer = 4

    @handles(DoSerially)
    async def do_serially(self, request: DoSerially) -> Any:
        return await request.work()

    @handles(DoConcurrently, lane="reads")
    async def do_concurrently(self, request: DoConcurrently) -> Any:
        return await request.work()

    @handles_batched(DoTogether, messages=4, weight=100)
    async def do_together(self, requests: Sequence[DoTogether]) -> Sequence[int | StudioError]:
        return await self.together(requests)

    async def together(self, requests: Sequence[DoTogether]) -> Sequence[int | StudioError]:
        return await numbers_of(requests)

    @streams(Watch)
    async def watch(self, request: Watch) -> AsyncGenerator[Any, None]:
        async with aclosing(request.items()) as items:
            async for item in items:
                yield item

    @subscribes(Happened)
    async def happened(self, event: Happened) -> None:
        await event.work()


class Diary:
    """What happened, line by line."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._written = asyncio.Event()

    def write(self, line: str) -> None:
        self.lines.append(line)
        self._written.set()

    @asynccontextmanager
    async def of_life(self, name: str = "") -> AsyncIterator[None]:
        """Write when the block begins and ends."""
        self.write(f"{name} starts" if name else "start")
        try:
            yield
        finally:
            self.write(f"{name} stops" if name else "stop")

    async def reads(self, *lines: str) -> None:
        """Wait until these are all its lines."""
        while self.lines != list(lines):
            self._written.clear()
            await self._written.wait()


class Fragile(Workbench):
    """Crashes in its work when it is told to, and keeps a diary of all its lives."""

    def __init__(self, bus: ActorBus, crash: asyncio.Event) -> None:
        super().__init__(bus)
        self._crash = crash

    @classmethod
    @asynccontextmanager
    async def running(cls, bus: ActorBus, diary: Diary, crash: asyncio.Event) -> AsyncIterator[Self]:
        async with diary.of_life():
            yield cls(bus, crash)

    async def work(self) -> None:
        await self._crash.wait()
        self._crash.clear()
        raise OSError("the disk is gone")


def fragile(diary: Diary, crash: asyncio.Event) -> Part:
    return Fragile, lambda bus: Fragile.running(bus, diary, crash)


class Gate:
    """Work that says when it has begun, and ends when it is opened."""

    def __init__(self, result: Any = None) -> None:
        self.begun = asyncio.Event()
        self.cancelled = asyncio.Event()
        self.ended = asyncio.Event()
        self._opened = asyncio.Event()
        self._result = result

    def open(self) -> None:
        self._opened.set()

    async def __call__(self) -> Any:
        self.begun.set()
        try:
            await self._opened.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        finally:
            self.ended.set()
        return self._result


@asynccontextmanager
async def supervised(*parts: Part | type[Actor], **options: float) -> AsyncIterator[Bus]:
    """Actors on a bus for the length of the block. ``options`` are those of the supervisor, but for a short backoff."""
    bus = Bus()
    supervisor = supervisor_of(bus, *parts, **options)
    await supervisor.start()
    try:
        yield bus
    finally:
        await supervisor.stop()


def supervisor_of(bus: Bus, *parts: Part | type[Actor], **options: Any) -> Supervisor:
    """A supervisor of these actors. One that has nothing to open is given by its class."""
    supervisor = Supervisor(bus, **({"backoff": 0.001} | options))
    for part in parts:
        supervisor.add(*(part if isinstance(part, tuple) else at_hand(part)))
    return supervisor


def at_hand(actor_class: type[Actor]) -> Part:
    """An actor that has nothing to open."""
    return actor_class, lambda bus: nullcontext(actor_class(bus))


async def settled() -> None:
    """Let everything that can go on without waiting do so."""
    for _ in range(20):
        await asyncio.sleep(0)


def replies_of(*asks: Awaitable[Any]) -> "asyncio.Future[list[Any]]":
    """Ask them all at once; errors stand among the replies."""
    return asyncio.gather(*asks, return_exceptions=True)
