"""Retention by age and by size, and small files joined."""

import os
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from actors.runtime.bus import Bus
from actors.runtime.supervisor import Supervisor
from actors.span_store.actor import SpanStoreActor
from actors.span_store.asked.retention import PreviewRetention, RetentionRule, UseRetention
from actors.span_store.embedded.hot.wal import Wal, _replace, whole_batches
from actors.span_store.embedded.layout import Folders
from actors.span_store.embedded.lifetime import Limits, Retention
from actors.span_store.embedded.sealed.index import open_index
from actors.span_store.embedded.upkeep.inspection import inspect
from actors.span_store.messages import GetStoreState, IngestSpans, ListServices, SearchSpans, StoreState
from tests.embedded_store import embedded_store
from tests.spans import span

pytestmark = pytest.mark.integration

AT_ONCE = timedelta()
HOUR = 3600 * 10**9


@asynccontextmanager
async def running_store(folder: Path, retention: Retention, flush_at: int = 1) -> AsyncIterator[Bus]:
    bus = Bus()
    supervisor = Supervisor(bus)
    limits = Limits(flush_at=flush_at, retention=retention)
    supervisor.add(
        SpanStoreActor,
        lambda bus: embedded_store(
            bus, folder / "traces.duckdb", accounts=folder / "junjo.db", limits=limits, interval=0.01
        ),
    )
    await supervisor.start()
    try:
        yield bus
    finally:
        await supervisor.stop()


async def ingest(bus: Bus, trace: int, hours_ago: float, **attributes: str) -> None:
    start = time.time_ns() - int(hours_ago * HOUR)
    made = [span(number, trace_id=trace, start=start, attributes=attributes) for number in range(3)]
    await bus.ask(IngestSpans(spans=made, size=1000))


async def ingest_at(bus: Bus, *starts: int) -> None:
    """A trace for each, by its place in the list; together in one request."""
    made = [span(1, trace_id=trace, start=min(start, 2**64 - 1001)) for trace, start in enumerate(starts, 1)]
    await bus.ask(IngestSpans(spans=made, size=1000))


async def traces(bus: Bus) -> set[int]:
    page = await bus.ask(SearchSpans(service_name="tests", limit=10_000))
    return {int(each.trace_id, 16) for each in page.spans}


async def until(bus: Bus, condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait until something is so that nobody announces.

    A read is answered in a thread, and so gives the interpreter to the threads that are waited for: a loop that only
    looks keeps it from them, for longer than anybody waits where each line is counted.
    """
    while not await condition():
        await bus.ask(ListServices())


async def state_with(bus: Bus, *, segments: int) -> StoreState:
    async def is_so() -> bool:
        return (await bus.ask(GetStoreState())).segments == segments

    await until(bus, is_so)
    return await bus.ask(GetStoreState())


async def test_files_are_dropped_when_their_newest_span_is_too_old(tmp_path: Path) -> None:
    async with running_store(tmp_path, Retention(age=timedelta(days=2), every=AT_ONCE)) as bus:
        await ingest(bus, 1, hours_ago=50)
        await ingest(bus, 2, hours_ago=47)
        await ingest(bus, 3, hours_ago=0)

        async def old_ones_are_gone() -> bool:
            return await traces(bus) == {2, 3}

        await until(bus, old_ones_are_gone)
        state = await state_with(bus, segments=2)
        assert not state.problems

        async def its_file_is_gone() -> bool:  # a file goes after the index has forgotten it
            return len(list((tmp_path / "traces.segments").iterdir())) == 2

        await until(bus, its_file_is_gone)


async def test_spans_in_memory_are_sealed_before_they_are_too_old(tmp_path: Path) -> None:
    """A studio with little to do seals nothing for weeks by itself."""
    async with running_store(tmp_path, Retention(age=timedelta(hours=8), every=AT_ONCE), flush_at=10**9) as bus:
        await ingest(bus, 1, hours_ago=2)
        state = await state_with(bus, segments=1)
        assert state.recent_spans == 0
        await ingest(bus, 2, hours_ago=0.5)
        assert (await bus.ask(GetStoreState())).recent_spans == 3
        assert await traces(bus) == {1, 2}


async def test_the_oldest_files_are_dropped_until_the_rest_fits(tmp_path: Path) -> None:
    async with running_store(tmp_path, Retention(every=AT_ONCE)) as bus:
        for trace in range(1, 6):
            await ingest(bus, trace, hours_ago=10 - trace, noise=random.Random(trace).randbytes(1_000_000).hex())
        state = await state_with(bus, segments=5)
    # The index is small beside a file: what it takes in any case must not be reason to drop the last one, too.
    index, file = (tmp_path / "traces.duckdb").stat().st_size, state.segment_bytes / 5
    assert index < file
    async with running_store(tmp_path, Retention(size=int(index + 2.5 * file), every=AT_ONCE)) as bus:

        async def the_rest_fits() -> bool:
            return (await bus.ask(GetStoreState())).segment_bytes < 4 * file

        await until(bus, the_rest_fits)
        kept = await traces(bus)
        assert 1 < len(kept) < 4
        assert kept == set(range(6 - len(kept), 6))


async def test_a_rule_deletes_what_it_said_it_would(tmp_path: Path) -> None:
    """By age whole files and what is long overdue in others; the rule counts at once and until there is another."""
    now = time.time_ns()
    async with running_store(tmp_path, Retention()) as bus:
        await ingest(bus, 9, hours_ago=100)
        await ingest_at(bus, now - 90 * HOUR, now - HOUR)
        await ingest(bus, 4, hours_ago=0)
        await state_with(bus, segments=3)
        rule = RetentionRule(age=timedelta(days=2))
        told = await bus.ask(PreviewRetention(rule=rule))
        assert (told.spans, told.segments) == (4, 1)
        assert told.bytes > 0
        assert told.oldest_start_unix_nano is not None
        assert now - 49 * HOUR < told.oldest_start_unix_nano < now
        assert told.waits is None
        assert await traces(bus) == {9, 1, 2, 4}
        await bus.ask(UseRetention(rule=rule))

        async def it_is_done() -> bool:
            return await traces(bus) == {2, 4}

        await until(bus, it_is_done)
        nothing = await bus.ask(PreviewRetention(rule=rule))
        assert (nothing.spans, nothing.segments, nothing.bytes) == (0, 0, 0)
        everything = await bus.ask(PreviewRetention(rule=RetentionRule(size=1)))
        assert (everything.spans, everything.oldest_start_unix_nano) == (4, None)
        await bus.ask(UseRetention(rule=RetentionRule()))
        await ingest(bus, 5, hours_ago=1000)
        assert 5 in await traces(bus)


async def test_a_preview_says_why_nothing_goes_for_its_age(tmp_path: Path) -> None:
    async with running_store(tmp_path, Retention()) as bus:
        await ingest(bus, 1, hours_ago=100)
        await state_with(bus, segments=1)
    (tmp_path / "traces.clock").unlink()
    async with running_store(tmp_path, Retention()) as bus:
        told = await bus.ask(PreviewRetention(rule=RetentionRule(age=timedelta(days=1))))
        assert told.spans == 0
        assert told.waits
        assert (await bus.ask(PreviewRetention(rule=RetentionRule(size=1)))).waits is None


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

        await until(bus, few_are_left)
        assert await traces(bus) == set(range(1, 40))
        page = await bus.ask(SearchSpans(service_name="tests", limit=10_000))
        assert len(page.spans) == 39 * 3
    async with running_store(tmp_path, Retention()) as bus:
        assert await traces(bus) == set(range(1, 40))


AHEAD = [365 * 24 * HOUR, 2**64]
DAYS = timedelta(days=1)


@pytest.mark.parametrize("ahead", AHEAD)
@pytest.mark.parametrize("flush_at", [1, 10**9], ids=["sealed", "in memory"])
async def test_a_clock_that_is_ahead_keeps_no_spans_of_others(tmp_path: Path, ahead: int, flush_at: int) -> None:
    now = time.time_ns()
    async with running_store(tmp_path, Retention(age=DAYS, every=AT_ONCE), flush_at) as bus:
        await ingest_at(bus, now + ahead, now - 3 * 24 * HOUR, now)

        async def the_old_one_is_gone() -> bool:
            return await traces(bus) == {1, 3}

        await until(bus, the_old_one_is_gone)
        assert not (await bus.ask(GetStoreState())).problems
    assert inspect(Folders(tmp_path / "traces.duckdb")) == []


def aged(folder: Path, hours: int) -> None:
    """As if everything had been written so long ago."""
    moment = time.time_ns() - hours * HOUR
    for file in folder.rglob("*"):
        if file.suffix in (".parquet", ".journal"):
            content = file.read_bytes()
            file.unlink()
            file.write_bytes(content)
            os.utime(file, ns=(moment, moment))
    if (folder / "traces.duckdb").exists():
        with open_index(folder / "traces.duckdb") as index:
            index.execute("UPDATE segment SET arrived_before_unix_nano = ?", [moment])


@pytest.mark.parametrize("ahead", AHEAD)
@pytest.mark.parametrize("flush_at", [1, 10**9], ids=["sealed", "in a journal"])
async def test_a_span_is_no_newer_than_its_arrival(tmp_path: Path, ahead: int, flush_at: int) -> None:
    async with running_store(tmp_path, Retention(), flush_at) as bus:
        await ingest_at(bus, time.time_ns() + ahead)
        if flush_at == 1:
            await state_with(bus, segments=1)
    aged(tmp_path, hours=25)
    async with running_store(tmp_path, Retention(age=DAYS * 2, every=AT_ONCE), flush_at) as bus:
        await state_with(bus, segments=1)  # one in a journal is put into a file once it has waited for an eighth
        assert await traces(bus) == {1}
    async with running_store(tmp_path, Retention(age=DAYS, every=AT_ONCE)) as bus:
        await state_with(bus, segments=0)
        assert await traces(bus) == set()


async def test_a_journal_that_is_waiting_for_long_is_sealed_whatever_the_clocks_say(tmp_path: Path) -> None:
    """Spans may come in one by one, so that the journal was written to a moment ago, and studios are started anew."""
    async with running_store(tmp_path, Retention(), 10**9) as bus:
        await ingest_at(bus, time.time_ns() + 365 * 24 * HOUR)
    [journal] = (tmp_path / "traces.journals").iterdir()
    now = str(time.time_ns())[:8]
    content = journal.read_bytes()
    assert content.count(b"opened_at") == 1
    assert Wal(journal).opened_at // 10**11 == int(now)
    _replace(journal, whole_batches(journal)[0], time.time_ns() - 4 * HOUR, time.time_ns())
    async with running_store(tmp_path, Retention(age=DAYS, every=AT_ONCE), 10**9) as bus:
        await state_with(bus, segments=1)


async def test_files_of_an_earlier_version_are_as_old_as_the_disk_says(tmp_path: Path) -> None:
    async with running_store(tmp_path, Retention()) as bus:
        await ingest_at(bus, time.time_ns() + 365 * 24 * HOUR, time.time_ns())
        await state_with(bus, segments=1)
    aged(tmp_path, hours=25)
    with open_index(tmp_path / "traces.duckdb") as index:
        index.execute("ALTER TABLE segment DROP COLUMN arrived_before_unix_nano")
        index.execute("DELETE FROM schema_version WHERE version > 5")
    async with running_store(tmp_path, Retention(age=DAYS, every=AT_ONCE)) as bus:
        await state_with(bus, segments=0)


async def test_by_size_a_clock_that_is_ahead_does_not_count_as_new(tmp_path: Path) -> None:
    async with running_store(tmp_path, Retention(every=AT_ONCE)) as bus:
        for trace in range(1, 6):
            await ingest(
                bus,
                trace,
                hours_ago=-24 * 365 if trace == 1 else 0,
                noise=random.Random(trace).randbytes(300_000).hex(),
            )
            state = await state_with(bus, segments=trace)
    index = (tmp_path / "traces.duckdb").stat().st_size
    size = int((state.segment_bytes + index) * 0.5)
    async with running_store(tmp_path, Retention(size=size, every=AT_ONCE)) as bus:

        async def some_are_gone() -> bool:
            return 0 < len(await traces(bus)) < 5

        await until(bus, some_are_gone)
        assert 1 not in await traces(bus)


async def test_joined_files_arrived_with_the_latest_of_them(tmp_path: Path) -> None:
    async with running_store(tmp_path, Retention()) as bus:
        for trace in range(1, 9):
            await ingest(bus, trace, hours_ago=-24)
            await state_with(bus, segments=trace)
    with open_index(tmp_path / "traces.duckdb") as index:
        rows = index.execute("SELECT max(arrived_before_unix_nano) FROM segment").fetchall()
    async with running_store(tmp_path, Retention(every=AT_ONCE)) as bus:
        await state_with(bus, segments=1)
    with open_index(tmp_path / "traces.duckdb") as index:
        assert index.execute("SELECT arrived_before_unix_nano FROM segment").fetchall() == rows
