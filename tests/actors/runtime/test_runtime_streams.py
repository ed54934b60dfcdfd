"""Streams: many items through a bounded buffer, ended by either side."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack
from contextvars import ContextVar
from typing import Any

import pytest
from structlog.testing import capture_logs

from actors.errors import InternalError, NotFound, Overloaded, Unavailable
from actors.runtime.bus import Bus
from actors.runtime.cell import Cell
from tests.actors.runtime.workbench import Gate, Watch, Workbench, settled, supervised, supervisor_of

pytestmark = pytest.mark.unit

request_id: ContextVar[str] = ContextVar("request_id", default="none")

Items = AsyncGenerator[Any, None]


class Source:
    """A generator of numbers that remembers how far it came and when it was closed."""

    def __init__(self, count: int = 1000, *, ending: Exception | None = None) -> None:
        self.given: list[int] = []
        self.closed = asyncio.Event()
        self._count = count
        self._ending = ending

    async def __call__(self) -> Items:
        try:
            for number in range(self._count):
                self.given.append(number)
                yield number
            if self._ending:
                raise self._ending
        finally:
            self.closed.set()


async def all_of(bus: Bus, items: Callable[[], Items]) -> tuple[list[Any], BaseException | None]:
    """What a reader gets: the items, and the error they end with."""
    got = []
    try:
        async with bus.stream(Watch(items=items)) as stream:
            async for item in stream:
                got.append(item)  # noqa: PERF401 - what came before an error counts too
    except Exception as error:  # noqa: BLE001 - whatever it is, the test compares it
        return got, error
    return got, None


async def test_the_bus_tells_how_many_streams_are_open() -> None:
    async with supervised(Workbench) as bus:
        assert bus.streams() == {("Workbench", "Watch"): 0}
        async with bus.stream(Watch(items=Source())), bus.stream(Watch(items=Source())):
            assert bus.streams() == {("Workbench", "Watch"): 2}
        assert bus.streams() == {("Workbench", "Watch"): 0}
    assert bus.streams() == {}


async def test_a_reader_gets_every_item_in_order() -> None:
    async with supervised(Workbench) as bus:
        assert await all_of(bus, Source(100)) == (list(range(100)), None)
        assert await all_of(bus, Source(0)) == ([], None)


async def test_a_slow_reader_stops_the_generator_at_the_buffers_size() -> None:
    source = Source()
    async with supervised(Workbench) as bus, bus.stream(Watch(items=source)) as items:
        await settled()
        assert len(source.given) == 4
        assert await anext(items) == 0
        await settled()
        assert len(source.given) == 5


async def test_a_reader_that_leaves_closes_the_generator() -> None:
    source = Source()
    async with supervised(Workbench) as bus:
        async with bus.stream(Watch(items=source)) as items:
            assert await anext(items) == 0
        assert source.closed.is_set()
        assert bus.statistics.of(Watch).handled == 1


async def test_a_reader_that_leaves_stops_a_generator_that_waits() -> None:
    gate = Gate()

    async def waiting() -> Items:
        yield await gate()

    async with supervised(Workbench) as bus:
        async with bus.stream(Watch(items=waiting)):
            await gate.begun.wait()
        assert gate.cancelled.is_set()


async def test_a_cancelled_reader_closes_the_generator() -> None:
    source, reading = Source(), asyncio.Event()

    async def read() -> None:
        async with bus.stream(Watch(items=source)) as items:
            await anext(items)
            reading.set()
            await asyncio.Event().wait()

    async with supervised(Workbench) as bus:
        reader = asyncio.create_task(read())
        await reading.wait()
        reader.cancel()
        await source.closed.wait()
        with pytest.raises(asyncio.CancelledError):
            await reader


async def test_leaving_waits_for_the_generator_to_clean_up() -> None:
    cleaned = Gate()

    async def careful() -> Items:
        try:
            while True:
                yield 1
        finally:
            await cleaned()

    async with supervised(Workbench) as bus:

        async def read() -> None:
            async with bus.stream(Watch(items=careful)) as items:
                await anext(items)

        reader = asyncio.create_task(read())
        await cleaned.begun.wait()
        assert not reader.done()
        cleaned.open()
        await reader
    assert not cleaned.cancelled.is_set()


async def test_an_error_is_raised_after_the_items_before_it() -> None:
    async with supervised(Workbench) as bus:
        items, error = await all_of(bus, Source(3, ending=NotFound("gone")))
        assert items == [0, 1, 2]
        assert isinstance(error, NotFound)
        assert bus.statistics.of(Watch).failed == 0


async def _fails() -> Items:
    yield 0
    raise ValueError("secret")


async def _stray() -> Items:
    yield 0
    future = asyncio.get_running_loop().create_future()
    future.cancel()
    await future


async def _fails_to_close() -> Items:
    try:
        yield 0
        raise NotFound("gone")
    finally:
        raise ValueError("secret")


@pytest.mark.parametrize("broken", [_fails, _stray, _fails_to_close])
async def test_a_bug_is_masked_and_logged(broken: Callable[[], Items]) -> None:
    async with supervised(Workbench) as bus:
        with capture_logs() as logs:
            items, error = await all_of(bus, broken)
        assert (items, type(error), str(error)) == ([0], InternalError, "Internal Server Error")
        assert [entry["event"] for entry in logs] == ["stream failed"]
        assert bus.statistics.of(Watch).failed == 1
        assert await all_of(bus, Source(1)) == ([0], None)


async def test_a_generator_that_fails_to_close_is_logged_where_nobody_reads() -> None:
    async with supervised(Workbench) as bus:
        with capture_logs() as logs:
            async with bus.stream(Watch(items=_fails_to_close)) as items:
                assert await anext(items) == 0
                await settled()
        assert [entry["event"] for entry in logs] == ["stream failed"]


async def test_streams_are_bounded_and_their_places_come_free() -> None:
    async with supervised(Workbench) as bus:
        for _ in range(3):
            async with AsyncExitStack() as streams:
                for _ in range(3):
                    await streams.enter_async_context(bus.stream(Watch(items=Source())))
                with pytest.raises(Overloaded):
                    await streams.enter_async_context(bus.stream(Watch(items=Source())))
        assert bus.statistics.of(Watch).asked == 9
        assert bus.statistics.of(Watch).refused == 3
        assert await all_of(bus, Source(1)) == ([0], None)


async def test_each_reader_has_a_generator_of_its_own() -> None:
    async with supervised(Workbench) as bus:
        sources = [Source(10), Source(10)]
        assert await asyncio.gather(*(all_of(bus, source) for source in sources)) == [(list(range(10)), None)] * 2


async def test_the_end_of_the_actor_ends_its_readers() -> None:
    bus = Bus()
    supervisor = supervisor_of(bus, Workbench)
    await supervisor.start()
    source = Source()
    async with bus.stream(Watch(items=source)) as items, bus.stream(Watch(items=Source())) as unread:
        assert await anext(items) == 0
        await supervisor.stop()
        assert source.closed.is_set()
        assert [await anext(items) for _ in range(4)] == [1, 2, 3, 4], "what was in the buffer is still read"
        for stream in (items, items):
            with pytest.raises(Unavailable):
                await anext(stream)
        assert await anext(unread) == 0
    with pytest.raises(Unavailable):
        async with bus.stream(Watch(items=source)):
            pass


async def test_the_end_of_the_actor_ends_a_stream_that_had_not_begun() -> None:
    bus = Bus()
    supervisor = supervisor_of(bus, Workbench)
    await supervisor.start()
    await settled()
    cell = bus._recipients[Workbench]
    assert isinstance(cell, Cell)
    async with bus.stream(Watch(items=Source())) as items:
        next(iter(cell._subscriptions)).end()
        with pytest.raises(Unavailable):
            await anext(items)
    assert not cell._subscriptions
    await supervisor.stop()


async def test_context_variables_travel_to_the_generator() -> None:
    async def named() -> Items:
        yield request_id.get()

    async with supervised(Workbench) as bus:
        request_id.set("seven")
        assert await all_of(bus, named) == (["seven"], None)
