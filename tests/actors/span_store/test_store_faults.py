"""Disks that fail and files that are damaged: the store says so, serves what is good, and goes on by itself."""

import errno
import os
import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pytest

from actors.errors import Unavailable
from actors.span_store.asked.arrivals import GetEnd
from actors.span_store.embedded.layout import Folders
from actors.span_store.embedded.lifetime import Limits
from actors.span_store.embedded.maintenance.compaction import Compaction
from actors.span_store.embedded.maintenance.deletion_predicate import DeletionPredicate
from actors.span_store.embedded.sealed import index
from actors.span_store.embedded.sealed.index import open_index
from actors.span_store.embedded.sealed.segments import Segments
from actors.span_store.embedded.upkeep.inspection import inspect
from actors.span_store.embedded.upkeep.repair import repair
from actors.span_store.messages import (
    DeleteTrace,
    GetSpan,
    GetStoreState,
    GetTraceSpans,
    IngestSummary,
    ListServices,
)
from actors.span_store.pricing.current import CurrentPrices
from actors.span_store.query.position import Position
from scripts.load.faulty_disk import Fault, FaultyDisk, Operation, refusal
from tests.actors.span_store.stage import (
    BY,
    DERIVED,
    SEALED_AT_ONCE,
    all_sealed,
    flip,
    found,
    healthy,
    ingest,
    names,
    running_store,
    state_when,
)
from tests.spans import span

pytestmark = [pytest.mark.integration, pytest.mark.error_recovery]

SEGMENTS = "*.segments/*.unfinished"  # that are being written


async def fill(path: Path, *groups: list[int]) -> list[Path]:
    """One sealed segment for each group of spans; the segments."""
    async with running_store(path, SEALED_AT_ONCE) as bus:
        for group in groups:
            await ingest(bus, *(span(number, trace_id=number, attributes=noise(number)) for number in group))
            await state_when(bus, all_sealed)
    return sorted(path.with_suffix(".segments").iterdir())


def noise(seed: int) -> dict[str, str]:
    """What does not compress, so that most of a segment are attributes."""
    return {"noise": random.Random(seed).randbytes(500).hex()}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "traces.duckdb"


@pytest.mark.parametrize("harm", ["vanished", "truncated", "emptied", "flipped"])
async def test_a_damaged_segment_costs_only_its_own_spans(path: Path, harm: str) -> None:
    numbers = range(100, 400)
    [_, middle, _] = await fill(path, [1, 2], list(numbers), [3])
    match harm:
        case "vanished":
            middle.unlink()
        case "truncated":
            os.truncate(middle, middle.stat().st_size // 2)
        case "emptied":
            os.truncate(middle, 0)
        case "flipped":
            flip(middle, 0.5)
    async with running_store(path) as bus:
        assert await names(bus) == ["span 1", "span 2", "span 3"]
        assert await bus.ask(GetTraceSpans(trace_id=f"{200:032x}")) == ()
        assert len(await bus.ask(GetTraceSpans(trace_id=f"{3:032x}"))) == 1
        assert {stored.name for stored in await found(bus, "span")} >= {"span 1", "span 2", "span 3"}
        [problem] = (await bus.ask(GetStoreState())).problems
        assert problem.startswith(f"The segment {middle.name} is ")
        assert await ingest(bus, span(5, trace_id=5)) == IngestSummary(stored=1, duplicates=0)
        assert "span 5" in await names(bus)


async def test_a_lost_index_costs_no_segment(path: Path) -> None:
    """Segments that the index does not know are removed only when their spans are elsewhere."""
    segments = await fill(path, [1, 2], [3])
    lose(path)
    async with running_store(path, SEALED_AT_ONCE) as bus:
        state = await bus.ask(GetStoreState())
        assert state.problems == ("2 segments are not in the index: stop the studio and run studio repair",)
        await ingest(bus, span(4, trace_id=4))
        await state_when(bus, all_sealed)
        assert await names(bus) == ["span 4"]
    left = sorted(path.with_suffix(".segments").iterdir())
    assert left[:2] == segments
    assert len(left) == 3


async def test_an_index_that_is_older_than_its_segments_costs_no_segment(path: Path) -> None:
    """It has the spans of a new file in an old one, which is gone."""
    await fill(path, [1, 2], [3])
    older = replaced(path)
    async with running_store(path) as bus:
        await bus.ask(DeleteTrace(trace_id=f"{1:032x}", by=BY))
    replaced(path, older)
    async with running_store(path) as bus:
        assert set((await bus.ask(GetStoreState())).problems) == {
            "1 segments are not in the index: stop the studio and run studio repair",
            "The segment 00000000.parquet is missing: its spans are not shown",
        }
    list(repair(Folders(path)))
    async with running_store(path) as bus:
        assert await names(bus) == ["span 2", "span 3"]


async def test_a_leftover_segment_is_removed_when_its_spans_are_in_a_journal(path: Path) -> None:
    async with running_store(path) as bus:
        await ingest(bus, span(1))
        # What is unfinished comes and goes by itself.
        shutil.copytree(path.parent, path.parent / "crashed", ignore=shutil.ignore_patterns("*.unfinished"))
    [segment] = await fill(path.parent / "other" / "traces.duckdb", [1])
    path = path.parent / "crashed" / "traces.duckdb"
    shutil.copy(segment, path.with_suffix(".segments"))
    async with running_store(path) as bus:
        assert (await bus.ask(GetStoreState())).problems == ()
        assert await names(bus) == ["span 1"]
        assert await bus.ask(GetEnd()) == Position(1), "its number is what it was: somebody may go on from there"
    assert list(path.with_suffix(".segments").iterdir()) == []


async def test_a_journal_that_was_sealed_is_not_read_again(path: Path) -> None:
    """Its deletion may fail, or a crash may come before it; also when its spans were deleted since."""
    async with running_store(path) as bus:
        await ingest(bus, span(1))
    [journal] = path.with_suffix(".journals").iterdir()
    content = journal.read_bytes()
    async with running_store(path, SEALED_AT_ONCE) as bus:
        await ingest(bus, span(2, trace_id=2))
        await state_when(bus, all_sealed)
    with open_index(path) as connection:
        for table in ("span", "trace_part", "segment_service", "segment"):
            connection.execute(f"DELETE FROM {table}")
    journal.write_bytes(content)
    async with running_store(path, SEALED_AT_ONCE) as bus:
        assert await names(bus) == []
        assert not journal.exists()
        await ingest(bus, span(3, trace_id=3))
        await state_when(bus, all_sealed)
        assert await names(bus) == ["span 3"]


async def test_a_damaged_journal_costs_one_batch_and_the_journals_behind_it_stay_right(path: Path) -> None:
    disk = FaultyDisk(Fault(Operation.WRITE, SEGMENTS, before=refusal()))
    async with running_store(path, Limits(flush_at=4000), disk) as bus:
        for number in range(1, 30):
            await ingest(bus, span(number, trace_id=number))
    [first, *others] = sorted(path.with_suffix(".journals").iterdir())
    assert len(others) > 1
    flip(first, 0.8)
    async with running_store(path) as bus:
        state = await bus.ask(GetStoreState())
        assert state.problems == (f"The WAL file {first.name} was damaged: spans may be missing",)
        found = await names(bus)
        assert len(found) == 28
        for name in found:
            number = int(name.split()[1])
            stored = await bus.ask(GetSpan(trace_id=f"{number:032x}", span_id=f"{number:016x}"))
            assert stored is not None
            assert stored.name == name
        await state_when(bus, lambda state: state.segments == len(others))
        assert await names(bus) == found
    assert [kept.name for kept in (path.parent / "damaged").iterdir()] == [first.name]


@pytest.mark.parametrize("content", [b"no database", bytes(20000)], ids=["text", "zeros"])
async def test_a_damaged_index_is_said_and_does_not_end_the_process(path: Path, content: bytes) -> None:
    await fill(path, [1])
    good = replaced(path, content)
    async with running_store(path) as bus:
        state = await bus.ask(GetStoreState())
        assert state.problems == ("The span index is damaged: stop the studio and run studio repair",)
        with pytest.raises(Unavailable, match="cannot be opened"):
            await ingest(bus, span(2))
        with pytest.raises(Unavailable, match="cannot be opened"):
            await names(bus)
        replaced(path, good)  # restored, say, from a backup
        await state_when(bus, healthy)
        assert await names(bus) == ["span 1"]


async def test_an_index_that_breaks_is_opened_again(path: Path) -> None:
    async with running_store(path) as bus:
        await ingest(bus, span(1))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("actors.span_store.embedded.reads.queries.SpanReader.services", broken_database)
            for _ in range(10):  # more often than a supervisor would restart an actor
                with pytest.raises(Unavailable):
                    await bus.ask(ListServices())
        await state_when(bus, healthy)
        assert await names(bus) == ["span 1"]


def replaced(path: Path, content: bytes | None = None) -> bytes:
    """What was there; it stays without other content."""
    before = path.read_bytes()
    path.write_bytes(before if content is None else content)
    return before


def lose(path: Path) -> None:
    path.unlink()


def broken_database(_: object) -> None:
    raise duckdb.FatalException("database has been invalidated")


@pytest.mark.parametrize("whole", [False, True])
async def test_a_full_disk_refuses_spans_until_there_is_room(path: Path, whole: bool) -> None:
    """Writes stop half-way unless they are whole, and then syncs fail."""
    disk = FaultyDisk()
    refuse = refusal(errno.ENOSPC)
    full = Fault(Operation.SYNC, before=refuse) if whole else Fault(Operation.WRITE, before=refuse, is_short=True)
    async with running_store(path, disk=disk) as bus:
        await ingest(bus, span(1))
        [journal] = path.with_suffix(".journals").iterdir()
        before = journal.stat().st_size
        cut = Fault(Operation.TRUNCATE, "*.journal", before=lambda: written.append(journal.stat().st_size - before))
        written: list[int] = []
        with disk.having(full), disk.having(cut):
            with pytest.raises(Unavailable, match="cannot reach its disk") as refused:
                await ingest(bus, *(span(number, attributes=noise(number)) for number in range(10, 60)))
            assert written[0] > 8 * 4096  # which is more than what follows, and must not stay behind it
            assert refused.value.retry_after
            assert (await bus.ask(GetStoreState())).problems == (
                "The disk of the span store is full or fails: new spans are refused until it works",
            )
            assert await names(bus) == ["span 1"]
        await state_when(bus, healthy)  # found out without a write
        assert await ingest(bus, span(2, trace_id=2)) == IngestSummary(stored=1, duplicates=0)
        assert await names(bus) == ["span 1", "span 2"]
    async with running_store(path) as bus:
        assert (await bus.ask(GetStoreState())).problems == ()
        assert await names(bus) == ["span 1", "span 2"]


async def test_a_disk_without_room_for_sealing_keeps_spans_in_journals(path: Path) -> None:
    disk = FaultyDisk()
    async with running_store(path, SEALED_AT_ONCE, disk) as bus:
        with disk.failing(Operation.WRITE, SEGMENTS, code=errno.ENOSPC):
            await ingest(bus, span(1))
            state = await state_when(bus, lambda state: bool(state.problems))
            assert state.problems == ("Spans cannot be flushed; they are kept in the WAL meanwhile",)
            assert await names(bus) == ["span 1"]
        await state_when(bus, lambda state: all_sealed(state) and healthy(state))
        assert await names(bus) == ["span 1"]


async def test_spans_that_cannot_be_encoded_stay_in_memory_and_in_their_journal(path: Path) -> None:
    async with running_store(path, SEALED_AT_ONCE) as bus:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("actors.span_store.embedded.maintenance.flusher.encoded", no_memory)
            await ingest(bus, span(1))
            await ingest(bus, span(2, trace_id=2))
            state = await state_when(bus, lambda state: bool(state.problems))
            assert state.problems == ("Spans cannot be flushed; they are kept in the WAL meanwhile",)
            assert await names(bus) == ["span 1", "span 2"]
        await state_when(bus, lambda state: all_sealed(state) and healthy(state))
        assert await names(bus) == ["span 1", "span 2"]
    assert inspect(Folders(path)) == []


def no_memory(*_: object) -> None:
    raise MemoryError


async def test_a_disk_without_room_for_a_new_journal_goes_on_with_the_old_one(path: Path) -> None:
    disk = FaultyDisk()
    async with running_store(path, SEALED_AT_ONCE, disk) as bus:
        with disk.failing(Operation.OPEN, "*.journal", code=errno.ENOSPC):
            for number in range(1, 4):
                assert await ingest(bus, span(number, trace_id=number)) == IngestSummary(stored=1, duplicates=0)
            assert await names(bus) == ["span 1", "span 2", "span 3"]
        await ingest(bus, span(4, trace_id=4))
        await state_when(bus, lambda state: all_sealed(state) and healthy(state))
        assert await names(bus) == ["span 1", "span 2", "span 3", "span 4"]


@pytest.mark.parametrize("reported", [duckdb.IOException("disk"), OSError("disk")], ids=["duckdb", "os"])
async def test_a_commit_that_is_reported_as_failed_but_was_not_stores_nothing_twice(
    path: Path, reported: Exception
) -> None:
    seal = index.seal
    failures = [reported]

    def seal_and_fail(*arguments: Any, **named: Any) -> None:
        seal(*arguments, **named)
        if failures:
            raise failures.pop()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("actors.span_store.embedded.sealed.index.seal", seal_and_fail)
        async with running_store(path, SEALED_AT_ONCE) as bus:
            await ingest(bus, span(1))
            state = await state_when(bus, lambda state: all_sealed(state) and healthy(state))
            assert (state.segments, state.sealed_spans) == (1, 1)
            assert await names(bus) == ["span 1"]
            assert await ingest(bus, span(1)) == IngestSummary(stored=0, duplicates=1)
            await ingest(bus, span(2, trace_id=2))
            await state_when(bus, all_sealed)
            assert await names(bus) == ["span 1", "span 2"]
    assert inspect(Folders(path)) == []


async def test_sealing_that_fails_again_and_again_leaves_one_file_at_most(path: Path) -> None:
    segments = path.with_suffix(".segments")
    tried: set[str] = set()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "actors.span_store.embedded.sealed.index.tables._INSERT_SEGMENT",
            "INSERT INTO no_such_table SELECT ?, ?, ?, ?, ?, ?",
        )
        async with running_store(path, SEALED_AT_ONCE) as bus:
            await ingest(bus, span(1))
            while len(tried) < 3:
                tried |= {file.name for file in segments.iterdir()}
                assert await names(bus) == ["span 1"]
            assert len(list(segments.iterdir())) <= 1
    async with running_store(path, SEALED_AT_ONCE) as bus:
        assert await names(bus) == ["span 1"]
    assert inspect(Folders(path)) == []


async def test_a_deletion_whose_commit_is_in_doubt_loses_no_file(path: Path) -> None:
    """When DuckDB fails at a commit, the new state may be the one that counts: no file goes before that is known."""
    [before] = await fill(path, [1, 2])
    connection = index.open_index(path)
    segments = Segments(connection, Folders(path), next_number=7)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("actors.span_store.embedded.sealed.index.transaction", lost_answer)
        with pytest.raises(duckdb.IOException):
            Compaction(segments, CurrentPrices()).delete(DeletionPredicate("trace_id", f"{1:032x}", 2**40), after=-1)
    segments.close()
    assert {file.name for file in path.with_suffix(".segments").iterdir()} == {before.name, "00000007.parquet"}
    async with running_store(path) as bus:
        assert (await bus.ask(GetStoreState())).problems == ()
        assert await names(bus) == ["span 2"]
    assert [file.name for file in path.with_suffix(".segments").iterdir()] == ["00000007.parquet"]


@contextmanager
def lost_answer(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    connection.begin()
    yield
    connection.commit()
    raise duckdb.IOException("the disk said nothing")


async def test_a_folder_of_the_first_schema_opens_with_its_spans_and_knows_what_was_sealed(path: Path) -> None:
    async with running_store(path) as bus:
        await ingest(bus, span(1))
    [journal] = path.with_suffix(".journals").iterdir()
    content = journal.read_bytes()
    async with running_store(path, SEALED_AT_ONCE) as bus:
        await ingest(bus, span(2, trace_id=2))
        await state_when(bus, all_sealed)
    back_to_first_schema(path)
    restored(journal, content)  # a crash came before its deletion
    async with running_store(path, SEALED_AT_ONCE) as bus:
        assert await names(bus) == ["span 1", "span 2"]
        assert [found.name for found in await bus.ask(GetTraceSpans(trace_id=f"{2:032x}"))] == ["span 2"]
        assert await ingest(bus, span(1), span(3)) == IngestSummary(stored=1, duplicates=1)
        await state_when(bus, all_sealed)
    assert inspect(Folders(path)) == []


def back_to_first_schema(path: Path) -> None:
    with duckdb.connect(path) as connection:
        connection.execute("DROP TABLE sealed; DROP TABLE deletion; DROP TABLE uncounted")
        for column in ("checksum", "arrived_before_unix_nano", "conventions", "restated"):
            connection.execute(f"ALTER TABLE segment DROP COLUMN {column}")
        for column in ("trace_number", "first_root", "last_root", "first_other", "last_other"):
            connection.execute(f"ALTER TABLE trace_part DROP COLUMN {column}")
        for column in DERIVED:
            connection.execute(f"ALTER TABLE span DROP COLUMN {column}")
        connection.execute("DELETE FROM schema_version WHERE version > 1")


def restored(path: Path, content: bytes) -> None:
    path.write_bytes(content)
