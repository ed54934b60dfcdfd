"""Reads spans. Each function runs on a cursor of its own, in a reader's thread."""

from typing import Any

import duckdb

from actors.span_store.messages import Cursor, GetSpan, GetTraceSpans, SearchSpans, SpanFilter, SpanPage
from actors.span_store.spans import StoredSpan

_FILTERS = {
    SpanFilter.ALL: "",
    SpanFilter.ROOTS: "AND parent_span_id IS NULL",
    SpanFilter.LLM_ROOTS: (
        "AND parent_span_id IS NULL AND trace_id IN (SELECT trace_id FROM trace_part WHERE llm_count > 0)"
    ),
    SpanFilter.WORKFLOWS: "AND junjo_span_type = 'workflow'",
}
_AFTER = "AND (start_time_unix_nano < ? OR (start_time_unix_nano = ? AND seq < ?))"
# The columns of StoredSpan, in its order; the names are the same in both tables and in the tuple.
_STORED = ", ".join(StoredSpan._fields)


def list_services(cursor: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
    rows = cursor.execute("SELECT DISTINCT service_name FROM span ORDER BY service_name").fetchall()
    return tuple(name for (name,) in rows)


def search_spans(cursor: duckdb.DuckDBPyConnection, request: SearchSpans) -> SpanPage:
    """Find the rows of the page by the hot columns, then read the bodies of just these."""
    parameters: list[Any] = [request.service_name]
    after = ""
    if request.after is not None:
        after = _AFTER
        start = request.after.start_time_unix_nano
        parameters += [start, start, request.after.sequence]
    found = cursor.execute(
        f"""
        SELECT seq, start_time_unix_nano FROM span
        WHERE service_name = ? {_FILTERS[request.filter]} {after}
        ORDER BY start_time_unix_nano DESC, seq DESC
        LIMIT {request.limit + 1:d}
        """,  # noqa: S608 - the parts are constants of this module and a number
        parameters,
    ).fetchall()
    page = found[: request.limit]
    more = len(found) > request.limit
    return SpanPage(
        spans=_read(cursor, [seq for seq, _ in page]),
        next=Cursor(sequence=page[-1][0], start_time_unix_nano=page[-1][1]) if more and page else None,
    )


def get_trace_spans(cursor: duckdb.DuckDBPyConnection, request: GetTraceSpans) -> tuple[StoredSpan, ...]:
    rows = cursor.execute("SELECT seq FROM span WHERE trace_id = ?", [request.trace_id]).fetchall()
    return _read(cursor, [seq for (seq,) in rows])


def get_span(cursor: duckdb.DuckDBPyConnection, request: GetSpan) -> StoredSpan | None:
    rows = cursor.execute(
        "SELECT seq FROM span WHERE trace_id = ? AND span_id = ?", [request.trace_id, request.span_id]
    ).fetchall()
    found = _read(cursor, [seq for (seq,) in rows])
    return found[0] if found else None


def _read(cursor: duckdb.DuckDBPyConnection, sequence: list[int]) -> tuple[StoredSpan, ...]:
    """Whole spans by their numbers, newest start first.

    The numbers stand in the statement itself, because DuckDB skips blocks by constants and not by a subquery.
    """
    if not sequence:
        return ()
    these = f"seq IN ({', '.join(map(str, sequence))})"
    rows = cursor.execute(
        f"""
        SELECT {_STORED}
        FROM (SELECT * FROM span WHERE {these}) JOIN (SELECT * FROM body WHERE {these}) USING (seq)
        ORDER BY start_time_unix_nano DESC, seq DESC
        """  # noqa: S608 - integers of the database's own
    ).fetchall()
    return tuple(StoredSpan(*row) for row in rows)
