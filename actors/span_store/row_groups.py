"""Reads row groups of sealed files, and keeps the ones that were read last.

Whoever looks at the newest spans of a service does so again and again, and reads the same few row groups each time.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import accumulate
from pathlib import Path

import attrs
import pyarrow as pa
import pyarrow.parquet as pq

_MOST_BYTES = 16 * 1024 * 1024  # of what is kept, as it is in memory
_LARGE = 2 * 1024 * 1024  # bytes of a row group that is not kept: it would drive out the others


def open_segment(path: Path) -> pq.ParquetFile:
    """Open a file so that reading damaged pages is an ``OSError``.

    It is read and not mapped: where a mapped file has lost its end, or the disk cannot read it, the process dies.
    """
    return pq.ParquetFile(path, page_checksum_verification=True)


@attrs.frozen
class Footer:
    """What a file says of itself."""

    metadata: pq.FileMetaData
    starts: list[int]  # of each row group: the position of its first row


@lru_cache(maxsize=64)
def footer(path: Path) -> Footer:
    """Files never change, so their footers are read once."""
    with open_segment(path) as file:
        groups = (file.metadata.row_group(number).num_rows for number in range(file.num_row_groups))
        return Footer(file.metadata, list(accumulate(groups, initial=0))[:-1])


def row_group(path: Path, group: int, columns: Sequence[str]) -> pa.Table:
    """These columns of a row group. ``OSError`` when the file is damaged or gone, also when they are kept."""
    now = path.stat()
    return _kept.get((path, now.st_mtime_ns, now.st_size, group, *columns), lambda: _read(path, group, columns))


def _read(path: Path, group: int, columns: Sequence[str]) -> pa.Table:
    # A reader of one's own: Arrow's are not made for several threads at once.
    with pq.ParquetFile(path, metadata=footer(path).metadata, page_checksum_verification=True) as file:
        return file.read_row_group(group, columns=list(columns), use_threads=False)


class Kept:
    """Tables by key, the one that was asked for longest ago given up first. For all threads."""

    def __init__(self, most_bytes: int, large: int) -> None:
        self._most_bytes = most_bytes
        self._large = large
        self._lock = threading.Lock()
        self._tables: OrderedDict[tuple[object, ...], pa.Table] = OrderedDict()
        self._bytes = 0

    def get(self, key: tuple[object, ...], read: Callable[[], pa.Table]) -> pa.Table:
        with self._lock:
            if key in self._tables:
                self._tables.move_to_end(key)
                return self._tables[key]
        table = read()
        if table.nbytes <= self._large:
            self._keep(key, table)
        return table

    def _keep(self, key: tuple[object, ...], table: pa.Table) -> None:
        with self._lock:
            if key in self._tables:  # another thread has read the same meanwhile
                return
            self._tables[key] = table
            self._bytes += table.nbytes
            while self._bytes > self._most_bytes:
                _, oldest = self._tables.popitem(last=False)
                self._bytes -= oldest.nbytes


_kept = Kept(_MOST_BYTES, _LARGE)
