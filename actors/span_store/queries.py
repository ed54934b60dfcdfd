"""Reads spans: sealed ones through the index, recent ones from memory. Runs in a reader's thread."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa

from actors.span_store.damage import Damage
from actors.span_store.index import transaction
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
from actors.span_store.recent import Recent
from actors.span_store.rows import INDEX_COLUMNS, SHOWN_COLUMNS, stored_spans
from actors.span_store.segments import read_rows
from actors.span_store.spans import StoredSpan
from actors.span_store.text_search import TextSearch

_FILTERS = {
    SpanFilter.ALL: "",
    SpanFilter.ROOTS: " AND parent_span_id IS NULL",
    SpanFilter.LLM_ROOTS: " AND parent_span_id IS NULL",
    SpanFilter.WORKFLOWS: " AND junjo_span_type = 'workflow'",
}
_AFTER = " AND (start_time_unix_nano < ? OR (start_time_unix_nano = ? AND seq < ?))"
_NEWEST_FIRST = "ORDER BY start_time_unix_nano DESC, seq DESC"
_LLM = "LLM"  # OpenInference span kind


_FIRST_SEGMENTS = 8  # that a list looks into


class _Place(NamedTuple):
    """Where a span is: in a segment, or in memory when ``segment`` is ``None``."""

    seq: int
    start_time_unix_nano: int
    trace_id: str
    segment: int | None
    position: int | None


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
        cursor.register("recent", recent.table.select(INDEX_COLUMNS))

    def services(self) -> tuple[str, ...]:
        rows = self._cursor.execute(
            "SELECT service_name FROM segment_service UNION SELECT service_name FROM recent ORDER BY service_name"
        ).fetchall()
        return tuple(name for (name,) in rows)

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
        return self._read(self._of_trace(request.trace_id, "", []))

    def span(self, request: GetSpan) -> StoredSpan | None:
        found = self._read(self._of_trace(request.trace_id, " AND span_id = ?", [request.span_id]))
        return found[0] if found else None

    def has(self, column: str, value: str) -> bool:
        """Whether any span has this value in a column of the index."""
        return bool(self._places(f"{column} = ?", [value], limit=1))

    def text(self, request: SearchText) -> FoundSpans:
        return TextSearch(request, self._segments, self._damage).run(self._cursor, self._recent)

    def _list(self, request: SearchSpans, limit: int) -> list[_Place]:
        condition = f"service_name = ?{_FILTERS[request.filter]}"
        parameters: list[Any] = [request.service_name]
        if request.after is not None:
            start = request.after.start_time_unix_nano
            condition += _AFTER
            parameters += [start, start, request.after.sequence]
        return self._newest(request, condition, parameters, limit)

    def _newest(self, request: SearchSpans, condition: str, parameters: list[Any], limit: int) -> list[_Place]:
        """The first places of a list, from what is in memory and as few segments as can be sure to have them.

        It begins with the segments that have the newest spans; the time does not grow with what is stored.
        """
        segments = self._segments_of(request)
        found: list[_Place] = []
        begin, end = 0, _FIRST_SEGMENTS
        while True:
            chosen = [segment for segment, _ in segments[begin:end]]
            found += self._places(condition, parameters, segments=chosen, memory=begin == 0, limit=limit)
            found = sorted(found, key=_newest_first)[:limit]
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

    def _llm_roots(self, request: SearchSpans, wanted: int) -> list[_Place]:
        """Roots from the newest on, until enough of them have a trace with an LLM span."""
        found: list[_Place] = []
        after, size = request.after, 2 * wanted
        while len(found) < wanted:
            roots = self._list(_after(request, after), size)
            llm = self._llm_traces([root.trace_id for root in roots])
            found += [root for root in roots if root.trace_id in llm]
            if len(roots) < size:
                break
            after = Cursor(sequence=roots[-1].seq, start_time_unix_nano=roots[-1].start_time_unix_nano)
            size *= 4
        return found[:wanted]

    def _llm_traces(self, trace_ids: list[str]) -> set[str]:
        """Those of the traces that have a span of kind LLM, of whatever service."""
        rows = self._cursor.execute(
            """
            WITH wanted AS (SELECT unnest(?::VARCHAR[]) AS trace_id)
            SELECT trace_id FROM trace_part SEMI JOIN wanted USING (trace_id) WHERE llm_count > 0
            UNION
            SELECT trace_id FROM recent SEMI JOIN wanted USING (trace_id) WHERE openinference_span_kind = ?
            """,
            [trace_ids, _LLM],
        ).fetchall()
        return {trace_id for (trace_id,) in rows}

    def _of_trace(self, trace_id: str, condition: str, parameters: list[Any]) -> list[_Place]:
        """The summaries tell which segments have spans of the trace; only these are searched."""
        with transaction(self._cursor):
            rows = self._cursor.execute(
                "SELECT DISTINCT segment FROM trace_part WHERE trace_id = ?", [trace_id]
            ).fetchall()
            segments = [segment for (segment,) in rows]
            return self._places(f"trace_id = ?{condition}", [trace_id, *parameters], segments=segments)

    def _places(
        self,
        condition: str,
        parameters: list[Any],
        *,
        segments: list[int] | None = None,
        memory: bool = True,
        limit: int | None = None,
    ) -> list[_Place]:
        """Where the spans are that meet a condition, newest start first: in these segments, and in memory."""
        sealed = f"seq < {self._recent.first_seq:d}"
        if segments is not None:
            sealed += f" AND segment IN ({', '.join(map(str, segments)) or 'NULL'})"
        bound = "" if limit is None else f"LIMIT {limit:d}"
        columns = "seq, start_time_unix_nano, trace_id"
        rows = self._cursor.execute(
            f"""
            SELECT {columns}, segment, position FROM span WHERE {sealed} AND {condition}
            UNION ALL
            SELECT {columns}, NULL, NULL FROM recent WHERE {memory} AND {condition}
            {_NEWEST_FIRST} {bound}
            """,  # noqa: S608 - the parts are constants of this module and numbers
            parameters * 2,
        ).fetchall()
        return [_Place(*row) for row in rows]

    def _read(self, places: Sequence[_Place]) -> tuple[StoredSpan, ...]:
        """Whole spans, in the order of their places. Those of a damaged segment are left out, and that is reported."""
        by_segment: defaultdict[int | None, list[_Place]] = defaultdict(list)
        for place in places:
            by_segment[place.segment].append(place)
        spans: dict[int, StoredSpan] = {}
        for segment, members in by_segment.items():
            table = self._rows(segment, members)
            if table is None:
                continue
            spans.update(zip((place.seq for place in members), stored_spans(table), strict=True))
        return tuple(spans[place.seq] for place in places if place.seq in spans)

    def _rows(self, segment: int | None, places: list[_Place]) -> pa.Table | None:
        if segment is None:
            return self._recent.take([place.seq for place in places], SHOWN_COLUMNS)
        positions = [place.position for place in places if place.position is not None]
        file = f"{segment:08d}.parquet"
        return self._damage.skipped(
            self._cursor, file, lambda: read_rows(self._segments / file, positions, SHOWN_COLUMNS)
        )


def _newest_first(place: _Place) -> tuple[int, int]:
    return -place.start_time_unix_nano, -place.seq


def _after(request: SearchSpans, after: Cursor | None) -> SearchSpans:
    return SearchSpans(service_name=request.service_name, filter=request.filter, limit=request.limit, after=after)
