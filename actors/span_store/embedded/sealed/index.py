"""The DuckDB index of sealed spans."""

import errno
import re
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import cast

import attrs
import duckdb
import pyarrow as pa
import structlog

from actors.runtime.actor import StartRefused
from actors.span_store.columns.attribute_column import positions
from actors.span_store.columns.conventions import VERSION
from actors.span_store.columns.rows import INDEX_COLUMNS
from actors.span_store.columns.spans import LOG
from actors.span_store.embedded.durable import DISK, Disk, written_at
from actors.span_store.embedded.sealed.segment_file import Encoded, write_segment
from actors.span_store.embedded.sealed.torn_block import mend_torn_block
from actors.span_store.embedded.sealed.torn_log import cut_torn_end, log_of
from actors.span_store.query.expression import Expression
from actors.span_store.query.sql import condition

log = structlog.get_logger(__name__)

# Moving the write-ahead log into the file. It runs beside the acknowledging of spans and never stops it.
_CHECKPOINT_AT = "24MB"
_MEMORY = "112MB"
_MIGRATING_MEMORY = "512MB"  # a table of millions of rows is written anew
# A statement stays in the thread that runs it. With a second one, putting a segment away took a fifth more of the
# processors and no less time, and reads have threads of their own.
_THREADS = 1
# Rows are packed together only where some were deleted: it holds sealing up for most of a second.
_TASKS, _MOST_TASKS = "max_vacuum_tasks", 100
_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "checkpoint_threshold": _CHECKPOINT_AT,
    "memory_limit": _MEMORY,
    "threads": _THREADS,
    "enable_external_access": False,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "preserve_insertion_order": False,
    _TASKS: 0,
}
_MOST_TORN = 8  # places of a file, each of which DuckDB finds when those before it are mended
_NEWER_DUCKDB = "created with a newer version of DuckDB"  # it has no error of its own for that
_NEWER = (
    "{path} was written by a newer version of the studio: it has {why}. Run the newer version, or restore a backup."
)
_TRACE_ID = re.compile(r"[0-9a-f]{32}")
_MIGRATIONS = Path(__file__).parent / "migrations"

_COLUMNS = ", ".join(INDEX_COLUMNS)
_INSERT_SPANS = f"INSERT INTO span (segment, position, {_COLUMNS}) SELECT ?, position, {_COLUMNS} FROM sealing"  # noqa: S608 - own names
_INSERT_SERVICES = f"""
    INSERT INTO segment_service SELECT ?, service_name, count(*) FILTER (kind <> {LOG}) FROM sealing GROUP BY 2
"""  # noqa: S608 - own number
# A trace that has nothing but log records has a part, too, by which they are found; the part has no spans.
_INSERT_TRACE_PARTS = f"""
    INSERT INTO trace_part BY NAME
    SELECT
        ? AS segment,
        trace_id,
        ('0x' || trace_id[17:32])::UBIGINT AS trace_number,
        coalesce(min(start_time_unix_nano) FILTER (kind <> {LOG}), min(start_time_unix_nano)) AS start_time_unix_nano,
        coalesce(max(end_time_unix_nano) FILTER (kind <> {LOG}), max(end_time_unix_nano)) AS end_time_unix_nano,
        count(*) FILTER (kind <> {LOG}) AS span_count,
        count(*) FILTER (status_code = 2 AND kind <> {LOG}) AS error_count,
        count(*) FILTER (type IN ('llm', 'embedding')) AS llm_count,
        CASE WHEN sum(input_tokens) < 1::HUGEINT << 63 THEN sum(input_tokens) END AS input_tokens, -- if it fits
        CASE WHEN sum(output_tokens) < 1::HUGEINT << 63 THEN sum(output_tokens) END AS output_tokens,
        sum(cost) AS cost,
        min(position) FILTER (parent_span_id IS NULL) AS first_root,
        max(position) FILTER (parent_span_id IS NULL) AS last_root,
        min(position) FILTER (parent_span_id IS NOT NULL) AS first_other,
        max(position) FILTER (parent_span_id IS NOT NULL) AS last_other,
        arg_min(span_id, start_time_unix_nano) FILTER (parent_span_id IS NULL) AS root_span_id,
        arg_min(name, start_time_unix_nano) FILTER (parent_span_id IS NULL) AS root_name,
        arg_min(service_name, start_time_unix_nano) FILTER (parent_span_id IS NULL) AS root_service_name,
        min(start_time_unix_nano) FILTER (parent_span_id IS NULL) AS root_start_time_unix_nano
    FROM sealing GROUP BY trace_id ORDER BY start_time_unix_nano
"""  # noqa: S608 - own number
_INSERT_SEGMENT = f"""
    INSERT INTO segment
    SELECT
        ?, ?, count(*), ?, min(seq), max(seq), min(start_time_unix_nano), max(start_time_unix_nano), ?, ?, {VERSION}
    FROM sealing
"""  # noqa: S608 - own number
_OUTDATED = "SELECT segment FROM segment WHERE conventions IS DISTINCT FROM ? ORDER BY first_seq DESC"
_INSERT_SEALED = "INSERT INTO sealed SELECT ?, ?, max(seq) FROM sealing"
# So that no number is given again. With the latest journal, which is recorded already: none may be taken for sealed
# because of this.
_INSERT_REMOVED = """
    INSERT INTO sealed
    SELECT (SELECT max(journal) FROM sealed), max(segment), max(last_seq)
    FROM segment WHERE segment IN (SELECT unnest(?::UINTEGER[])) HAVING count(*) > 0
"""


@attrs.frozen
class SealedUpTo:
    """The next numbers, none of which was ever given, for a segment, a span and a journal."""

    next_segment: int
    next_seq: int
    next_journal: int


def open_index(path: Path, disk: Disk = DISK) -> duckdb.DuckDBPyConnection:
    """Open or create the file and bring its schema up to date. ``StartRefused`` when it is of a newer version.

    Nothing outside this file can be reached from it: no extension is loaded and no other file is read.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() and not log_of(path).exists():
        _make(path, disk)
    try:
        connection = _connected(path, disk)
    except duckdb.IOException as fault:
        if _NEWER_DUCKDB in str(fault):
            raise StartRefused(_NEWER.format(path=path, why="another form of DuckDB's files")) from fault
        raise
    _migrate(connection, path)
    return connection


def _make(path: Path, disk: Disk) -> None:
    """Make an index that is whole before it has its name: one that a power cut left half made does not open."""
    folder = path.with_suffix(".new")
    disk.make_folder(folder)
    for unfinished in folder.iterdir():
        disk.unlink(unfinished)
    made = folder / path.name
    with duckdb.connect(made, config=_CONFIG) as connection:
        _migrate(connection, made)
        connection.execute("CHECKPOINT")
    disk.sync_file(made)
    disk.rename(made, path)
    disk.sync_folder(path.parent)
    shutil.rmtree(folder, ignore_errors=True)


def _connected(path: Path, disk: Disk) -> duckdb.DuckDBPyConnection:
    for _ in range(_MOST_TORN):
        try:
            return duckdb.connect(path, config=_CONFIG)
        except duckdb.Error as fault:
            if mend_torn_block(path, fault, disk):
                log.warning("a power cut has torn a checkpoint of the span index", fault=str(fault))
            elif cut_torn_end(path, fault, disk):
                log.warning("a power cut has torn the last change of the span index, which was not acknowledged")
            else:
                raise
    return duckdb.connect(path, config=_CONFIG)


def sealed_up_to(connection: duckdb.DuckDBPyConnection) -> SealedUpTo:
    [row] = connection.execute(
        """
        SELECT coalesce(max(segment) + 1, 0), coalesce(max(last_seq) + 1, 0), coalesce(max(journal) + 1, 0)
        FROM (SELECT segment, last_seq, journal FROM sealed UNION ALL SELECT segment, last_seq, NULL FROM segment)
        """
    ).fetchall()
    return SealedUpTo(*row)


def is_sealed(connection: duckdb.DuckDBPyConnection, journal: int, first_seq: int) -> bool:
    """Whether the spans of a journal are in the index. An earlier version recorded only how far all of them went."""
    rows = connection.execute(
        "SELECT 1 FROM sealed WHERE journal = ? OR journal IS NULL AND last_seq >= ?", [journal, first_seq]
    ).fetchall()
    return bool(rows)


def segment_files(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Name and size of each file that the index speaks of."""
    return dict(connection.execute("SELECT file, bytes FROM segment").fetchall())


def outdated_segments(connection: duckdb.DuckDBPyConnection) -> list[int]:
    """Segments whose promoted columns an earlier version of the conventions derived, the latest first."""
    rows = connection.execute(_OUTDATED, [VERSION]).fetchall()
    return [segment for (segment,) in rows]


def orphaned_segments(connection: duckdb.DuckDBPyConnection) -> list[int]:
    """Segments that have rows in the index without being known to it."""
    rows = connection.execute(
        """
        SELECT DISTINCT segment
        FROM (SELECT segment FROM span UNION SELECT segment FROM trace_part UNION SELECT segment FROM segment_service)
        WHERE segment NOT IN (SELECT segment FROM segment)
        """
    ).fetchall()
    return [segment for (segment,) in rows]


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


def condition_on_trace(trace: str | None) -> str:
    """A condition on ``segment``: it may have spans of the trace; of all segments without one."""
    return "true" if trace is None else in_segments_of([trace])


def demand_all(connection: duckdb.DuckDBPyConnection, segments: Sequence[int]) -> None:
    """``FileNotFoundError`` when the index has one of these segments no longer."""
    numbers = ", ".join(map(str, segments))
    [(count,)] = connection.execute(f"SELECT count(*) FROM segment WHERE segment IN ({numbers})").fetchall()  # noqa: S608 - own numbers
    if count != len(segments):
        raise FileNotFoundError(errno.ENOENT, "a segment was replaced meanwhile")


def trace_numbers(traces: Iterable[str]) -> str:
    """By which traces are looked up: the lower halves of those ids that are ids, for SQL."""
    return ", ".join(str(int(trace[16:], 16)) for trace in traces if _TRACE_ID.fullmatch(trace)) or "NULL"


def seal(
    connection: duckdb.DuckDBPyConnection,
    segment: int,
    folder: Path,
    new: Encoded,
    *,
    arrived_before: int,
    journal: int,
    disk: Disk = DISK,
) -> None:
    """Write a segment and make it part of the index, in one transaction that also says which journal is sealed now.

    Blocks; runs in the sealing thread.
    """
    with transaction(connection):
        add(connection, segment, folder, new, arrived_before=arrived_before, journal=journal, disk=disk)


def add(
    connection: duckdb.DuckDBPyConnection,
    segment: int,
    folder: Path,
    new: Encoded,
    *,
    arrived_before: int,
    journal: int | None = None,
    disk: Disk = DISK,
) -> None:
    """Write a segment and its rows in the index, inside a transaction of the caller's.

    ``arrived_before`` is the Unix nanosecond when all spans were there; ``journal`` the one that is sealed with it.
    """
    file = f"{segment:08d}.parquet"
    written = write_segment(folder / file, new.content, disk)
    rows = new.index_rows
    connection.register("sealing", rows.append_column("position", positions(rows.num_rows).cast(pa.uint32())))
    try:
        connection.execute(_INSERT_SPANS, [segment])
        connection.execute(_INSERT_SERVICES, [segment])
        connection.execute(_INSERT_TRACE_PARTS, [segment])
        connection.execute(_INSERT_SEGMENT, [segment, file, written.bytes, written.checksum, arrived_before])
        if journal is not None:
            connection.execute(_INSERT_SEALED, [journal, segment])
    finally:
        connection.unregister("sealing")


def arrived_before(connection: duckdb.DuckDBPyConnection, segments: Sequence[int]) -> int:
    """The Unix nanosecond when all spans of these segments were there."""
    [(latest,)] = connection.execute(
        """
        SELECT max(coalesce(arrived_before_unix_nano, ?)) FROM segment WHERE segment IN (SELECT unnest(?::UINTEGER[]))
        """,
        [time.time_ns(), list(segments)],
    ).fetchall()
    return cast("int", latest)


def record_arrival(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Let segments of earlier versions have arrived when their files were written."""
    files = connection.execute("SELECT segment, file FROM segment WHERE arrived_before_unix_nano IS NULL").fetchall()
    for segment, file in files:
        with suppress(OSError):  # a file that is missing is reported elsewhere
            connection.execute(
                "UPDATE segment SET arrived_before_unix_nano = ? WHERE segment = ?",
                [written_at(folder / file), segment],
            )


def remove(connection: duckdb.DuckDBPyConnection, segments: Sequence[int]) -> None:
    """Take segments out of the index, inside a transaction of the caller's. Their files stay."""
    connection.execute(_INSERT_REMOVED, [list(segments)])
    for table in ("span", "trace_part", "segment_service", "segment"):
        connection.execute(
            f"DELETE FROM {table} WHERE segment IN (SELECT unnest(?::UINTEGER[]))",  # noqa: S608 - own names
            [list(segments)],
        )


def give_space_back(connection: duckdb.DuckDBPyConnection) -> None:
    """After rows were deleted: let the file shrink. DuckDB gives blocks back at a checkpoint."""
    connection.execute(f"SET GLOBAL {_TASKS} = {_MOST_TASKS}")
    try:
        connection.execute("CHECKPOINT")
    finally:
        connection.execute(f"SET GLOBAL {_TASKS} = 0")


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Committed at the end of the block, undone when it raises. All that is read in it is of one moment."""
    connection.begin()
    try:
        yield
        connection.commit()
    except BaseException:
        _roll_back(connection)
        raise


def _roll_back(connection: duckdb.DuckDBPyConnection) -> None:
    try:
        connection.rollback()
    except duckdb.TransactionException:
        return  # DuckDB has ended the transaction itself


def _migrate(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    connection.execute("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)")
    [(present,)] = connection.execute("SELECT coalesce(max(version), 0) FROM schema_version").fetchall()
    migrations = sorted(_MIGRATIONS.glob("[0-9][0-9][0-9][0-9]_*.sql"))
    newest = int(migrations[-1].name[:4])
    if present > newest:
        connection.close()
        raise StartRefused(_NEWER.format(path=path, why=f"schema {present}, this version knows {newest}"))
    connection.execute(f"SET memory_limit = '{_MIGRATING_MEMORY}'")
    for migration in migrations[present:]:
        connection.begin()
        connection.execute(migration.read_text(encoding="utf-8"))
        connection.execute("INSERT INTO schema_version VALUES (?)", [int(migration.name[:4])])
        connection.commit()
    connection.execute(f"SET memory_limit = '{_MEMORY}'")
