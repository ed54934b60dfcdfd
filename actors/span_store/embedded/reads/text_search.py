"""Finds spans by text in their name, status message, attributes and events.

Goes through the spans from the latest arrival back: first those in memory, then one sealed file after the other, of
which it reads what is not known to be without the text. It stops when the page is full or its time is up: soon when it
has found something, and later when not. A page says where the next one goes on, so that a search through everything is
many short ones.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path

import attrs
import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from actors.errors import NeedsRoom
from actors.span_store.columns.remap import in_present_form
from actors.span_store.columns.rows import ROWS, SHOWN_COLUMNS, stored_spans
from actors.span_store.embedded.damage import Damage
from actors.span_store.embedded.hot.memtable import MemtableSnapshot, Slice
from actors.span_store.embedded.reads.gathered import PAGE_BYTES, fitting
from actors.span_store.embedded.sealed.index import IndexedSegment, indexed_segments, parts_of, transaction
from actors.span_store.embedded.sealed.row_groups import ZoneMaps, in_turn, open_segment
from actors.span_store.embedded.sealed.segment_file import ROW_GROUP, groups_at, segment_path
from actors.span_store.embedded.text.ngram_files import NgramFiles, SealedFile
from actors.span_store.messages import FoundSpans, SearchText
from actors.span_store.query.arrow import ArrowFilter, CountedOf
from actors.span_store.query.expression import (
    EVERYTHING,
    SPANS,
    And,
    Arrival,
    Between,
    Contains,
    Equals,
    Expression,
    Promoted,
    Text,
    started_between,
)
from actors.span_store.query.position import Position
from actors.span_store.query.pruning import ngram_condition

_WHOLE = ["seq", *SHOWN_COLUMNS]
_EMPTY = ROWS.empty_table().select(_WHOLE)
_A_GROUP = 0.003  # seconds that as many rows as a row group has take at least, while spans come in
_SLICE = 4096  # recent rows that are searched at once


@attrs.frozen
class _Part:
    """Spans that are gone through together."""

    first_seq: int
    seconds: float  # that they may take; none when they are known not to match
    matching: Callable[[], pa.Table | None]  # the latest that match


class TextSearch:
    """One search. A page may take ``budget`` seconds, or ``soon`` if it has a span, before it says where to go on."""

    def __init__(
        self,
        request: SearchText,
        segments: Path,
        damage: Damage,
        grams: NgramFiles,
        *,
        counted_of: CountedOf,
        soon: float = 0.11,
        budget: float = 1.0,
    ) -> None:
        self._request = request
        self._damage = damage
        self._ngrams = grams
        self._segments = segments
        begin = time.monotonic()
        self._soon, self._deadline = begin + soon, begin + budget
        self._wanted = _wanted(request)
        self._ngram_condition = ngram_condition(self._wanted)
        self._filter = ArrowFilter(self._wanted, counted_of)
        self._columns = [name for name in ROWS.names if name in self._filter.columns | {"seq"}]
        self._rest = [name for name in _WHOLE if name not in self._columns]

    def run(self, cursor: duckdb.DuckDBPyConnection, recent: MemtableSnapshot) -> FoundSpans:
        """The page. Of the index only what came before the view of memory counts, so each span is seen once."""
        found: list[pa.Table] = []
        missing = self._request.limit
        gone_on_from: int | None = None
        last = 0.0  # seconds that the last part took that was not ruled out
        for part in self._parts(cursor, recent):
            begin = time.monotonic()
            ends = begin + (max(part.seconds, last) if part.seconds else 0)
            if gone_on_from is not None and ends > (self._soon if found else self._deadline):
                return self._page(found, gone_on_from)
            gone_on_from = part.first_seq
            if not part.seconds:
                continue
            rows = part.matching()
            last = time.monotonic() - begin
            if rows is None or not rows.num_rows:
                continue
            fits = self._fitting(rows.slice(0, missing), found)
            if fits:
                found.append(rows.slice(0, fits))
            if fits < min(rows.num_rows, missing):
                return self._page(found, found[-1]["seq"][-1].as_py())
            missing -= rows.num_rows
            if missing <= 0:
                return self._page(found, part.first_seq if missing == 0 else found[-1]["seq"][-1].as_py())
        return self._page(found, None)

    def _parts(self, cursor: duckdb.DuckDBPyConnection, recent: MemtableSnapshot) -> Iterator[_Part]:
        """All parts, latest first."""
        trace = self._request.trace_id
        for some in reversed(recent.slices(_SLICE)):
            if trace is not None and not some.has_trace(trace):
                continue
            yield _Part(some.first_seq, _seconds(some.num_rows), partial(self._latest, some))
        files, ranges = self._files(cursor, recent.first_seq)
        for first_seq, rows, file in files:
            path = segment_path(self._segments, file.number)
            groups = self._ngrams.groups(file, self._ngram_condition)
            seconds = _seconds(rows if groups is None else len(groups) * ROW_GROUP)
            read = partial(self._in_file, path, groups, ranges.get(file.number))
            yield _Part(first_seq, seconds, partial(self._damage.skipped, cursor, path.name, read))

    def _files(
        self, cursor: duckdb.DuckDBPyConnection, before: int
    ) -> tuple[list[tuple[int, int, SealedFile]], dict[int, list[range]]]:
        """Sealed files that may have matches, latest first: the number of the first span, how many, and which file.

        With a trace, also where in each it is.
        """
        trace = self._request.trace_id
        with transaction(cursor):
            files = indexed_segments(cursor, And([self._wanted, Between(Arrival(), high=before)]))
            parts = [] if trace is None else parts_of(cursor, trace)
        ranges: dict[int, list[range]] = defaultdict(list)
        for part in parts:
            ranges[part.segment] += part.ranges
        latest = reversed(files)
        return [
            (each.first_seq, each.rows, SealedFile(each.segment, each.bytes, each.checksum)) for each in latest
        ], ranges

    def _in_file(self, path: Path, groups: Iterable[int] | None, ranges: Iterable[range] | None) -> pa.Table:
        """The latest matching rows of a file, or of some of its row groups. In it they lie in another order."""
        found = [_EMPTY]
        there = None if ranges is None else groups_at(path, ranges)
        with open_segment(path) as file:
            zones = ZoneMaps(file.metadata)
            for group in range(file.num_row_groups) if groups is None else groups:
                if (there is not None and group not in there) or not zones.may_have(self._filter.expression, group):
                    continue
                size = file.metadata.row_group(group).total_byte_size
                rows = in_turn(size, partial(self._in_group, file, group))
                if rows.num_rows:
                    found.append(rows)
        return self._first(pa.concat_tables(found))

    def _in_group(self, file: pq.ParquetFile, group: int) -> pa.Table:
        rows = _read(file, group, self._columns)
        mask = self._filter.mask(rows)
        if not pc.any(mask).as_py():
            return _EMPTY
        rest = _read(file, group, self._rest)
        columns = [(rows if name in self._columns else rest)[name] for name in _WHOLE]
        return self._first(pa.table(columns, _WHOLE).filter(mask))

    def _latest(self, some: Slice) -> pa.Table:
        rows = some.whole()
        return self._first(rows.select(_WHOLE).filter(self._filter.mask(rows)))

    def _fitting(self, rows: pa.Table, found: Sequence[pa.Table]) -> int:
        """How many of the rows, which matched, a page that has found so much has room for; for one at least."""
        room = PAGE_BYTES if self._request.room is None else self._request.room
        fits = fitting(rows, room - sum(int(each.nbytes) for each in found))
        if fits or found:
            return fits
        if self._request.room is None:
            return 1
        raise NeedsRoom(int(rows.slice(0, 1).nbytes))

    def _first(self, rows: pa.Table) -> pa.Table:
        """As many as a page may have, and one more, latest first."""
        return rows.sort_by([("seq", "descending")]).slice(0, self._request.limit + 1)

    def _page(self, found: list[pa.Table], before: int | None) -> FoundSpans:
        goes_on = Position(before) if before else None  # before the first there is none
        return FoundSpans(spans=tuple(chain.from_iterable(map(stored_spans, found))), before=goes_on)


def _read(file: pq.ParquetFile, group: int, columns: list[str]) -> pa.Table:
    """Columns of a row group; those that the file has not are derived."""
    if set(columns) <= set(file.schema_arrow.names):
        return file.read_row_group(group, columns=columns, use_threads=False)
    return in_present_form(file.read_row_group(group, use_threads=False)).select(columns)


def _wanted(request: SearchText) -> Expression:
    service, trace = request.service_name, request.trace_id
    return And(
        [
            SPANS,
            Contains(Text(), request.text),
            request.where,
            EVERYTHING if service is None else Equals(Promoted("service_name"), service),
            EVERYTHING if trace is None else Equals(Promoted("trace_id"), trace),
            started_between(request.from_time_unix_nano, request.to_time_unix_nano),
            EVERYTHING if request.before is None else Between(Arrival(), high=request.before.number),
        ]
    )


def _identity(segment: IndexedSegment) -> SealedFile:
    return SealedFile(segment.segment, segment.bytes, segment.checksum)


def _seconds(rows: int) -> float:
    """How long it may take to look through so many."""
    return rows * _A_GROUP / ROW_GROUP
