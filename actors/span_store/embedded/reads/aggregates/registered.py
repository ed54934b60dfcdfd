"""Arrow tables in and out of the statements of one cursor."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import duckdb
import pyarrow as pa


@contextmanager
def registered(cursor: duckdb.DuckDBPyConnection, name: str, table: pa.Table) -> Iterator[None]:
    """``table`` has the name for the length of the block."""
    cursor.register(name, table)
    try:
        yield
    finally:
        cursor.unregister(name)


def arrow_of(cursor: duckdb.DuckDBPyConnection, query: str, parameters: Sequence[object]) -> pa.Table:
    """What a query finds. A cursor that has executed it would copy the rows once more."""
    table: pa.Table = cursor.sql(query, params=list(parameters)).to_arrow_table()
    return table
