"""The last use of a key."""

import asyncio
import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from actors import sqlite
from actors.key_registry import store
from actors.key_registry.messages import KeyRevoked, VerifyKey
from actors.runtime.bus import Bus
from tests.actors.key_registry.keys import all_keys, issue, registry
from tests.actors.stage import HandClock, Stage, rows, staged

pytestmark = pytest.mark.integration


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "junjo.db"


async def uses(bus: Bus) -> list[datetime | None]:
    """Oldest key first."""
    return [key.last_used_at for key in reversed((await all_keys(bus)).values())]


async def swept(stage: Stage, clock: HandClock) -> None:
    """Make the actor write what is due, as it does by itself every half minute."""
    ending = await issue(stage.bus, expires_at=clock() + timedelta(microseconds=1))
    clock.move(microseconds=1)
    await stage.bus.ask(VerifyKey(secret=ending.secret))
    assert await stage.events.get() == KeyRevoked(id=ending.key.id)
    await issue(stage.bus)  # which waits for the sweep that told of it


async def test_a_use_is_listed_at_once_and_kept_over_a_restart(path: Path) -> None:
    clock = HandClock()
    async with staged(registry(path, clock)) as stage:
        used, _ = await issue(stage.bus), await issue(stage.bus)
        for _ in range(2):
            clock.move(minutes=1)
            await stage.bus.ask(VerifyKey(secret=used.secret))
        await stage.bus.ask(VerifyKey(secret="x" * 64))
        assert await uses(stage.bus) == [clock(), None]
    async with staged(registry(path, clock)) as stage:
        assert await uses(stage.bus) == [clock(), None]


async def test_uses_are_written_while_the_studio_runs_and_not_with_each_of_them(path: Path) -> None:
    clock = HandClock()
    async with staged(registry(path, clock)) as stage:
        used = await issue(stage.bus)
        await stage.bus.ask(VerifyKey(secret=used.secret))
        assert rows(path, "SELECT last_used_at FROM api_keys") == [(None,)]
        microseconds = int(clock().timestamp() * 1_000_000)
        await swept(stage, clock)
        assert rows(path, "SELECT last_used_at FROM api_keys WHERE id = ?", used.key.id) == [(microseconds,)]


async def test_uses_are_written_when_the_time_has_come(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert timedelta(seconds=30) >= store._BETWEEN_SWEEPS
    monkeypatch.setattr(store, "_BETWEEN_SWEEPS", timedelta(milliseconds=1))
    monkeypatch.setattr(store, "_SOONEST_SWEEP", timedelta(milliseconds=1))
    async with staged(registry(path)) as stage:
        used = await issue(stage.bus)
        await stage.bus.ask(VerifyKey(secret=used.secret))
        async with asyncio.timeout(120):
            while rows(path, "SELECT last_used_at FROM api_keys") == [(None,)]:
                await uses(stage.bus)  # whatever else is going on


async def test_an_expired_key_is_not_used(path: Path) -> None:
    clock = HandClock()
    async with staged(registry(path, clock)) as stage:
        issued = await issue(stage.bus, expires_at=clock() + timedelta(hours=1))
        clock.move(hours=1)
        await stage.bus.ask(VerifyKey(secret=issued.secret))
        assert await uses(stage.bus) == [None]


@pytest.mark.error_recovery
async def test_uses_that_cannot_be_written_are_written_later(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "_WRITE_TIMEOUT", 0.05)
    clock = HandClock()
    async with staged(registry(path, clock)) as stage:
        ending = await issue(stage.bus, expires_at=clock() + timedelta(hours=1))
        used = await issue(stage.bus)
        await stage.bus.ask(VerifyKey(secret=used.secret))
        at = clock()
        clock.move(hours=1)
        with capture_logs() as lines, closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            await stage.bus.ask(VerifyKey(secret=ending.secret))
            assert await stage.events.get() == KeyRevoked(id=ending.key.id)  # whatever the disk does
            while not any(line["event"] == "last uses of API keys not written" for line in lines):
                assert await stage.bus.ask(VerifyKey(secret=ending.secret)) is None
                await all_keys(stage.bus)
            other.execute("ROLLBACK")
        assert await uses(stage.bus) == [None, at]
    async with staged(registry(path, clock)) as stage:
        assert await uses(stage.bus) == [None, at]
