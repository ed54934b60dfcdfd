"""The memtables of a store: replaced as a whole, and whoever waits for room is woken by a flush."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from actors.span_store.columns.rows import rows_of, span_keys
from actors.span_store.columns.spans import span_columns
from actors.span_store.embedded.hot.memtable import Memtable
from actors.span_store.embedded.hot.memtables import Memtables
from actors.span_store.embedded.hot.wal import Wal
from actors.span_store.embedded.layout import Folders
from tests.spans import span

pytestmark = pytest.mark.integration

LONG = 200.0  # seconds: a slow machine has the time that it needs


@pytest.fixture
def memtables(tmp_path: Path) -> Memtables:
    """Three full ones with a span each, and an empty one."""
    folders = Folders(tmp_path / "traces.duckdb")
    folders.make()
    made = Memtables(folders, [Memtable(1, 100, Wal(folders.journals / "00000001.journal"))])
    for number in (1, 2, 3):
        rows = rows_of(span_columns([span(number, attributes={"text": "x" * 1000})]))
        made.active.append([rows], span_keys(rows))
        made.rotate()
    return made


def numbers(memtables: Sequence[Memtable]) -> list[int]:
    return [memtable.number for memtable in memtables]


def test_a_rotation_goes_on_in_a_new_file_with_the_next_number(memtables: Memtables) -> None:
    assert numbers(memtables.full) == [1, 2, 3]
    assert (memtables.active.number, memtables.active.first_seq) == (4, 103)
    assert memtables.full_bytes == memtables.bytes == memtables.full_bytes_in_memory
    assert sorted(path.name for path in memtables.folders.journals.iterdir()) == [
        f"0000000{number}.journal" for number in (1, 2, 3, 4)
    ]
    before = memtables.snapshot()
    memtables.forget(memtables.full[0])
    assert numbers(memtables.all) == [2, 3, 4]
    assert before.table.num_rows == 3
    assert memtables.snapshot().first_seq == 101
    assert not (memtables.folders.journals / "00000001.journal").exists()
    memtables.close()


def test_a_memtable_is_full_only_when_its_file_is_closed(memtables: Memtables, monkeypatch: pytest.MonkeyPatch) -> None:
    """From then on it may be flushed, and its file closed and deleted, by another thread."""
    full: list[list[int]] = []
    close = Wal.close

    def closed(wal: Wal) -> None:
        full.append(numbers(memtables.full))
        close(wal)

    monkeypatch.setattr(Wal, "close", closed)
    memtables.rotate()
    assert (full, numbers(memtables.full)) == ([[1, 2, 3]], [1, 2, 3, 4])
    memtables.close()


async def test_who_waits_for_room_is_woken_by_the_flush_that_makes_it(memtables: Memtables) -> None:
    limit = memtables.full[0].bytes
    waiting = [asyncio.create_task(memtables.wait_below(limit, LONG)) for _ in range(3)]
    await asyncio.sleep(0)
    await asyncio.to_thread(memtables.forget, memtables.full[0])
    await asyncio.sleep(0)
    assert not any(task.done() for task in waiting)  # there is still too much
    await asyncio.to_thread(memtables.forget, memtables.full[0])
    await asyncio.gather(*waiting)
    assert memtables.bytes <= limit


async def test_a_flush_between_the_look_and_the_wait_is_not_missed(memtables: Memtables) -> None:
    """It is waited for before it is looked; so the order of the two in another thread is of no account."""
    for _ in range(3):
        flushing = asyncio.to_thread(memtables.forget, memtables.full[0])
        await asyncio.gather(memtables.wait_below(memtables.bytes - 1, LONG), flushing)
    await memtables.wait_below(0, LONG)


async def test_who_waits_in_vain_goes_on_and_leaves_nothing_behind(memtables: Memtables) -> None:
    await memtables.wait_below(0, 0.01)
    waiting = asyncio.create_task(memtables.wait_below(0, LONG))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait({waiting})
    assert memtables._waiting == set()


def test_no_more_spans_of_a_trace_are_taken_than_are_asked_for(memtables: Memtables) -> None:
    """A page asks for a few thousand, and a trace may have hundreds of thousands in memory."""
    snapshot = memtables.snapshot()
    trace = str(snapshot.table["trace_id"][0].as_py())
    for limit, count in ((2, 2), (9, 3)):
        assert snapshot.of_traces([trace], ["span_id"], limit).num_rows == count
    memtables.close()
