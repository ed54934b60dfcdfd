"""Many spans, whole, in the order of their arrival: one file after the other, then what is in memory.

Log records are another run through all of it, which passes over what has none.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import attrs
import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from actors.errors import Unavailable
from actors.span_store.columns.attribute_column import shown
from actors.span_store.columns.remap import in_present_form
from actors.span_store.columns.rows import ROWS
from actors.span_store.embedded.hot.memtable import MemtableSnapshot
from actors.span_store.embedded.problems import CURE
from actors.span_store.embedded.sealed.index import indexed_segments, parts_of, transaction
from actors.span_store.embedded.sealed.row_groups import ZoneMaps, open_segment
from actors.span_store.embedded.sealed.segment_file import ROW_GROUP, groups_at, segment_path
from actors.span_store.messages import Exported, ExportSpans
from actors.span_store.query.arrow import ArrowFilter, CountedOf
from actors.span_store.query.expression import (
    LOG_RECORDS,
    SPANS,
    And,
    Arrival,
    Between,
    Expression,
    equal,
    normal_form,
    started_between,
)

_MOST_BYTES = 8 * 1024 * 1024  # of one part
_RUNS: Mapping[Exported, Sequence[Expression]] = {
    Exported.SPANS: (SPANS,),
    Exported.LOGS: (LOG_RECORDS,),
    Exported.BOTH: (SPANS, LOG_RECORDS),
}
_MOST_MISSES = 3  # files in a row that are gone when they are opened, which deletions explain, but not for ever


@attrs.frozen
class _Segment:
    """A file: its number, that of its last span, and where in it spans of the trace are that is asked for."""

    number: int
    last_seq: int
    ranges: list[range]


class SpanExport:
    """One export. Blocks; runs in a thread. Holds one row group and one part in memory at most.

    What was stored when it began comes out, once, less what is deleted meanwhile. Files may be joined or written anew
    while it runs: it remembers how far it came by the numbers of the spans, and never by files.
    """

    def __init__(
        self,
        request: ExportSpans,
        cursor: duckdb.DuckDBPyConnection,
        recent: Callable[[], MemtableSnapshot],
        folder: Path,
        counted_of: CountedOf,
    ) -> None:
        self._request = request
        self._wanted = _wanted(request)
        self._cursor = cursor
        self._recent = recent
        self._folder = folder
        self._counted_of = counted_of

    def parts(self) -> Iterator[pa.Table]:
        """Tables with the columns of ``ROWS``, attributes as JSON text; an empty one when there is no span.

        ``Unavailable`` for lost files.
        """
        end = self._recent().next_seq
        for which in _RUNS[self._request.what]:
            yield from self._run(which, end)

    def _run(self, which: Expression, end: int) -> Iterator[pa.Table]:
        gathered: list[pa.Table] = [ROWS.empty_table()]
        for rows in self._groups(which, end):
            gathered.append(rows)
            if sum(map(len, gathered)) >= ROW_GROUP or sum(each.nbytes for each in gathered) >= _MOST_BYTES:
                yield shown(pa.concat_tables(gathered))
                gathered = []
        if gathered:  # also when there was nothing at all
            yield shown(pa.concat_tables(gathered))

    def _groups(self, which: Expression, end: int) -> Iterator[pa.Table]:
        trace = self._request.trace_id
        position, misses = 0, 0
        while misses < _MOST_MISSES:
            recent = self._recent()  # before the index, so that what is sealed meanwhile is in one of the two
            segment = self._next_segment(which, position, min(end, recent.first_seq))
            if segment is None:
                for some in recent.slices(ROW_GROUP):
                    if (trace is None or some.has_trace(trace)) and (which is SPANS or some.has_logs()):
                        yield from self._slices(some.whole(), which, position, end)
                return
            del recent  # it holds the spans in memory
            path = segment_path(self._folder, segment.number)
            try:
                file = open_segment(path)
                groups = range(file.num_row_groups) if trace is None else groups_at(path, segment.ranges)
            except FileNotFoundError:  # joined, written anew or deleted since
                misses += 1
                continue
            with file:
                for group in self._left(file, groups, which, position, end):
                    yield from self._slices(in_present_form(file.read_row_group(group)), which, position, end)
            position, misses = segment.last_seq + 1, 0
        raise Unavailable(f"A file of the span store is missing: {CURE}")

    def _next_segment(self, which: Expression, position: int, end: int) -> "_Segment | None":
        """The next file that may have some of the spans or log records."""
        trace, wanted = self._request.trace_id, self._between(which, position, end)
        with transaction(self._cursor):
            found = indexed_segments(self._cursor, wanted, limit=1, with_logs=which is LOG_RECORDS)
            parts = [] if not found or trace is None else parts_of(self._cursor, trace)
        if not found:
            return None
        number = found[0].segment
        ranges = [each for part in parts if part.segment == number for each in part.ranges]
        return _Segment(number, found[0].last_seq, ranges)

    def _between(self, which: Expression, position: int, end: int) -> Expression:
        return And([which, self._wanted, Between(Arrival(), position, end)])

    def _left(
        self, file: pq.ParquetFile, groups: Iterable[int], which: Expression, position: int, end: int
    ) -> list[int]:
        """The row groups that may have some of the spans."""
        zones, wanted = ZoneMaps(file.metadata), normal_form(self._between(which, position, end))
        return [group for group in groups if zones.may_have(wanted, group)]

    def _slices(self, rows: pa.Table, which: Expression, position: int, end: int) -> Iterator[pa.Table]:
        wanted = ArrowFilter(self._between(which, position, end), self._counted_of)
        matching = wanted.rows(rows).select(ROWS.names)
        for begin in range(0, matching.num_rows, ROW_GROUP):
            yield matching.slice(begin, ROW_GROUP)


def _wanted(request: ExportSpans) -> Expression:
    columns = {"service_name": request.service_name, "trace_id": request.trace_id}
    which = equal(**{name: value for name, value in columns.items() if value is not None})
    return And([which, request.where, started_between(request.from_time_unix_nano, request.to_time_unix_nano)])
