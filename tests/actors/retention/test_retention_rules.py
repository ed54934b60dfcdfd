"""The rule which spans are kept: set, recorded, fixed by the environment, and there after a start."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import timedelta
from pathlib import Path

import pytest

from actors.errors import Conflict, InvalidRequest
from actors.principal import Principal
from actors.retention.actor import RetentionActor
from actors.retention.messages import CountingRule, GetRetention, SetRetention
from actors.runtime.bus import Bus
from actors.runtime.supervisor import Supervisor
from actors.span_store.actor import SpanStoreActor
from actors.span_store.asked.retention import RetentionRule
from actors.span_store.embedded.lifetime import CurrentRetention, Limits, Retention
from tests.embedded_store import embedded_store

pytestmark = pytest.mark.integration

ADA = Principal(user_id="ada", email="ada@example.com")
NOTHING = RetentionRule()
WEEK = RetentionRule(age=timedelta(days=7))


@asynccontextmanager
async def running(
    folder: Path, fixed: RetentionRule = NOTHING, retention: CurrentRetention | None = None
) -> AsyncIterator[Bus]:
    bus = Bus()
    supervisor = Supervisor(bus)
    accounts, limits = folder / "junjo.db", Limits(retention=retention or CurrentRetention())
    supervisor.add(
        SpanStoreActor, lambda bus: embedded_store(bus, folder / "traces.duckdb", accounts=accounts, limits=limits)
    )
    supervisor.add(RetentionActor, lambda bus: RetentionActor.running(bus, accounts, fixed=fixed))
    await supervisor.start()
    try:
        yield bus
    finally:
        await supervisor.stop()


async def test_a_rule_counts_at_once_is_recorded_and_there_after_a_start(tmp_path: Path) -> None:
    retention = CurrentRetention()
    async with running(tmp_path, retention=retention) as bus:
        assert await bus.ask(GetRetention()) == CountingRule(rule=NOTHING, fixed=NOTHING)
        assert (await bus.ask(SetRetention(rule=WEEK, by=ADA))).rule == WEEK
        assert retention.now == Retention(age=WEEK.age)
    retention = CurrentRetention()
    async with running(tmp_path, retention=retention) as bus:
        assert (await bus.ask(GetRetention())).rule == WEEK
        assert retention.now == Retention(age=WEEK.age)
        await bus.ask(SetRetention(rule=NOTHING, by=ADA))
        assert retention.now == Retention()
    with closing(sqlite3.connect(tmp_path / "junjo.db")) as database:
        entries = database.execute(
            "SELECT action, resource_type, user_email, details FROM audit_trail ORDER BY id"
        ).fetchall()
    assert [entry[:3] for entry in entries] == [("update", "retention", "ada@example.com")] * 2
    assert "604800" in entries[0][3]


@pytest.mark.parametrize(
    "rule",
    [
        RetentionRule(age=timedelta(minutes=59)),
        RetentionRule(age=timedelta(days=40_000)),
        RetentionRule(size=999_999),
        RetentionRule(size=10**16),
    ],
)
async def test_a_rule_that_would_delete_what_just_came_is_refused(tmp_path: Path, rule: RetentionRule) -> None:
    async with running(tmp_path) as bus:
        with pytest.raises(InvalidRequest):
            await bus.ask(SetRetention(rule=rule, by=ADA))
        assert (await bus.ask(GetRetention())).rule == NOTHING


async def test_what_the_environment_sets_is_changed_there(tmp_path: Path) -> None:
    """The other part can be set, and what was set before the environment said anything counts again after it."""
    async with running(tmp_path) as bus:
        await bus.ask(SetRetention(rule=WEEK, by=ADA))
    month = timedelta(days=30)
    async with running(tmp_path, RetentionRule(age=month)) as bus:
        with pytest.raises(Conflict, match="JUNJO_RETENTION_DAYS"):
            await bus.ask(SetRetention(rule=WEEK, by=ADA))
        kept = await bus.ask(SetRetention(rule=RetentionRule(age=month, size=10**9), by=ADA))
        assert kept == CountingRule(rule=RetentionRule(age=month, size=10**9), fixed=RetentionRule(age=month))
    async with running(tmp_path, RetentionRule(size=10**10)) as bus:
        with pytest.raises(Conflict, match="JUNJO_RETENTION_GB"):
            await bus.ask(SetRetention(rule=RetentionRule(age=month, size=1), by=ADA))
        assert (await bus.ask(GetRetention())).rule == RetentionRule(age=timedelta(days=7), size=10**10)
