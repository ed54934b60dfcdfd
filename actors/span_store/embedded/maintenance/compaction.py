"""Changes to what is sealed: spans deleted, files dropped and joined."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import attrs
import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from actors.errors import Unavailable
from actors.span_store.columns.remap import remapped
from actors.span_store.embedded.durable import sync_folder
from actors.span_store.embedded.maintenance.deletion_predicate import DeletionPredicate, next_segment_with
from actors.span_store.embedded.problems import CURE
from actors.span_store.embedded.sealed import index
from actors.span_store.embedded.sealed.manifest import Manifest
from actors.span_store.embedded.sealed.row_groups import open_segment
from actors.span_store.embedded.sealed.segment_file import encoded, segment_path

# Small files are joined when so many lie next to each other, into one of so many bytes at most.
_JOINED_FROM = 8
_JOINED_BYTES = 8 * 1024 * 1024


@attrs.frozen
class Step:
    """What a deletion did to one file. ``spans`` were deleted; ``None`` when the file is damaged, and left as it is."""

    segment: int
    spans: int | None


class Compaction:
    """The folder of the segments, and their index.

    Its methods block, and are called from the sealing thread only: the one that writes. A change is one transaction of
    the index. New files are durable before it and old ones go after it, so a crash leaves nothing but files that the
    index does not know, which the next start removes.
    """

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, folder: Path, take_number: Callable[[], int], catalogue: Manifest
    ) -> None:
        self._catalogue = catalogue
        self._connection = connection
        self._folder = folder
        self._take_number = take_number

    def delete(self, doomed: DeletionPredicate, after: int) -> Step | None:
        """Delete from one file, whose number is larger than ``after``. ``None`` when no such file has any of the spans.

        One file a call, so that sealing gets its turn between them.
        """
        segment = next_segment_with(self._connection, doomed, after)
        if segment is None:
            return None
        try:
            rows = self._rows_of(segment)
        except Unavailable:
            return Step(segment, None)
        kept = rows.filter(pc.invert(doomed.mask(rows)))
        self._replace([segment], kept)
        return Step(segment, rows.num_rows - kept.num_rows)

    def drop(self, segments: Sequence[int]) -> None:
        """Delete all spans of these files."""
        with index.transaction(self._connection):
            index.remove(self._connection, segments)
        self._catalogue.refresh(self._connection)
        self._unlink(segments)

    def shorten(self, segment: int, oldest: int) -> None:
        """Delete the spans of one file that started before a Unix nanosecond; none when the file is damaged or gone."""
        with suppress(Unavailable):
            rows = self._rows_of(segment)
            self._replace([segment], rows.filter(pc.greater_equal(rows["start_time_unix_nano"], _moment(oldest))))

    def remap(self, segment: int) -> None:
        """Derive the promoted columns of one file anew; nothing happens when it is damaged or gone."""
        with suppress(Unavailable):
            self._replace([segment], self._rows_of(segment))

    def compact(self) -> int:
        """Join one run of small files that lie next to each other in the order of arrival; how many they were.

        AuditedDeletion and retention leave files that are smaller than sealing makes them, and each costs every search.
        """
        files = self._connection.execute("SELECT segment, bytes FROM segment ORDER BY first_seq").fetchall()
        run = _first_run(files)
        if run:
            self._replace(run, pa.concat_tables([self._rows_of(segment) for segment in run]))
        return len(run)

    def _rows_of(self, segment: int) -> pa.Table:
        """All rows of a file. ``Unavailable`` when it is damaged: nothing of it is thrown away then."""
        try:
            with open_segment(segment_path(self._folder, segment)) as file:
                rows = file.read()
        except (OSError, pa.ArrowException) as fault:
            raise Unavailable(f"A file of the span store is damaged: {CURE}") from fault
        return remapped(rows) if index.is_outdated(self._connection, segment) else rows

    def _replace(self, segments: Sequence[int], rows: pa.Table) -> None:
        """Put one file with these rows in place of others.

        When the commit fails, nobody knows before the next start whether it counts: then both old and new files stay.
        """
        number = self._take_number()
        with index.transaction(self._connection):
            try:
                arrived_before = index.arrived_before(self._connection, segments)
                index.remove(self._connection, segments)
                if rows.num_rows:
                    index.add(self._connection, number, self._folder, encoded(rows), arrived_before=arrived_before)
            except BaseException:
                segment_path(self._folder, number).unlink(missing_ok=True)
                raise
        self._catalogue.refresh(self._connection)
        self._unlink(segments)

    def _unlink(self, segments: Sequence[int]) -> None:
        for segment in segments:
            segment_path(self._folder, segment).unlink(missing_ok=True)
        sync_folder(self._folder)


def _moment(unix_nano: int) -> pa.UInt64Scalar:
    return pa.scalar(unix_nano, pa.uint64())


def _first_run(files: Sequence[tuple[int, int]]) -> list[int]:
    """The first small files in a row, given as number and bytes, if they are enough to be joined."""
    run: list[int] = []
    room = _JOINED_BYTES
    for segment, size in files:
        if size <= room:
            run.append(segment)
            room -= size
        elif len(run) >= _JOINED_FROM:
            break
        else:
            run, room = ([segment], _JOINED_BYTES - size) if size <= _JOINED_BYTES else ([], _JOINED_BYTES)
    return run if len(run) >= _JOINED_FROM else []
