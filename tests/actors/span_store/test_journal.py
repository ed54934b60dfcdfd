"""The write-ahead log keeps what it acknowledged, and only that, whatever happens to its end."""

import resource
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.span_store.journal import Journal, recover
from actors.span_store.rows import numbered, rows_of
from actors.span_store.spans import span_columns
from tests.spans import span

pytestmark = pytest.mark.unit


def batch(seq: int, count: int = 2) -> pa.RecordBatch:
    return numbered(rows_of(span_columns(span(n + 1, trace_id=seq + 1) for n in range(count))), seq)


def written(path: Path, batches: int) -> list[int]:
    """A journal of so many batches; the size of the file after each."""
    journal = Journal(path)
    sizes = [journal.size]
    for number in range(batches):
        journal.append(batch(number * 2))
        sizes.append(journal.size)
    journal.close()
    return sizes


def test_what_was_appended_comes_back_also_after_reopening(tmp_path: Path) -> None:
    path = tmp_path / "1.journal"
    written(path, 2)
    journal = Journal(path)
    journal.append(batch(4))
    journal.close()
    batches, damaged = recover(path)
    assert batches == [batch(0), batch(2), batch(4)]
    assert not damaged


def test_the_size_is_that_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "1.journal"
    assert written(path, 3)[-1] == path.stat().st_size


@settings(deadline=None, max_examples=60)
@given(cut=st.integers(0, 1_000_000))
def test_an_end_torn_anywhere_costs_only_the_batch_that_was_never_acknowledged(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    path = tmp_path_factory.mktemp("journal") / "1.journal"
    sizes = written(path, 3)
    cut %= sizes[-1] + 1
    with path.open("r+b") as file:
        file.truncate(cut)
    batches, damaged = recover(path)
    assert batches == [batch(0), batch(2), batch(4)][: sum(size <= cut for size in sizes[1:])]
    assert not damaged
    journal = Journal(path)  # and it can be appended to
    journal.append(batch(100))
    journal.close()
    assert recover(path)[0] == [*batches, batch(100)]


def test_zeros_behind_the_end_are_a_torn_end(tmp_path: Path) -> None:
    path = tmp_path / "1.journal"
    size = written(path, 1)[-1]
    with path.open("ab") as file:
        file.write(bytes(5000))
    assert recover(path) == ([batch(0)], False)
    assert path.stat().st_size == size


def test_damage_in_the_middle_is_told_and_what_follows_is_kept_aside(tmp_path: Path) -> None:
    path = tmp_path / "1.journal"
    sizes = written(path, 3)
    with path.open("r+b") as file:
        file.seek(sizes[1] + 100)
        file.write(b"\xff")
    data = path.read_bytes()
    batches, damaged = recover(path)
    assert (batches, damaged) == ([batch(0)], True)
    assert path.with_suffix(".damaged").read_bytes() == data[sizes[1] :]


def test_a_full_disk_leaves_the_journal_as_it_was(tmp_path: Path) -> None:
    """A limit on the size of files stops a write half-way, as a full disk does."""
    journal = Journal(tmp_path / "1.journal")
    journal.append(batch(0))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (journal.size + 100, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            journal.append(batch(2))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    journal.append(batch(4))
    journal.close()
    assert recover(tmp_path / "1.journal") == ([batch(0), batch(4)], False)
