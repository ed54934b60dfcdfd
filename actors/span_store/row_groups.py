"""Reads row groups of sealed files, and keeps the ones that were read last.

Whoever looks at the newest spans of a service does so again and again, and reads the same few row groups each time.
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate
from pathlib import Path

import attrs
import pyarrow as pa
import pyarrow.parquet as pq

from actors.span_store.kept import Kept

_MOST_BYTES = 16 * 1024 * 1024  # of what is kept, as it is in memory
_LARGE = 2 * 1024 * 1024
_kept: Kept[tuple[object, ...], pa.Table] = Kept(_MOST_BYTES, _LARGE)


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


@lru_cache(maxsize=24)  # a megabyte each, of which a file has 80 KB
def footer(path: Path) -> Footer:
    """Files never change, so their footers are read once."""
    with open_segment(path) as file:
        groups = (file.metadata.row_group(number).num_rows for number in range(file.num_row_groups))
        return Footer(file.metadata, list(accumulate(groups, initial=0))[:-1])


def row_group(path: Path, group: int, columns: Sequence[str]) -> pa.Table:
    """These columns of a row group. ``OSError`` when the file is damaged or gone, also when they are kept."""
    now = path.stat()
    key = (path, now.st_mtime_ns, now.st_size, group, *columns)
    return _kept.get(key, lambda: read_groups(path, [group], columns))


def read_groups(path: Path, groups: Sequence[int], columns: Sequence[str]) -> pa.Table:
    """These columns of row groups; nothing is kept but the footer."""
    # A reader of one's own: Arrow's are not made for several threads at once.
    with pq.ParquetFile(path, metadata=footer(path).metadata, page_checksum_verification=True) as file:
        return file.read_row_groups(list(groups), columns=list(columns), use_threads=False)
