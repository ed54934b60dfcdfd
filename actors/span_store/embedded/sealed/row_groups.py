"""Reads row groups of sealed files, keeps the ones that were read last, and says which need not be read.

Whoever looks at the newest spans of a service does so again and again, and reads the same few row groups each time.
"""

import threading
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import lru_cache, partial
from itertools import accumulate
from pathlib import Path

import attrs
import pyarrow as pa
import pyarrow.parquet as pq

from actors.errors import NeedsRoom
from actors.span_store.columns.remap import in_present_form
from actors.span_store.columns.types import Untold
from actors.span_store.lru_cache import LruCache
from actors.span_store.query.comparable import kind_of
from actors.span_store.query.expression import Arrival, Expression, Promoted
from actors.span_store.query.zones import Bound, Zone, Zones, may_have

_MOST_BYTES = 16 * 1024 * 1024  # of what is kept, as it is in memory
_LARGE = 2 * 1024 * 1024
_TAKES_TURNS = 8 * 1024 * 1024  # bytes from which on only one is in memory at a time
# Columns of which each row group has statistics. None of those that are derived anew where an earlier version has
# written the file: its statistics would say what is no longer so.
ZONED = ("seq", "service_name", "start_time_unix_nano", "end_time_unix_nano", "status_message")
_UNSIGNED = 2**64
_turn = threading.Lock()
_kept: LruCache[tuple[object, ...], pa.Table] = LruCache(_MOST_BYTES, _LARGE)


def open_segment(path: Path) -> pq.ParquetFile:
    """Open a file so that reading damaged pages is an ``OSError``.

    It is read and not mapped: where a mapped file has lost its end, or the disk cannot read it, the process dies.
    """
    return pq.ParquetFile(path, page_checksum_verification=True)


class ZoneMaps:
    """Smallest and largest values of a file's row groups, as far as the file has them: its statistics."""

    def __init__(self, metadata: pq.FileMetaData, columns: Collection[str] = ZONED) -> None:
        """``metadata`` is the footer of a file with columns of ``ROWS``, of which these count."""
        schema: Untold = metadata.schema
        paths = (schema.column(place).path for place in range(metadata.num_columns))
        self._metadata = metadata
        self._places = {path: place for place, path in enumerate(paths) if path in columns}

    def may_have(self, expression: Expression, group: int) -> bool:
        """Whether the expression, in normal form, may be true of a row of the group."""
        return may_have(expression, self.zones(group))

    def zones(self, group: int) -> Zones:
        return partial(self._zone, self._metadata.row_group(group))

    def _zone(self, group: Untold, column: str) -> Zone | None:
        place = self._places.get(column)
        if place is None:
            return None
        found = group.column(place).statistics
        if found is None:
            return None
        low, high = (found.min_raw, found.max_raw) if found.has_min_max else (None, None)
        nulls = found.null_count if found.has_null_count else None
        return Zone(group.num_rows, _in_range(column, low), _in_range(column, high), nulls)


def _in_range(column: str, raw: Bound | None) -> Bound | None:
    """Parquet has whole numbers without a sign as ones with it, in the order of those without."""
    kind = kind_of(Arrival() if column == "seq" else Promoted(column))
    return raw % _UNSIGNED if isinstance(raw, int) and kind.integers == (0, _UNSIGNED - 1) else raw


@attrs.frozen
class Footer:
    """What a file says of itself."""

    metadata: pq.FileMetaData
    zones: ZoneMaps
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
        return Footer(file.metadata, ZoneMaps(file.metadata), starts, [group.total_byte_size for group in groups])


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
