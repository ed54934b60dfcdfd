"""Sealed spans in the order of arrival, behind a position: from one segment after the other."""

import time
from collections.abc import Iterator, Sequence

import attrs

from actors.errors import NeedsRoom, NotFound
from actors.span_store.asked.arrivals import Arrivals, ArrivedSpan, ArrivedTrace, ListArrivals
from actors.span_store.columns.types import Untold
from actors.span_store.embedded.reads.aggregates.places import Clause
from actors.span_store.embedded.reads.aggregates.snapshot import Snapshot
from actors.span_store.embedded.reads.aggregates.stored import Stored
from actors.span_store.embedded.reads.aggregates.summaries_read import Summaries, index_rows
from actors.span_store.embedded.reads.row_location import RowLocation
from actors.span_store.embedded.reads.span_table import LISTED, SpanTable
from actors.span_store.embedded.reads.walk import Files, Walk, pieces
from actors.span_store.embedded.sealed.index import indexed_segments
from actors.span_store.query.expression import SPANS, And, Arrival, Between
from actors.span_store.query.position import Position
from actors.span_store.query.sql import condition
from actors.span_store.traces.summary import SpanSummary

NO_POSITION = "This is no position of what is stored: what was behind it may have been deleted"

_BUDGET = 0.3  # seconds of a page that goes through spans
_MOST = 1024  # spans that are listed at once, to be looked at


@attrs.frozen
class _Segment:
    """A file that may have spans of the page, and the number behind its last row."""

    number: int
    end: int


def arrivals(stored: Stored, request: ListArrivals) -> Arrivals:
    """A page of what is sealed; its ``end`` is that of what is sealed at most. ``NotFound``, ``NeedsRoom``."""
    with Snapshot.opened(stored.cursor, stored.view) as snapshot:
        return _Page(stored, snapshot, request).made()


class _Page:
    def __init__(self, stored: Stored, snapshot: Snapshot, request: ListArrivals) -> None:
        self._stored = stored
        self._snapshot = snapshot
        self._request = request
        self._last = snapshot.recent.first_seq
        self._wanted = And([request.where, SPANS, Between(Arrival(), high=self._last)])
        made = condition(self._wanted, LISTED)
        self._is_exact = made.exact
        self._condition = Clause(made.text, tuple(made.parameters))
        self._deadline = time.monotonic() + _BUDGET
        self._end = request.after.number

    def made(self) -> Arrivals:
        self._demand_position()
        found: list[RowLocation] = []
        for place in self._found():
            if len(found) == self._request.limit:
                return self._page(found, place.seq)
            found.append(place)
        return self._page(found, self._end)

    def _demand_position(self) -> None:
        with self._snapshot.moment():
            [(first,)] = self._snapshot.ask("SELECT min(first_seq) FROM segment")
        if not (self._last if first is None else first) <= self._request.after.number < self._last:
            raise NotFound(NO_POSITION)

    def _found(self) -> Iterator[RowLocation]:
        """Spans in order, until the time is up; ``_end`` is behind the last one that was looked at."""
        while (segment := self._next_segment()) is not None:
            for some in self._in_segment(segment):
                yield from self._right(some)
                self._end = some[-1].seq + 1
                if time.monotonic() > self._deadline:
                    return
            self._end = segment.end
        self._end = self._last

    def _next_segment(self) -> _Segment | None:
        wanted = And([self._wanted, Between(Arrival(), self._end, self._last)])
        with self._snapshot.moment():
            found = indexed_segments(self._stored.cursor, wanted, limit=1)
        return _Segment(found[0].segment, min(found[0].last_seq + 1, self._last)) if found else None

    def _in_segment(self, segment: _Segment) -> Iterator[Sequence[RowLocation]]:
        """Those that the index does not rule out, a few at a time."""
        size = min(_MOST, self._request.limit + 1) if self._is_exact else _MOST
        after = self._end
        while True:
            with self._snapshot.moment():
                rows = self._snapshot.ask(
                    f"SELECT seq, 0, trace_id, segment, position FROM {self._snapshot.spans} "  # noqa: S608 - own names, numbers
                    f"WHERE segment = {segment.number:d} AND seq >= {after:d} AND ({self._condition.text}) "
                    f"ORDER BY seq LIMIT {size:d}",
                    self._condition.parameters,
                )
            if rows:
                yield [RowLocation(*row) for row in rows]
            if len(rows) < size:
                return
            after = rows[-1][0] + 1

    def _right(self, places: Sequence[RowLocation]) -> Iterator[RowLocation]:
        if self._is_exact:
            yield from places
            return
        stored = self._stored
        files = Files(stored.segments, stored.ngrams, stored.view.sealed, self._wanted)
        counted_of = SpanTable(stored.cursor, stored.view).counted
        walk = Walk(
            self._wanted, files, stored.cursor, stored.damage, counted_of=counted_of, soon=_BUDGET, budget=_BUDGET
        )
        for piece in pieces(places):
            right = walk.matching(iter(piece), self._snapshot.recent)
            yield from (place for place in piece if place.seq in right)

    def _page(self, found: Sequence[RowLocation], end: int) -> Arrivals:
        if self._request.traces:
            first: dict[str, int] = {}
            for place in found:
                first.setdefault(place.trace_id, place.seq)
            traces = tuple(ArrivedTrace(trace_id=key, position=Position(seq + 1)) for key, seq in first.items())
            return Arrivals(traces=traces, end=Position(end), is_last=False)
        spans, count = self._fitting(found)
        behind = end if count == len(found) else found[count - 1].seq + 1
        made = (
            ArrivedSpan(span=spans[place.seq], position=Position(place.seq + 1))
            for place in found[:count]
            if place.seq in spans
        )
        return Arrivals(spans=tuple(made), end=Position(behind), is_last=False)

    def _fitting(self, found: Sequence[RowLocation]) -> tuple[dict[int, SpanSummary], int]:
        """Summaries of the first spans, and of how many: of so many as there is room for."""
        count = len(found)
        while count > 1:
            try:
                return self._summaries(found[:count]), count
            except NeedsRoom:
                count //= 2
        return self._summaries(found[:count]), count

    def _summaries(self, found: Sequence[RowLocation]) -> dict[int, SpanSummary]:
        if not found:
            return {}
        segments = {place.segment for place in found if place.segment is not None}
        with self._snapshot.moment():
            rows: Untold = index_rows(self._snapshot, [place.seq for place in found], segments)
        stored, room = self._stored, self._request.room
        return Summaries(stored.cursor, self._snapshot, stored.segments, stored.damage, room).of(rows)
