"""Memory and the index as of one moment, for SQL about many spans and traces."""

import errno
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

import attrs
import duckdb
import pyarrow as pa

from actors.span_store.asked.lists import Place, Sort
from actors.span_store.embedded.hot.memtable import MemtableSnapshot
from actors.span_store.embedded.reads.aggregates.registered import registered
from actors.span_store.embedded.reads.span_table import IN_MEMORY, SpanTable, View
from actors.span_store.embedded.sealed.index import trace_numbers, transaction

Row: TypeAlias = tuple[Any, ...]

_FEW = 128  # numbers that are a part of a statement
_RECENT_PART = "recent_part"
_SUMS = "start_time_unix_nano, end_time_unix_nano, error_count"
_PART = f"trace_id, trace_number, segment, {_SUMS}"
_PART_IN_MEMORY = f"trace_id, trace_number, {IN_MEMORY:d}::UINTEGER AS segment, {_SUMS}"


@attrs.frozen
class Stretch:
    """The number of a segment, and when its first and its last span started, in Unix nanoseconds."""

    segment: int
    first: int
    last: int

    def comes_after(self, place: Place, sort: Sort) -> bool:
        """Whether all of it comes behind the place in a list by start."""
        value = place.value or 0
        return value < self.first if sort is Sort.OLDEST else value > self.last


@attrs.frozen
class _PartsOf:
    """When a trace begins, and which segments have spans of it."""

    start: int
    segments: list[int]


class Snapshot:
    """What can be asked of the spans of a view, inside of ``opened``.

    ``spans`` and ``parts`` stand behind FROM: all spans, and for each trace what a segment, or a part of memory,
    has of it.
    """

    def __init__(self, cursor: duckdb.DuckDBPyConnection, view: View, table: SpanTable, spans: str) -> None:
        self.spans = spans
        self.recent: MemtableSnapshot = view.recent
        self._cursor = cursor
        self._table = table
        self._later: tuple[int, ...] = ()
        self._is_moment = False
        self._parts_of: dict[str, _PartsOf] = {}  # traces that were looked up in this moment

    @classmethod
    @contextmanager
    def opened(cls, cursor: duckdb.DuckDBPyConnection, view: View) -> Iterator["Snapshot"]:
        parts, table = view.recent.trace_parts(), SpanTable(cursor, view)
        with table.relation() as spans, registered(cursor, _RECENT_PART, parts):
            yield cls(cursor, view, table, spans)

    @contextmanager
    def moment(self) -> Iterator[None]:
        """What is asked in the block is of one moment of the index. Files are read behind it.

        ``FileNotFoundError`` where compaction has put spans that are in memory here into a segment with others: the
        sums of parts cannot leave those out. A moment in a moment is the same one.
        """
        if self._is_moment:
            yield
            return
        with transaction(self._cursor):
            later = self.ask("SELECT segment, first_seq FROM segment WHERE last_seq >= ?", [self.recent.first_seq])
            if any(first_seq < self.recent.first_seq for _, first_seq in later):
                raise FileNotFoundError(errno.ENOENT, "a segment was replaced meanwhile")
            self._later = tuple(segment for segment, _ in later)
            self._parts_of, self._is_moment = {}, True
            try:
                yield
            finally:
                self._is_moment = False

    @property
    def parts(self) -> str:
        others = f" AND segment NOT IN ({numbers(self._later)})" if self._later else ""
        return (
            f"(SELECT {_PART} FROM trace_part WHERE span_count > 0{others} "  # noqa: S608 - own names, numbers
            f"UNION ALL SELECT {_PART_IN_MEMORY} FROM {_RECENT_PART})"
        )

    def starts_of(self, traces: Sequence[str]) -> dict[str, int]:
        """When these traces begin. Inside of a ``moment``."""
        return {trace: self._parts_of[trace].start for trace in self._looked_up(traces)}

    def segments_of(self, traces: Sequence[str]) -> list[int]:
        """All that have spans of these traces, and ``IN_MEMORY``. Inside of a ``moment``."""
        return sorted({segment for trace in self._looked_up(traces) for segment in self._parts_of[trace].segments})

    def _looked_up(self, traces: Sequence[str]) -> list[str]:
        """Those of the traces that have a span, after they were looked up together, if they were not yet."""
        missing = [trace for trace in traces if trace not in self._parts_of]
        if missing:
            which, parameters = of_traces(missing)
            rows = self.ask(
                f"SELECT trace_id, min(start_time_unix_nano), list(segment) FROM {self.parts} WHERE {which} "  # noqa: S608 - own names, numbers
                "GROUP BY trace_id",
                parameters,
            )
            self._parts_of |= {trace: _PartsOf(start, segments) for trace, start, segments in rows}
        return [trace for trace in traces if trace in self._parts_of]

    def spans_of(self, traces: Sequence[str], columns: Sequence[str], limit: int) -> pa.Table:
        """The spans of these traces: so many of those that are sealed at most, and of those in memory."""
        segments = self.segments_of(traces)
        found = [self._table.in_memory(traces, columns, limit)] if IN_MEMORY in segments else []
        sealed = [segment for segment in segments if segment != IN_MEMORY]
        if sealed or not found:
            text = f"SELECT {', '.join(columns)} FROM {self.spans} WHERE segment IN ({numbers(sealed)})"  # noqa: S608 - own names, numbers
            rows = self.table(f"{text} AND trace_id IN (SELECT unnest(?::VARCHAR[])) LIMIT {limit:d}", [list(traces)])
            found = [rows, *(each.cast(rows.schema) for each in found)]
        return pa.concat_tables(found)

    def stretches_behind(self, after: Place | None, sort: Sort, times: tuple[int, int]) -> list[Stretch]:
        """Those that may have what is behind a place in a list by start, the first in the list first."""
        first, last = times
        if after is not None and after.value is not None:
            first, last = (max(first, after.value), last) if sort is Sort.OLDEST else (first, min(last, after.value))
        some = [each for each in self._stretches() if each.first <= last and each.last >= first]
        return sorted(some, key=lambda each: each.first if sort is Sort.OLDEST else -each.last)

    def _stretches(self) -> list[Stretch]:
        """All segments, and memory as one that reaches as far as any."""
        rows = self.ask(
            "SELECT segment, first_start_time_unix_nano, last_start_time_unix_nano FROM segment WHERE last_seq < ?",
            [self.recent.first_seq],
        )
        return [Stretch(IN_MEMORY, 0, 2**64 - 1), *(Stretch(*row) for row in rows)]

    def ask(self, statement: str, parameters: Sequence[Any] = ()) -> list[Row]:
        return self._cursor.execute(statement, list(parameters)).fetchall()

    def named(self, statement: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """Rows with the names of their columns."""
        found = self._cursor.execute(statement, list(parameters))
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def table(self, statement: str, parameters: Sequence[Any] = ()) -> Any:  # noqa: ANN401 - an Arrow table
        """What is found, as Arrow has it."""
        return self._cursor.sql(statement, params=list(parameters)).to_arrow_table()


def of_traces(traces: Sequence[str]) -> tuple[str, list[Any]]:
    """A condition on parts and its parameter: of these traces, and hardly ever of another one."""
    if len(traces) <= _FEW:
        return f"trace_number IN ({trace_numbers(traces)})", []
    return "trace_number IN (SELECT unnest(?::UBIGINT[]))", [[int(trace[16:], 16) for trace in traces]]


def numbers(values: Iterable[int]) -> str:
    """For SQL behind IN; of no value, what nothing is equal to."""
    return ", ".join(f"{value:d}" for value in values) or "NULL"
