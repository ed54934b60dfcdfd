"""In which order traces come: by their start from as few segments as are sure to have them, else from all parts."""

from collections.abc import Sequence

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
from actors.span_store.embedded.reads.aggregates.snapshot import Snapshot, Stretch, numbers, of_traces

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
            parts = self._parts(after, size)
            starts = self._starts([part.trace_id for part in parts])
            found += [part for part in parts if starts.get(part.trace_id) == part.value]
            if len(parts) < size:
                break
            after, size = parts[-1], max(size, min(4 * size, _MOST_PARTS))
        return found[:count]

    def _parts(self, after: Place | None, size: int) -> list[Place]:
        """Traces by what the first segments have of them; fewer than ``size`` are the last ones."""
        stretches = self._snapshot.stretches_behind(after, self._sort, self._times)
        begin, end = 0, _FIRST_SEGMENTS
        found: dict[str, Place] = {}
        while True:
            for place in self._in_segments(stretches[begin:end], after, size):
                other = found.setdefault(place.trace_id, place)
                if (place.value or 0) < (other.value or 0):
                    found[place.trace_id] = place
            first = sorted(found.values(), key=self._key)[:size]
            if end >= len(stretches) or (len(first) == size and stretches[end].comes_after(first[-1], self._sort)):
                return first
            begin, end = end, 4 * end

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

    def _starts(self, traces: Sequence[str]) -> dict[str, int]:
        """When these traces begin."""
        which, parameters = of_traces(traces)
        rows = self._snapshot.ask(
            f"SELECT trace_id, min({_START}) FROM {self._snapshot.parts} WHERE {which} GROUP BY trace_id",  # noqa: S608 - own names, numbers
            parameters,
        )
        return dict(rows)


class TracesByValue:
    """Traces by any value, from all that is stored; of those only that have a span which fulfils a condition."""

    def __init__(self, snapshot: Snapshot, request: ListTraces, having: Clause = EVERY) -> None:
        self._snapshot = snapshot
        self._sort = request.sort
        self._times = times_of(request)
        self._having = having

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
            [*self._having.parameters, *further.parameters],
        )
        return [Place(value=value, trace_id=trace_id) for value, trace_id in rows]

    @property
    def _matched(self) -> str:
        if self._having is EVERY:
            return ""
        having = self._having.text
        return f"SEMI JOIN (SELECT DISTINCT trace_id FROM {self._snapshot.spans} WHERE {having}) USING (trace_id)"  # noqa: S608 - own names

    @property
    def _summed(self) -> str:
        if self._sort not in _SUMS:
            return ""
        return (
            f"LEFT JOIN (SELECT trace_id, {_SUMS[self._sort]} AS total FROM {self._snapshot.spans} "  # noqa: S608 - own names
            "WHERE counted GROUP BY trace_id) USING (trace_id)"
        )
