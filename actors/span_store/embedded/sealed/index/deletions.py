"""Deletions that were begun, until none of their spans is stored any more."""

import attrs
import duckdb


@attrs.frozen
class DeletionRow:
    """Spans to delete: those with a value in a column, among the ones that were numbered before ``before_seq``."""

    column: str
    value: str
    before_seq: int


def record_deletion(connection: duckdb.DuckDBPyConnection, row: DeletionRow) -> None:
    connection.execute("INSERT INTO deletion VALUES (?, ?, ?)", [row.column, row.value, row.before_seq])


def recorded_deletions(connection: duckdb.DuckDBPyConnection) -> list[DeletionRow]:
    """Each once, the earliest bound first."""
    rows = connection.execute(
        "SELECT DISTINCT attribute, value, before_seq FROM deletion ORDER BY before_seq"
    ).fetchall()
    return [DeletionRow(*row) for row in rows]


def strike_out(connection: duckdb.DuckDBPyConnection, row: DeletionRow) -> None:
    """Forget it, and the earlier ones of the same spans."""
    connection.execute(
        "DELETE FROM deletion WHERE attribute = ? AND value = ? AND before_seq <= ?",
        [row.column, row.value, row.before_seq],
    )
