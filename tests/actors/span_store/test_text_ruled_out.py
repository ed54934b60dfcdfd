"""The files that rule text out, as the store makes them, uses them, and removes them with their segments."""

import asyncio
import errno
import os
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from actors.principal import Principal
from actors.runtime.bus import Bus
from actors.span_store.embedded.layout import Folders
from actors.span_store.embedded.lifetime import Limits
from actors.span_store.embedded.maintenance.retention import Retention
from actors.span_store.embedded.upkeep.inspection import inspect
from actors.span_store.embedded.upkeep.repair import repair
from actors.span_store.messages import BackUp, DeleteTrace, GetStoreState, SearchText
from actors.span_store.query.position import Position
from scripts.load.faulty_disk import FaultyDisk, Operation
from tests.actors.span_store.stage import (
    NEEDLES,
    SAID,
    SEALED_AT_ONCE,
    all_sealed,
    ascii_json,
    ingest,
    places,
    running_store,
    state_when,
)
from tests.spans import START, span

pytestmark = pytest.mark.integration

BY = Principal(user_id="u1", email="admin@example.com", session_id="s1")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "traces.duckdb"


async def fill(bus: Bus, numbers: range) -> None:
    """One sealed segment for each number, which is its trace and in its text, twice."""
    for number in numbers:
        spans = [span(n, trace_id=number, start=START + number, attributes={"t": f"needle{number}"}) for n in (1, 2)]
        await ingest(bus, *spans)
        await state_when(bus, all_sealed)


def stems(folder: Path) -> set[str]:
    """Of the files that are finished."""
    return {file.stem for file in folder.iterdir() if file.suffix != ".unfinished"}


async def covered(path: Path, *, but: frozenset[str] = frozenset()) -> None:
    """Wait until each segment has its file, and there are no others."""
    folders = Folders(path)
    while await asyncio.to_thread(stems, folders.grams) != await asyncio.to_thread(stems, folders.segments) - but:
        pass  # looked for in a thread, because a loop that only looks would keep the interpreter from those that work


async def found(bus: Bus, text: str) -> set[int]:
    """The traces with the text, of which all spans were looked through: in several pages where a disk is slow."""
    traces: set[int] = set()
    before: Position | None = None
    while True:
        page = await bus.ask(SearchText(text=text, before=before))
        traces |= {int(each.trace_id, 16) for each in page.spans}
        before = page.before
        if before is None:
            return traces


async def filled(path: Path, numbers: range) -> None:
    async with running_store(path, SEALED_AT_ONCE) as bus:
        await fill(bus, numbers)
        await covered(path)


async def test_a_sealed_file_without_the_text_is_not_read(path: Path) -> None:
    await filled(path, range(1, 4))
    for file in Folders(path).segments.iterdir():
        file.write_bytes(bytes(file.stat().st_size))  # to read anything of it is to find it damaged
    async with running_store(path) as bus:
        assert await found(bus, "nobody wrote this") == set()
        assert (await bus.ask(GetStoreState())).problems == ()
        assert await found(bus, "needle2") == set()
        assert (await bus.ask(GetStoreState())).problems == (
            "The segment 00000001.parquet is damaged: its spans are not shown",
        )


async def test_while_there_is_time_no_sealed_file_is_read_for_it(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.span_store.embedded.text.ngram_files.open_segment", failing_disk)
    await filled(path, range(1, 4))
    monkeypatch.undo()
    async with running_store(path) as bus:
        assert await found(bus, "needle2") == {2}


def failing_disk(*_: object) -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


async def test_segments_of_earlier_versions_are_covered_after_the_start(path: Path) -> None:
    await filled(path, range(1, 4))
    shutil.rmtree(Folders(path).grams)
    async with running_store(path) as bus:
        assert await found(bus, "needle2") == {2}
        await covered(path)
        assert await found(bus, "needle2") == {2}


async def test_a_damaged_file_hides_nothing_and_is_made_again(path: Path) -> None:
    await filled(path, range(1, 4))
    [first, second, third] = sorted(Folders(path).grams.iterdir())
    good = [file.read_bytes() for file in (first, second, third)]
    first.write_bytes(good[0][:-1])
    second.write_bytes(good[0])
    third.write_bytes(bytes(len(good[2])))
    assert inspect(Folders(path)) == []
    assert list(repair(Folders(path))) == []
    async with running_store(path) as bus:
        for number in range(1, 4):
            assert await found(bus, f"needle{number}") == {number}
        await covered(path)
        assert [file.read_bytes() for file in (first, second, third)] == good
        assert (await bus.ask(GetStoreState())).problems == ()


async def test_what_a_crash_left_is_removed(path: Path) -> None:
    await filled(path, range(1, 3))
    grams = Folders(path).grams
    for name in ("00000001.unfinished", "00000099.grams"):
        (grams / name).write_bytes(b"left")
    assert inspect(Folders(path)) == []
    async with running_store(path):
        await covered(path)


async def test_files_go_with_the_spans_that_are_deleted(path: Path) -> None:
    folders = Folders(path)
    async with running_store(path, SEALED_AT_ONCE) as bus:
        await fill(bus, range(1, 4))
        await ingest(bus, span(1, trace_id=4, attributes={"t": "needle4"}), span(1, trace_id=5))
        await state_when(bus, all_sealed)
        await covered(path)
        for trace in (2, 4):
            await bus.ask(DeleteTrace(trace_id=f"{trace:032x}", by=BY))
            assert stems(folders.grams) <= stems(folders.segments)
        await covered(path)
        assert len(stems(folders.grams)) == 3
        assert [await found(bus, f"needle{number}") for number in range(1, 5)] == [{1}, set(), {3}, set()]


async def test_files_go_with_what_is_not_kept(path: Path) -> None:
    await filled(path, range(1, 4))
    limits = Limits(retention=Retention(age=timedelta(days=1), every=timedelta()))
    async with running_store(path, limits) as bus:
        await state_when(bus, lambda state: state.segments == 0)
        await state_when(bus, lambda _: not stems(Folders(path).grams))  # they go a moment later


async def test_joined_files_are_covered_anew(path: Path) -> None:
    await filled(path, range(1, 9))
    async with running_store(path, Limits(retention=Retention(every=timedelta()))) as bus:
        await state_when(bus, lambda state: state.segments == 1)
        await covered(path)
        assert stems(Folders(path).grams) == {"00000008"}
        assert [await found(bus, f"needle{number}") for number in (1, 8, 9)] == [{1}, {8}, set()]


async def test_a_backup_goes_without_them(path: Path) -> None:
    copy = path.parent / "copy"
    async with running_store(path, SEALED_AT_ONCE) as bus:
        await fill(bus, range(1, 4))
        await covered(path)
        async with bus.stream(BackUp(by=BY)) as parts:
            async for part in parts:
                file = copy / part.name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes((file.read_bytes() if part.offset else b"") + part.content)
    copied = copy / "duckdb" / "traces.duckdb"
    assert not Folders(copied).grams.exists()
    async with running_store(copied) as bus:
        await covered(copied)
        assert await found(bus, "needle2") == {2}


async def test_a_disk_without_room_for_them_disturbs_nothing(path: Path) -> None:
    disk = FaultyDisk()
    async with running_store(path, SEALED_AT_ONCE, disk) as bus:
        with disk.failing(Operation.WRITE, "*.grams/*", code=errno.ENOSPC):
            await fill(bus, range(1, 3))
            assert await found(bus, "needle1") == {1}
            assert await found(bus, "nobody wrote this") == set()
            assert (await bus.ask(GetStoreState())).problems == ()
        await fill(bus, range(3, 5))
        assert await found(bus, "needle4") == {4}


async def test_a_damaged_segment_keeps_no_other_from_being_covered(path: Path) -> None:
    await filled(path, range(1, 5))
    folders = Folders(path)
    shutil.rmtree(folders.grams)
    damaged = folders.segments / "00000003.parquet"  # the newest, and so the first to be tried
    damaged.write_bytes(bytes(damaged.stat().st_size))
    async with running_store(path) as bus:
        await covered(path, but=frozenset({damaged.stem}))
        assert await found(bus, "needle3") == {3}
        assert (await bus.ask(GetStoreState())).problems == (
            "The segment 00000003.parquet is damaged: its spans are not shown",
        )


async def test_what_was_said_is_found_before_and_after_a_flush_a_compaction_and_a_restart(path: Path) -> None:
    spans = dict(enumerate(places(SAID, ascii_json).values(), 1))

    async def all_are_found(bus: Bus) -> None:
        for text in NEEDLES:
            assert await found(bus, text) == set(spans), text

    async with running_store(path) as bus:
        await ingest(bus, *(each._replace(trace_id=f"{number:032x}") for number, each in spans.items()))
        await all_are_found(bus)
    async with running_store(path, SEALED_AT_ONCE) as bus:
        await fill(bus, range(100, 108))
        await covered(path)
        await all_are_found(bus)
    async with running_store(path, Limits(retention=Retention(every=timedelta()))) as bus:
        await state_when(bus, lambda state: state.segments == 1)
        await all_are_found(bus)
        await covered(path)
        await all_are_found(bus)
