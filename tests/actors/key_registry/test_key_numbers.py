"""Limits on the number of a user's keys."""

from datetime import timedelta
from pathlib import Path

import pytest

from actors.errors import Conflict
from actors.key_registry import store
from actors.key_registry.messages import HandOverKeys, HasKeyEnded, KeyRevoked, RevokeKey, RotateKey
from tests.actors.key_registry.keys import ADA, ANN, BEN, all_keys, issue, registry
from tests.actors.stage import HandClock, rows, staged

pytestmark = [pytest.mark.integration, pytest.mark.security]

_FULL = r"^A user has at most 3 API keys: delete some$"


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    assert store._MOST_KEYS == 1000
    monkeypatch.setattr(store, "_MOST_KEYS", 3)
    return tmp_path / "junjo.db"


async def test_a_user_has_so_many_and_no_more(path: Path) -> None:
    async with staged(registry(path)) as stage:
        first, *_ = [await issue(stage.bus) for _ in range(3)]
        with pytest.raises(Conflict, match=_FULL):
            await issue(stage.bus)
        with pytest.raises(Conflict, match=_FULL):
            await stage.bus.ask(RotateKey(id=first.key.id, overlap=timedelta(0), by=ANN))
        await issue(stage.bus, by=BEN)
        await stage.bus.ask(RevokeKey(id=first.key.id, by=ANN))
        await issue(stage.bus)
        assert len(await all_keys(stage.bus)) == 4


async def test_expired_keys_make_way_the_oldest_first(path: Path) -> None:
    clock = HandClock()
    async with staged(registry(path, clock)) as stage:
        end = clock() + timedelta(hours=1)
        live = await issue(stage.bus)
        gone, stays = [await issue(stage.bus, expires_at=end) for _ in range(2)]
        clock.now = end
        new = await issue(stage.bus)
        assert list(await all_keys(stage.bus)) == [new.key.id, stays.key.id, live.key.id]
        assert await stage.bus.ask(HasKeyEnded(secret=gone.secret))
        told = [await stage.events.get(), await stage.events.get()]  # also of the one that is no more
        assert told == [KeyRevoked(id=gone.key.id), KeyRevoked(id=stays.key.id)]
    ((details,),) = rows(path, "SELECT details FROM audit_trail WHERE action = 'delete' ORDER BY id")
    assert f'"made_way_for":"{new.key.id}"' in details


async def test_what_is_handed_over_has_no_bound_and_what_is_made_then_has(path: Path) -> None:
    async with staged(registry(path)) as stage:
        for _ in range(3):
            await issue(stage.bus, by=ANN)
            await issue(stage.bus, by=ADA)
        assert len(await stage.bus.ask(HandOverKeys(user_id="u1", by=ADA))) == 3
        with pytest.raises(Conflict, match=_FULL):
            await issue(stage.bus, by=ADA)


async def test_names_have_a_bound_together(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_MOST_NAMES", 10)
    async with staged(registry(path)) as stage:
        await issue(stage.bus, "123456")
        with pytest.raises(Conflict, match=r"^The names of your API keys are too long together: delete some$"):
            await issue(stage.bus, "12345")
        await issue(stage.bus, "1234")
