"""AuditTrailActor: changed settings, bounded refusals, and a failing file."""

import json
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from actors.audit import Action, AuditEntry, Outcome, Resource
from actors.audit_trail.actor import AuditTrailActor, Setting
from actors.audit_trail.messages import ListAudit, RecordAudit, RecordRefusal, TrailEntry
from actors.audit_trail.refusals import MOST
from actors.errors import Unavailable
from actors.principal import Principal
from actors.runtime.bus import Bus
from actors.runtime.supervisor import Supervisor
from actors.span_store.actor import SpanStoreActor
from tests.embedded_store import embedded_store

pytestmark = pytest.mark.integration

PLAIN = (
    Setting(name="JUNJO_HOST", value="127.0.0.1", default="127.0.0.1"),
    Setting(name="JUNJO_RETENTION_DAYS", value="7"),
)


@asynccontextmanager
async def running(folder: Path, settings: Sequence[Setting] = (), **more: Any) -> AsyncIterator[Bus]:
    bus = Bus()
    supervisor = Supervisor(bus, backoff=0.001)
    path = folder / "junjo.db"
    supervisor.add(SpanStoreActor, lambda bus: embedded_store(bus, folder / "traces.duckdb", accounts=path))
    supervisor.add(AuditTrailActor, lambda bus: AuditTrailActor.running(bus, path, settings=settings, **more))
    await supervisor.start()
    try:
        yield bus
    finally:
        await supervisor.stop()


async def entries(bus: Bus) -> list[TrailEntry]:
    """Oldest first."""
    return list(reversed((await bus.ask(ListAudit())).entries))


async def changed_in(folder: Path, *settings: Setting) -> Any:
    """The changes that a start with these settings records, or ``None``."""
    async with running(folder) as bus:
        before = len(await entries(bus))
    async with running(folder, settings) as bus:
        new = (await entries(bus))[before:]
    assert len(new) <= 1
    for entry in new:
        assert (entry.action, entry.resource_type, entry.user_id) == ("update", "settings", "system")
    return json.loads(new[0].details) if new else None


async def test_a_start_records_what_changed_since_the_last(tmp_path: Path) -> None:
    assert await changed_in(tmp_path, *PLAIN) == {"JUNJO_RETENTION_DAYS": ["", "7"]}
    assert await changed_in(tmp_path, *PLAIN) is None
    other = Setting(name="JUNJO_HOST", value="0.0.0.0", default="127.0.0.1")
    assert await changed_in(tmp_path, other, PLAIN[1]) == {"JUNJO_HOST": ["127.0.0.1", "0.0.0.0"]}
    assert await changed_in(tmp_path, *PLAIN) == {"JUNJO_HOST": ["0.0.0.0", "127.0.0.1"]}
    new = Setting(name="JUNJO_NEW", value="1", default="1")
    assert await changed_in(tmp_path, *PLAIN, new) is None, "a setting that a new version brings along is no change"


@pytest.mark.security
async def test_of_secrets_it_is_told_that_they_changed(tmp_path: Path) -> None:
    def secret(digest: str) -> Setting:
        return Setting(name="JUNJO_SETUP_CODE", value=digest, secret=True)

    assert await changed_in(tmp_path, secret("k1:a")) is None
    assert await changed_in(tmp_path, secret("k1:b")) == {"JUNJO_SETUP_CODE": "changed"}
    assert await changed_in(tmp_path, secret("k2:c")) is None, "under another key nobody can tell"
    assert await changed_in(tmp_path, secret("k2:d")) == {"JUNJO_SETUP_CODE": "changed"}


@pytest.mark.error_recovery
async def test_while_another_program_holds_the_file_it_is_read_and_not_written(tmp_path: Path) -> None:
    holder = sqlite3.connect(tmp_path / "junjo.db", isolation_level=None)
    async with running(tmp_path) as bus:
        await bus.ask(RecordAudit(entry=refusal("ann")))
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable):
            await bus.ask(RecordAudit(entry=refusal("bob")))
        assert [entry.user_id for entry in await entries(bus)] == ["ann"]
        holder.close()
        await bus.ask(RecordAudit(entry=refusal("eve")))
        assert [entry.user_id for entry in await entries(bus)] == ["ann", "eve"]


def refusal(user: str, route: str = "GET /users") -> AuditEntry:
    return AuditEntry(
        action=Action.READ,
        resource=Resource.USER,
        resource_id=None,
        by=Principal(user_id=user, email=f"{user}@example.com", session_id="s"),
        outcome=Outcome.REFUSED,
        details={"route": route},
    )


class Steady:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.security
async def test_refusals_of_one_kind_are_recorded_once_a_minute(tmp_path: Path) -> None:
    steady = Steady()
    async with running(tmp_path, steady=steady) as bus:
        for _ in range(50):
            await bus.ask(RecordRefusal(entry=refusal("ann")))
        await bus.ask(RecordRefusal(entry=refusal("bob")))
        await bus.ask(RecordRefusal(entry=refusal("ann", "DELETE /users")))
        assert [(e.user_id, json.loads(e.details).get("not_recorded_before")) for e in await entries(bus)] == [
            ("ann", None),
            ("bob", "49"),
            ("ann", None),
        ]
        steady.now += 60
        assert await bus.ask(RecordRefusal(entry=refusal("ann")))
        assert not await bus.ask(RecordRefusal(entry=refusal("ann")))


@pytest.mark.security
@pytest.mark.error_recovery
async def test_a_refusal_that_could_not_be_recorded_is_counted_and_the_next_one_is_recorded(tmp_path: Path) -> None:
    holder = sqlite3.connect(tmp_path / "junjo.db", isolation_level=None)
    async with running(tmp_path) as bus:
        assert await bus.ask(RecordRefusal(entry=refusal("bob")))
        assert not await bus.ask(RecordRefusal(entry=refusal("bob")))
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable):
            await bus.ask(RecordRefusal(entry=refusal("ann")))
        holder.close()
        assert await bus.ask(RecordRefusal(entry=refusal("ann")))
        assert json.loads((await entries(bus))[-1].details)["not_recorded_before"] == "2"


@pytest.mark.security
async def test_refusals_of_any_number_of_kinds_are_few(tmp_path: Path) -> None:
    steady = Steady()
    async with running(tmp_path, steady=steady) as bus:
        for number in range(10 * MOST):
            await bus.ask(RecordRefusal(entry=refusal(f"user{number}")))
        assert len(await entries(bus)) == MOST
        steady.now += 60
        assert await bus.ask(RecordRefusal(entry=refusal("ann")))
        assert json.loads((await entries(bus))[-1].details)["not_recorded_before"] == str(9 * MOST)
