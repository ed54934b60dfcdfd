"""After a power cut there is what was acknowledged, once, and the store opens without a complaint."""

import asyncio
import errno
import os
import random
import shutil
from contextlib import suppress
from pathlib import Path

import duckdb
import pytest
from structlog.testing import capture_logs

from actors.span_store.embedded.durable import DISK, Disk
from actors.span_store.embedded.lifetime import Limits
from actors.span_store.embedded.sealed.index import open_index
from actors.span_store.embedded.sealed.stale_log import drop_stale_log
from actors.span_store.embedded.sealed.torn_log import cut_torn_end, log_of
from actors.span_store.messages import GetStoreState, GetTraceSpans
from scripts import powerloss
from scripts.load import strace_record
from scripts.load.cut_check import faults_of
from scripts.load.cut_load import Load, heard, message, running
from scripts.load.faulty_disk import Fault, FaultyDisk, Operation, refusal
from scripts.load.recording_disk import RecordingDisk

pytestmark = [pytest.mark.integration, pytest.mark.error_recovery]

SEALED_SOON = Limits(flush_at=60_000, deferred=0)
INDEX = "traces.duckdb"
BLOCK, SIZE = 3 * 4096, 256 * 1024  # where the first one begins, and of each


async def load(folder: Path, disk: Disk, requests: int) -> None:
    """So many requests, one after the other; none of them waits for being sealed in the end."""
    async with running(folder, SEALED_SOON, disk) as bus:
        for request in range(requests):
            await bus.ask(message(request, 20))
        while (await bus.ask(GetStoreState())).background:
            await bus.ask(GetTraceSpans(trace_id=f"{1:032x}"))


def copy_if_there(old: str, new: str) -> None:
    """A journal that is sealed goes meanwhile."""
    with suppress(FileNotFoundError):
        shutil.copy2(old, new)


def place(disk: FaultyDisk, operation: Operation, pattern: str) -> list[int]:
    """At which of the calls it was asked for that."""
    return [at for at, (done, path) in enumerate(disk.calls) if done is operation and path.match(pattern)]


async def test_the_folders_of_a_new_store_are_durable_before_anything_is_in_them(tmp_path: Path) -> None:
    disk = FaultyDisk()
    await load(tmp_path / "data", disk, 1)
    [opened, *_] = place(disk, Operation.OPEN, "*.journal")
    synced = place(disk, Operation.SYNC_FOLDER, "duckdb")
    made = [place(disk, Operation.MAKE_FOLDER, f"traces.{name}")[0] for name in ("journals", "segments")]
    assert [any(at < sync < opened for sync in synced) for at in made] == [True, True]
    assert place(disk, Operation.SYNC_FOLDER, "data")[0] < opened


async def test_the_name_of_a_file_of_the_index_is_durable_before_a_journal_goes(tmp_path: Path) -> None:
    """DuckDB begins a new log after a checkpoint, and syncs it, but not its name."""
    disk = FaultyDisk()
    await load(tmp_path, disk, 8)
    segments = place(disk, Operation.SYNC_FOLDER, "*.segments")
    assert segments
    for gone in place(disk, Operation.UNLINK, "*.journal"):
        [written, *_] = [at for at in reversed(segments) if at < gone]
        assert any(written < at < gone for at in place(disk, Operation.SYNC_FOLDER, "duckdb"))


async def test_a_journal_stays_as_long_as_the_name_of_the_log_cannot_be_synced(tmp_path: Path) -> None:
    disk = FaultyDisk()
    journals = tmp_path / "duckdb" / "traces.journals"
    async with running(tmp_path, SEALED_SOON, disk) as bus:
        [first] = await asyncio.to_thread(os.listdir, journals)
        with disk.failing(Operation.SYNC_FOLDER, "duckdb") as failing:
            for request in range(8):
                await bus.ask(message(request, 20))
            while not (await bus.ask(GetStoreState())).problems:
                await bus.ask(GetTraceSpans(trace_id=f"{1:032x}"))
            met = failing.met
            while failing.met < met + 2:  # tried again
                await bus.ask(GetTraceSpans(trace_id=f"{1:032x}"))
            assert first in await asyncio.to_thread(os.listdir, journals)
        while (state := await bus.ask(GetStoreState())).problems or state.background:
            await bus.ask(GetTraceSpans(trace_id=f"{1:032x}"))
        assert first not in await asyncio.to_thread(os.listdir, journals)


async def test_what_a_killed_process_left_in_the_index_is_durable_before_anything_is_done_for_its_sake(
    tmp_path: Path,
) -> None:
    await load(tmp_path, FaultyDisk(), 2)
    (tmp_path / "duckdb" / f"{INDEX}.wal").touch()
    disk = FaultyDisk()
    async with running(tmp_path, SEALED_SOON, disk):
        pass
    synced = {path.name for operation, path in disk.calls if operation is Operation.SYNC}
    assert {INDEX, f"{INDEX}.wal"} <= synced


async def test_a_new_index_is_whole_and_durable_before_it_has_its_name(tmp_path: Path) -> None:
    """DuckDB does not open a file of which only a part was written, and nothing was acknowledged by then."""
    disk = FaultyDisk()
    half = tmp_path / "duckdb" / "traces.new" / INDEX
    half.parent.mkdir(parents=True)
    half.write_bytes(bytes(4096))
    await load(tmp_path, disk, 1)
    [named] = place(disk, Operation.RENAME, INDEX)
    assert place(disk, Operation.SYNC, INDEX)[0] < named < place(disk, Operation.OPEN, "*.journal")[0]
    assert not half.parent.exists()


@pytest.mark.parametrize("missing", ["one", "all"])
async def test_a_commit_of_the_index_that_a_cut_has_torn_is_not_damage(tmp_path: Path, missing: str) -> None:
    """DuckDB does not open a log in which sectors are missing and later ones are there."""
    index, log = tmp_path / "duckdb" / INDEX, tmp_path / "duckdb" / f"{INDEX}.wal"
    killed = tmp_path / "killed"
    async with running(tmp_path, SEALED_SOON) as bus:
        for request in range(8):
            await bus.ask(message(request, 20))
        while not await asyncio.to_thread(log.exists) or log.stat().st_size < 6 * 512:
            await bus.ask(GetTraceSpans(trace_id=f"{1:032x}"))
        ignored = shutil.ignore_patterns("*.unfinished")
        shutil.copytree(index.parent, killed / "duckdb", ignore=ignored, copy_function=copy_if_there)
    content = bytearray((killed / "duckdb" / log.name).read_bytes())
    for sector in [1024] if missing == "one" else range(1024, len(content) - 600, 512):
        content[sector : sector + 512] = bytes(512)
    (killed / "duckdb" / log.name).write_bytes(content)
    async with running(killed, SEALED_SOON) as bus:
        assert not [problem for problem in (await bus.ask(GetStoreState())).problems if "index is damaged" in problem]
    assert [kept.name for kept in (killed / "duckdb" / "damaged").iterdir()] == [log.name]


@pytest.mark.parametrize("checkpoints", [1, 2, 3])
def test_a_log_that_comes_back_after_checkpoints_is_not_damage(tmp_path: Path, checkpoints: int) -> None:
    """DuckDB leaves one of before the last checkpoint alone, and with an older one it does not open the file."""
    index = tmp_path / INDEX
    with open_index(index) as connection:
        connection.execute("INSERT INTO sealed VALUES (0, 0, 0)")
        old = log_of(index).read_bytes()
        for number in range(1, checkpoints + 1):
            connection.execute("CHECKPOINT")
            connection.execute("INSERT INTO sealed VALUES (?, 0, 0)", [number])
        connection.execute("CHECKPOINT")
    log_of(index).write_bytes(old)
    with open_index(index) as connection:
        numbers = connection.execute("SELECT journal FROM sealed ORDER BY journal").fetchall()
    assert numbers == [(number,) for number in range(checkpoints + 1)]
    assert [kept.read_bytes() for kept in tmp_path.glob("damaged/*")] == [old]


def test_a_log_that_is_newer_than_the_file_stays(tmp_path: Path) -> None:
    index = tmp_path / INDEX
    log_of(index).write_bytes(b"log")
    fault = OSError("File checkpoint iteration: 6, WAL checkpoint iteration: 8")
    assert not drop_stale_log(index, fault, DISK)
    assert not drop_stale_log(index, OSError("something else"), DISK)
    assert log_of(index).read_bytes() == b"log"


def test_a_log_that_is_damaged_and_has_all_its_sectors_stays_as_it_is(tmp_path: Path) -> None:
    log = tmp_path / f"{INDEX}.wal"
    content = random.Random(1).randbytes(4096)
    log.write_bytes(content)
    fault = OSError("Corrupt WAL file: entry at byte position 1016 computed checksum 1 does not match")
    assert not cut_torn_end(tmp_path / INDEX, fault, DISK)
    log.write_bytes(content[:2048] + bytes(512) + content[2560:])
    assert cut_torn_end(tmp_path / INDEX, fault, DISK)
    assert log.read_bytes() == content[:1000]
    assert not cut_torn_end(tmp_path / INDEX, OSError("something else"), DISK)


def torn_checkpoint(index: Path) -> None:
    """Let the power go while DuckDB writes a block of its metadata in its place."""
    connection = open_index(index)
    for number in range(3):
        connection.execute("INSERT INTO sealed VALUES (?, 0, 0)", [number])
        connection.execute("CHECKPOINT")
    connection.execute("INSERT INTO sealed VALUES (3, 0, 0)")
    before = index.read_bytes()
    connection.execute("SET debug_checkpoint_abort = 'after_free_list_write'")
    with pytest.raises(duckdb.FatalException, match="aborted"):
        connection.execute("CHECKPOINT")
    after = index.read_bytes()
    connection.close()
    assert before[:BLOCK] == after[:BLOCK]  # the header
    index.write_bytes(before[: BLOCK + 512] + after[BLOCK + 512 :])


@pytest.mark.parametrize("named", [True, False])
def test_a_checkpoint_that_a_cut_has_torn_is_not_damage(tmp_path: Path, named: bool) -> None:
    """DuckDB does not open a file in which a part of a block of metadata is new, though none of that counts."""
    index = tmp_path / INDEX
    torn_checkpoint(index)
    if not named:  # the name of the log was not durable, and so nothing in it was acknowledged
        log_of(index).unlink()
    with open_index(index) as connection:
        numbers = connection.execute("SELECT journal FROM sealed ORDER BY journal").fetchall()
    assert numbers == [(number,) for number in range(4 if named else 3)]
    assert (tmp_path / "damaged").exists() is not named


@pytest.mark.parametrize("blocks", [1, 2])
def test_a_file_that_no_log_says_was_torn_is_kept_as_it_was(tmp_path: Path, blocks: int) -> None:
    """A bit of it may have changed on the disk: then what counts has, and somebody wants to look at it."""
    index = tmp_path / INDEX
    torn_checkpoint(index)
    open_index(index).close()
    assert not log_of(index).exists()
    content = bytearray(index.read_bytes())
    for place in (BLOCK, BLOCK + SIZE)[:blocks]:
        content[place] ^= 1
    index.write_bytes(content)
    with capture_logs() as lines, open_index(index) as connection:
        assert connection.execute("SELECT count(*) FROM sealed").fetchall() == [(4,)]
    [kept] = (tmp_path / "damaged").iterdir()
    assert (kept.name, kept.read_bytes()) == (INDEX, bytes(content))
    assert [line["kept"] for line in lines if "kept" in line] == [str(kept)]
    assert {path.name for path in tmp_path.iterdir()} == {INDEX, "damaged"}


def test_a_file_of_which_no_copy_can_be_kept_stays_as_it_is(tmp_path: Path) -> None:
    index = tmp_path / INDEX
    torn_checkpoint(index)
    log_of(index).unlink()
    content = index.read_bytes()
    disk = FaultyDisk(Fault(Operation.LINK, "*", before=refusal(errno.ENOSPC)))
    with pytest.raises(OSError, match="No space"):
        open_index(index, disk)
    assert index.read_bytes() == content
    open_index(index).close()


def test_a_block_that_is_damaged_while_no_checkpoint_goes_on_stays_as_it_is(tmp_path: Path) -> None:
    index = tmp_path / INDEX
    torn_checkpoint(index)
    log = log_of(index)
    log.write_bytes(log.read_bytes()[:-1])
    content = index.read_bytes()
    with pytest.raises(duckdb.Error, match="Corrupt database file"):
        open_index(index)
    assert index.read_bytes() == content


async def journals_recorded(folder: Path) -> RecordingDisk:
    """A load whose spans stay in journals, because the disk has no room for segments; so the index does not change."""
    disk = RecordingDisk(folder, Fault(Operation.WRITE, "*.segments/*.unfinished", before=refusal(errno.ENOSPC)))
    disk.make_folder(folder / "duckdb")
    said = Load(folder, folder.parent / "marks", seed=1)
    said.told = disk.mark
    async with running(folder, SEALED_SOON, disk) as bus:
        await asyncio.gather(*(said.client(bus, 10) for _ in range(3)))
    return disk


async def test_journals_after_a_cut_have_what_was_acknowledged(tmp_path: Path) -> None:
    data = tmp_path / "data"
    disk = await journals_recorded(data)
    assert len(list((data / "duckdb" / "traces.journals").iterdir())) > 3
    for number, cut in enumerate(disk.history.cuts(20, random.Random(1))):
        state = tmp_path / f"state-{number}"
        cut.tree.build(state, disk.history.is_folder)
        if (state / "duckdb").exists():
            shutil.copy(data / "duckdb" / INDEX, state / "duckdb")
        faults = await faults_of(state, heard(disk.history.marks(cut.moment)), tmp_path / f"before-{number}")
        assert faults == [], cut.story


def test_only_what_is_older_than_the_cut_of_retention_may_be_gone() -> None:
    lines = [f'{{"sent":{request},"spans":1}}' for request in range(4)]
    assert heard(lines).droppable == set()
    assert heard([*lines[1:3], '{"kept from":2}', lines[0], lines[3]]).droppable == {0, 1}  # 0 was sent again


async def test_a_span_that_is_gone_although_retention_keeps_it_is_a_fault(tmp_path: Path) -> None:
    async with running(tmp_path / "data", SEALED_SOON) as bus:
        await bus.ask(message(1, 2))
    lines = [f'{{"{what}":{request},"spans":2}}' for request in range(3) for what in ("sent", "acknowledged")]
    faults = await faults_of(tmp_path / "data", heard(['{"kept from":1}', *lines]), tmp_path / "before")
    assert faults == ["2 acknowledged spans are missing: [(2, 0), (2, 1)]"]


@pytest.mark.timeout(600)
def test_all_files_after_a_cut_have_what_was_acknowledged(tmp_path: Path) -> None:
    """A short form of scripts/powerloss.py, which has more states and other seeds."""
    why = strace_record.missing()
    if why:
        pytest.skip(why)
    history = powerloss.recorded(tmp_path, seed=1, requests=15)
    for finding in powerloss.findings(history, 10, 1, tmp_path):
        assert finding.faults == [], finding.cut.story
