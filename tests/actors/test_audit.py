"""The audit trail."""

import json
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from actors.audit import AUDIT, Action, AuditEntry, Resource, audited
from actors.errors import Conflict
from actors.principal import Client, Principal
from actors.sqlite import Database
from tests.actors.stage import HandClock, rows

pytestmark = pytest.mark.integration

ANN = Principal(
    user_id="u1",
    email="ann@example.com",
    session_id="s1",
    key_id="k1",
    client=Client(address="192.0.2.1", request_id="r1", user_agent="a browser"),
)
ENTRY = AuditEntry(
    action=Action.DELETE, resource=Resource.USER, resource_id="{u2}", by=ANN, details={"email": "bob@example.com"}
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "junjo.db"


@pytest.fixture
async def database(path: Path) -> AsyncIterator[Database]:
    opened = await Database.open(path, AUDIT)
    yield opened
    await opened.close()


async def test_a_change_leaves_a_row_and_a_flat_line(path: Path, database: Database) -> None:
    clock = HandClock()
    with capture_logs() as lines:
        async with audited(database, clock()) as change:
            await change.record(ENTRY)
            assert lines == []  # not before it is true
    assert lines == [
        {
            "event": "AUDIT: DELETE user (id={u2})",
            "log_level": "info",
            "audit": True,
            "action": "delete",
            "resource_type": "user",
            "resource_id": "{u2}",
            "user_email": "ann@example.com",
            "user_id": "u1",
            "session_id": "s1",
            "key_id": "k1",
            "address": "192.0.2.1",
            "outcome": "ok",
            "details": {"email": "bob@example.com"},
        }
    ]
    [row] = rows(path, "SELECT * FROM audit_trail ORDER BY id")
    assert row[1:8] == (int(clock().timestamp()), "delete", "user", "{u2}", "ann@example.com", "u1", "s1")
    assert json.loads(row[8]) == {"email": "bob@example.com"}
    assert row[9:] == ("k1", "192.0.2.1", "r1", "ok")


async def test_a_trail_from_before_there_were_outcomes_keeps_what_it_knew(path: Path) -> None:
    first, *_ = AUDIT.migrations()
    with sqlite3.connect(path) as database:
        database.executescript(first.script)
        database.execute(
            "CREATE TABLE schema_migrations (component TEXT NOT NULL, number INTEGER NOT NULL, name TEXT NOT NULL, "
            "applied_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP, PRIMARY KEY (component, number)) STRICT"
        )
        database.execute(
            "INSERT INTO schema_migrations (component, number, name) VALUES ('audit', 1, ?)", (first.name,)
        )
        database.executemany(
            "INSERT INTO audit_trail (at, action, resource_type, user_email, user_id, details) "
            "VALUES (1, ?, 'session', 'a@example.com', 'u1', ?)",
            [("auth_sign_in", '{"address":"192.0.2.1"}'), ("auth_sign_in_failed", '{"address":"192.0.2.2"}')],
        )
    database.close()
    await (await Database.open(path, AUDIT)).close()
    assert rows(path, "SELECT outcome, address, key_id FROM audit_trail ORDER BY id") == [
        ("ok", "192.0.2.1", None),
        ("failed", "192.0.2.2", None),
    ]


async def test_a_change_that_did_not_happen_leaves_neither(path: Path, database: Database) -> None:
    with capture_logs() as lines, pytest.raises(Conflict):  # noqa: PT012 - the block is what is tested
        async with audited(database, HandClock()()) as change:
            await change.record(ENTRY)
            raise Conflict("Cannot delete the last user")
    assert lines == []
    assert rows(path, "SELECT * FROM audit_trail ORDER BY id") == []
