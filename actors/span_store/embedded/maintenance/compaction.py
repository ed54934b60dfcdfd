"""Segments are changed: spans deleted, segments dropped, small ones compacted."""

from collections.abc import Sequence
from contextlib import suppress
from functools import partial

import attrs
import pyarrow as pa
import pyarrow.compute as pc

from actors.errors import Unavailable
from actors.span_store.columns.remap import remapped
from actors.span_store.embedded.maintenance.deletion_predicate import DeletionPredicate
from actors.span_store.embedded.problems import CURE
from actors.span_store.embedded.sealed import index
from actors.span_store.embedded.sealed.row_groups import open_segment
from actors.span_store.embedded.sealed.segment_file import encoded
from actors.span_store.embedded.sealed.segments import Segments
from actors.span_store.pricing.costs import COST, SOURCE, in_batches, priced, priced_anew
from actors.span_store.pricing.current import CurrentPrices
from actors.span_store.pricing.kept_costs import with_kept_costs
from actors.span_store.query.arrow import ArrowFilter
from actors.span_store.query.expression import SPANS, started_between

# Small segments are compacted when so many are neighbours, into one of so many bytes at most.
_FEWEST = 8
_COMPACTED_BYTES = 8 * 1024 * 1024


@attrs.frozen
class Step:
    """One segment of a deletion: ``spans`` were deleted, and log records besides.

    ``None`` when it is damaged, and left as it is.
    """

    segment: int
    spans: int | None


class Compaction:
    """Replaces segments, by fewer or smaller ones, or by none.

    Its methods block, and are called from the flusher's thread only: the one that writes. A change is one transaction
    of the index. New files are durable before it and old ones go after it, so a crash leaves nothing but files that the
    index does not know, which the next start removes.
    """

    def __init__(self, segments: Segments, prices: CurrentPrices) -> None:
        self._segments = segments
        self._prices = prices

    def delete(self, predicate: DeletionPredicate, after: int) -> Step | None:
        """Delete from one segment, with a number above ``after``. ``None`` when no such one has any of the spans.

        One a call, so that flushes get their turn between them.
        """
        segment = index.first_segment_with(self._segments.connection, predicate.expression, after)
        if segment is None:
            return None
        try:
            rows = self._rows_of(segment)
        except Unavailable:
            return Step(segment, None)
        kept = rows.filter(pc.invert(predicate.mask(rows)))
        self._replace([segment], kept)
        return Step(segment, _spans_in(rows) - _spans_in(kept))

    def drop(self, segments: Sequence[int]) -> None:
        """Delete these segments with all of their spans."""
        with index.transaction(self._segments.connection):
            index.remove(self._segments.connection, segments)
        self._segments.manifest.refresh(self._segments.connection)
        self._unlink(segments)

    def shorten(self, segment: int, oldest: int) -> None:
        """Delete the spans of a segment that started before a Unix nanosecond; none when it is damaged or gone."""
        with suppress(Unavailable):
            rows = self._rows_of(segment)
            self._replace([segment], ArrowFilter(started_between(oldest, None)).rows(rows))

    def remap(self, segment: int) -> None:
        """Derive the promoted columns of one file anew; nothing happens when it is damaged or gone."""
        with suppress(Unavailable):
            self._replace([segment], self._rows_of(segment))

    def restate(self, outdated: index.OutdatedCosts) -> None:
        """Compute the costs of one file anew; nothing happens when it is damaged or gone."""
        book = self._prices.book
        with suppress(Unavailable):
            rows = self._rows_of(outdated.segment)
            anew = in_batches(rows, partial(priced_anew, since=outdated.since, book=book))
            if anew.select([COST, SOURCE]).equals(rows.select([COST, SOURCE])):
                index.record_restated(self._segments.connection, outdated.segment, book.own.revision)
            else:
                self._replace([outdated.segment], anew, book.own.revision)

    def compact(self) -> int:
        """Put one run of small segments that are neighbours in the order of arrival into one; how many they were.

        Deletions and retention leave segments smaller than the flusher makes them, and each costs every search.
        """
        run = _first_run([(each.segment, each.bytes) for each in index.indexed_segments(self._segments.connection)])
        if run:
            self._replace(run, pa.concat_tables([self._rows_of(segment) for segment in run]))
        return len(run)

    def _rows_of(self, segment: int) -> pa.Table:
        """All rows of a file. ``Unavailable`` when it is damaged: nothing of it is thrown away then."""
        try:
            with open_segment(self._segments.path(segment)) as file:
                rows = file.read()
        except (OSError, pa.ArrowException) as fault:
            raise Unavailable(f"A file of the span store is damaged: {CURE}") from fault
        if segment not in index.outdated_segments(self._segments.connection):
            return rows
        return in_batches(with_kept_costs(remapped(rows), rows), partial(priced, book=self._prices.book))

    def _replace(self, segments: Sequence[int], rows: pa.Table, revision: int | None = None) -> None:
        """Put one file with these rows in place of others. ``revision`` is that of their prices; else it stays.

        When the commit fails, nobody knows before the next start whether it counts: then both old and new files stay.
        """
        number = self._segments.take_number()
        with index.transaction(self._segments.connection):
            try:
                arrived_before = index.arrived_before(self._segments.connection, segments)
                if revision is None:
                    revision = index.restated_up_to(self._segments.connection, segments)
                index.remove(self._segments.connection, segments)
                if rows.num_rows:
                    index.add(
                        self._segments.connection,
                        number,
                        self._segments.folder,
                        attrs.evolve(encoded(rows), restated=revision),
                        arrived_before=arrived_before,
                        disk=self._segments.disk,
                    )
            except BaseException:
                self._segments.disk.unlink(self._segments.path(number), missing_ok=True)
                raise
        self._segments.manifest.refresh(self._segments.connection)
        self._unlink(segments)

    def _unlink(self, segments: Sequence[int]) -> None:
        """After the commit, which is durable first: DuckDB syncs what it writes, and not the name of a new file."""
        disk, folder = self._segments.disk, self._segments.folder
        disk.sync_folder(folder.parent)
        for segment in segments:
            disk.unlink(self._segments.path(segment), missing_ok=True)
        disk.sync_folder(folder)


def _spans_in(rows: pa.Table) -> int:
    return ArrowFilter(SPANS).rows(rows.select(["kind"])).num_rows


def _first_run(files: Sequence[tuple[int, int]]) -> list[int]:
    """The first small files in a row, given as number and bytes, if they are enough to be joined."""
    run: list[int] = []
    room = _COMPACTED_BYTES
    for segment, size in files:
        if size <= room:
            run.append(segment)
            room -= size
        elif len(run) >= _FEWEST:
            break
        else:
            run, room = ([segment], _COMPACTED_BYTES - size) if size <= _COMPACTED_BYTES else ([], _COMPACTED_BYTES)
    return run if len(run) >= _FEWEST else []
