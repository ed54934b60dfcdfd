"""A page of a list of spans."""

import time
from collections.abc import Sequence

import attrs

from actors.errors import NeedsRoom
from actors.span_store.asked.lists import ListSpans, Place, Sort, SummaryPage, wanted
from actors.span_store.columns.types import Untold
from actors.span_store.embedded.reads.aggregates.places import (
    PICODOLLARS,
    Clause,
    all_of,
    behind,
    order_by,
    place_key,
    times_of,
    within,
)
from actors.span_store.embedded.reads.aggregates.rare import rare_spans
from actors.span_store.embedded.reads.aggregates.snapshot import Snapshot, numbers
from actors.span_store.embedded.reads.aggregates.stored import Stored
from actors.span_store.embedded.reads.aggregates.summaries_read import Summaries, index_rows
from actors.span_store.embedded.reads.gathered import PAGE_BYTES
from actors.span_store.embedded.reads.row_location import RowLocation
from actors.span_store.embedded.reads.span_table import IN_MEMORY, LISTED, SpanTable
from actors.span_store.embedded.reads.walk import Files, Walk, pieces
from actors.span_store.embedded.sealed.index import demand_all
from actors.span_store.query.expression import SPANS, And
from actors.span_store.query.sql import condition
from actors.span_store.traces.summary import SpanSummary

_SOON, _BUDGET = 0.3, 0.5  # seconds of a page that goes through spans: with one, and without any
_LEAST, _MOST = 256, 8192  # spans that are listed at once, to be looked at
_FIRST_SEGMENTS = 8  # that are looked into
_IDS = ("trace_id", "span_id")
_START = "start_time_unix_nano"
_VALUES = {
    Sort.NEWEST: _START,
    Sort.OLDEST: _START,
    Sort.LONGEST: (
        f"(CASE WHEN end_time_unix_nano = 0 THEN NULL WHEN end_time_unix_nano > {_START} "
        f"THEN end_time_unix_nano - {_START} ELSE 0 END)"
    ),
    Sort.DEAREST: PICODOLLARS,
    Sort.MOST_TOKENS: (
        "(CASE WHEN input_tokens IS NOT NULL OR output_tokens IS NOT NULL "
        "THEN coalesce(input_tokens, 0)::HUGEINT + coalesce(output_tokens, 0) END)"
    ),
    Sort.MOST_ERRORS: "(status_code = 2)::INTEGER",
}
_KINDS = {Sort.NEWEST: "UBIGINT", Sort.OLDEST: "UBIGINT"}


@attrs.frozen
class Row:
    """A place in the list, and where its span is."""

    place: Place
    seq: int
    segment: int
    position: int

    @property
    def location(self) -> RowLocation:
        if self.segment == IN_MEMORY:
            return RowLocation(self.seq, 0, self.place.trace_id)
        return RowLocation(self.seq, 0, self.place.trace_id, self.segment, self.position)


def span_page(stored: Stored, request: ListSpans) -> SummaryPage:
    with Snapshot.opened(stored.cursor, stored.view) as snapshot:
        return _SpanList(stored, snapshot, request).page()


class _SpanList:
    """One page, from one view."""

    def __init__(self, stored: Stored, snapshot: Snapshot, request: ListSpans) -> None:
        self._stored = stored
        self._snapshot = snapshot
        self._request = request
        self._times = times_of(request)
        self._wanted = And([wanted(request), SPANS])
        made = condition(self._wanted, LISTED)
        self._is_exact = made.exact
        self._condition = all_of(Clause(made.text, tuple(made.parameters)), within(_START, self._times))
        self._begin = time.monotonic()

    def page(self) -> SummaryPage:
        count = self._request.limit + 1
        rows, goes_on = (self._next(self._request.after, count), None) if self._is_exact else self._looked_for(count)
        shown = rows[: self._request.limit]
        spans, fitting = self._fitting(shown)
        return SummaryPage(spans=spans, next=goes_on if fitting == len(rows) else shown[fitting - 1].place)

    def _next(self, after: Place | None, count: int) -> list[Row]:
        """So many rows behind a place that fulfil the condition; fewer are the last ones."""
        with self._snapshot.moment():
            if self._request.sort in (Sort.NEWEST, Sort.OLDEST):
                return self._by_start(after, count)
            return self._rows("TRUE", after, count)

    def _by_start(self, after: Place | None, count: int) -> list[Row]:
        """From as few segments as are sure to have them."""
        found: list[Row] = []
        stretches = self._snapshot.stretches_behind(after, self._request.sort, self._times)
        key = place_key(self._request.sort)
        begin, end = 0, _FIRST_SEGMENTS
        while True:
            some = [stretch.segment for stretch in stretches[begin:end]]
            found += self._rows(f"segment IN ({numbers(some)})", after, count)
            found = sorted(found, key=lambda row: key(row.place))[:count]
            if end >= len(stretches) or (
                len(found) == count and stretches[end].comes_after(found[-1].place, self._request.sort)
            ):
                return found
            begin, end = end, 4 * end

    def _rows(self, where: str, after: Place | None, count: int) -> list[Row]:
        sort = self._request.sort
        value = _VALUES[sort]
        further = all_of(self._condition, behind(after, sort, value, _KINDS.get(sort, "HUGEINT"), _IDS))
        rows = self._snapshot.ask(
            f"""
            SELECT {value} AS value, trace_id, span_id, seq, segment, position FROM {self._snapshot.spans}
            WHERE {where} AND ({further.text}) {order_by(sort, "value", _IDS)} LIMIT {count:d}
            """,  # noqa: S608 - own names, numbers
            further.parameters,
        )
        return [
            Row(Place(value=value, trace_id=trace_id, span_id=span_id), *at) for value, trace_id, span_id, *at in rows
        ]

    def _looked_for(self, count: int) -> tuple[list[Row], Place | None]:
        """Spans one after the other as they are stored, and where the search goes on when its time is up."""
        files = Files(self._stored.segments, self._stored.ngrams, self._stored.view.sealed, self._wanted)
        counted_of = SpanTable(self._stored.cursor, self._stored.view).counted
        walk = Walk(
            self._wanted,
            files,
            self._stored.cursor,
            self._stored.damage,
            counted_of=counted_of,
            soon=_SOON,
            budget=_BUDGET,
        )
        found: list[Row] = []
        after, size = self._request.after, _LEAST
        while True:
            if size == 4 * _LEAST and (rare := rare_spans(self._stored, files, self._wanted)) is not None:
                numbers_of_rare = Clause("seq IN (SELECT unnest(?::UBIGINT[]))", (rare["seq"].to_pylist(),))
                self._condition = all_of(self._condition, numbers_of_rare)
                return found + self._next(after, count - len(found)), None
            rows = self._next(after, size)
            for piece in _pieces(rows):
                right = walk.matching((row.location for row in piece), self._snapshot.recent)
                found += [row for row in piece if row.seq in right]
                if len(found) >= count:
                    return found[:count], None
                if time.monotonic() - self._begin > (_SOON if found else _BUDGET):
                    return found, piece[-1].place
            if len(rows) < size:
                return found, None
            after, size = rows[-1].place, min(4 * size, _MOST)

    def _fitting(self, rows: Sequence[Row]) -> tuple[tuple[SpanSummary, ...], int]:
        """Summaries of the first rows, and of how many: of so many as a page may have in bytes, or of one."""
        room = self._request.room
        most, count = min(PAGE_BYTES, PAGE_BYTES if room is None else room), len(rows)
        while count > 1:
            try:
                return self._summaries(rows[:count], most), count
            except NeedsRoom:
                count //= 2
        return self._summaries(rows[:count], room), count

    def _summaries(self, rows: Sequence[Row], room: int | None) -> tuple[SpanSummary, ...]:
        if not rows:
            return ()
        segments = {row.segment for row in rows}
        with self._snapshot.moment():
            demand_all(self._stored.cursor, sorted(segments - {IN_MEMORY}))
            found: Untold = index_rows(self._snapshot, [row.seq for row in rows], segments)
        stored = self._stored
        spans = Summaries(stored.cursor, self._snapshot, stored.segments, stored.damage, room).of(found)
        return tuple(spans[row.seq] for row in rows if row.seq in spans)


def _pieces(rows: Sequence[Row]) -> list[Sequence[Row]]:
    """Neighbours that are looked at before the clock is."""
    found, begin = [], 0
    for piece in pieces([row.location for row in rows]):
        found.append(rows[begin : begin + len(piece)])
        begin += len(piece)
    return found
