"""The SQLite file that actors share: each has its own connection and migrates its own tables."""

import asyncio
import errno
import os
import sqlite3
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

import aiosqlite
import attrs
import structlog

from actors.errors import InvalidRequest, Unavailable
from actors.folders import make_folder
from actors.runtime.actor import StartRefused

log = structlog.get_logger(__name__)

# Seconds to wait for another connection's write before the answer is Unavailable: while a file is opened, and later.
_OPEN_TIMEOUT = 5.0
_WRITE_TIMEOUT = 1.0
_BUSY_PAUSE = 0.01  # seconds between two tries where SQLite does not wait itself
_NOT_AVAILABLE = "The account database is not available"
_HELD_BY_ANOTHER = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)  # primary result codes: the low byte


class DataFileRefused(StartRefused):
    """The file is of a later version of the studio, damaged, or not ours. The text is one line for the operator."""


@attrs.frozen(kw_only=True)
class Migration:
    """One file ``NNNN_name.sql``: statements that lead from schema number - 1 to number."""

    number: int
    name: str
    script: str


@attrs.frozen(kw_only=True)
class Component:
    """A set of tables with its own numbering. Its SQL is in the folder ``migrations`` of ``package``."""

    name: str
    package: str

    def migrations(self) -> list[Migration]:
        """All known migrations, by number. Numbers start at 1 and have no gaps."""
        files = (resources.files(self.package) / "migrations").iterdir()
        scripts = sorted((file for file in files if file.name.endswith(".sql")), key=lambda file: file.name)
        return [
            Migration(number=int(file.name[:4]), name=file.name.removesuffix(".sql"), script=file.read_text("utf-8"))
            for file in scripts
        ]


class Transaction:
    """The statements of one open transaction."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection

    async def rows(self, sql: str, *parameters: Any) -> list[sqlite3.Row]:  # noqa: ANN401 - what SQLite stores
        """Run one statement; returns its rows, or those of its RETURNING clause."""
        return list(await self._connection.execute_fetchall(sql, parameters))

    async def many(self, sql: str, parameters: Iterable[Sequence[Any]]) -> None:
        """Run one statement for each set of parameters."""
        async with self._connection.executemany(sql, parameters):
            pass


class Database:
    """One connection. A fault of the file or its disk is raised as ``Unavailable``, and logged."""

    def __init__(self, connection: aiosqlite.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path
        self._turn = asyncio.Lock()  # statements of two transactions must not mix on one connection
        self._failing: set[str] = set()  # "read" and "change", where the latest one met a fault
        self._held_at = -1.0  # when another connection was last found to hold the file, by the loop's clock

    @classmethod
    async def open(cls, path: Path, *components: Component) -> "Database":
        """Open the file, making it (mode 0600) and its folders where needed, and apply missing migrations.

        Raises ``DataFileRefused``, or ``Unavailable`` when another program holds the file for long. A commit is durable
        when it returns (``synchronous=FULL``), and readers never wait for a writer (WAL).
        """
        try:
            _make(path)
            connection = await aiosqlite.connect(path, timeout=_OPEN_TIMEOUT, isolation_level=None)
        except (OSError, sqlite3.Error) as fault:
            raise _refusal(path, fault) from fault
        database = cls(connection, path)
        try:
            await database._prepare(components)
        except BaseException:
            await database.close()
            raise
        return database

    @property
    def is_well(self) -> bool:
        """Whether the latest read and the latest change met no fault of the file or its disk."""
        return not self._failing

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Open a write transaction: committed at the end of the block, rolled back when it raises or is cancelled.

        Nothing else runs between the commit and the statement after the block, so what a caller then does in memory
        happens in the order of the commits.
        """
        async with self._turn_to_write():
            with self._faults_as_answers("change"):
                try:
                    await self._connection.execute_fetchall("BEGIN IMMEDIATE")
                    yield Transaction(self._connection)
                    await self._connection.commit()
                except BaseException:
                    await self._connection.rollback()
                    raise

    @asynccontextmanager
    async def _turn_to_write(self) -> AsyncIterator[None]:
        """Wait for the turn to write.

        A caller that waited while another program was found to hold the file does not wait for it once more.
        """
        asked = asyncio.get_running_loop().time()
        async with self._turn:
            if asked < self._held_at:
                raise Unavailable(_NOT_AVAILABLE)
            yield

    async def rows(self, sql: str, *parameters: Any) -> list[sqlite3.Row]:  # noqa: ANN401 - what SQLite stores
        """Run one SELECT, outside any transaction."""
        async with self._turn:
            with self._faults_as_answers("read"):
                return list(await self._connection.execute_fetchall(sql, parameters))

    async def version(self) -> int:
        """A number that changes when other connections have committed.

        It says nothing about the file's health, because SQLite reads it from shared memory.
        """
        async with self._turn:
            try:
                [row] = await self._connection.execute_fetchall("PRAGMA data_version")
            except sqlite3.DatabaseError as fault:
                raise Unavailable(_NOT_AVAILABLE) from fault
            return int(row[0])

    async def close(self) -> None:
        """Close the connection after the statements that were begun."""
        await self._connection.close()

    async def _prepare(self, components: Iterable[Component]) -> None:
        self._connection.row_factory = sqlite3.Row
        try:
            await self._use_wal()
            for pragma in ("synchronous = FULL", "foreign_keys = ON"):
                await self.rows(f"PRAGMA {pragma}")
            for component in components:
                await self._migrate(component)
            await self.rows(f"PRAGMA busy_timeout = {round(_WRITE_TIMEOUT * 1000)}")
        except Unavailable as unavailable:
            fault = unavailable.__cause__
            if isinstance(fault, sqlite3.Error) and fault.sqlite_errorcode & 0xFF in _HELD_BY_ANOTHER:
                raise
            raise _refusal(self._path, fault) from fault

    async def _use_wal(self) -> None:
        """Switch to WAL. SQLite's own timeout does not cover connections that switch the same new file at once."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + _OPEN_TIMEOUT
        with self._faults_as_answers("change"):
            while True:
                try:
                    await self._connection.execute_fetchall("PRAGMA journal_mode = WAL")
                except sqlite3.OperationalError as fault:
                    if fault.sqlite_errorcode & 0xFF not in _HELD_BY_ANOTHER or clock() > deadline:
                        raise
                else:
                    return
                await asyncio.sleep(_BUSY_PAUSE)

    async def _migrate(self, component: Component) -> None:
        known = component.migrations()
        async with self.transaction() as transaction:
            await transaction.rows(
                "CREATE TABLE IF NOT EXISTS schema_migrations ("
                "component TEXT NOT NULL, number INTEGER NOT NULL, name TEXT NOT NULL, "
                "applied_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP, PRIMARY KEY (component, number)) STRICT"
            )
            [row] = await transaction.rows(
                "SELECT coalesce(max(number), 0) FROM schema_migrations WHERE component = ?", component.name
            )
            if row[0] > len(known):
                raise DataFileRefused(
                    f"{self._path} was written by a newer version of the studio: its {component.name} tables have "
                    f"schema {row[0]}, this version knows {len(known)}. Run the newer version, or restore a backup."
                )
            for migration in known[row[0] :]:
                await _apply(transaction, component, migration)

    @contextmanager
    def _faults_as_answers(self, work: str) -> Iterator[None]:
        try:
            yield
            self._failing.discard(work)
        except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
            raise  # mistakes in our SQL, not faults of the file
        except UnicodeEncodeError as fault:
            raise InvalidRequest("Text must be valid Unicode") from fault  # JSON may carry half of a surrogate pair
        except sqlite3.DatabaseError as fault:
            self._failing.add(work)
            log.warning("sqlite fault", path=str(self._path), fault=str(fault))
            if getattr(fault, "sqlite_errorcode", 0) & 0xFF in _HELD_BY_ANOTHER:  # Python's own faults have no code
                self._held_at = asyncio.get_running_loop().time()
            raise Unavailable(_NOT_AVAILABLE) from fault


def copy_committed(path: Path, new: Path) -> None:
    """Copy what all connections to the file have committed into a new file. Blocks; ``sqlite3.Error``."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("VACUUM INTO ?", (str(new),))


def _make(path: Path) -> None:
    """Make the file, for its owner alone, unless it is there. Raises ``OSError`` when it cannot be written.

    A file that is there is not opened. To close it again would take from this process all locks on it (POSIX), those
    that SQLite holds for another connection too; then the next program that leaves would take itself for the last, and
    remove the write-ahead log that is still in use here.
    """
    make_folder(path.parent)
    file = Path(os.path.realpath(path))  # of links in a circle too, which Path.resolve refuses in its own words
    try:
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        if file.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR)) from None
        if not os.access(file, os.R_OK | os.W_OK):
            code = errno.EROFS if os.statvfs(file).f_flag & os.ST_RDONLY else errno.EACCES
            raise OSError(code, os.strerror(code)) from None


def _refusal(path: Path, fault: BaseException | None) -> DataFileRefused:
    reason = fault.strerror if isinstance(fault, OSError) else fault
    return DataFileRefused(f"{path} cannot be used as the account database: {reason}")


async def _apply(transaction: Transaction, component: Component, migration: Migration) -> None:
    for statement in _statements(migration.script):
        await transaction.rows(statement)
    await transaction.rows(
        "INSERT INTO schema_migrations (component, number, name) VALUES (?, ?, ?)",
        component.name,
        migration.number,
        migration.name,
    )


def _statements(script: str) -> Iterator[str]:
    """Split a script into statements. ``executescript`` would do, but it commits, and a migration is all or nothing."""
    pending = ""
    for piece in script.split(";"):
        pending += piece + ";"
        if sqlite3.complete_statement(pending):
            if pending.strip(" \n;"):
                yield pending
            pending = ""
