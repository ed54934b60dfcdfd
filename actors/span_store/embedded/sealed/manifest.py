"""Which segments there are, in memory: whoever asks for a list need not ask the index first."""

import threading
from collections.abc import Iterable

import attrs
import duckdb

from actors.span_store.embedded.sealed.index import segment_numbers, segment_rows, transaction
from actors.span_store.query.pruning import Reach

# Of the names of a segment's services that are kept in memory. Where there are more, the index is asked.
_MOST_NAMES, _MOST_BYTES = 1000, 64 * 1024


@attrs.frozen
class Segment:
    """What the index says of a sealed file."""

    number: int
    rows: int
    spans: int  # of the rows; the others are log records
    bytes: int
    checksum: int | None  # missing for what an earlier version wrote
    first_start_time_unix_nano: int  # of its spans
    last_start_time_unix_nano: int
    services: frozenset[str] | None  # of its spans; missing where they are too many to be kept in memory


class Manifest:
    """All segments of the index as they were lately.

    The thread that writes to the index refreshes it after each change, and before anything goes that the change leaves
    useless: spans from memory, files from the disk. So who takes a view of memory first finds each span in one of the
    two. Who looks into a segment that was replaced meanwhile finds its number no longer in the index, or no file;
    then it refreshes and begins again.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._lock = threading.Lock()  # so that no older state comes after a newer one
        self.segments: tuple[Segment, ...] = ()  # latest spans first
        self.refresh(connection)

    def refresh(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Read what is new. From any thread, with a connection or cursor of its own."""
        with self._lock:
            known = {segment.number: segment for segment in self.segments}
            with transaction(connection):
                numbers = segment_numbers(connection)
                known |= _read(connection, [number for number in numbers if number not in known], known.values())
            self.segments = tuple(sorted((known[number] for number in numbers), key=_latest_first))

    @property
    def spans(self) -> int:
        return sum(segment.spans for segment in self.segments)

    @property
    def bytes(self) -> int:
        return sum(segment.bytes for segment in self.segments)


def _read(connection: duckdb.DuckDBPyConnection, numbers: list[int], others: Iterable[Segment]) -> dict[int, Segment]:
    if not numbers:
        return {}
    rows = segment_rows(connection, numbers, _MOST_NAMES, _MOST_BYTES)
    same = {other.services: other.services for other in others}  # most segments have the same services
    segments = {}
    for number, rows_of_it, spans, size, checksum, first, last, names in rows:
        of_it = None if names is None else frozenset(names)
        shared = same.setdefault(of_it, of_it)
        segments[number] = Segment(number, rows_of_it, spans, size, checksum, first, last, shared)
    return segments


def services(segments: tuple[Segment, ...]) -> frozenset[str]:
    """Of all of them that have few."""
    return frozenset().union(*{segment.services for segment in segments if segment.services is not None})


def in_reach(segments: tuple[Segment, ...], where: Reach) -> list[Segment]:
    """Those that may have spans there, in the same order."""
    return [
        segment
        for segment in segments
        if where.admits(segment.first_start_time_unix_nano, segment.last_start_time_unix_nano, segment.services)
    ]


def _latest_first(segment: Segment) -> tuple[int, int]:
    return -segment.last_start_time_unix_nano, -segment.number
