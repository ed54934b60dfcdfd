"""Reads row groups of sealed files, and keeps the ones that were read last.

Whoever looks at the newest spans of a service does so again and again, and reads the same few row groups each time.
"""

import threading
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import accumulate
from pathlib import Path

import attrs
import pyarrow as pa
import pyarrow.parquet as pq

from actors.errors import NeedsRoom
from actors.span_store.columns.remap import in_present_form
from actors.span_store.embedded.sealed.lru_cache import LruCache

_MOST_BYTES = 16 * 1024 * 1024  # of what is kept, as it is in memory
_LARGE = 2 * 1024 * 1024
_TAKES_TURNS = 8 * 1024 * 1024  # bytes from which on only one is in memory at a time
_turn = threading.Lock()
_kept: LruCache[tuple[object, ...], pa.Table] = LruCache(_MOST_BYTES, _LARGE)


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
    sizes: list[int]  # of each, in bytes, without compression

    def demand_room(self, groups: Iterable[int], room: int | None) -> None:
        """``NeedsRoom`` when one of them is large, and its rows likely are too: that is known without reading them."""
        if room is None:
            return
        for group in groups:
            average = self.sizes[group] // self.metadata.row_group(group).num_rows
            if self.sizes[group] > _TAKES_TURNS and average > room:
                raise NeedsRoom(average)


@lru_cache(maxsize=24)  # a megabyte each, of which a file has 80 KB
def footer(path: Path) -> Footer:
    """Files never change, so their footers are read once."""
    with open_segment(path) as file:
        groups = [file.metadata.row_group(number) for number in range(file.num_row_groups)]
        starts = list(accumulate((group.num_rows for group in groups), initial=0))[:-1]
        return Footer(file.metadata, starts, [group.total_byte_size for group in groups])


def row_group(path: Path, group: int, columns: Sequence[str]) -> pa.Table:
    """These columns of a row group. ``OSError`` when the file is damaged or gone, also when they are kept."""
    now = path.stat()
    key = (path, now.st_mtime_ns, now.st_size, group, *columns)
    return _kept.get(key, lambda: read_groups(path, [group], columns))


def in_turn(size: int, read: Callable[[], pa.Table]) -> pa.Table:
    """What ``read`` takes of something of this size, which is gone when it returns.

    Of large ones there is one in memory at a time, whoever reads: of a hundred megabytes mostly one span is wanted.
    """
    if size <= _TAKES_TURNS:
        return read()
    with _turn:
        try:
            return read()
        finally:
            pa.default_memory_pool().release_unused()  # else it is kept for the next read of the same thread


def read_groups(path: Path, groups: Sequence[int], columns: Sequence[str]) -> pa.Table:
    """These columns of row groups; nothing is kept but the footer. Those that the file has not are derived.

    A column may be a part of one, such as ``attributes.key_value.key``; of an outdated file it may come whole.
    """
    whole = [name.partition(".")[0] for name in columns]
    # A reader of one's own: Arrow's are not made for several threads at once.
    with pq.ParquetFile(path, metadata=footer(path).metadata, page_checksum_verification=True) as file:
        if set(whole).issubset(file.schema_arrow.names):
            return file.read_row_groups(list(groups), columns=list(columns), use_threads=False)
        return in_present_form(file.read_row_groups(list(groups), use_threads=False)).select(whole)
