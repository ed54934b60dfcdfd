"""Rotation: a key is replaced by another one, and works beside it for a while."""

import asyncio
from datetime import timedelta
from pathlib import Path

import attrs
import pytest

from actors.errors import Conflict, Forbidden
from actors.key_registry.messages import (
    HasKeyEnded,
    IssuedKey,
    KeyRevoked,
    KeyState,
    RevokeKey,
    RotateKey,
    VerifyKey,
    WithdrawScope,
)
from actors.principal import Scope
from actors.runtime.bus import Bus
from tests.actors.key_registry.keys import ADA, ANN, BOTH, all_keys, issue, registry
from tests.actors.stage import HandClock, rows, staged

pytestmark = pytest.mark.integration

DAY = timedelta(days=1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "junjo.db"


async def rotate(bus: Bus, issued: IssuedKey, overlap: timedelta = DAY) -> IssuedKey:
    return await bus.ask(RotateKey(id=issued.key.id, overlap=overlap, by=ANN))


async def works(bus: Bus, issued: IssuedKey) -> bool:
    return await bus.ask(VerifyKey(secret=issued.secret)) is not None


async def test_the_new_key_is_like_the_old_one_which_ends_after_the_overlap(path: Path) -> None:
    clock = HandClock()
    end = clock() + 30 * DAY
    async with staged(registry(path, clock)) as stage:
        old = await issue(stage.bus, "agents", frozenset({Scope.READ, Scope.PLAY}), expires_at=end)
        clock.move(days=1)
        new = await rotate(stage.bus, old)
        assert new.secret != old.secret
        assert new.key == attrs.evolve(
            old.key,
            id=new.key.id,
            masked=f"{new.secret[:6]}…{new.secret[-4:]}",
            created_at=clock().replace(microsecond=0),
        )
        listed = await all_keys(stage.bus)
        assert list(listed) == [new.key.id, old.key.id]
        assert listed[old.key.id].expires_at == clock() + DAY
        assert [await works(stage.bus, each) for each in (old, new)] == [True, True]
    async with staged(registry(path, clock)) as stage:
        clock.move(days=1)
        assert [await works(stage.bus, each) for each in (old, new)] == [False, True]
        assert await stage.bus.ask(HasKeyEnded(secret=old.secret))
        clock.now = end
        assert not await works(stage.bus, new)


async def test_an_earlier_end_stays_earlier(path: Path) -> None:
    clock = HandClock()
    end = clock() + DAY / 2
    async with staged(registry(path, clock)) as stage:
        old = await issue(stage.bus, expires_at=end)
        new = await rotate(stage.bus, old)
        assert {key.expires_at for key in (await all_keys(stage.bus)).values()} == {end}
        assert new.key.expires_at == end


async def test_without_an_overlap_the_old_one_ends_at_once(path: Path) -> None:
    async with staged(registry(path)) as stage:
        old = await issue(stage.bus)
        new = await rotate(stage.bus, old, timedelta(0))
        assert [await works(stage.bus, each) for each in (old, new)] == [False, True]
        assert (await all_keys(stage.bus))[old.key.id].state is KeyState.EXPIRED
        assert await stage.events.get() == KeyRevoked(id=old.key.id)


@pytest.mark.concurrency
async def test_a_key_is_rotated_once(path: Path) -> None:
    """The second new key would end with the old one, and whoever asked would not know."""
    async with staged(registry(path)) as stage:
        old = await issue(stage.bus)
        answers = await asyncio.gather(*(rotate(stage.bus, old) for _ in range(5)), return_exceptions=True)
        new = [answer for answer in answers if isinstance(answer, IssuedKey)]
        assert [type(answer) for answer in answers].count(Conflict) == 4
        assert len(await all_keys(stage.bus)) == 2
    async with staged(registry(path)) as stage:
        with pytest.raises(Conflict, match=r"^This API key was rotated before: rotate the one that replaced it$"):
            await rotate(stage.bus, old)
        assert await works(stage.bus, await rotate(stage.bus, new[0]))


async def test_an_expired_key_is_not_rotated(path: Path) -> None:
    clock = HandClock()
    async with staged(registry(path, clock)) as stage:
        old = await issue(stage.bus, expires_at=clock() + DAY)
        clock.move(days=1)
        with pytest.raises(Conflict, match=r"^This API key has expired: make a new one$"):
            await rotate(stage.bus, old)
        assert len(await all_keys(stage.bus)) == 1


@pytest.mark.security
async def test_an_admin_rotates_anybodys_key_and_the_owner_keeps_it(path: Path) -> None:
    async with staged(registry(path)) as stage:
        old = await issue(stage.bus, by=ANN)
        new = await stage.bus.ask(RotateKey(id=old.key.id, overlap=DAY, by=ADA))
        assert new.key.owner.id == "u1"


@pytest.mark.security
async def test_who_is_no_admin_any_more_does_not_get_backup_by_rotation(path: Path) -> None:
    was_admin = attrs.evolve(ANN, role=ADA.role)
    async with staged(registry(path)) as stage:
        old = await issue(stage.bus, scopes=BOTH | {Scope.BACKUP}, by=was_admin)
        with pytest.raises(Forbidden):
            await rotate(stage.bus, old)
        await stage.bus.ask(WithdrawScope(user_id="u1", scope=Scope.BACKUP, by=ADA))
        assert (await rotate(stage.bus, old)).key.scopes == BOTH


async def test_a_rotation_is_audited_with_both_keys(path: Path) -> None:
    clock = HandClock()
    async with staged(registry(path, clock)) as stage:
        old = await issue(stage.bus, "agents")
        new = await rotate(stage.bus, old)
        await stage.bus.ask(RevokeKey(id=old.key.id, by=ANN))
    common = '{"name":"agents","scopes":["ingest","read"]'
    ends = f'"expires_at":"{(clock() + DAY).isoformat()}"'
    assert rows(path, "SELECT action, resource_id, details FROM audit_trail ORDER BY rowid") == [
        ("create", old.key.id, common + "}"),
        ("create", new.key.id, f'{common},"rotated_from":"{old.key.id}"}}'),
        ("update", old.key.id, f'{common},{ends},"rotated_to":"{new.key.id}"}}'),
        ("delete", old.key.id, f"{common},{ends}}}"),
    ]
