"""Opens the DuckDB file: settings, schema, versions."""

from pathlib import Path

import duckdb

from actors.errors import Refused

# A commit appends to DuckDB's write-ahead log and is durable after one fdatasync. Moving the log into the file (a
# checkpoint) stops commits meanwhile, at about 20 microseconds a span, so it happens rarely.
_CHECKPOINT_AT = "256MB"
_MEMORY = "384MB"
_MIGRATIONS = Path(__file__).parent / "migrations"


def open_database(path: Path) -> duckdb.DuckDBPyConnection:
    """Open or create the file and bring its schema up to date.

    Nothing outside this file can be reached from it: no extension is loaded and no other file is read.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect(
        path,
        config={
            "checkpoint_threshold": _CHECKPOINT_AT,
            "memory_limit": _MEMORY,
            "threads": 2,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "preserve_insertion_order": False,
        },
    )
    _migrate(connection)
    return connection


def _migrate(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)")
    [(present,)] = connection.execute("SELECT coalesce(max(version), 0) FROM schema_version").fetchall()
    migrations = sorted(_MIGRATIONS.glob("[0-9][0-9][0-9][0-9]_*.sql"))
    newest = int(migrations[-1].name[:4])
    if present > newest:
        raise Refused(f"The span database has schema {present}; this version of the studio knows {newest} at most")
    for migration in migrations[present:]:
        connection.begin()
        connection.execute(migration.read_text(encoding="utf-8"))
        connection.execute("INSERT INTO schema_version VALUES (?)", [int(migration.name[:4])])
        connection.commit()
