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
from actors.span_store.columns.promoted import LLM
from actors.span_store.columns.rows import SHOWN_COLUMNS, stored_spans
from actors.span_store.columns.spans import StoredSpan
from actors.span_store.columns.types import Untold
from actors.span_store.embedded.damage import Damage
from actors.span_store.embedded.hot.memtable import MemtableSnapshot
from actors.span_store.embedded.reads.gathered import PAGE_BYTES, Gathered
from actors.span_store.embedded.reads.row_location import Predicate, RowLocation, in_file, newest_first
from actors.span_store.embedded.reads.service_names import service_names
from actors.span_store.embedded.reads.text_search import TextSearch
from actors.span_store.embedded.sealed.index import demand_all, in_segments_of, parts_of, trace_numbers, transaction
from actors.span_store.embedded.sealed.manifest import Segment, of_service
from actors.span_store.embedded.sealed.root_cache import RootCache
from actors.span_store.embedded.sealed.segment_file import read_rows, read_some, segment_path
from actors.span_store.embedded.text.ngram_files import NgramFiles
from actors.span_store.messages import (
    Cursor,
    FoundSpans,
    GetSpan,
    GetTraceSpans,
    SearchSpans,
    SearchText,
    SearchTrace,
    SpanFilter,
    SpanPage,
)

# What a span of a list has in these columns; None is null.
_FILTERS: dict[SpanFilter, dict[str, str | None]] = {
    SpanFilter.ALL: {},
    SpanFilter.ROOTS: {"parent_span_id": None},
    SpanFilter.LLM_ROOTS: {"parent_span_id": None},
    SpanFilter.WORKFLOWS: {"junjo_span_type": "workflow"},
}
_TRACE_COLUMNS = ["seq", *SHOWN_COLUMNS]
_NEWEST_FIRST = "ORDER BY start_time_unix_nano DESC, seq DESC"
_FIRST_SEGMENTS = 8  # that a list looks into
_MORE = 8  # times as much room is asked for as a page did not find enough


@attrs.frozen
class View:
    """What memory says of the spans."""

    recent: MemtableSnapshot
    sealed: tuple[Segment, ...]  # of the same moment as ``recent``, or a later one
    roots: RootCache


class SpanReader:
    """All queries, on one cursor and one view of the recent spans.

    Flusher moves spans from memory to the index while queries run. The view is taken first, and of the index only
    what came before its first span is read: so each span is seen once. Segments are joined and written anew meanwhile,
    under new numbers: ``FileNotFoundError`` when that happens to one before it was looked into.
    """

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

    def services(self) -> tuple[str, ...]:
        return service_names(self._cursor, self._sealed, self._recent.table["service_name"])

    def search(self, request: SearchSpans) -> SpanPage:
        """Find the places of the page by the index, then read just these spans."""
        wanted = request.limit + 1
        find = self._llm_roots if request.filter is SpanFilter.LLM_ROOTS else self._list
        found = find(request, wanted)
        return self._page(found, request.limit, request.room)

    def search_trace(self, request: SearchTrace) -> SpanPage:
        """As ``search`` does, in the segments that may have spans of the trace."""
        subflow: dict[str, str | None] = {"junjo_span_type": "subflow"} if request.only_subflows else {}
        wanted = Predicate({"trace_id": request.trace_id} | subflow, request.after)
        found = self._recent.places(wanted, request.limit + 1)
        found += self._indexed(wanted, in_segments_of([request.trace_id]), request.limit + 1)
        page_bytes = PAGE_BYTES if request.room is None else request.room
        return self._page(sorted(found, key=newest_first), request.limit, request.room, page_bytes)

    def trace(self, request: GetTraceSpans) -> tuple[StoredSpan, ...]:
        return self._of_trace(request.trace_id, {"trace_id": request.trace_id}, request.room)

    def span(self, request: GetSpan) -> StoredSpan | None:
        columns = {"trace_id": request.trace_id, "span_id": request.span_id}
        found = self._of_trace(request.trace_id, columns, request.room)
        return found[0] if found else None

    def has(self, column: str, value: str) -> bool:
        """Whether any span has this value in a column of the index."""
        wanted = Predicate({column: value})
        return bool(self._recent.places(wanted, 1) or self._indexed(wanted, "", 1))

    def text(self, request: SearchText) -> FoundSpans:
        return TextSearch(request, self._segments, self._damage, self._ngrams).run(self._cursor, self._recent)

    def _list(self, request: SearchSpans, limit: int) -> list[RowLocation]:
        """The first places of a list, from what is in memory and as few segments as can be sure to have them.

        It begins with the segments that have the newest spans; the time does not grow with what is stored.
        """
        wanted = Predicate({"service_name": request.service_name, **_FILTERS[request.filter]}, request.after)
        until = request.after.start_time_unix_nano if request.after else None
        segments = of_service(self._sealed, request.service_name, until)
        found = self._recent.places(wanted, limit)
        begin, end = 0, _FIRST_SEGMENTS
        while True:
            found += self._in_segments(wanted, [segment.number for segment in segments[begin:end]], limit)
            found = sorted(found, key=newest_first)[:limit]
            if end >= len(segments) or (
                len(found) == limit and found[-1].start_time_unix_nano > segments[end].last_start_time_unix_nano
            ):
                return found
            begin, end = end, 4 * end

    def _in_segments(self, wanted: Predicate, segments: list[int], limit: int) -> list[RowLocation]:
        """The newest of these segments, from memory where it has what is asked for."""
        kept = self._roots.find(segments) if wanted.only_roots else {}
        others = [segment for segment in segments if segment not in kept]
        found = []
        if kept:
            sealed = attrs.evolve(wanted, before_seq=self._recent.first_seq)
            found += sealed.places(pa.concat_tables([each.rows for each in kept.values()]), limit)
        if others:
            with transaction(self._cursor):
                demand_all(self._cursor, others)
                found += self._indexed(wanted, f"segment IN ({', '.join(map(str, others))})", limit)
        return found

    def _llm_roots(self, request: SearchSpans, wanted: int) -> list[RowLocation]:
        """Roots from the newest on, until enough of them have a trace with an LLM span."""
        found: list[RowLocation] = []
        after, size = request.after, 2 * wanted
        while len(found) < wanted:
            roots = self._list(_after(request, after), size)
            llm = self._llm_traces(roots)
            found += [root for root in roots if root.trace_id in llm]
            if len(roots) < size:
                break
            after = Cursor(sequence=roots[-1].seq, start_time_unix_nano=roots[-1].start_time_unix_nano)
            size *= 4
        return found[:wanted]

    def _llm_traces(self, roots: Sequence[RowLocation]) -> set[str]:
        """Those of the traces that have a span of kind LLM, of whatever service.

        Nearly always it is where the root is, right before that, or behind it. Looking everywhere takes long, so that
        comes last.
        """
        traces = {root.trace_id for root in roots}
        found = self._recent.traces_of_kind(LLM, traces)
        if traces - found:
            found |= self._kept_llm_traces(traces - found, roots)
        if traces - found:
            found |= self._sealed_llm_traces(traces - found, self._earliest_segment(roots) - 1)
        if traces - found:
            found |= self._sealed_llm_traces(traces - found, 0)
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
        if sealed:
            return min(sealed)
        [(latest,)] = self._cursor.execute("SELECT coalesce(max(segment), 0) FROM segment").fetchall()
        return int(latest)

    def _sealed_llm_traces(self, traces: set[str], first_segment: int) -> set[str]:
        """In this segment, or one with a larger number."""
        rows = self._cursor.execute(
            "SELECT trace_id FROM trace_part "  # noqa: S608 - own numbers
            f"WHERE segment >= {first_segment} AND trace_number IN ({trace_numbers(traces)}) AND llm_count > 0"
        ).fetchall()
        return {trace_id for (trace_id,) in rows}.intersection(traces)

    def _of_trace(self, trace_id: str, columns: dict[str, str], room: int | None) -> tuple[StoredSpan, ...]:
        """Spans of a trace, newest start first. The summaries tell where they are; only there is looked for them."""
        wanted = Predicate(columns)
        sealed = attrs.evolve(wanted, before_seq=self._recent.first_seq)
        places = sorted(place.seq for place in self._recent.places(wanted, None))
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

    def _indexed(self, wanted: Predicate, where: str, limit: int | None) -> list[RowLocation]:
        """Sealed spans that the index finds; ``where`` is a condition besides."""
        condition, parameters = attrs.evolve(wanted, before_seq=self._recent.first_seq).sql()
        besides = f"{where} AND" if where else ""
        bound = "" if limit is None else f"{_NEWEST_FIRST} LIMIT {limit:d}"
        rows = self._cursor.execute(
            f"""
            SELECT seq, start_time_unix_nano, trace_id, segment, position
            FROM span WHERE {besides} {condition} {bound}
            """,  # noqa: S608 - the parts are constants of these modules and numbers
            parameters,
        ).fetchall()
        return [RowLocation(*row) for row in rows]

    def _page(
        self, found: Sequence[RowLocation], limit: int, room: int | None, page_bytes: int = PAGE_BYTES
    ) -> SpanPage:
        """The first of the places, as many as a page may have. More of them say that there is another page."""
        spans, count = self._fitting(found[:limit], room, page_bytes)
        last = found[count - 1] if count < len(found) else None
        return SpanPage(
            spans=spans,
            next=Cursor(sequence=last.seq, start_time_unix_nano=last.start_time_unix_nano) if last else None,
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


def _after(request: SearchSpans, after: Cursor | None) -> SearchSpans:
    return SearchSpans(service_name=request.service_name, filter=request.filter, limit=request.limit, after=after)
