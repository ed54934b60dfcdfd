"""The write-ahead log keeps what it acknowledged, and only that, whatever happens to its end."""

import errno
import fcntl
import os
import random
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.span_store.columns.rows import ROWS, numbered, rows_of
from actors.span_store.columns.spans import span_columns
from actors.span_store.embedded.hot import wal
from actors.span_store.embedded.hot.wal import Wal, recover, whole_batches
from scripts.load.faulty_disk import FaultyDisk, Operation
from tests.spans import span

pytestmark = pytest.mark.unit


def batch(seq: int, count: int = 2) -> pa.RecordBatch:
    return numbered(rows_of(span_columns(span(n + 1, trace_id=seq + 1) for n in range(count))), seq)


def written(path: Path, batches: int) -> list[int]:
    """A journal of so many batches; the size of the file after each."""
    journal = Wal(path)
    sizes = [journal.size]
    for number in range(batches):
        journal.append(batch(number * 2))
        sizes.append(journal.size)
    journal.close()
    return sizes


def test_what_was_appended_comes_back_also_after_reopening(tmp_path: Path) -> None:
    path = tmp_path / "1.wal"
    written(path, 2)
    journal = Wal(path)
    journal.append(batch(4))
    journal.close()
    batches, damaged = recover(path, path.parent / "damaged")
    assert batches == [batch(0), batch(2), batch(4)]
    assert not damaged


def test_the_columns_of_another_version_of_the_conventions_are_derived_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "1.wal"
    rows = numbered(rows_of(span_columns([span(1, attributes={"gen_ai.operation.name": "chat"})])), 0)
    place = rows.schema.get_field_index("type")
    with monkeypatch.context() as other_version:
        other_version.setattr(wal, "VERSION", 0)
        log = Wal(path)
        log.append(rows.set_column(place, rows.schema.field(place), pa.array(["chain"])))
        log.close()
    for _ in range(2):
        assert recover(path, tmp_path / "damaged") == ([rows], False)
        assert (path.stat().st_mode & 0o777) == 0o600
    assert whole_batches(path) == ([rows], False)


def test_the_size_is_that_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "1.wal"
    assert written(path, 3)[-1] == path.stat().st_size


@settings(deadline=None, max_examples=60)
@given(cut=st.integers(0, 1_000_000))
def test_an_end_torn_anywhere_costs_only_the_batch_that_was_never_acknowledged(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    path = tmp_path_factory.mktemp("journal") / "1.wal"
    sizes = written(path, 3)
    cut %= sizes[-1] + 1
    with path.open("r+b") as file:
        file.truncate(cut)
    batches, damaged = recover(path, path.parent / "damaged")
    assert batches == [batch(0), batch(2), batch(4)][: sum(size <= cut for size in sizes[1:])]
    assert not damaged
    journal = Wal(path)  # and it can be appended to
    journal.append(batch(100))
    journal.close()
    assert recover(path, path.parent / "damaged")[0] == [*batches, batch(100)]


def test_zeros_behind_the_end_are_a_torn_end(tmp_path: Path) -> None:
    path = tmp_path / "1.wal"
    size = written(path, 1)[-1]
    with path.open("ab") as file:
        file.write(bytes(5000))
    assert recover(path, path.parent / "damaged") == ([batch(0)], False)
    assert path.stat().st_size == size


@settings(deadline=None, max_examples=60)
@given(chance=st.randoms(use_true_random=False), sector=st.sampled_from([512, 4096]), share=st.floats(0, 1))
def test_a_last_write_of_which_any_sectors_are_missing_is_a_torn_end(
    tmp_path_factory: pytest.TempPathFactory, chance: random.Random, sector: int, share: float
) -> None:
    """A power cut leaves any of the sectors that were not synced, also those of the last frame and not of the first."""
    path = tmp_path_factory.mktemp("journal") / "1.wal"
    acknowledged = written(path, 2)[-1]
    journal = Wal(path)
    journal.append(batch(4, count=20), batch(24), batch(26))
    journal.close()
    data = bytearray(path.read_bytes())
    for begin in range(acknowledged, len(data), sector):
        if chance.random() < share:
            data[begin : begin + sector] = bytes(sector)
    path.write_bytes(data)
    batches, damaged = recover(path, path.parent / "damaged")
    assert not damaged
    assert batches[:2] == [batch(0), batch(2)]
    assert batches[2:] == [batch(4, count=20), batch(24), batch(26)][: len(batches) - 2]
    journal = Wal(path)  # and it can be appended to
    journal.append(batch(100))
    journal.close()
    assert recover(path, path.parent / "damaged") == ([*batches, batch(100)], False)


def test_a_first_write_of_which_sectors_are_missing_is_a_torn_end(tmp_path: Path) -> None:
    path = tmp_path / "1.wal"
    for missing in range(written(path, 0)[0] // 512):
        path.unlink()
        written(path, 0)
        data = bytearray(path.read_bytes())
        data[missing * 512 : (missing + 1) * 512] = bytes(512)
        path.write_bytes(data)
        assert recover(path, tmp_path / "damaged") == ([], False)
    assert Wal(path).bounds != []


def test_a_flipped_bit_beside_zeros_that_were_written_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "1.wal"
    acknowledged = written(path, 1)[-1]
    journal = Wal(path)
    journal.append(batch(2, count=2000))  # with columns that are nothing but zeros
    journal.close()
    data = bytearray(path.read_bytes())
    assert any(not any(data[begin : begin + 512]) for begin in range(acknowledged, len(data) - 4096, 512))
    data[acknowledged + 1000] ^= 0x40
    path.write_bytes(data)
    assert recover(path, tmp_path / "damaged") == ([batch(0)], True)


def test_what_a_killed_process_has_left_is_synced_before_it_counts(tmp_path: Path) -> None:
    """It may have written without a sync. Who sends it again is told that it is stored."""
    disk = FaultyDisk()
    written(tmp_path / "1.wal", 1)
    recover(tmp_path / "1.wal", tmp_path / "damaged", disk)
    assert (Operation.SYNC, tmp_path / "1.wal") in disk.calls


@pytest.mark.parametrize(
    ("place", "lost"),
    [
        pytest.param(0, "nothing", id="mark"),
        pytest.param(8, "nothing", id="length-of-the-schema"),
        pytest.param(100, "nothing", id="schema"),
        pytest.param("first+8", 0, id="length-of-a-batch"),
        pytest.param("first+16", 0, id="sum-of-a-batch"),
        pytest.param("first+100", 0, id="a-batch"),
        pytest.param("second+12", 1, id="length-far-beyond-the-end"),
        pytest.param("last+100", 3, id="the-last-batch"),
    ],
)
def test_a_damaged_place_costs_one_batch_and_the_whole_file_is_kept_aside(
    tmp_path: Path, place: int | str, lost: int | str
) -> None:
    path = tmp_path / "1.wal"
    sizes = written(path, 4)
    named = {"first": sizes[0], "second": sizes[1], "last": sizes[3]}
    name, _, offset = str(place).partition("+")
    position = named[name] + int(offset or 0) if name in named else int(place)
    with path.open("r+b") as file:
        file.seek(position)
        old = file.read(1)
        file.seek(position)
        file.write(bytes([old[0] ^ 0x40]))
    data = path.read_bytes()
    batches, damaged = recover(path, tmp_path / "damaged")
    assert damaged
    assert batches == [batch(number * 2) for number in range(4) if number != lost]
    assert [kept.read_bytes() for kept in (tmp_path / "damaged").iterdir()] == [data]
    journal = Wal(path)  # and it can be appended to
    journal.append(batch(100))
    journal.close()
    assert recover(path, tmp_path / "damaged") == ([*batches, batch(100)], False)


def test_batches_of_an_older_form_are_brought_to_ours(tmp_path: Path) -> None:
    path = tmp_path / "1.wal"
    older = pa.schema([field for field in ROWS if field.name not in ("user_id", "scope_json")])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("actors.span_store.embedded.hot.wal.ROWS", older)
        journal = Wal(path)
    journal.append(batch(0).select(older.names))
    journal.close()
    [found], damaged = recover(path, tmp_path / "damaged")[0], recover(path, tmp_path / "damaged")[1]
    assert not damaged
    assert found.schema == ROWS
    assert found["scope_json"].null_count == found.num_rows
    journal = Wal(path)
    journal.append(batch(2))
    journal.close()
    assert recover(path, tmp_path / "damaged") == ([found, batch(2)], False)


def test_an_end_that_could_not_be_cut_off_is_cut_off_before_the_next_append(tmp_path: Path) -> None:
    """A disk that fails may refuse the cut as well; what is appended later must not stand behind the torn frame."""
    disk = FaultyDisk()
    journal = Wal(tmp_path / "1.wal", disk=disk)
    journal.append(batch(0))
    with file_size_limit(journal.size + 100), disk.failing(Operation.TRUNCATE):
        with pytest.raises(OSError, match="File too large"):
            journal.append(batch(2))
        with pytest.raises(OSError, match="Input/output error"):
            journal.append(batch(2))
    journal.append(batch(4))
    journal.close()
    assert recover(tmp_path / "1.wal", tmp_path / "damaged") == ([batch(0), batch(4)], False)


def test_a_request_larger_than_the_buffer_comes_back_and_its_memory_does_not_stay(tmp_path: Path) -> None:
    path = tmp_path / "1.wal"
    large = numbered(rows_of(span_columns([span(1, attributes={"text": os.urandom(6_000_000).hex()})])), 0)
    journal = Wal(path)
    journal.append(large)
    journal.append(batch(1))
    journal.close()
    assert recover(path, tmp_path / "damaged") == ([large, batch(1)], False)


def test_nothing_of_a_journal_is_in_another_that_writes_from_its_memory(tmp_path: Path) -> None:
    first, fresh = Wal(tmp_path / "1.wal"), Wal(tmp_path / "2.wal", opened_at=1)
    first.append(batch(0, count=1000))
    second = Wal(tmp_path / "3.wal", first.give_memory(), opened_at=1)
    for journal in (second, fresh):
        journal.append(batch(2))
    first.append(batch(4))  # it can go on
    for journal in (first, second, fresh):
        journal.close()
    assert second.path.read_bytes() == fresh.path.read_bytes()
    assert recover(first.path, tmp_path / "damaged") == ([batch(0, count=1000), batch(4)], False)


@pytest.mark.parametrize("refused", ["open", "pwrite"])
def test_a_file_system_that_does_not_write_around_its_cache_is_written_as_usual(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: str
) -> None:
    direct = getattr(os, "O_DIRECT", 0)
    if not direct:
        pytest.skip("this system has no such writes")
    called = getattr(os, refused)

    def refuse(file: Any, *arguments: Any) -> Any:
        flags = arguments[0] if refused == "open" else fcntl.fcntl(file, fcntl.F_GETFL)
        if flags & direct:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        return called(file, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(os, refused, refuse)
        written(tmp_path / "1.wal", 2)
    assert recover(tmp_path / "1.wal", tmp_path / "damaged") == ([batch(0), batch(2)], False)


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """A limit on the size of files stops a write half-way, as a full disk does."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_full_disk_leaves_the_journal_as_it_was(tmp_path: Path) -> None:
    journal = Wal(tmp_path / "1.wal")
    journal.append(batch(0))
    with file_size_limit(journal.size + 100), pytest.raises(OSError, match="File too large"):
        journal.append(batch(2))
    journal.append(batch(4))
    journal.close()
    assert recover(tmp_path / "1.wal", tmp_path / "damaged") == ([batch(0), batch(4)], False)
