"""Reads spans: sealed ones through the index, recent ones from memory. Runs in a reader's thread."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import attrs
import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from actors.errors import NeedsRoom
from actors.span_store.columns.logs import StoredLog, stored_log
from actors.span_store.columns.rows import SHOWN_COLUMNS, stored_spans
from actors.span_store.columns.spans import StoredSpan
from actors.span_store.columns.types import Untold
from actors.span_store.embedded.damage import Damage
from actors.span_store.embedded.reads.gathered import PAGE_BYTES, Gathered
from actors.span_store.embedded.reads.row_location import RowLocation, before, behind, cursor_at, in_file, locations
from actors.span_store.embedded.reads.service_names import service_names
from actors.span_store.embedded.reads.span_table import INDEXED, SpanTable, View
from actors.span_store.embedded.reads.text_search import TextSearch
from actors.span_store.embedded.reads.trace_table import TraceTable
from actors.span_store.embedded.reads.walk import Files, Walk
from actors.span_store.embedded.sealed.index import parts_of
from actors.span_store.embedded.sealed.manifest import Segment
from actors.span_store.embedded.sealed.segment_file import read_rows, read_some, segment_path
from actors.span_store.embedded.text.ngram_files import NgramFiles
from actors.span_store.messages import (
    Cursor,
    FoundSpans,
    GetSpan,
    GetSpanLogs,
    GetTraceSpans,
    SearchSpans,
    SearchText,
    SearchTrace,
    SpanFilter,
    SpanPage,
)
from actors.span_store.query.arrow import ArrowFilter
from actors.span_store.query.expression import (
    EVERYTHING,
    LOG_RECORDS,
    SPANS,
    And,
    Equals,
    Expression,
    IsNull,
    Promoted,
    equal,
    weakened,
)
from actors.span_store.storage import TraceColumns

__all__ = ["SpanReader", "View"]

_IS_ROOT = IsNull(Promoted("parent_span_id"))
_FILTERS: dict[SpanFilter, Expression] = {
    SpanFilter.ALL: And(),
    SpanFilter.ROOTS: _IS_ROOT,
    SpanFilter.LLM_ROOTS: _IS_ROOT,
    SpanFilter.WORKFLOWS: Equals(Promoted("junjo_span_type"), "workflow"),
}
_TRACE_COLUMNS = ["seq", *SHOWN_COLUMNS]
_MORE = 8  # times as much room is asked for as a page did not find enough
# Seconds that a page takes that goes through spans: lists wait for the same threads.
_SOON, _BUDGET = 0.1, 0.3


def _any(_: Segment) -> bool:
    return True


class SpanReader:
    """All queries, on one cursor and one view of the spans: see ``SpanTable``."""

    def __init__(
        self, cursor: duckdb.DuckDBPyConnection, view: View, segments: Path, damage: Damage, grams: NgramFiles
    ) -> None:
        self._cursor = cursor
        self._damage = damage
        self._ngrams = grams
        self._recent = view.recent
        self._roots = view.roots
        self._sealed = view.sealed
        self._segments = segments
        self._table = SpanTable(cursor, view)

    def services(self) -> tuple[str, ...]:
        recent = ArrowFilter(SPANS).rows(self._recent.table.select(["service_name", "kind"]))
        return service_names(self._cursor, self._sealed, recent["service_name"])

    def search(self, request: SearchSpans) -> SpanPage:
        """Find the places of the page by the index, then read just these spans."""
        wanted = _wanted(request)
        answerable, exact = weakened(wanted, INDEXED)
        list_some = self._llm_roots if request.filter is SpanFilter.LLM_ROOTS else self._list
        candidates = partial(list_some, answerable)
        if exact:
            return self._page(candidates(request.after, request.limit + 1), request.limit, request.room)
        files = Files(self._segments, self._ngrams, self._sealed, wanted)
        walk = Walk(
            wanted, files, self._cursor, self._damage, counted_of=self._table.counted, soon=_SOON, budget=_BUDGET
        )
        found = walk.run(candidates, self._recent, request.after, request.limit + 1)
        page = self._page(found.places, request.limit, request.room)
        return page if page.next else attrs.evolve(page, next=found.goes_on)

    def search_trace(self, request: SearchTrace) -> SpanPage:
        """As ``search`` does, in the segments that may have spans of the trace."""
        which = equal(trace_id=request.trace_id, **({"junjo_span_type": "subflow"} if request.only_subflows else {}))
        wanted = And([which, behind(request.after)])
        found = self._table.newest_of_trace(request.trace_id, wanted, request.limit + 1)
        page_bytes = PAGE_BYTES if request.room is None else request.room
        return self._page(found, request.limit, request.room, page_bytes)

    def trace(self, request: GetTraceSpans) -> tuple[StoredSpan, ...]:
        return self._of_trace(request.trace_id, SPANS, request.room)

    def span(self, request: GetSpan) -> StoredSpan | None:
        found = self._of_trace(request.trace_id, And([equal(span_id=request.span_id), SPANS]), request.room)
        return found[0] if found else None

    def logs(self, request: GetSpanLogs) -> tuple[StoredLog, ...]:
        wanted = And([equal(parent_span_id=request.span_id), LOG_RECORDS])
        newest_first = self._of_trace(request.trace_id, wanted, request.room)
        return tuple(stored_log(row._asdict()) for row in reversed(newest_first))

    def columns(self, request: TraceColumns) -> pa.Table:
        return TraceTable(self._cursor, self._recent, self._segments, self._damage).read(request)

    def has(self, column: str, value: str) -> bool:
        """Whether any span or log record has this value in a column of the index."""
        return self._table.has(equal(**{column: value}))

    def text(self, request: SearchText) -> FoundSpans:
        counted_of = self._table.counted
        search = TextSearch(request, self._segments, self._damage, self._ngrams, counted_of=counted_of)
        return search.run(self._cursor, self._recent)

    def _list(
        self, wanted: Expression, after: Cursor | None, limit: int, has_any: Callable[[Segment], bool] = _any
    ) -> list[RowLocation]:
        return self._table.newest(And([wanted, behind(after)]), limit, has_any)

    def _llm_roots(
        self, wanted: Expression, after: Cursor | None, limit: int, has_any: Callable[[Segment], bool] = _any
    ) -> list[RowLocation]:
        """Roots from the newest on, until enough of them have a trace with a model call."""
        found: list[RowLocation] = []
        size = 2 * limit
        while len(found) < limit:
            roots = self._list(wanted, after, size, has_any)
            llm = self._llm_traces(roots)
            found += [root for root in roots if root.trace_id in llm]
            if len(roots) < size:
                break
            after = cursor_at(roots[-1])
            size *= 4
        return found[:limit]

    def _llm_traces(self, roots: Sequence[RowLocation]) -> set[str]:
        """Those of the traces that have a span of a model call, of whatever service.

        Nearly always it is where the root is, right before that, or behind it. Looking everywhere takes long, so that
        comes last.
        """
        traces = {root.trace_id for root in roots}
        found = self._recent.traces_with_calls(traces)
        if traces - found:
            found |= self._kept_llm_traces(traces - found, roots)
        if traces - found:
            found |= self._table.sealed_llm_traces(traces - found, self._earliest_segment(roots) - 1)
        if traces - found:
            found |= self._table.sealed_llm_traces(traces - found, 0)
        return found

    def _kept_llm_traces(self, traces: set[str], roots: Sequence[RowLocation]) -> set[str]:
        """Those of memory, which has the latest segments."""
        near = {root.segment + step for root in roots if root.segment is not None for step in (-1, 0, 1)}
        kept = [each.llm_traces for each in self._roots.find(near).values()]
        wanted: Untold = pa.array(traces, pa.string())
        return set(wanted.filter(pc.is_in(wanted, value_set=pa.chunked_array(kept, pa.string()))).to_pylist())

    def _earliest_segment(self, roots: Sequence[RowLocation]) -> int:
        """Of the roots; the latest of all when they are in memory."""
        sealed = [root.segment for root in roots if root.segment is not None]
        return min(sealed) if sealed else self._table.latest_segment()

    def _of_trace(self, trace_id: str, which: Expression, room: int | None) -> tuple[StoredSpan, ...]:
        """Rows of a trace, newest start first. The summaries tell where they are; only there is looked for them."""
        wanted = And([equal(trace_id=trace_id), which])
        places = sorted(place.seq for place in locations(self._recent.table, ArrowFilter(wanted), None))
        sealed = ArrowFilter(And([wanted, before(self._recent.first_seq)]))
        tables = Gathered(room)
        tables.add_all(self._recent.take(places, _TRACE_COLUMNS))
        for part in parts_of(self._cursor, trace_id):
            table = self._sealed_rows(
                part.segment,
                partial(read_some, ranges=part.ranges, columns=_TRACE_COLUMNS, mask=sealed.mask, room=room),
            )
            if table is not None:
                tables.add(table)
        if not tables.parts:
            return ()
        rows = pa.concat_tables(tables.parts)
        order = pc.sort_indices(rows, [("start_time_unix_nano", "descending"), ("seq", "descending")])
        return tuple(stored_spans(rows.take(order)))

    def _page(
        self, found: Sequence[RowLocation], limit: int, room: int | None, page_bytes: int = PAGE_BYTES
    ) -> SpanPage:
        """The first of the places, as many as a page may have. More of them say that there is another page."""
        spans, count = self._fitting(found[:limit], room, page_bytes)
        last = found[count - 1] if count < len(found) else None
        return SpanPage(
            spans=spans,
            next=cursor_at(last) if last else None,
        )

    def _fitting(
        self, places: Sequence[RowLocation], room: int | None, page_bytes: int
    ) -> tuple[tuple[StoredSpan, ...], int]:
        """The spans of the first places, and of how many: of so many as a page may have in bytes, or of one.

        Nearly always those are all, and it is found out by reading them. Nothing tells beforehand how large spans are.
        """
        most = page_bytes if room is None else min(room, page_bytes)
        count = len(places)
        while count > 1:
            try:
                return self._read(places[:count], most), count
            except NeedsRoom:
                if most < page_bytes:
                    raise NeedsRoom(min(_MORE * most, page_bytes)) from None
            count //= 2
        return self._read(places[:count], room), count

    def _read(self, places: Sequence[RowLocation], room: int | None) -> tuple[StoredSpan, ...]:
        """Whole spans, in the order of their places. Those of a damaged segment are left out, and that is reported.

        ``NeedsRoom`` as soon as they take more than ``room``.
        """
        by_segment: defaultdict[int | None, list[RowLocation]] = defaultdict(list)
        for place in sorted(places, key=in_file):
            by_segment[place.segment].append(place)
        found: list[RowLocation] = []
        tables = Gathered(room)
        for segment, members in by_segment.items():
            positions = [in_file(place) for place in members]
            if segment is None:
                tables.add_all(self._recent.take(positions, SHOWN_COLUMNS))
            else:
                table = self._sealed_rows(
                    segment, partial(read_rows, positions=positions, columns=SHOWN_COLUMNS, room=room)
                )
                if table is None:
                    continue
                tables.add(table)
            found += members
        if not found:
            return ()
        spans = dict(zip((place.seq for place in found), stored_spans(pa.concat_tables(tables.parts)), strict=True))
        return tuple(spans[place.seq] for place in places if place.seq in spans)

    def _sealed_rows(self, segment: int, read: Callable[[Path], pa.Table]) -> pa.Table | None:
        """What ``read`` finds in the file. ``None`` when that is damaged, which is reported."""
        path = segment_path(self._segments, segment)
        return self._damage.skipped(self._cursor, path.name, lambda: read(path))


def _wanted(request: SearchSpans) -> Expression:
    """All that a search asks for, but for what is behind which page."""
    service = EVERYTHING if request.service_name is None else equal(service_name=request.service_name)
    return And([service, _FILTERS[request.filter], EVERYTHING if request.where is None else request.where])
