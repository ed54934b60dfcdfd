"""The shared SQLite file: opening, migrating, transactions, faults."""

import asyncio
import sqlite3
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from actors import sqlite
from actors.audit import AUDIT
from actors.errors import InvalidRequest, NotFound, Unavailable
from actors.sqlite import Component, Database, DataFileRefused
from tests.actors.stage import rows

pytestmark = pytest.mark.integration


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new" / "folders" / "junjo.db"


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Component:
    """A component whose migrations the test writes."""
    (tmp_path / "shelf_tables" / "migrations").mkdir(parents=True)
    monkeypatch.syspath_prepend(str(tmp_path))
    return Component(name="shelf", package="shelf_tables")


@pytest.fixture
async def database(path: Path, shelf: Component, tmp_path: Path) -> AsyncIterator[Database]:
    write(tmp_path, "0001_books.sql", "CREATE TABLE books (title TEXT NOT NULL UNIQUE) STRICT;")
    opened = await Database.open(path, shelf)
    yield opened
    await opened.close()


def write(tmp_path: Path, name: str, script: str) -> None:
    (tmp_path / "shelf_tables" / "migrations" / name).write_text(script)


async def reopened(path: Path, *components: Component) -> None:
    await (await Database.open(path, *components)).close()


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another program holds the write lock."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def test_a_new_file_is_its_owners_alone(path: Path, database: Database) -> None:
    assert path.stat().st_mode & 0o777 == 0o600


async def test_a_commit_is_durable_and_references_are_kept(database: Database) -> None:
    values = [(await database.rows(f"PRAGMA {name}"))[0][0] for name in ("journal_mode", "synchronous", "foreign_keys")]
    assert values == ["wal", 2, 1]


WRITE_A_BOOK = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("INSERT INTO books VALUES ('Emma')")
connection.commit()
connection.close()
"""


@pytest.mark.error_recovery
async def test_a_program_that_leaves_takes_nothing_along_that_is_in_use(path: Path, database: Database) -> None:
    """It would, if it took itself for the last: if opening the file once more lost the locks of this process."""
    await reopened(path, AUDIT)
    other = await asyncio.create_subprocess_exec(sys.executable, "-c", WRITE_A_BOOK, path)
    assert await other.wait() == 0
    assert [row["title"] for row in await database.rows("SELECT title FROM books")] == ["Emma"]
    async with database.transaction() as transaction:
        await transaction.rows("INSERT INTO books VALUES ('Persuasion')")
    assert rows(path, "SELECT title FROM books") == [("Emma",), ("Persuasion",)]


@pytest.fixture
def link(path: Path, tmp_path: Path) -> Path:
    """A link to the file, which is not there yet."""
    path.parent.mkdir(parents=True)
    link = tmp_path / "link.db"
    link.symlink_to(path)
    return link


async def test_a_link_makes_the_file_that_it_leads_to(path: Path, link: Path) -> None:
    await reopened(link, AUDIT)
    assert (await asyncio.to_thread(path.stat)).st_mode & 0o777 == 0o600


@pytest.mark.error_recovery
async def test_links_in_a_circle_are_refused(path: Path, link: Path) -> None:
    await asyncio.to_thread(path.symlink_to, link)
    with pytest.raises(DataFileRefused, match="Too many levels of symbolic links"):
        await Database.open(link, AUDIT)


async def test_migrations_run_once_each_in_order(path: Path, shelf: Component, tmp_path: Path) -> None:
    write(tmp_path, "0001_books.sql", "-- a comment; with a semicolon\nCREATE TABLE books (title TEXT);")
    await reopened(path, shelf)
    write(tmp_path, "0002_notes.sql", "ALTER TABLE books ADD COLUMN note TEXT; CREATE INDEX notes ON books (note);")
    await reopened(path, shelf)
    await reopened(path, shelf)
    assert rows(path, "SELECT component, number, name FROM schema_migrations ORDER BY number") == [
        ("shelf", 1, "0001_books"),
        ("shelf", 2, "0002_notes"),
    ]


async def test_a_trigger_is_one_statement(path: Path, shelf: Component, tmp_path: Path) -> None:
    write(
        tmp_path,
        "0001_trigger.sql",
        "CREATE TABLE a (x INTEGER); CREATE TABLE b (x INTEGER);\n"
        "CREATE TRIGGER t AFTER INSERT ON a BEGIN INSERT INTO b VALUES (1); INSERT INTO b VALUES (2); END;",
    )
    await reopened(path, shelf)
    rows(path, "INSERT INTO a VALUES (0)")
    assert rows(path, "SELECT x FROM b") == [(1,), (2,)]


@pytest.mark.error_recovery
async def test_a_migration_that_fails_leaves_nothing(path: Path, shelf: Component, tmp_path: Path) -> None:
    write(tmp_path, "0001_books.sql", "CREATE TABLE books (title TEXT); CREATE TABLE books (title TEXT);")
    with pytest.raises(DataFileRefused, match="table books already exists"):
        await Database.open(path, shelf)
    assert rows(path, "SELECT name FROM sqlite_master") == []


async def test_a_file_of_a_newer_version_is_refused_in_one_line(path: Path) -> None:
    await reopened(path, AUDIT)
    rows(path, "INSERT INTO schema_migrations (component, number, name) VALUES ('audit', 7, '0007_later')")
    with pytest.raises(DataFileRefused) as refusal:
        await Database.open(path, AUDIT)
    assert str(refusal.value) == (
        f"{path} was written by a newer version of the studio: its audit tables have schema 7, this version knows "
        f"{len(AUDIT.migrations())}. Run the newer version, or restore a backup."
    )


@pytest.mark.error_recovery
async def test_a_file_that_is_no_database_is_refused_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database, but somebody's notes\n" * 100)
    before = path.read_bytes()
    with pytest.raises(DataFileRefused, match="file is not a database"):
        await Database.open(path, AUDIT)
    assert path.read_bytes() == before


@pytest.mark.error_recovery
async def test_tables_of_another_program_are_refused_and_kept(path: Path, shelf: Component, tmp_path: Path) -> None:
    write(tmp_path, "0001_books.sql", "CREATE TABLE books (title TEXT);")
    await reopened(path)
    rows(path, "CREATE TABLE books (isbn TEXT)")
    with pytest.raises(DataFileRefused, match="table books already exists"):
        await Database.open(path, shelf)
    assert rows(path, "SELECT name FROM sqlite_master") == [("books",)]


@pytest.mark.error_recovery
async def test_a_file_that_is_held_at_the_start_may_be_tried_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "_OPEN_TIMEOUT", 0.05)
    await reopened(path)
    with locked(path), pytest.raises(Unavailable):
        await Database.open(path, AUDIT)
    await reopened(path, AUDIT)


@pytest.mark.error_recovery
async def test_a_folder_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataFileRefused, match="Is a directory"):
        await Database.open(tmp_path, AUDIT)


@pytest.mark.concurrency
async def test_several_open_a_new_file_at_once(path: Path) -> None:
    for number in range(60):  # one in forty new files was locked
        new = path.with_name(f"{number}.db")
        opened = await asyncio.gather(*(Database.open(new, AUDIT) for _ in range(4)))
        for database in opened:
            await database.close()
        assert rows(new, "SELECT count(*) FROM schema_migrations") == [(len(AUDIT.migrations()),)]


async def test_a_transaction_that_raises_is_undone(path: Path, database: Database) -> None:
    with pytest.raises(NotFound):  # noqa: PT012 - the block is what is tested
        async with database.transaction() as transaction:
            await transaction.rows("INSERT INTO books VALUES ('Emma')")
            raise NotFound("no such author")
    assert rows(path, "SELECT * FROM books") == []


@pytest.mark.concurrency
async def test_a_transaction_that_is_cancelled_is_undone(path: Path, database: Database) -> None:
    inserted = asyncio.Event()

    async def linger() -> None:
        async with database.transaction() as transaction:
            await transaction.rows("INSERT INTO books VALUES ('Emma')")
            inserted.set()
            await asyncio.Event().wait()

    lingering = asyncio.create_task(linger())
    await inserted.wait()
    lingering.cancel()
    await asyncio.wait({lingering})
    async with database.transaction() as transaction:
        await transaction.rows("INSERT INTO books VALUES ('Persuasion')")
    assert rows(path, "SELECT * FROM books") == [("Persuasion",)]


@pytest.mark.concurrency
async def test_transactions_and_reads_take_turns(database: Database) -> None:
    async def add(title: str) -> int:
        async with database.transaction() as transaction:
            before = await transaction.rows("SELECT count(*) FROM books")
            await transaction.rows("INSERT INTO books VALUES (?)", title)
            after = await transaction.rows("SELECT count(*) FROM books")
            return int(after[0][0] - before[0][0])

    async def add_and_fail() -> None:
        with pytest.raises(NotFound):  # noqa: PT012 - the block is what is tested
            async with database.transaction() as transaction:
                await transaction.rows("INSERT INTO books VALUES ('never')")
                raise NotFound("undo it")

    async def read() -> list[str]:
        return [row[0] for row in await database.rows("SELECT title FROM books")]

    added = await asyncio.gather(*(add(str(number)) for number in range(20)))
    assert added == [1] * 20
    *_, seen = await asyncio.gather(add_and_fail(), read())
    assert "never" not in seen


@pytest.mark.error_recovery
async def test_a_locked_file_is_unavailable_until_it_is_free(
    path: Path, shelf: Component, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "_WRITE_TIMEOUT", 0.05)
    write(tmp_path, "0001_books.sql", "CREATE TABLE books (title TEXT);")
    database = await Database.open(path, shelf)
    with locked(path), pytest.raises(Unavailable):
        async with database.transaction():
            pytest.fail("the lock is held by another program")
    async with database.transaction() as transaction:
        await transaction.rows("INSERT INTO books VALUES ('Emma')")
    await database.close()
    assert rows(path, "SELECT * FROM books") == [("Emma",)]


@pytest.mark.error_recovery
@pytest.mark.concurrency
async def test_a_locked_file_is_waited_for_once_by_all_together(path: Path, database: Database) -> None:
    """Otherwise the last of many would wait many times as long."""

    async def add(title: str) -> None:
        async with database.transaction() as transaction:
            await transaction.rows("INSERT INTO books VALUES (?)", title)

    with locked(path), capture_logs() as logs:
        ends = await asyncio.gather(*(add(str(number)) for number in range(50)), return_exceptions=True)
        assert [type(end) for end in ends] == [Unavailable] * 50
        assert all(end.retry_after for end in ends if isinstance(end, Unavailable))
        assert await database.rows("SELECT * FROM books") == [], "readers never wait for writers"
    assert len([entry for entry in logs if entry["event"] == "sqlite fault"]) == 1
    await asyncio.gather(*(add(str(number)) for number in range(50)))
    assert len(rows(path, "SELECT * FROM books")) == 50


async def test_it_is_waited_for_shortly(database: Database) -> None:
    [[milliseconds]] = await database.rows("PRAGMA busy_timeout")
    assert milliseconds <= 1000


async def test_a_broken_rule_of_the_schema_is_a_mistake_of_ours(database: Database) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        async with database.transaction() as transaction:
            await transaction.many("INSERT INTO books VALUES (?)", [("Emma",), ("Emma",)])


async def test_half_a_surrogate_pair_is_a_fault_of_the_request(database: Database) -> None:
    with pytest.raises(InvalidRequest):
        await database.rows("SELECT * FROM books WHERE title = ?", "\ud800")
