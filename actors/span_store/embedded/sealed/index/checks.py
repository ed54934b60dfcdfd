"""What an inspection compares: rows of the index with each other, and with a segment."""

from typing import Literal

import duckdb

from actors.span_store.columns.spans import LOG

_TABLES = ("span", "trace_part", "segment_service", "segment", "uncounted", "sealed", "deletion")


def read_everything(connection: duckdb.DuckDBPyConnection) -> None:
    """Read each value of each table. ``duckdb.Error`` when one cannot be read."""
    for table in _TABLES:
        connection.execute(f"SELECT max(hash({table})) FROM {table}").fetchall()  # noqa: S608 - own names


def span_keys_in(connection: duckdb.DuckDBPyConnection, segment: int) -> list[tuple[int, str]]:
    """Position and key, trace id and span id joined, of each span of a segment, in the order of the file."""
    return connection.execute(
        "SELECT position, trace_id || span_id FROM span WHERE segment = ? ORDER BY position", [segment]
    ).fetchall()


def spans_in(connection: duckdb.DuckDBPyConnection, segment: int) -> int:
    """How many spans the rows of a segment are, without log records."""
    [(spans,)] = connection.execute(
        f"SELECT count(*) FROM span WHERE segment = ? AND kind <> {LOG:d}",  # noqa: S608 - own number
        [segment],
    ).fetchall()
    return int(spans)


def counted_spans(
    connection: duckdb.DuckDBPyConnection, segment: int, table: Literal["trace_part", "segment_service"]
) -> int:
    """How many spans of a segment a table speaks of."""
    [(count,)] = connection.execute(
        f"SELECT coalesce(sum(span_count), 0) FROM {table} WHERE segment = ?",  # noqa: S608 - own names
        [segment],
    ).fetchall()
    return int(count)


def spans_stored_twice(connection: duckdb.DuckDBPyConnection) -> int:
    """How many keys several rows have."""
    [(twice,)] = connection.execute(
        "SELECT count(*) FROM (SELECT 1 FROM span GROUP BY trace_id, span_id HAVING count(*) > 1)"
    ).fetchall()
    return int(twice)
