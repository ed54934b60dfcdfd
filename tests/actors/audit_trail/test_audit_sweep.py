"""Retention of the audit trail: old entries go and no others, whatever clocks say."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from actors.audit import AUDIT, Action, AuditEntry, Outcome, Resource, audited, keep_failed_sign_ins
from actors.audit_trail.actor import AuditTrailActor
from actors.audit_trail.messages import ListAudit, RecordAudit
from actors.audit_trail.trail import AuditTrail
from actors.principal import SYSTEM
from actors.runtime.bus import Bus
from actors.runtime.supervisor import Supervisor
from actors.span_store.actor import SpanStoreActor
from actors.span_store.messages import GetTrustedTime
from actors.sqlite import Database
from tests.actors.stage import HandClock, rows
from tests.embedded_store import embedded_store

pytestmark = [pytest.mark.integration, pytest.mark.error_recovery]

NOW = datetime(2026, 11, 30, tzinfo=UTC)
YEAR = timedelta(days=365)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "junjo.db"


@pytest.fixture
async def trail(path: Path) -> AsyncIterator[AuditTrail]:
    opened = await AuditTrail.open(path, lambda: NOW)
    yield opened
    await opened.close()


def aged(path: Path, *days: float) -> None:
    """Entries that are so old, in the order of their recording."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany(
            "INSERT INTO audit_trail (at, action, resource_type, user_email, user_id, details) "
            "VALUES (?, 'read', 'export', 'a@example.com', 'a', '{}')",
            [(int((NOW - timedelta(days=each)).timestamp()),) for each in days],
        )


def left(path: Path) -> list[int]:
    return [row[0] for row in rows(path, "SELECT id FROM audit_trail ORDER BY id")]


async def test_entries_go_when_they_are_older(trail: AuditTrail, path: Path) -> None:
    aged(path, 500, 366, 365.001, 365, 364, 0)
    assert await trail.sweep(YEAR, NOW) == 3
    assert left(path) == [4, 5, 6]
    assert await trail.sweep(YEAR, NOW) == 0


async def test_many_go_in_several_transactions(trail: AuditTrail, path: Path) -> None:
    aged(path, *[400] * 1250, 1)
    assert await trail.sweep(YEAR, NOW) == 1250
    assert left(path) == [1251]


async def test_what_was_recorded_while_the_clock_was_behind_is_not_old(trail: AuditTrail, path: Path) -> None:
    """It came after entries that are young, so it is younger still."""
    aged(path, 400, 10, 20_000, 5)
    assert await trail.sweep(YEAR, NOW) == 1
    assert left(path) == [2, 3, 4]


async def test_what_was_recorded_while_the_clock_was_ahead_keeps_nothing_but_itself(
    trail: AuditTrail, path: Path
) -> None:
    aged(path, -4000, 500, -4000, 400, 10)
    assert await trail.sweep(YEAR, NOW) == 2
    assert left(path) == [1, 3, 5]


@pytest.mark.security
async def test_a_sweep_leaves_the_trail_closed(trail: AuditTrail, path: Path) -> None:
    aged(path, 400, 1, 400)
    await trail.sweep(YEAR, NOW)
    with pytest.raises(sqlite3.IntegrityError):
        rows(path, "DELETE FROM audit_trail WHERE id = 3")
    assert left(path) == [2, 3]


@pytest.mark.security
async def test_failed_sign_ins_are_kept_up_to_a_number_and_nothing_else_goes_for_them(
    trail: AuditTrail, path: Path
) -> None:
    failed = AuditEntry(action=Action.SIGN_IN_FAILED, resource=Resource.SESSION, resource_id=None, by=SYSTEM)
    other = AuditEntry(action=Action.SIGN_IN, resource=Resource.SESSION, resource_id=None, by=SYSTEM)
    for each in (failed, other, failed, other, failed):
        await trail.record(each)
    database = await Database.open(path, AUDIT)
    for most, kept in ((3, [1, 2, 3, 4, 5]), (2, [2, 3, 4, 5]), (0, [2, 4])):
        async with database.transaction() as transaction:
            await keep_failed_sign_ins(transaction, most)
        assert left(path) == kept
        with pytest.raises(sqlite3.IntegrityError):
            rows(path, "DELETE FROM audit_trail WHERE id = ?", kept[-1])
    await database.close()


async def test_who_was_deleted_is_known_after_the_entry_is_gone(trail: AuditTrail, path: Path) -> None:
    """An import must not bring a revoked key back, however long ago that was."""
    ended = AuditEntry(action=Action.DELETE, resource=Resource.API_KEY, resource_id="k", by=SYSTEM)
    refused = AuditEntry(
        action=Action.DELETE, resource=Resource.API_KEY, resource_id="l", by=SYSTEM, outcome=Outcome.REFUSED
    )
    for each in (ended, refused):
        await trail.record(each)
    assert await trail.sweep(YEAR, NOW + 2 * YEAR) == 2
    database = await Database.open(path, AUDIT)
    async with audited(database, NOW) as change:
        assert await change.has_deleted(Resource.API_KEY, "k")
        assert not await change.has_deleted(Resource.API_KEY, "l"), "what was refused has ended nothing"
        assert not await change.has_deleted(Resource.USER, "k")
    await database.close()


class Machine:
    """Its two clocks, both standing still until they are moved."""

    def __init__(self) -> None:
        self.wall = HandClock()
        self.passed = 0.0

    def steady(self) -> float:
        return self.passed

    def goes_on(self, seconds: float) -> None:
        self.passed += seconds
        self.wall.move(seconds=seconds)


@asynccontextmanager
async def running(folder: Path, machine: Machine) -> AsyncIterator[Bus]:
    """The store, which knows what time it is, and the trail, which sweeps all the time."""
    bus = Bus()
    supervisor = Supervisor(bus)
    supervisor.add(
        SpanStoreActor,
        lambda bus: embedded_store(
            bus, folder / "traces.duckdb", accounts=folder / "junjo.db", clock=machine.wall, steady=machine.steady
        ),
    )
    supervisor.add(
        AuditTrailActor,
        lambda bus: AuditTrailActor.running(bus, folder / "junjo.db", age=YEAR, interval=0.0, clock=machine.wall),
    )
    await supervisor.start()
    try:
        yield bus
    finally:
        await supervisor.stop()


async def test_a_clock_that_jumps_deletes_nothing(tmp_path: Path) -> None:
    machine = Machine()
    entry = AuditEntry(action=Action.READ, resource=Resource.EXPORT, resource_id=None, by=SYSTEM)
    async with running(tmp_path, machine) as bus:
        await bus.ask(RecordAudit(entry=entry))
        assert await bus.ask(GetTrustedTime()) == machine.wall.now
        machine.wall.move(days=500)
        assert await bus.ask(GetTrustedTime()) is None
        asked = bus.statistics.of(GetTrustedTime).asked
        async with asyncio.timeout(60):
            while bus.statistics.of(GetTrustedTime).asked < asked + 3:  # the sweep has come by and gone again
                assert len((await bus.ask(ListAudit())).entries) == 1
        machine.goes_on(3600)
        assert await bus.ask(GetTrustedTime()) == machine.wall.now
        async with asyncio.timeout(60):
            while (await bus.ask(ListAudit())).entries:
                pass


async def test_nothing_is_believed_while_the_store_is_not_open(tmp_path: Path) -> None:
    (tmp_path / "traces.duckdb").write_text("no database")
    async with running(tmp_path, Machine()) as bus:
        assert await bus.ask(GetTrustedTime()) is None
