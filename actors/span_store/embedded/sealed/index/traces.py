"""Where in the segments traces and spans are."""

import re
from collections.abc import Iterable
from typing import cast

import attrs
import duckdb

from actors.span_store.columns.rows import INDEX_COLUMNS
from actors.span_store.query.expression import Expression
from actors.span_store.query.sql import condition

_TRACE_ID = re.compile(r"[0-9a-f]{32}")


def first_segment_with(connection: duckdb.DuckDBPyConnection, expression: Expression, after: int) -> int | None:
    """The first segment behind ``after`` that has a span which the expression is true of, as far as the index knows."""
    made = condition(expression, frozenset(INDEX_COLUMNS))
    [(segment,)] = connection.execute(
        f"SELECT min(segment) FROM span WHERE ({made.text}) AND segment > ?",  # noqa: S608 - own names, see ``sql``
        [*made.parameters, after],
    ).fetchall()
    return cast("int | None", segment)


def trace_ids(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """All traces of the index."""
    return [trace_id for (trace_id,) in connection.execute("SELECT DISTINCT trace_id FROM trace_part").fetchall()]


def span_keys_of(connection: duckdb.DuckDBPyConnection, traces: list[str]) -> set[str]:
    """Trace id and span id, joined, of all sealed spans of these traces."""
    rows = connection.execute(
        f"SELECT trace_id || span_id FROM span WHERE {in_segments_of(traces)} "  # noqa: S608 - numbers
        "AND trace_id IN (SELECT unnest(?::VARCHAR[]))",
        [traces],
    ).fetchall()
    return {key for (key,) in rows}


def in_segments_of(traces: Iterable[str]) -> str:
    """A condition on ``segment``: it may have spans of these traces, and nearly always does.

    Part of the statement that looks for the spans, as segments are written anew under other numbers between two.
    """
    return f"segment IN (SELECT segment FROM trace_part WHERE trace_number IN ({trace_numbers(traces)}))"  # noqa: S608 - numbers


@attrs.frozen
class TracePart:
    """Where in a segment spans of a trace are: between these positions, ``None`` for none. Others may lie there too."""

    segment: int
    first_root: int | None
    last_root: int | None
    first_other: int | None
    last_other: int | None

    @property
    def ranges(self) -> list[range]:
        ends = ((self.first_root, self.last_root), (self.first_other, self.last_other))
        return [range(first, last + 1) for first, last in ends if first is not None and last is not None]


def parts_of(connection: duckdb.DuckDBPyConnection, trace: str) -> list[TracePart]:
    """In all segments that may have spans of the trace, and nearly always do."""
    rows = connection.execute(
        "SELECT segment, first_root, last_root, first_other, last_other FROM trace_part "  # noqa: S608 - a number
        f"WHERE trace_number = {trace_numbers([trace])}"
    ).fetchall()
    return [TracePart(*row) for row in rows]


def trace_numbers(traces: Iterable[str]) -> str:
    """By which traces are looked up: the lower halves of those ids that are ids, for SQL."""
    return ", ".join(str(int(trace[16:], 16)) for trace in traces if _TRACE_ID.fullmatch(trace)) or "NULL"
