"""Arrow tables under names, for statements of one cursor."""

from collections.abc import Iterator
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
