"""The index file: made, opened, mended after a power cut, brought to its schema, and kept small."""

import shutil
from pathlib import Path

import duckdb
import structlog

from actors.runtime.actor import StartRefused
from actors.span_store.embedded.durable import DISK, Disk
from actors.span_store.embedded.sealed.stale_log import drop_stale_log
from actors.span_store.embedded.sealed.torn_block import mend_torn_block
from actors.span_store.embedded.sealed.torn_log import cut_torn_end, log_of

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
_MIGRATIONS = Path(__file__).parents[1] / "migrations"


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


def checkpoint(connection: duckdb.DuckDBPyConnection) -> None:
    """Move DuckDB's log into the file, which is whole without it then."""
    connection.execute("CHECKPOINT")


def give_space_back(connection: duckdb.DuckDBPyConnection) -> None:
    """After rows were deleted: let the file shrink. DuckDB gives blocks back at a checkpoint."""
    connection.execute(f"SET GLOBAL {_TASKS} = {_MOST_TASKS}")
    try:
        checkpoint(connection)
    finally:
        connection.execute(f"SET GLOBAL {_TASKS} = 0")


def _make(path: Path, disk: Disk) -> None:
    """Make an index that is whole before it has its name: one that a power cut left half made does not open."""
    folder = path.with_suffix(".new")
    disk.make_folder(folder)
    for unfinished in folder.iterdir():
        disk.unlink(unfinished)
    made = folder / path.name
    with duckdb.connect(made, config=_CONFIG) as connection:
        _migrate(connection, made)
        checkpoint(connection)
    disk.sync_file(made)
    disk.rename(made, path)
    disk.sync_folder(path.parent)
    shutil.rmtree(folder, ignore_errors=True)


def _connected(path: Path, disk: Disk) -> duckdb.DuckDBPyConnection:
    for mended in range(_MOST_TORN):
        try:
            return duckdb.connect(path, config=_CONFIG)
        except duckdb.Error as fault:
            if mend_torn_block(path, fault, disk, is_original=not mended):
                log.warning("a power cut has torn a checkpoint of the span index", fault=str(fault))
            elif cut_torn_end(path, fault, disk):
                log.warning("a power cut has torn the last change of the span index, which was not acknowledged")
            elif drop_stale_log(path, fault, disk):
                log.warning("a power cut has brought back a log of the span index that is part of the file already")
            else:
                raise
    return duckdb.connect(path, config=_CONFIG)


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
