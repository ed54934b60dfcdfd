"""Spans deleted: from memory and from sealed files, for good, with their space, and nothing else."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import duckdb
import pytest

from actors.clock import steady_seconds, utc_now
from actors.errors import NotFound, Unavailable
from actors.runtime.bus import Bus
from actors.span_store.embedded.layout import Folders
from actors.span_store.embedded.maintenance.compaction import Compaction, Step
from actors.span_store.embedded.maintenance.deletion_predicate import DeletionPredicate
from actors.span_store.embedded.maintenance.trusted_clock import TrustedClock
from actors.span_store.embedded.store import SpanStore
from actors.span_store.embedded.upkeep.inspection import inspect
from actors.span_store.embedded.upkeep.repair import repair
from actors.span_store.messages import (
    DeleteService,
    DeleteTrace,
    GetStoreState,
    GetTraceSpans,
    IngestSpans,
    ListServices,
    SearchSpans,
)
from tests.actors.span_store.stage import BY, KEPT_RECENT, SEALED_AT_ONCE, found, store_in, stored
from tests.actors.stage import rows
from tests.spans import START, span

pytestmark = pytest.mark.integration


@pytest.fixture(params=[KEPT_RECENT, SEALED_AT_ONCE], ids=["recent", "sealed"])
async def bus(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bus]:
    async with store_in(tmp_path, request.param) as bus:
        yield bus


async def ingest(bus: Bus, *, traces: range, spans: int = 3, service: str = "tests") -> None:
    made = [
        span(trace * 100 + number, trace_id=trace, start=START + trace, service=service, attributes={"mark": "here"})
        for trace in traces
        for number in range(spans)
    ]
    await bus.ask(IngestSpans(spans=made, size=1000))


async def sealed(bus: Bus, *, files: int) -> None:
    """Wait until there are so many files; a read gives the interpreter to the threads that make them."""
    while (await bus.ask(GetStoreState())).segments < files:
        await bus.ask(ListServices())


def segments(folder: Path) -> list[Path]:
    return sorted((folder / "traces.segments").iterdir())


async def test_a_trace_is_deleted_and_nothing_else(bus: Bus) -> None:
    await ingest(bus, traces=range(1, 4))
    deleted = await bus.ask(DeleteTrace(trace_id=f"{2:032x}", by=BY))
    assert deleted.spans == 3
    assert await stored(bus) == {f"{trace}:{trace * 100 + number}" for trace in (1, 3) for number in range(3)}
    assert not await bus.ask(GetTraceSpans(trace_id=f"{2:032x}"))
    assert len(await bus.ask(GetTraceSpans(trace_id=f"{3:032x}"))) == 3
    assert len(await found(bus, "here")) == 6


async def test_a_trace_in_many_files_is_deleted_from_all(tmp_path: Path) -> None:
    async with store_in(tmp_path, SEALED_AT_ONCE) as bus:
        for number in range(5):
            await bus.ask(IngestSpans(spans=[span(number, trace_id=1), span(number, trace_id=number + 2)], size=1))
        assert (await bus.ask(DeleteTrace(trace_id=f"{1:032x}", by=BY))).spans == 5
        assert await stored(bus) == {f"{number + 2}:{number}" for number in range(5)}


async def test_a_service_is_deleted_with_its_name(bus: Bus) -> None:
    await ingest(bus, traces=range(1, 3), service="one/with a slash")
    await ingest(bus, traces=range(3, 5), service="other")
    deleted = await bus.ask(DeleteService(service_name="one/with a slash", by=BY))
    assert deleted.spans == 6
    assert await bus.ask(ListServices()) == ("other",)
    assert len(await stored(bus, "other")) == 6


async def test_what_is_unknown_is_not_found_and_not_recorded(bus: Bus, tmp_path: Path) -> None:
    await ingest(bus, traces=range(1, 2))
    with pytest.raises(NotFound):
        await bus.ask(DeleteTrace(trace_id="f" * 32, by=BY))
    with pytest.raises(NotFound):
        await bus.ask(DeleteService(service_name="test", by=BY))
    assert not rows(tmp_path / "junjo.db", "SELECT * FROM audit_trail ORDER BY id")
    assert len(await stored(bus)) == 3


async def test_who_deleted_is_in_the_audit_trail(bus: Bus, tmp_path: Path) -> None:
    await ingest(bus, traces=range(1, 2))
    await ingest(bus, traces=range(2, 3), service="other")
    await bus.ask(DeleteTrace(trace_id=f"{1:032x}", by=BY))
    await bus.ask(DeleteService(service_name="other", by=BY))
    trail = rows(
        tmp_path / "junjo.db",
        "SELECT action, resource_type, resource_id, user_email, user_id, session_id FROM audit_trail ORDER BY rowid",
    )
    assert trail == [
        ("delete", "trace", f"{1:032x}", "admin@example.com", "u1", "s1"),
        ("delete", "service", "other", "admin@example.com", "u1", "s1"),
    ]


async def test_a_deleted_span_that_is_sent_again_is_stored_again(bus: Bus) -> None:
    await ingest(bus, traces=range(1, 3))
    await bus.ask(DeleteTrace(trace_id=f"{1:032x}", by=BY))
    summary = await bus.ask(IngestSpans(spans=[span(100, trace_id=1), span(200, trace_id=2)], size=1000))
    assert (summary.stored, summary.duplicates) == (1, 1)
    assert "1:100" in await stored(bus)


async def test_space_is_given_back(tmp_path: Path) -> None:
    async with store_in(tmp_path, SEALED_AT_ONCE) as bus:
        await ingest(bus, traces=range(1, 200), spans=50, service="large")
        await ingest(bus, traces=range(200, 202), service="small")
        while (await bus.ask(SearchSpans(service_name="large", limit=1))).spans:  # read, so that files are open
            await bus.ask(DeleteService(service_name="large", by=BY))
        held = {Path(link).name for link in map(str, open_files())}
        [left] = segments(tmp_path)
        assert left.stat().st_size < 100_000
        assert not {name for name in held if name.endswith(".parquet (deleted)")}
    with duckdb.connect(tmp_path / "traces.duckdb", read_only=True) as index:
        assert index.execute("SELECT count(*) FROM span").fetchall() == [(6,)]
        assert index.execute("SELECT file FROM segment").fetchall() == [(left.name,)]
        assert index.execute("SELECT DISTINCT service_name FROM segment_service").fetchall() == [("small",)]


def open_files() -> list[Path]:
    found = []
    for link in Path("/proc/self/fd").iterdir() if Path("/proc/self/fd").exists() else ():
        try:
            found.append(link.readlink())
        except FileNotFoundError:
            continue
    return found


async def test_what_was_deleted_stays_deleted_over_restarts(tmp_path: Path) -> None:
    async with store_in(tmp_path) as bus:
        await ingest(bus, traces=range(1, 4))
        await bus.ask(DeleteTrace(trace_id=f"{3:032x}", by=BY))
    async with store_in(tmp_path) as bus:
        assert len(await stored(bus)) == 6
        await bus.ask(DeleteService(service_name="tests", by=BY))  # the index is empty now
    async with store_in(tmp_path) as bus:
        assert not await bus.ask(ListServices())
        await ingest(bus, traces=range(7, 8))
        await bus.ask(DeleteTrace(trace_id=f"{7:032x}", by=BY))
        await ingest(bus, traces=range(8, 9))
    async with store_in(tmp_path) as bus:
        assert await stored(bus) == {"8:800", "8:801", "8:802"}


async def test_a_file_that_a_crash_left_after_a_deletion_is_removed(tmp_path: Path) -> None:
    async with store_in(tmp_path) as bus:
        await ingest(bus, traces=range(1, 3))
        await bus.ask(DeleteTrace(trace_id=f"{1:032x}", by=BY))
        [written_anew] = segments(tmp_path)
        content = written_anew.read_bytes()
        await bus.ask(DeleteTrace(trace_id=f"{2:032x}", by=BY))
    written_anew.write_bytes(content)
    async with store_in(tmp_path) as bus:
        assert not segments(tmp_path)
        assert not await bus.ask(ListServices())


async def test_readers_and_writers_go_on_meanwhile(tmp_path: Path) -> None:
    async with store_in(tmp_path, SEALED_AT_ONCE) as bus:
        await ingest(bus, traces=range(1, 40), spans=5)

        async def read() -> None:
            for _ in range(30):
                kept = await bus.ask(GetTraceSpans(trace_id=f"{39:032x}"))
                assert len(kept) == 5

        async def write() -> None:
            for trace in range(100, 120):
                await ingest(bus, traces=range(trace, trace + 1), spans=5)

        async def delete() -> None:
            for trace in range(1, 20):
                assert (await bus.ask(DeleteTrace(trace_id=f"{trace:032x}", by=BY))).spans == 5

        await asyncio.gather(read(), read(), write(), delete())
        expected = {
            f"{trace}:{trace * 100 + number}" for trace in [*range(20, 40), *range(100, 120)] for number in range(5)
        }
        assert await stored(bus) == expected


async def test_what_stays_is_never_missed_while_its_file_is_written_anew(tmp_path: Path) -> None:
    """Not by a list, not by a trace, and not by the writer, which would store a re-sent span twice."""
    async with store_in(tmp_path, SEALED_AT_ONCE) as bus:
        await ingest(bus, traces=range(1, 30))
        written_anew = 0
        deleted = asyncio.Event()

        async def delete() -> None:
            nonlocal written_anew
            for trace in range(2, 30):
                await bus.ask(DeleteTrace(trace_id=f"{trace:032x}", by=BY))
                written_anew += 1
            deleted.set()

        async def until_deleted(look: Callable[[], Awaitable[None]]) -> None:
            while not deleted.is_set():
                await look()

        async def list_spans() -> None:
            assert {"1:100", "1:101", "1:102"} <= await stored(bus)

        async def read_trace() -> None:
            assert len(await bus.ask(GetTraceSpans(trace_id=f"{1:032x}"))) == 3

        async def send_again() -> None:
            summary = await bus.ask(IngestSpans(spans=[span(100, trace_id=1)], size=1000))
            assert (summary.stored, summary.duplicates) == (0, 1)

        await asyncio.gather(delete(), *map(until_deleted, (list_spans, read_trace, send_again)))
        assert written_anew == 28


async def test_of_a_damaged_file_nothing_is_thrown_away_and_the_others_are_finished(tmp_path: Path) -> None:
    async with store_in(tmp_path, SEALED_AT_ONCE) as bus:
        for number in range(1, 4):
            await bus.ask(IngestSpans(spans=[span(number, trace_id=1), span(number, trace_id=9)], size=1))
        await bus.ask(DeleteTrace(trace_id=f"{9:032x}", by=BY))  # returns when all is sealed
        damaged, *_ = segments(tmp_path)
        damaged.write_bytes(b"no Parquet")
        with pytest.raises(Unavailable, match="in damaged files: stop the studio and run studio repair"):
            await bus.ask(DeleteTrace(trace_id=f"{1:032x}", by=BY))
        assert [file.read_bytes() for file in segments(tmp_path)] == [b"no Parquet"]
        assert any("should be deleted" in problem for problem in (await bus.ask(GetStoreState())).problems)
    assert len(list(repair(Folders(tmp_path / "traces.duckdb")))) == 1
    assert [file.read_bytes() for file in (tmp_path / "damaged").iterdir()] == [b"no Parquet"]
    assert recorded_in(tmp_path) == 1
    await tidied_once(tmp_path)
    assert recorded_in(tmp_path) == 0


async def tidied_once(folder: Path) -> None:
    """What a store does first of all, by the time that this returns."""
    clock = TrustedClock(folder / "traces.clock", wall=utc_now, steady=steady_seconds)
    store = await SpanStore.open(folder / "traces.duckdb", readers=1, limits=KEPT_RECENT, clock=clock)
    await store.tidying.run()
    await store.close()


def recorded_in(folder: Path) -> int:
    """Deletions that are not finished."""
    with duckdb.connect(folder / "traces.duckdb", read_only=True) as index:
        [(count,)] = index.execute("SELECT count(*) FROM deletion").fetchall()
    return int(count)


@pytest.mark.parametrize("fault", [OSError("disk"), duckdb.IOException("disk")], ids=["os", "duckdb"])
async def test_what_is_cut_short_is_finished_at_the_next_start(tmp_path: Path, fault: Exception) -> None:
    async with store_in(tmp_path, SEALED_AT_ONCE) as bus:
        for number in range(1, 6):
            await ingest(bus, traces=range(number, number + 1))
            await sealed(bus, files=2 * number - 1)  # or on a slow machine several are put into one
            await ingest(bus, traces=range(number + 10, number + 11), service="other")
            await sealed(bus, files=2 * number)
        delete, steps = Compaction.delete, iter(range(3))

        def delete_three(files: Compaction, doomed: DeletionPredicate, after: int) -> Step | None:
            if next(steps, None) is None:
                raise fault
            return delete(files, doomed, after)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Compaction, "delete", delete_three)
            with pytest.raises(Unavailable):
                await bus.ask(DeleteService(service_name="tests", by=BY))
        assert len(await stored(bus)) == 6
        await bus.ask(IngestSpans(spans=[span(700, trace_id=7)], size=1))  # later: none of it
        others = await stored(bus, "other")
    assert recorded_in(tmp_path) == 1
    await tidied_once(tmp_path)
    assert recorded_in(tmp_path) == 0
    async with store_in(tmp_path) as bus:
        assert await stored(bus) == {"7:700"}
        assert await stored(bus, "other") == others
    assert inspect(Folders(tmp_path / "traces.duckdb")) == []


async def test_no_deletion_reaches_into_the_journals_where_numbers_may_change(tmp_path: Path) -> None:
    """A journal that is damaged has its spans numbered anew, from the end of the sealed ones."""
    async with store_in(tmp_path) as bus:
        await ingest(bus, traces=range(1, 3))
        await bus.ask(DeleteTrace(trace_id=f"{1:032x}", by=BY))  # seals
        await ingest(bus, traces=range(3, 6), service="in the journal")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Compaction, "delete", failing_disk)
            with pytest.raises(Unavailable):
                await bus.ask(DeleteService(service_name="tests", by=BY))
    with duckdb.connect(tmp_path / "traces.duckdb", read_only=True) as index:
        [(before_seq, sealed)] = index.execute(
            "SELECT before_seq, (SELECT max(last_seq) FROM sealed) FROM deletion"
        ).fetchall()
    assert before_seq == sealed + 1


def failing_disk(*_: object) -> None:
    raise OSError("disk")


async def test_a_caller_who_leaves_does_not_end_a_deletion(tmp_path: Path) -> None:
    left = asyncio.Event()
    loop = asyncio.get_running_loop()
    async with store_in(tmp_path, SEALED_AT_ONCE) as bus:
        for number in range(1, 4):
            await ingest(bus, traces=range(number, number + 1))
        delete = Compaction.delete

        def delete_and_tell(files: Compaction, doomed: DeletionPredicate, after: int) -> Step | None:
            loop.call_soon_threadsafe(left.set)
            return delete(files, doomed, after)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Compaction, "delete", delete_and_tell)
            caller = asyncio.create_task(bus.ask(DeleteService(service_name="tests", by=BY)))
            await left.wait()
            caller.cancel()
            await asyncio.wait({caller})
    assert recorded_in(tmp_path) == 1
    await tidied_once(tmp_path)
    assert recorded_in(tmp_path) == 0
    async with store_in(tmp_path) as bus:
        assert not await bus.ask(ListServices())
