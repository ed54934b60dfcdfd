"""Another program, such as ``studio user reset-password``, changes the file while the studio runs."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from actors import sqlite
from actors.errors import Throttled, Unauthenticated, Unavailable
from actors.principal import Role
from actors.session import actor
from actors.session.accounts import Accounts as SessionAccounts
from actors.session.cookies import CookieSeal
from actors.session.lifetime import SessionLifetime
from actors.session.messages import SessionsEnded, SignedIn
from actors.session.throttle import ThrottlePolicy
from actors.sqlite import Component, Database
from tests.actors.session.conftest import COOKIE_KEY, SECRET, Accounts, Start
from tests.actors.stage import HandClock, locked, rows

pytestmark = pytest.mark.integration


@pytest.fixture
async def watching(start: Start, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Accounts]:
    """It looks as often as it can."""
    monkeypatch.setattr(actor, "_GLANCE", 0.001)
    async with start() as running:
        yield running


async def ended(accounts: Accounts) -> set[str]:
    event = await accounts.events.get()
    assert isinstance(event, SessionsEnded)
    return set(event.session_ids)


async def test_sessions_that_are_deleted_end(watching: Accounts, path: Path) -> None:
    first, second = await watching.first(), await watching.sign_in()
    rows(path, "DELETE FROM sessions WHERE id = ?", first.session.id)
    assert await ended(watching) == {first.session.id}
    assert await watching.check(first.cookie) is None
    assert await watching.check(second.cookie) is not None


async def test_they_end_within_two_seconds(accounts: Accounts, path: Path) -> None:
    first = await accounts.first()
    rows(path, "DELETE FROM sessions")
    async with asyncio.timeout(2):
        assert await ended(accounts) == {first.session.id}


@pytest.mark.parametrize(
    "change", ["DELETE FROM users WHERE email LIKE 'bob%'", "UPDATE users SET is_active = position = 1"]
)
async def test_sessions_of_users_who_are_no_more_end(watching: Accounts, path: Path, change: str) -> None:
    first = await watching.first()
    bob = await watching.create("bob@example.com", first.session)
    bobs = {(await watching.sign_in(bob.email)).session.id for _ in range(2)}
    rows(path, change)
    assert await ended(watching) == bobs
    assert await watching.check(first.cookie) is not None


async def test_roles_and_addresses_are_taken_over(watching: Accounts, path: Path) -> None:
    first, second = await watching.first(), await watching.sign_in()
    assert await watching.check(first.cookie) is not None  # the answer to this use is kept for a second
    rows(path, "UPDATE users SET role = 'member', email = 'new@example.com'")
    rows(path, "DELETE FROM sessions WHERE id = ?", second.session.id)
    await ended(watching)
    checked = await watching.check(first.cookie)
    assert checked is not None
    assert checked.session.user.role is Role.MEMBER
    assert checked.session.principal.email == "new@example.com"


async def test_failures_that_are_deleted_are_forgotten(watching: Accounts, path: Path) -> None:
    first = await watching.first()
    while not isinstance(await watching.failure(), Throttled):
        pass
    rows(path, "DELETE FROM sign_in_failures")
    rows(path, "DELETE FROM sessions WHERE id = ?", first.session.id)
    await ended(watching)
    while isinstance(failure := await watching.failure(), Throttled):
        pass  # they are compared just after the sessions
    assert isinstance(failure, Unauthenticated)
    assert rows(path, "SELECT failures FROM sign_in_failures") == [(1,)]


@pytest.mark.concurrency
async def test_what_begins_meanwhile_is_left_alone(watching: Accounts, path: Path) -> None:
    """Sessions, users and failures come and go here while somebody else keeps the file changing."""
    first = await watching.first()
    rows(path, "CREATE TABLE elsewhere (n INTEGER)")

    async def disturb() -> None:
        for _ in range(5):
            await asyncio.to_thread(rows, path, "INSERT INTO elsewhere VALUES (1)")

    signed_in: list[SignedIn] = []
    for number in range(10):
        bob = await watching.create(f"bob{number}@example.com", first.session)
        begun = [watching.sign_in(email) for email in (bob.email, "ann@example.com", bob.email)]
        failing = watching.failure("ghost@example.com")
        opened, failed, _ = await asyncio.gather(asyncio.gather(*begun), failing, disturb())
        assert isinstance(failed, Unauthenticated)
        signed_in += opened
    assert None not in [await watching.check(each.cookie) for each in signed_in]
    assert watching.events.empty()
    assert rows(path, "SELECT failures FROM sign_in_failures") == [(10,)]


@pytest.mark.error_recovery
async def test_failures_that_could_not_be_written_are_not_taken_for_deleted_ones(
    start: Start, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actor, "_GLANCE", 0.001)
    monkeypatch.setattr(sqlite, "_WRITE_TIMEOUT", 0.05)
    async with start() as accounts:
        first = await accounts.first()
        with locked(path):
            for _ in range(11):
                assert isinstance(await accounts.failure(), Unavailable)
        rows(path, "DELETE FROM sessions")
        assert await ended(accounts) == {first.session.id}
        await accounts.create("bob@example.com", first.session)  # its turn is after that of the comparison
        assert isinstance(await accounts.failure(), Throttled)


async def test_only_the_commits_of_others_are_another_version(tmp_path: Path) -> None:
    nothing = Component(name="session", package="actors.session")
    ours, others = [await Database.open(tmp_path / "junjo.db", nothing) for _ in range(2)]
    version = await ours.version()
    async with ours.transaction() as transaction:
        await transaction.rows("DELETE FROM users")
        await transaction.rows("INSERT INTO sign_in_failures VALUES (x'00', 1, 1)")
    assert await ours.version() == version
    async with others.transaction() as transaction:
        await transaction.rows("DELETE FROM sign_in_failures")
    assert await ours.version() != version
    with pytest.raises(Unavailable):
        await ours.rows("SELECT * FROM nothing")
    await ours.version()
    assert not ours.is_well  # it has not been read since
    await ours.close()
    await others.close()


async def test_a_file_that_nobody_has_changed_is_not_read(path: Path, clock: HandClock) -> None:
    database = await SessionAccounts.open_database(path)
    accounts = SessionAccounts(
        database,
        seal=CookieSeal(COOKIE_KEY, SECRET),
        session_secret=SECRET,
        lifetime=SessionLifetime(),
        policy=ThrottlePolicy(),
        clock=clock,
    )
    await accounts.load()
    statements: list[str] = []
    await database._connection.set_trace_callback(statements.append)
    for _ in range(3):
        await accounts.follow()
    assert statements == ["PRAGMA data_version"] * 3
    rows(path, "DELETE FROM sessions WHERE id = 'x'")  # writes nothing
    await accounts.follow()
    assert statements == ["PRAGMA data_version"] * 4
    rows(path, "INSERT INTO sign_in_failures VALUES (x'00', 1, 1)")
    await accounts.follow()
    assert statements[4:] == [
        "PRAGMA data_version",
        "SELECT * FROM users WHERE is_active",
        "SELECT id FROM sessions",
        "SELECT account FROM sign_in_failures",
    ]
    await accounts.close()
