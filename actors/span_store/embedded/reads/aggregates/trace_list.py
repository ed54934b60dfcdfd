"""A page of a list of traces: their order, which of them a filter is true of, and what is said of them."""

import time
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Protocol

from actors.errors import NeedsRoom
from actors.span_store.asked.lists import ListTraces, Place, Sort, TracePage, wanted
from actors.span_store.embedded.reads.aggregates.matching import (
    Matching,
    MatchingInIndex,
    MatchingInRows,
)
from actors.span_store.embedded.reads.aggregates.places import Clause
from actors.span_store.embedded.reads.aggregates.rare import rare_spans
from actors.span_store.embedded.reads.aggregates.snapshot import Snapshot
from actors.span_store.embedded.reads.aggregates.stored import Found, Stored
from actors.span_store.embedded.reads.aggregates.summaries_read import Summaries
from actors.span_store.embedded.reads.aggregates.trace_places import TracesByStart, TracesByValue
from actors.span_store.embedded.reads.aggregates.trace_sums import Summed, trace_sums
from actors.span_store.embedded.reads.gathered import PAGE_BYTES
from actors.span_store.embedded.reads.span_table import LISTED, SpanTable
from actors.span_store.embedded.reads.walk import Files, Walk
from actors.span_store.query.expression import EVERYTHING, SPANS, And, normal_form
from actors.span_store.query.sql import condition
from actors.span_store.traces.summary import TraceSummary

# Seconds that a page takes that goes through spans: with a trace, and without any.
_SOON, _BUDGET = 0.3, 0.5
_SIZES = (1024, 4096)  # traces that are looked through before all spans are
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
        made = condition(self._wanted, LISTED)
        self._is_exact = made.exact
        self._condition = Clause(made.text, tuple(made.parameters))
        self._begin = time.monotonic()

    def page(self) -> TracePage:
        found, summed = self._found_and_summed()
        shown = found.places[: self._request.limit]
        traces, count = self._fitting([place.trace_id for place in shown], summed)
        goes_on = found.goes_on if count == len(found.places) else shown[count - 1]
        return TracePage(traces=traces, next=goes_on)

    def _found_and_summed(self) -> tuple[Found, Summed]:
        """In one moment where the index has it all, so that no trace is looked up twice."""
        if not self._is_exact:
            found = self._looked_for()
            with self._snapshot.moment():
                return found, self._summed(found)
        with self._snapshot.moment():
            is_all = normal_form(wanted(self._request)) == EVERYTHING
            found = Found(self._order().next(self._request.after, self._count)) if is_all else self._in_index()
            return found, self._summed(found)

    def _summed(self, found: Found) -> Summed:
        """Inside of a ``moment``."""
        shown = [place.trace_id for place in found.places[: self._request.limit]]
        return trace_sums(self._snapshot, shown) if shown else Summed.of_nothing()

    @property
    def _is_by_start(self) -> bool:
        return self._request.sort in (Sort.NEWEST, Sort.OLDEST)

    def _order(self) -> Order:
        order = TracesByStart if self._is_by_start else TracesByValue
        return order(self._snapshot, self._request)

    def _next(self, order: Order, after: Place | None, count: int) -> list[Place]:
        with self._snapshot.moment():
            return order.next(after, count)

    def _in_index(self) -> Found:
        """The first traces mostly have enough. Else it takes less to find all spans first, and their traces then."""
        found: list[Place] = []
        after = self._request.after
        if self._is_by_start:
            order, matching = self._order(), MatchingInIndex(self._snapshot, self._condition)
            for size in _SIZES:
                places = self._next(order, after, size)
                found += _those(places, matching)
                if len(found) >= self._count or len(places) < size:
                    return Found(found[: self._count])
                after = places[-1]
        where, parameters = self._condition.text, self._condition.parameters
        among = Clause(f"SELECT DISTINCT trace_id FROM {self._snapshot.spans} WHERE {where}", parameters)  # noqa: S608 - own names
        return self._among(found, among, after)

    def _among(self, found: list[Place], among: Clause, after: Place | None) -> Found:
        """All that is left of a page, when it is known which traces count."""
        order = TracesByValue(self._snapshot, self._request, among)
        return Found(found + self._next(order, after, self._count - len(found)))

    def _looked_for(self) -> Found:
        """Traces one after the other, until there are enough or the time is up; what is rare is found as a whole."""
        found: list[Place] = []
        after, looked_at = self._request.after, 0
        matching = MatchingInRows(self._snapshot, self._condition, self._files, self._walk)
        for places in self._chunks():
            if looked_at and time.monotonic() - self._begin > (_SOON if found else _BUDGET):
                return Found(found, after)
            if looked_at == _LEAST:
                rare = rare_spans(self._stored, self._files, self._wanted)
                if rare is not None:
                    among = Clause("SELECT unnest(?::VARCHAR[]) AS trace_id", (rare["trace_id"].unique().to_pylist(),))
                    return self._among(found, among, after)
            found += _those(places, matching)
            if len(found) >= self._count:
                return Found(found[: self._count])
            after, looked_at = places[-1], looked_at + len(places)
        return Found(found)

    def _chunks(self) -> Iterator[list[Place]]:
        """Traces in order, so many at a time as are looked at soon. An order that is made anew each time gives many."""
        order, after, size = self._order(), self._request.after, _LEAST
        while True:
            count = size if self._is_by_start else max(size, 4 * _MOST)
            places = self._next(order, after, count)
            begin = 0
            while begin < len(places):
                yield places[begin : begin + size]
                begin, size = begin + size, min(4 * size, _MOST)
            if len(places) < count:
                return
            after = places[-1]

    @cached_property
    def _files(self) -> Files:
        return Files(self._stored.segments, self._stored.ngrams, self._stored.view.sealed, self._wanted)

    @property
    def _walk(self) -> Walk:
        stored = self._stored
        counted_of = SpanTable(stored.cursor, stored.view).counted
        return Walk(
            self._wanted, self._files, stored.cursor, stored.damage, counted_of=counted_of, soon=_SOON, budget=_BUDGET
        )

    def _fitting(self, traces: Sequence[str], summed: Summed) -> tuple[tuple[TraceSummary, ...], int]:
        """Summaries of the first traces, and of how many: of so many as a page may have in bytes, or of one."""
        room = self._request.room
        most, count = min(PAGE_BYTES, PAGE_BYTES if room is None else room), len(traces)
        while count > 1:
            try:
                return self._summaries(traces[:count], summed, most), count
            except NeedsRoom:
                count //= 2
        return self._summaries(traces[:count], summed, room), count

    def _summaries(self, traces: Sequence[str], summed: Summed, room: int | None) -> tuple[TraceSummary, ...]:
        stored, sums = self._stored, [summed.sums[trace] for trace in traces if trace in summed.sums]
        if not sums:
            return ()
        read = Summaries(stored.cursor, self._snapshot, stored.segments, stored.damage, room)
        spans = read.of(summed.heads_of(sums))
        return tuple(each.summary(spans[each.head]) for each in sums)


def _those(places: Sequence[Place], matching: Matching) -> list[Place]:
    right = matching.matching([place.trace_id for place in places]) if places else set()
    return [place for place in places if place.trace_id in right]
