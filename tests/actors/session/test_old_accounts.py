"""Accounts files of before there were roles, and of versions to come."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from actors.audit import AUDIT
from actors.principal import Role
from actors.runtime.supervisor import ActorGaveUp
from actors.session.accounts import ACCOUNTS
from actors.session.cookies import CookieSeal
from actors.session.messages import ChangeRole, ListPeople
from tests.actors.session.conftest import COOKIE_KEY, SECRET, Start
from tests.actors.stage import HandClock, rows

pytestmark = pytest.mark.integration

# As the first version made them: its migrations 0001 of the accounts and of the trail, and what it noted of them.
FIRST_VERSION = """
CREATE TABLE schema_migrations (
  component TEXT NOT NULL, number INTEGER NOT NULL, name TEXT NOT NULL,
  applied_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP, PRIMARY KEY (component, number)
) STRICT;
CREATE TABLE users (
  position INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  email TEXT NOT NULL UNIQUE,
  password_hash TEXT NOT NULL,
  is_active INTEGER NOT NULL DEFAULT 1,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;
CREATE TABLE sessions (
  id TEXT PRIMARY KEY,
  digest BLOB NOT NULL UNIQUE,
  user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  authenticated_at INTEGER NOT NULL,
  last_seen_at INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_user_id ON sessions (user_id);
CREATE TABLE sign_in_failures (
  account BLOB PRIMARY KEY,
  failures INTEGER NOT NULL,
  last_failed_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE audit_trail (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at INTEGER NOT NULL,
  action TEXT NOT NULL,
  resource_type TEXT NOT NULL,
  resource_id TEXT,
  user_email TEXT NOT NULL,
  user_id TEXT NOT NULL,
  session_id TEXT,
  details TEXT NOT NULL
) STRICT;
CREATE INDEX audit_trail_at ON audit_trail (at);
INSERT INTO schema_migrations (component, number, name)
VALUES ('audit', 1, '0001_audit_trail'), ('session', 1, '0001_accounts');
INSERT INTO users (id, email, password_hash, is_active, created_at, updated_at)
VALUES ('ann', 'ann@example.com', '$2b$04$', 1, 1700000000, 1700000000),
  ('bob', 'bob@example.com', '$2b$04$', 1, 1700000001, 1700000001);
"""
SEAL = CookieSeal(COOKIE_KEY, SECRET)


@pytest.fixture
def cookie(path: Path, clock: HandClock) -> str:
    """The cookie of a session of Ann's in a file of the first version."""
    cookie, digest = SEAL.new_cookie()
    now = int(clock().timestamp())
    with closing(sqlite3.connect(path)) as database, database:
        database.executescript(FIRST_VERSION)
        database.execute("INSERT INTO sessions VALUES ('s1', ?, 'ann', ?, ?)", (digest, now, now))
    return cookie


async def test_users_of_before_are_admins_and_stay_signed_in(start: Start, cookie: str, clock: HandClock) -> None:
    async with start() as accounts:
        checked = await accounts.check(cookie)
        assert checked is not None
        assert (checked.session.user.id, checked.session.principal.role) == ("ann", Role.ADMIN)
        people = await accounts.bus.ask(ListPeople())
        assert [person.user.role for person in people] == [Role.ADMIN, Role.ADMIN]
        assert [person.last_sign_in_at for person in people] == [None, None]
        by = checked.session.principal
        demoted = await accounts.bus.ask(ChangeRole(user_id="bob", role=Role.MEMBER, by=by))
        assert demoted.user.role is Role.MEMBER


def test_the_first_version_made_what_this_test_takes_for_its_file(path: Path, cookie: str, tmp_path: Path) -> None:
    migrated = tmp_path / "by migrations"
    with closing(sqlite3.connect(migrated)) as database, database:
        for component in (AUDIT, ACCOUNTS):
            database.executescript(component.migrations()[0].script)
    tables = "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name"
    of_today = {name: columns_of(migrated, name) for name, _ in rows(migrated, tables)}
    assert {name: columns_of(path, name) for name in of_today} == of_today


def columns_of(path: Path, table: str) -> list[tuple[Any, ...]]:
    return rows(path, "SELECT * FROM pragma_table_xinfo(?)", table)


async def test_a_file_of_a_newer_version_is_refused_in_one_line(path: Path, start: Start) -> None:
    async with start() as accounts:
        await accounts.first()
    rows(path, "INSERT INTO schema_migrations (component, number, name) VALUES ('session', 99, 'later')")
    with pytest.raises(ActorGaveUp) as refusal:
        async with start():
            raise AssertionError("it started")
    assert str(refusal.value) == (
        f"{path} was written by a newer version of the studio: its session tables have schema 99, this version knows "
        f"{len(ACCOUNTS.migrations())}. Run the newer version, or restore a backup."
    )
