"""Which of some traces have a span that a filter is true of."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from actors.span_store.embedded.reads.aggregates.places import Clause
from actors.span_store.embedded.reads.aggregates.snapshot import Row, Snapshot, numbers
from actors.span_store.embedded.reads.row_location import RowLocation
from actors.span_store.embedded.reads.span_table import IN_MEMORY
from actors.span_store.embedded.reads.walk import Files, Walk, pieces

_TOGETHER = 8192  # spans that are looked for at once


class Matching(Protocol):
    def matching(self, traces: Sequence[str]) -> set[str]: ...


class MatchingInIndex:
    """The condition says all of the filter."""

    def __init__(self, snapshot: Snapshot, condition: Clause) -> None:
        self._snapshot = snapshot
        self._condition = condition

    def matching(self, traces: Sequence[str]) -> set[str]:
        with self._snapshot.moment():
            segments = self._snapshot.segments_of(traces)
            rows = self._snapshot.ask(
                f"SELECT DISTINCT trace_id FROM {self._snapshot.spans} WHERE segment IN ({numbers(segments)}) "  # noqa: S608 - own names, numbers
                f"AND trace_id IN (SELECT unnest(?::VARCHAR[])) AND ({self._condition.text})",
                [list(traces), *self._condition.parameters],
            )
        return {trace_id for (trace_id,) in rows}


class MatchingInRows:
    """Spans that fulfil the condition are looked at as they are stored."""

    def __init__(self, snapshot: Snapshot, condition: Clause, files: Files, walk: Walk) -> None:
        self._snapshot = snapshot
        self._condition = condition
        self._files = files
        self._walk = walk

    def matching(self, traces: Sequence[str]) -> set[str]:
        found: set[str] = set()
        for places in self._candidates(traces, found):
            for piece in pieces(places):
                numbers_found = self._walk.matching(
                    (place for place in piece if place.trace_id not in found), self._snapshot.recent
                )
                found |= {place.trace_id for place in piece if place.seq in numbers_found}
        return found

    def _candidates(self, traces: Sequence[str], found: set[str]) -> Iterator[list[RowLocation]]:
        """Spans of the traces, but for those that are found meanwhile.

        A segment that is replaced meanwhile comes again under a larger number.
        """
        segment, position = 0, -1
        while True:
            left = [trace for trace in traces if trace not in found]
            rows = self._behind(left, segment, position)
            places = [RowLocation(*row) for row in rows]
            yield [
                place if place.segment != IN_MEMORY else place._replace(segment=None, position=None) for place in places
            ]
            if len(rows) < _TOGETHER:
                return
            segment, position = places[-1].segment or 0, places[-1].position or 0

    def _behind(self, traces: Sequence[str], segment: int, position: int) -> list[Row]:
        with self._snapshot.moment():
            some = [number for number in self._snapshot.segments_of(traces) if number >= segment]
            some = [number for number in some if number == IN_MEMORY or self._files.may_have(number)]
            return self._snapshot.ask(
                f"""
                SELECT seq, start_time_unix_nano, trace_id, segment, position FROM {self._snapshot.spans}
                WHERE segment IN ({numbers(some)}) AND trace_id IN (SELECT unnest(?::VARCHAR[]))
                    AND ({self._condition.text}) AND (segment > ? OR position > ?)
                ORDER BY segment, position LIMIT {_TOGETHER}
                """,  # noqa: S608 - own names, numbers
                [list(traces), *self._condition.parameters, segment, position],
            )
