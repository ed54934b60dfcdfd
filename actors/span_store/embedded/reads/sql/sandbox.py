"""Where statements of users run: a DuckDB of its own, without files, settings, extensions and threads.

It is made for one statement and goes with it. What it may read is given to it as Arrow; what it holds is bounded. So
whatever a statement does to it, the index of spans does not know.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, NoReturn

import duckdb
import orjson
import pyarrow as pa
import structlog

from actors.errors import DeadlineExceeded, InternalError, TooLarge
from actors.span_store.asked.sql import SqlColumn
from actors.span_store.embedded.reads.sql.faults import column_of, fault
from actors.span_store.embedded.reads.sql.feed import TOO_LONG

log = structlog.get_logger(__name__)

MEMORY: Final = "192MB"
MOST_BYTES: Final = 32 * 1024 * 1024  # of an answer
_ROWS: Final = 128  # that come out at once: each may have megabytes
_CONFIG: Final[dict[str, str | bool | int | float | list[str]]] = {
    "memory_limit": MEMORY,
    "threads": 1,
    "temp_directory": "",
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "python_enable_replacements": False,
    "python_scan_all_frames": False,
    "errors_as_json": True,
}
_EXPLAIN: Final = "EXPLAIN "
_SETTINGS: Final = (
    "SET enable_external_access = false",  # behind the folder, which may not be set any more then
    "SET TimeZone = 'UTC'",
    "CREATE MACRO now() AS get_current_timestamp()::TIMESTAMP",  # DuckDB's own compares with no time of a view
)


@contextmanager
def opened() -> Iterator[duckdb.DuckDBPyConnection]:
    """An empty database in memory. Its settings stay as they are once ``lock`` is called."""
    connection = duckdb.connect(":memory:", config=_CONFIG)
    try:
        for statement in _SETTINGS:
            connection.execute(statement)
        yield connection
    finally:
        connection.close()


def fill(connection: duckdb.DuckDBPyConnection, rows: Mapping[str, object], views: Iterator[str]) -> None:
    """Give it what it may read, and lock it."""
    for name, source in rows.items():
        connection.register(name, source)
    for statement in views:
        connection.execute(statement)
    connection.execute("SET lock_configuration = true")


def run(
    connection: duckdb.DuckDBPyConnection, sql: str, plain: str, limit: int
) -> tuple[tuple[SqlColumn, ...], pa.Table]:
    """The first rows, one more than ``limit`` where there are more. Raises ``duckdb.Error`` and ``TooLarge``.

    ``plain`` is the same statement without what stands before and behind it: the limit is put around its text.
    """
    try:
        relation = connection.sql(sql)
    except duckdb.Error:
        _explain(connection, sql)
        raise
    columns = tuple(map(_column, relation.columns, relation.types))
    limited = connection.sql(plain) if ";" in sql else relation
    reader = limited.limit(limit + 1).to_arrow_reader(_ROWS)
    try:
        return columns, pa.Table.from_batches(_bounded(reader), reader.schema)
    finally:
        reader.close()


def _bounded(reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    size = 0
    for batch in reader:
        size += batch.nbytes
        if size > MOST_BYTES:
            raise TooLarge(f"The answer takes more than {MOST_BYTES >> 20} MB: ask for fewer rows or columns")
        yield batch


def _explain(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Fail once more, and say where the fault is."""
    try:
        connection.execute(f"{_EXPLAIN}{sql}")
    except duckdb.Error as error:
        said = _said(str(error))
        message, position = said.get("exception_message"), str(said.get("position"))
        if message and position.isdecimal():
            raise fault("sql_error", str(message), column_of(sql, int(position) - len(_EXPLAIN))) from None


def _column(name: str, type_: Any) -> SqlColumn:  # noqa: ANN401 - DuckDB's own
    return SqlColumn(name=name, type=str(type_))


def refuse(sql: str, error: duckdb.Error) -> NoReturn:
    """Say what DuckDB says, and where, to whoever wrote the statement."""
    if isinstance(error, duckdb.InterruptException):
        raise DeadlineExceeded(TOO_LONG) from None
    if isinstance(error, duckdb.OutOfMemoryException):
        raise TooLarge(f"The statement takes more than {MEMORY} of memory: narrow it down, or group it by less")
    if isinstance(error, duckdb.FatalException | duckdb.InternalException):
        log.error("a statement of SQL broke its sandbox", fault=str(error))
        raise InternalError("Internal Server Error")
    said = _said(str(error))
    message = str(said.get("exception_message") or "the statement cannot be run")
    raise fault("sql_error", message, column_of(sql, said.get("position")))


def _said(text: str) -> dict[str, Any]:
    """The error in members, as ``errors_as_json`` has it behind a word of the client."""
    begin = text.find("{")
    try:
        found = orjson.loads(text[begin:])
    except orjson.JSONDecodeError:
        return {"exception_message": text.partition("\n")[0]}
    return found if isinstance(found, dict) else {}
