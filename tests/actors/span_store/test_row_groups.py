"""Row groups that are kept in memory: few bytes, and never more than the file says now."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from actors.span_store.embedded.sealed.row_groups import row_group
from actors.span_store.lru_cache import LruCache

pytestmark = pytest.mark.unit

KILOBYTE = pa.table({"text": pa.array(["x" * 996], pa.string())})  # with two offsets


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "1.parquet"
    pq.write_table(pa.table({"n": range(10), "m": range(10)}), path, row_group_size=4)
    return path


def read(from_disk: list[str], name: str, table: pa.Table = KILOBYTE) -> Callable[[], pa.Table]:
    def reading() -> pa.Table:
        from_disk.append(name)
        return table

    return reading


def test_what_was_asked_for_longest_ago_goes_first() -> None:
    from_disk: list[str] = []
    kept: LruCache[tuple[str], pa.Table] = LruCache(3 * KILOBYTE.nbytes, 2 * KILOBYTE.nbytes)
    for name in ("a", "b", "c", "a", "d", "a", "c", "b"):
        assert kept.get((name,), read(from_disk, name)) is KILOBYTE
    assert from_disk == ["a", "b", "c", "d", "b"]


def test_what_is_large_drives_out_nothing() -> None:
    from_disk: list[str] = []
    kept: LruCache[tuple[str], pa.Table] = LruCache(3 * KILOBYTE.nbytes, 2 * KILOBYTE.nbytes)
    large = pa.concat_tables([KILOBYTE] * 3)
    for name, table in (("a", KILOBYTE), ("large", large), ("a", KILOBYTE), ("large", large)):
        assert kept.get((name,), read(from_disk, name, table)) is table
    assert from_disk == ["a", "large", "large"]


def test_each_group_and_each_choice_of_columns_is_its_own(path: Path) -> None:
    for _ in range(2):
        assert row_group(path, 0, ["n"]).to_pydict() == {"n": [0, 1, 2, 3]}
        assert row_group(path, 2, ["n"]).to_pydict() == {"n": [8, 9]}
        assert row_group(path, 2, ["m", "n"]).to_pydict() == {"m": [8, 9], "n": [8, 9]}


def test_a_file_that_is_gone_or_damaged_is_so_although_it_was_read_before(path: Path) -> None:
    row_group(path, 0, ["n"])
    size = path.stat().st_size
    path.write_bytes(bytes(size))
    with pytest.raises(OSError, match="page header"):
        row_group(path, 0, ["n"])
    path.unlink()
    with pytest.raises(FileNotFoundError):
        row_group(path, 0, ["n"])
