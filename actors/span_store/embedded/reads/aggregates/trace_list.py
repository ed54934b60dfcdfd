"""A page of a list of traces: their order, which of them a filter is true of, and what is said of them."""

import time
from collections.abc import Sequence
from typing import Protocol

from actors.errors import NeedsRoom
from actors.span_store.asked.lists import ListTraces, Place, Sort, TracePage, wanted
from actors.span_store.embedded.reads.aggregates.matching import (
    Matching,
    MatchingInIndex,
    MatchingInRows,
    segments_of,
)
from actors.span_store.embedded.reads.aggregates.places import EVERY, Clause
from actors.span_store.embedded.reads.aggregates.snapshot import Snapshot
from actors.span_store.embedded.reads.aggregates.stored import Found, Stored
from actors.span_store.embedded.reads.aggregates.summaries_read import Summaries, index_rows
from actors.span_store.embedded.reads.aggregates.trace_places import TracesByStart, TracesByValue
from actors.span_store.embedded.reads.aggregates.trace_sums import trace_sums
from actors.span_store.embedded.reads.gathered import PAGE_BYTES
from actors.span_store.embedded.reads.span_table import INDEXED
from actors.span_store.embedded.reads.walk import Files, Walk
from actors.span_store.query.expression import EVERYTHING, SPANS, And, normal_form
from actors.span_store.query.sql import condition
from actors.span_store.traces.summary import TraceSummary

# Seconds that a page takes that goes through spans: with a trace, and without any.
_SOON, _BUDGET = 0.1, 0.3
_SIZES = (512, 2048)  # traces that are looked through before all spans are
_LEAST, _MOST = 16, 1024  # traces whose spans are looked at before the clock is


class Order(Protocol):
    def next(self, after: Place | None, count: int) -> list[Place]: ...


def trace_page(stored: Stored, request: ListTraces) -> TracePage:
    with Snapshot.opened(stored.cursor, stored.view) as snapshot:
        return _TraceList(stored, snapshot, request).page()


class _TraceList:
    """One page, from one view."""

    def __init__(self, stored: Stored, snapshot: Snapshot, request: ListTraces) -> None:
        self._stored = stored
        self._snapshot = snapshot
        self._request = request
        self._count = request.limit + 1
        self._wanted = And([wanted(request), SPANS])
        made = condition(self._wanted, INDEXED)
        self._is_exact = made.exact
        self._condition = Clause(made.text, tuple(made.parameters))
        self._begin = time.monotonic()

    def page(self) -> TracePage:
        found = self._found()
        shown = found.places[: self._request.limit]
        traces, count = self._fitting([place.trace_id for place in shown])
        goes_on = found.goes_on if count == len(found.places) else shown[count - 1]
        return TracePage(traces=traces, next=goes_on)

    def _found(self) -> Found:
        if normal_form(wanted(self._request)) == EVERYTHING:
            return Found(self._next(self._order(EVERY), self._request.after, self._count))
        if not self._is_exact:
            return self._looked_for()
        return self._in_index()

    def _order(self, having: Clause) -> Order:
        if self._request.sort in (Sort.NEWEST, Sort.OLDEST) and having is EVERY:
            return TracesByStart(self._snapshot, self._request)
        return TracesByValue(self._snapshot, self._request, having)

    def _next(self, order: Order, after: Place | None, count: int) -> list[Place]:
        with self._snapshot.moment():
            return order.next(after, count)

    def _in_index(self) -> Found:
        """The first traces mostly have enough. Else it takes less to find all spans first, and their traces then."""
        found: list[Place] = []
        after = self._request.after
        if self._request.sort in (Sort.NEWEST, Sort.OLDEST):
            order, matching = self._order(EVERY), MatchingInIndex(self._snapshot, self._condition)
            for size in _SIZES:
                places = self._next(order, after, size)
                found += _those(places, matching)
                if len(found) >= self._count or len(places) < size:
                    return Found(found[: self._count])
                after = places[-1]
        rest = self._next(self._order(self._condition), after, self._count - len(found))
        return Found(found + rest)

    def _looked_for(self) -> Found:
        """Traces one after the other, until there are enough or the time is up."""
        found: list[Place] = []
        order, matching = self._order(EVERY), self._in_rows()
        after, size = self._request.after, _LEAST
        while True:
            places = self._next(order, after, size)
            found += _those(places, matching)
            if len(found) >= self._count:
                return Found(found[: self._count])
            if len(places) < size:
                return Found(found)
            after, size = places[-1], min(4 * size, _MOST)
            if time.monotonic() - self._begin > (_SOON if found else _BUDGET):
                return Found(found, after)

    def _in_rows(self) -> Matching:
        stored = self._stored
        files = Files(stored.segments, stored.ngrams, stored.view.sealed, self._wanted)
        walk = Walk(self._wanted, files, stored.cursor, stored.damage, soon=_SOON, budget=_BUDGET)
        return MatchingInRows(self._snapshot, self._condition, files, walk)

    def _fitting(self, traces: Sequence[str]) -> tuple[tuple[TraceSummary, ...], int]:
        """Summaries of the first traces, and of how many: of so many as a page may have in bytes, or of one."""
        room = self._request.room
        most, count = min(PAGE_BYTES, PAGE_BYTES if room is None else room), len(traces)
        while count > 1:
            try:
                return self._summaries(traces[:count], most), count
            except NeedsRoom:
                count //= 2
        return self._summaries(traces[:count], room), count

    def _summaries(self, traces: Sequence[str], room: int | None) -> tuple[TraceSummary, ...]:
        if not traces:
            return ()
        with self._snapshot.moment():
            sums = trace_sums(self._snapshot, traces)
            heads = [each.head for each in sums.values()]
            rows = index_rows(self._snapshot, heads, segments_of(self._snapshot, traces))
        stored = self._stored
        spans = Summaries(stored.cursor, self._snapshot, stored.segments, stored.damage, room).of(rows)
        return tuple(sums[trace].summary(spans[sums[trace].head]) for trace in traces if trace in sums)


def _those(places: Sequence[Place], matching: Matching) -> list[Place]:
    right = matching.matching([place.trace_id for place in places]) if places else set()
    return [place for place in places if place.trace_id in right]
