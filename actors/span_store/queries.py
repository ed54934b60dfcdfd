"""Reads spans: sealed ones through the index, recent ones from memory. Runs in a reader's thread."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from actors.span_store.damage import Damage
from actors.span_store.index import segments_of, trace_numbers, transaction
from actors.span_store.messages import (
    Cursor,
    FoundSpans,
    GetSpan,
    GetTraceSpans,
    SearchSpans,
    SearchText,
    SpanFilter,
    SpanPage,
)
from actors.span_store.places import Place, Wanted, newest_first
from actors.span_store.recent import Recent
from actors.span_store.rows import SHOWN_COLUMNS, stored_spans
from actors.span_store.segments import read_rows
from actors.span_store.spans import StoredSpan
from actors.span_store.text_search import TextSearch

# What a span of a list has in these columns; None is null.
_FILTERS: dict[SpanFilter, dict[str, str | None]] = {
    SpanFilter.ALL: {},
    SpanFilter.ROOTS: {"parent_span_id": None},
    SpanFilter.LLM_ROOTS: {"parent_span_id": None},
    SpanFilter.WORKFLOWS: {"junjo_span_type": "workflow"},
}
_NEWEST_FIRST = "ORDER BY start_time_unix_nano DESC, seq DESC"
_LLM = "LLM"  # OpenInference span kind
_FIRST_SEGMENTS = 8  # that a list looks into


class SpanReader:
    """All queries, on one cursor and one view of the recent spans.

    Sealing moves spans from memory to the index while queries run. The view is taken first, and of the index only
    what came before its first span is read: so each span is seen once. Segments are joined and written anew meanwhile,
    under new numbers: what takes more than one look into the index takes them in one transaction.
    """

    def __init__(self, cursor: duckdb.DuckDBPyConnection, recent: Recent, segments: Path, damage: Damage) -> None:
        self._cursor = cursor
        self._damage = damage
        self._recent = recent
        self._segments = segments

    def services(self) -> tuple[str, ...]:
        rows = self._cursor.execute("SELECT DISTINCT service_name FROM segment_service").fetchall()
        return tuple(sorted({name for (name,) in rows}.union(self._recent.table["service_name"].unique().to_pylist())))

    def search(self, request: SearchSpans) -> SpanPage:
        """Find the places of the page by the index, then read just these spans."""
        wanted = request.limit + 1
        find = self._llm_roots if request.filter is SpanFilter.LLM_ROOTS else self._list
        with transaction(self._cursor):
            found = find(request, wanted)
        page = found[: request.limit]
        more = len(found) > request.limit
        last = page[-1] if page and more else None
        return SpanPage(
            spans=self._read(page),
            next=Cursor(sequence=last.seq, start_time_unix_nano=last.start_time_unix_nano) if last else None,
        )

    def trace(self, request: GetTraceSpans) -> tuple[StoredSpan, ...]:
        return self._read(self._of_trace({"trace_id": request.trace_id}))

    def span(self, request: GetSpan) -> StoredSpan | None:
        found = self._read(self._of_trace({"trace_id": request.trace_id, "span_id": request.span_id}))
        return found[0] if found else None

    def has(self, column: str, value: str) -> bool:
        """Whether any span has this value in a column of the index."""
        return bool(self._places(Wanted({column: value}), limit=1))

    def text(self, request: SearchText) -> FoundSpans:
        return TextSearch(request, self._segments, self._damage).run(self._cursor, self._recent)

    def _list(self, request: SearchSpans, limit: int) -> list[Place]:
        """The first places of a list, from what is in memory and as few segments as can be sure to have them.

        It begins with the segments that have the newest spans; the time does not grow with what is stored.
        """
        wanted = Wanted({"service_name": request.service_name, **_FILTERS[request.filter]}, request.after)
        segments = self._segments_of(request)
        found: list[Place] = []
        begin, end = 0, _FIRST_SEGMENTS
        while True:
            chosen = [segment for segment, _ in segments[begin:end]]
            found += self._places(wanted, segments=chosen, memory=begin == 0, limit=limit)
            found = sorted(found, key=newest_first)[:limit]
            if end >= len(segments) or (len(found) == limit and found[-1].start_time_unix_nano > segments[end][1]):
                return found
            begin, end = end, 4 * end

    def _segments_of(self, request: SearchSpans) -> list[tuple[int, int]]:
        """Segments that may have spans of the list, and the start of the latest span of each, latest first."""
        after = 2**64 - 1 if request.after is None else request.after.start_time_unix_nano
        return self._cursor.execute(
            """
            SELECT segment, last_start_time_unix_nano FROM segment SEMI JOIN
                (SELECT segment FROM segment_service WHERE service_name = ?) USING (segment)
            WHERE first_start_time_unix_nano <= ?
            ORDER BY last_start_time_unix_nano DESC
            """,
            [request.service_name, after],
        ).fetchall()

    def _llm_roots(self, request: SearchSpans, wanted: int) -> list[Place]:
        """Roots from the newest on, until enough of them have a trace with an LLM span."""
        found: list[Place] = []
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

    def _llm_traces(self, roots: Sequence[Place]) -> set[str]:
        """Those of the traces that have a span of kind LLM, of whatever service.

        Nearly always it is where the root is, right before that, or behind it. Looking everywhere takes long, so that
        comes last.
        """
        traces = {root.trace_id for root in roots}
        found = self._recent.traces_of_kind(_LLM, traces)
        if traces - found:
            found |= self._sealed_llm_traces(traces - found, self._earliest_segment(roots) - 1)
        if traces - found:
            found |= self._sealed_llm_traces(traces - found, 0)
        return found

    def _earliest_segment(self, roots: Sequence[Place]) -> int:
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

    def _of_trace(self, columns: dict[str, str]) -> list[Place]:
        """The summaries tell which segments have spans of the trace; only these are searched."""
        with transaction(self._cursor):
            return self._places(Wanted(columns), segments=segments_of(self._cursor, [columns["trace_id"]]))

    def _places(
        self, wanted: Wanted, *, segments: list[int] | None = None, memory: bool = True, limit: int | None = None
    ) -> list[Place]:
        """Where the spans are, newest start first: in these segments, and in memory."""
        found = self._recent.places(wanted, limit) if memory else []
        if segments != []:
            found += self._sealed_places(wanted, segments, limit)
        return sorted(found, key=newest_first)[:limit]

    def _sealed_places(self, wanted: Wanted, segments: list[int] | None, limit: int | None) -> list[Place]:
        condition, parameters = wanted.sql()
        where = "" if segments is None else f"AND segment IN ({', '.join(map(str, segments))})"
        bound = "" if limit is None else f"{_NEWEST_FIRST} LIMIT {limit:d}"
        rows = self._cursor.execute(
            f"""
            SELECT seq, start_time_unix_nano, trace_id, segment, position
            FROM span WHERE seq < {self._recent.first_seq:d} {where} AND {condition} {bound}
            """,  # noqa: S608 - the parts are constants of these modules and numbers
            parameters,
        ).fetchall()
        return [Place(*row) for row in rows]

    def _read(self, places: Sequence[Place]) -> tuple[StoredSpan, ...]:
        """Whole spans, in the order of their places. Those of a damaged segment are left out, and that is reported."""
        by_segment: defaultdict[int | None, list[Place]] = defaultdict(list)
        for place in places:
            by_segment[place.segment].append(place)
        spans: dict[int, StoredSpan] = {}
        for segment, members in by_segment.items():
            table = self._rows(segment, members)
            if table is None:
                continue
            spans.update(zip((place.seq for place in members), stored_spans(table), strict=True))
        return tuple(spans[place.seq] for place in places if place.seq in spans)

    def _rows(self, segment: int | None, places: list[Place]) -> pa.Table | None:
        if segment is None:
            return self._recent.take([place.seq for place in places], SHOWN_COLUMNS)
        positions = [place.position for place in places if place.position is not None]
        file = f"{segment:08d}.parquet"
        return self._damage.skipped(
            self._cursor, file, lambda: read_rows(self._segments / file, positions, SHOWN_COLUMNS)
        )


def _after(request: SearchSpans, after: Cursor | None) -> SearchSpans:
    return SearchSpans(service_name=request.service_name, filter=request.filter, limit=request.limit, after=after)
