"""The audit trail."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from actors.audit import AUDIT, Action, AuditEntry, Resource, audited
from actors.errors import Conflict
from actors.principal import Principal
from actors.sqlite import Database
from tests.actors.stage import HandClock, rows

pytestmark = pytest.mark.integration

ANN = Principal(user_id="u1", email="ann@example.com", session_id="s1")
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
            "details": {"email": "bob@example.com"},
        }
    ]
    [row] = rows(path, "SELECT * FROM audit_trail")
    assert row[1:-1] == (int(clock().timestamp()), "delete", "user", "{u2}", "ann@example.com", "u1", "s1")
    assert json.loads(row[-1]) == {"email": "bob@example.com"}


async def test_a_change_that_did_not_happen_leaves_neither(path: Path, database: Database) -> None:
    with capture_logs() as lines, pytest.raises(Conflict):  # noqa: PT012 - the block is what is tested
        async with audited(database, HandClock()()) as change:
            await change.record(ENTRY)
            raise Conflict("Cannot delete the last user")
    assert lines == []
    assert rows(path, "SELECT * FROM audit_trail") == []
