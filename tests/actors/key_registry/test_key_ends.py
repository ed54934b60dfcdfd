"""Expiry of keys, and the memory of ended ones."""

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from actors.errors import InvalidRequest
from actors.key_registry.messages import HasKeyEnded, KeyRevoked, KeyState, ListKeys, RevokeKey, VerifyKey
from tests.actors.key_registry.keys import ADA, ANN, all_keys, issue, registry
from tests.actors.stage import HandClock, rows, staged

pytestmark = [pytest.mark.integration, pytest.mark.security]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "junjo.db"


async def test_a_key_works_until_it_expires_and_is_listed_then(path: Path) -> None:
    clock = HandClock()
    end = clock() + timedelta(hours=1, microseconds=7)
    async with staged(registry(path, clock)) as stage:
        issued, other = await issue(stage.bus, expires_at=end), await issue(stage.bus)
        clock.now = end - timedelta(microseconds=1)
        assert await stage.bus.ask(VerifyKey(secret=issued.secret)) == issued.key
        assert not await stage.bus.ask(HasKeyEnded(secret=issued.secret))
        clock.now = end
        assert await stage.bus.ask(VerifyKey(secret=issued.secret)) is None
        assert await stage.bus.ask(HasKeyEnded(secret=issued.secret))
        assert await stage.bus.ask(VerifyKey(secret=other.secret)) == other.key
        listed = await all_keys(stage.bus)
        assert (listed[issued.key.id].state, listed[issued.key.id].expires_at) == (KeyState.EXPIRED, end)
        assert (listed[other.key.id].state, listed[other.key.id].expires_at) == (KeyState.LIVE, None)
    async with staged(registry(path, clock)) as stage:
        assert await all_keys(stage.bus) == listed
        assert await stage.bus.ask(VerifyKey(secret=issued.secret)) is None
        assert await stage.bus.ask(HasKeyEnded(secret=issued.secret))


async def test_an_end_is_told_once(path: Path) -> None:
    clock = HandClock()
    async with staged(registry(path, clock)) as stage:
        issued = await issue(stage.bus, expires_at=clock() + timedelta(hours=1))
        revoked = await issue(stage.bus)
        clock.move(hours=1)
        assert await stage.bus.ask(VerifyKey(secret=issued.secret)) is None  # which the actor's own work hears of
        assert await stage.events.get() == KeyRevoked(id=issued.key.id)
        assert await stage.bus.ask(VerifyKey(secret=issued.secret)) is None
        await stage.bus.ask(RevokeKey(id=revoked.key.id, by=ANN))
        assert await stage.events.get() == KeyRevoked(id=revoked.key.id)
        assert stage.events.empty()


async def test_an_end_that_nobody_meets_is_told_too(path: Path) -> None:
    clock = HandClock()
    async with staged(registry(path, clock)) as stage:
        issued = await issue(stage.bus, expires_at=clock() + timedelta(hours=1))
        clock.move(hours=1)
        await issue(
            stage.bus, expires_at=clock() + timedelta(hours=1)
        )  # one that ends makes the actor look at the time
        assert await stage.events.get() == KeyRevoked(id=issued.key.id)


@pytest.mark.parametrize("ago", [timedelta(0), timedelta(days=400)])
async def test_no_key_is_made_that_has_expired(path: Path, ago: timedelta) -> None:
    clock = HandClock()
    async with staged(registry(path, clock)) as stage:
        with pytest.raises(InvalidRequest) as refused:
            await issue(stage.bus, expires_at=clock() - ago)
        (problem,) = refused.value.problems
        assert (problem.type, problem.location) == ("datetime_future", ("body", "expires_at"))
        assert await stage.bus.ask(ListKeys(by=ADA)) == ()


async def test_a_revoked_key_has_ended_and_an_unknown_one_has_not(path: Path) -> None:
    async with staged(registry(path)) as stage:
        issued, live = await issue(stage.bus), await issue(stage.bus)
        await stage.bus.ask(RevokeKey(id=issued.key.id, by=ANN))
    async with staged(registry(path)) as stage:
        assert await stage.bus.ask(HasKeyEnded(secret=issued.secret))
        for secret in (live.secret, "x" * 64, "", "é" * 64, "x" * 10_000_000, issued.secret.swapcase()):
            assert not await stage.bus.ask(HasKeyEnded(secret=secret))


async def test_an_expired_key_can_be_revoked(path: Path) -> None:
    clock = HandClock()
    async with staged(registry(path, clock)) as stage:
        issued = await issue(stage.bus, expires_at=clock() + timedelta(hours=1))
        clock.move(hours=2)
        await stage.bus.ask(RevokeKey(id=issued.key.id, by=ANN))
        assert await stage.bus.ask(ListKeys(by=ANN)) == ()
        assert await stage.bus.ask(HasKeyEnded(secret=issued.secret))


async def test_the_newest_ten_thousand_ends_are_remembered(path: Path) -> None:
    async with staged(registry(path)) as stage:
        oldest = await issue(stage.bus)
        await stage.bus.ask(RevokeKey(id=oldest.key.id, by=ANN))
    with closing(sqlite3.connect(path)) as file, file:
        file.executemany(
            "INSERT INTO ended_keys (digest, ended_at) VALUES (?, 0)",
            [(number.to_bytes(32, "big"),) for number in range(9_999)],
        )
    async with staged(registry(path)) as stage:
        assert await stage.bus.ask(HasKeyEnded(secret=oldest.secret))
        newest = await issue(stage.bus)
        await stage.bus.ask(RevokeKey(id=newest.key.id, by=ANN))
        assert await stage.bus.ask(HasKeyEnded(secret=newest.secret))
        assert not await stage.bus.ask(HasKeyEnded(secret=oldest.secret))
    async with staged(registry(path)) as stage:
        assert await stage.bus.ask(HasKeyEnded(secret=newest.secret))
        assert not await stage.bus.ask(HasKeyEnded(secret=oldest.secret))
    assert rows(path, "SELECT count(*) FROM ended_keys") == [(10_000,)]
