"""Memory and the index as of one moment, for SQL about many spans and traces."""

import errno
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

import attrs
import duckdb

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


class Snapshot:
    """What can be asked of the spans of a view, inside of ``opened``.

    ``spans`` and ``parts`` stand behind FROM: all spans, and for each trace what a segment, or a part of memory,
    has of it.
    """

    def __init__(self, cursor: duckdb.DuckDBPyConnection, view: View, spans: str) -> None:
        self.spans = spans
        self.recent: MemtableSnapshot = view.recent
        self._cursor = cursor
        self._later: tuple[int, ...] = ()

    @classmethod
    @contextmanager
    def opened(cls, cursor: duckdb.DuckDBPyConnection, view: View) -> Iterator["Snapshot"]:
        parts = view.recent.trace_parts()
        with SpanTable(cursor, view).relation() as spans, registered(cursor, _RECENT_PART, parts):
            yield cls(cursor, view, spans)

    @contextmanager
    def moment(self) -> Iterator[None]:
        """What is asked in the block is of one moment of the index. Files are read behind it.

        ``FileNotFoundError`` where compaction has put spans that are in memory here into a segment with others: the
        sums of parts cannot leave those out.
        """
        with transaction(self._cursor):
            later = self.ask("SELECT segment, first_seq FROM segment WHERE last_seq >= ?", [self.recent.first_seq])
            if any(first_seq < self.recent.first_seq for _, first_seq in later):
                raise FileNotFoundError(errno.ENOENT, "a segment was replaced meanwhile")
            self._later = tuple(segment for segment, _ in later)
            yield

    @property
    def parts(self) -> str:
        others = f" AND segment NOT IN ({numbers(self._later)})" if self._later else ""
        return (
            f"(SELECT {_PART} FROM trace_part WHERE span_count > 0{others} "  # noqa: S608 - own names, numbers
            f"UNION ALL SELECT {_PART_IN_MEMORY} FROM {_RECENT_PART})"
        )

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
