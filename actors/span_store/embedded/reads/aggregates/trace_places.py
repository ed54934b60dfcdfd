"""In which order traces come: by their start from as few segments as are sure to have them, else from all parts."""

from collections.abc import Iterable, Sequence

from actors.span_store.asked.lists import ListTraces, Place, Sort
from actors.span_store.embedded.reads.aggregates.places import (
    EVERY,
    PICODOLLARS,
    Clause,
    all_of,
    behind,
    order_by,
    place_key,
    times_of,
    within,
)
from actors.span_store.embedded.reads.aggregates.snapshot import Snapshot, Stretch, numbers

_FIRST_SEGMENTS = 8  # that are looked into
_MORE = 16  # parts than traces are wanted: some are of traces that began before
_MOST_PARTS = 16_384  # that are looked at together
_START = "start_time_unix_nano"
_TOKENS = "coalesce(input_tokens, 0)::HUGEINT + coalesce(output_tokens, 0)"
_SENT = "input_tokens IS NOT NULL OR output_tokens IS NOT NULL"
_VALUES = {
    Sort.NEWEST: "start",
    Sort.OLDEST: "start",
    Sort.LONGEST: '(CASE WHEN "end" = 0 THEN NULL WHEN "end" > start THEN "end" - start ELSE 0 END)',
    Sort.DEAREST: "total",
    Sort.MOST_TOKENS: "total",
    Sort.MOST_ERRORS: "errors",
}
_SUMS = {
    Sort.DEAREST: f"sum({PICODOLLARS})",
    Sort.MOST_TOKENS: f"sum({_TOKENS}) FILTER ({_SENT})",
}


class TracesByStart:
    """Traces by the start of their earliest span. Inside of a ``moment`` of the snapshot."""

    def __init__(self, snapshot: Snapshot, request: ListTraces) -> None:
        self._snapshot = snapshot
        self._sort = request.sort
        self._times = times_of(request)
        self._key = place_key(request.sort)

    def next(self, after: Place | None, count: int) -> list[Place]:
        """So many traces behind a place; fewer are the last ones.

        The earliest parts of traces are taken from all parts in the order of their start.
        """
        found: list[Place] = []
        size = count + count // 4 + _MORE
        while len(found) < count:
            parts, after = self._parts(after, size)
            starts = self._snapshot.starts_of([part.trace_id for part in parts])
            found += [part for part in parts if starts.get(part.trace_id) == part.value]
            if after is None:
                break
            size = max(size, min(4 * size, _MOST_PARTS))
        return found[:count]

    def _parts(self, after: Place | None, size: int) -> tuple[list[Place], Place | None]:
        """Traces by what the first segments have of them, and the place behind which to go on, if there may be more.

        A trace that a look has at the end of its rows may have begun before, in other segments, and comes later then.
        What came behind it was left out of those rows: so nothing behind the end of any look is known.
        """
        stretches = self._snapshot.stretches_behind(after, self._sort, self._times)
        begin, end = 0, _FIRST_SEGMENTS
        found: dict[str, Place] = {}
        known: Place | None = None  # up to which nothing was left out
        while True:
            rows = self._in_segments(stretches[begin:end], after, size)
            if len(rows) == size:
                known = rows[-1] if known is None else min(known, rows[-1], key=self._key)
            for place in rows:
                other = found.setdefault(place.trace_id, place)
                if (place.value or 0) < (other.value or 0):
                    found[place.trace_id] = place
            first, reached = self._first(found.values(), known, size)
            if end >= len(stretches) or (reached is not None and stretches[end].comes_after(reached, self._sort)):
                return first, reached
            begin, end = end, 4 * end

    def _first(self, places: Iterable[Place], known: Place | None, size: int) -> tuple[list[Place], Place | None]:
        """The first so many, up to ``known``, and the place up to which they are all; none where that is the end."""
        first = sorted(places, key=self._key)
        if known is not None:
            first = [place for place in first if self._key(place) <= self._key(known)]
        if len(first) > size:
            return first[:size], first[size - 1]
        return first, known

    def _in_segments(self, stretches: Sequence[Stretch], after: Place | None, size: int) -> list[Place]:
        if not stretches:
            return []
        which = within(_START, self._times)
        further = behind(after, self._sort, "start", "UBIGINT")
        rows = self._snapshot.ask(
            f"""
            SELECT start, trace_id FROM (
                SELECT trace_id, min({_START}) AS start FROM {self._snapshot.parts}
                WHERE segment IN ({numbers(each.segment for each in stretches)}) AND {which.text}
                GROUP BY trace_id
            ) WHERE {further.text} {order_by(self._sort, "start")} LIMIT {size:d}
            """,  # noqa: S608 - own names, numbers
            [*which.parameters, *further.parameters],
        )
        return [Place(value=start, trace_id=trace_id) for start, trace_id in rows]


class TracesByValue:
    """Traces by any value, from all that is stored; ``among`` is a statement that finds the ids of those that count."""

    def __init__(self, snapshot: Snapshot, request: ListTraces, among: Clause = EVERY) -> None:
        self._snapshot = snapshot
        self._sort = request.sort
        self._times = times_of(request)
        self._among = among

    def next(self, after: Place | None, count: int) -> list[Place]:
        """As ``TracesByStart`` does."""
        value = _VALUES[self._sort]
        began = within("start", self._times)
        further = all_of(began, behind(after, self._sort, "value", "HUGEINT"))
        rows = self._snapshot.ask(
            f"""
            WITH place AS (
                SELECT trace_id, min({_START}) AS start, max(end_time_unix_nano) AS "end", sum(error_count) AS errors
                FROM {self._snapshot.parts} {self._matched} GROUP BY trace_id
            ), valued AS (
                SELECT trace_id, start, ({value})::HUGEINT AS value FROM place {self._summed}
            )
            SELECT value, trace_id FROM valued WHERE {further.text}
            {order_by(self._sort, "value")} LIMIT {count:d}
            """,  # noqa: S608 - own names, numbers
            [*self._among.parameters, *further.parameters],
        )
        return [Place(value=value, trace_id=trace_id) for value, trace_id in rows]

    @property
    def _matched(self) -> str:
        return "" if self._among is EVERY else f"SEMI JOIN ({self._among.text}) USING (trace_id)"

    @property
    def _summed(self) -> str:
        if self._sort not in _SUMS:
            return ""
        return (
            f"LEFT JOIN (SELECT trace_id, {_SUMS[self._sort]} AS total FROM {self._snapshot.spans} "  # noqa: S608 - own names
            "WHERE counted GROUP BY trace_id) USING (trace_id)"
        )
