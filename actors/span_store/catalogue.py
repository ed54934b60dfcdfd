"""Which segments there are, in memory: whoever asks for a list need not ask the index first."""

import threading

import attrs
import duckdb

from actors.span_store.index import transaction


@attrs.frozen
class Segment:
    """What the index says of a sealed file."""

    number: int
    rows: int
    bytes: int
    checksum: int | None  # missing for what an earlier version wrote
    first_start_time_unix_nano: int  # of its spans
    last_start_time_unix_nano: int
    services: frozenset[str]


class Catalogue:
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
                numbers = [number for (number,) in connection.execute("SELECT segment FROM segment").fetchall()]
                known |= _read(connection, [number for number in numbers if number not in known])
            self.segments = tuple(sorted((known[number] for number in numbers), key=_latest_first))

    @property
    def rows(self) -> int:
        return sum(segment.rows for segment in self.segments)

    @property
    def bytes(self) -> int:
        return sum(segment.bytes for segment in self.segments)


def _read(connection: duckdb.DuckDBPyConnection, numbers: list[int]) -> dict[int, Segment]:
    if not numbers:
        return {}
    rows = connection.execute(
        """
        SELECT segment, rows, bytes, checksum, first_start_time_unix_nano, last_start_time_unix_nano, list(service_name)
        FROM segment JOIN segment_service USING (segment)
        WHERE segment IN (SELECT unnest(?::UINTEGER[]))
        GROUP BY ALL
        """,
        [numbers],
    ).fetchall()
    same: dict[frozenset[str], frozenset[str]] = {}  # most segments have the same services
    segments = {}
    for number, rows_of_it, size, checksum, first, last, names in rows:
        of_it = frozenset(names)
        segments[number] = Segment(number, rows_of_it, size, checksum, first, last, same.setdefault(of_it, of_it))
    return segments


def services(segments: tuple[Segment, ...]) -> frozenset[str]:
    """Of all of them."""
    return frozenset().union(*{segment.services for segment in segments})


def of_service(segments: tuple[Segment, ...], service: str, until: int | None) -> list[Segment]:
    """Those that may have spans of the service that started then or before, in nanoseconds; in the same order."""
    return [
        segment
        for segment in segments
        if service in segment.services and (until is None or segment.first_start_time_unix_nano <= until)
    ]


def _latest_first(segment: Segment) -> tuple[int, int]:
    return -segment.last_start_time_unix_nano, -segment.number
