"""Retention by age and by size, and small files joined."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from actors.runtime.bus import Bus
from actors.runtime.supervisor import Supervisor
from actors.span_store.actor import Limits, Retention, SpanStoreActor
from actors.span_store.messages import GetStoreState, IngestSpans, SearchSpans, StoreState
from tests.spans import span

pytestmark = pytest.mark.integration

AT_ONCE = timedelta()
HOUR = 3600 * 10**9


@asynccontextmanager
async def running_store(folder: Path, retention: Retention, seal_at: int = 1) -> AsyncIterator[Bus]:
    bus = Bus()
    supervisor = Supervisor(bus)
    limits = Limits(seal_at=seal_at, retention=retention)
    supervisor.add(
        SpanStoreActor,
        lambda: SpanStoreActor(folder / "traces.duckdb", accounts=folder / "junjo.db", limits=limits, interval=0.01),
    )
    await supervisor.start()
    try:
        yield bus
    finally:
        await supervisor.stop()


async def ingest(bus: Bus, trace: int, hours_ago: float, *, spans: int = 3) -> None:
    start = time.time_ns() - int(hours_ago * HOUR)
    made = [span(number, trace_id=trace, start=start) for number in range(spans)]
    await bus.ask(IngestSpans(spans=made, size=1000))


async def traces(bus: Bus) -> set[int]:
    page = await bus.ask(SearchSpans(service_name="tests", limit=10_000))
    return {int(each.trace_id, 16) for each in page.spans}


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait until something is so that nobody announces."""
    async with asyncio.timeout(20):
        while not await condition():  # noqa: ASYNC110 - there is no event
            await asyncio.sleep(0)


async def state_with(bus: Bus, *, segments: int) -> StoreState:
    async def is_so() -> bool:
        return (await bus.ask(GetStoreState())).segments == segments

    await until(is_so)
    return await bus.ask(GetStoreState())


async def test_files_are_dropped_when_their_newest_span_is_too_old(tmp_path: Path) -> None:
    async with running_store(tmp_path, Retention(age=timedelta(days=2), every=AT_ONCE)) as bus:
        await ingest(bus, 1, hours_ago=50)
        await ingest(bus, 2, hours_ago=47)
        await ingest(bus, 3, hours_ago=0)

        async def old_ones_are_gone() -> bool:
            return await traces(bus) == {2, 3}

        await until(old_ones_are_gone)
        state = await state_with(bus, segments=2)
        assert not state.problems
        assert len(list((tmp_path / "traces.segments").iterdir())) == 2


async def test_spans_in_memory_are_sealed_before_they_are_too_old(tmp_path: Path) -> None:
    """A studio with little to do seals nothing for weeks by itself."""
    async with running_store(tmp_path, Retention(age=timedelta(hours=8), every=AT_ONCE), seal_at=10**9) as bus:
        await ingest(bus, 1, hours_ago=2)
        state = await state_with(bus, segments=1)
        assert state.recent_spans == 0
        await ingest(bus, 2, hours_ago=0.5)
        assert (await bus.ask(GetStoreState())).recent_spans == 3
        assert await traces(bus) == {1, 2}


async def test_the_oldest_files_are_dropped_until_the_rest_fits(tmp_path: Path) -> None:
    async with running_store(tmp_path, Retention(every=AT_ONCE)) as bus:
        for trace in range(1, 6):
            await ingest(bus, trace, hours_ago=10 - trace, spans=200)
        state = await state_with(bus, segments=5)
    index = (tmp_path / "traces.duckdb").stat().st_size
    size = int((state.segment_bytes + index) * 0.5)
    async with running_store(tmp_path, Retention(size=size, every=AT_ONCE)) as bus:

        async def some_are_gone() -> bool:
            return 0 < len(await traces(bus)) < 5

        await until(some_are_gone)
        kept = await traces(bus)
        assert kept == set(range(6 - len(kept), 6))


async def test_without_bounds_everything_is_kept(tmp_path: Path) -> None:
    async with running_store(tmp_path, Retention(every=AT_ONCE)) as bus:
        await ingest(bus, 1, hours_ago=24 * 365 * 20)
        await state_with(bus, segments=1)
        assert await traces(bus) == {1}


async def test_small_files_are_joined(tmp_path: Path) -> None:
    async with running_store(tmp_path, Retention(every=AT_ONCE)) as bus:
        for trace in range(1, 40):
            await ingest(bus, trace, hours_ago=trace)

        async def few_are_left() -> bool:
            state = await bus.ask(GetStoreState())
            return state.recent_spans == 0 and state.segments < 8

        await until(few_are_left)
        assert await traces(bus) == set(range(1, 40))
        page = await bus.ask(SearchSpans(service_name="tests", limit=10_000))
        assert len(page.spans) == 39 * 3
    async with running_store(tmp_path, Retention()) as bus:
        assert await traces(bus) == set(range(1, 40))
