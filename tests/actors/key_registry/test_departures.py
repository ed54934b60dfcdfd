"""Keys of users who are deleted or demoted."""

import json
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest

from actors import sqlite
from actors.errors import Unavailable
from actors.key_registry.messages import (
    ApiKey,
    HandOverKeys,
    HasKeyEnded,
    IssuedKey,
    KeyOwner,
    KeyRevoked,
    ListKeys,
    ScopesWithdrawn,
    VerifyKey,
    WithdrawScope,
)
from actors.principal import SYSTEM, Principal, Scope
from actors.runtime.bus import Bus
from tests.actors.key_registry.keys import ADA, ANN, BEN, BOTH, all_keys, issue, registry
from tests.actors.stage import HandClock, rows, staged

pytestmark = [pytest.mark.integration, pytest.mark.security]

INGEST = frozenset({Scope.INGEST})
HAND_OVER = HandOverKeys(user_id="u1", by=ADA)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "junjo.db"


async def verified(bus: Bus, issued: IssuedKey) -> ApiKey | None:
    return await bus.ask(VerifyKey(secret=issued.secret))


def audited(path: Path, action: str) -> list[dict[str, Any]]:
    found = rows(path, "SELECT user_email, resource_id, details FROM audit_trail WHERE action = ? ORDER BY id", action)
    return [{"by": by, "id": key_id, **json.loads(details)} for by, key_id, details in found]


async def test_what_sends_spans_passes_on_and_all_else_ends(path: Path) -> None:
    async with staged(registry(path)) as stage:
        sending = await issue(stage.bus, "sends", BOTH | {Scope.PLAY})
        reading = await issue(stage.bus, "reads", frozenset({Scope.READ}))
        others = await issue(stage.bus, "of another", by=BEN)
        changed = await stage.bus.ask(HAND_OVER)
        now_adas = attrs.evolve(sending.key, scopes=INGEST, owner=KeyOwner(id="u0", email="ada@example.com"))
        assert changed == (now_adas, attrs.evolve(reading.key, scopes=frozenset()))
        assert [await stage.events.get(), await stage.events.get()] == [
            KeyRevoked(id=reading.key.id),
            ScopesWithdrawn(id=sending.key.id, left=INGEST),
        ]
        assert await stage.bus.ask(ListKeys(by=ANN)) == ()
        listed = await all_keys(stage.bus)
        assert listed == {others.key.id: others.key, sending.key.id: now_adas}
        assert [await verified(stage.bus, each) for each in (sending, reading, others)] == [now_adas, None, others.key]
        assert await stage.bus.ask(HasKeyEnded(secret=reading.secret))
        assert await stage.bus.ask(HAND_OVER) == ()
    async with staged(registry(path)) as stage:
        assert [attrs.evolve(key, last_used_at=None) for key in await stage.bus.ask(ListKeys(by=SYSTEM))] == [
            others.key,
            now_adas,
        ]
        assert [await verified(stage.bus, each) for each in (sending, reading, others)] == [now_adas, None, others.key]
        assert await stage.bus.ask(HasKeyEnded(secret=reading.secret))
    whom = {"from": "ann@example.com", "from_id": "u1"}
    assert audited(path, "update") == [
        {"by": "ada@example.com", "id": sending.key.id, "name": "sends", "scopes": ["ingest"]}
        | whom
        | {"to": "ada@example.com", "to_id": "u0"}
    ]
    assert audited(path, "delete") == [
        {"by": "ada@example.com", "id": reading.key.id, "name": "reads", "scopes": ["read"]} | whom
    ]


@pytest.mark.parametrize("by", [SYSTEM, ANN], ids=["on the command line", "by themselves"])
async def test_the_system_takes_over_where_nobody_else_stays(path: Path, by: Principal) -> None:
    async with staged(registry(path)) as stage:
        issued = await issue(stage.bus)
        await stage.bus.ask(HandOverKeys(user_id="u1", by=by))
        (key,) = await stage.bus.ask(ListKeys(by=ADA))
        assert (key.owner.id, key.owner.email) == ("system", "system@internal")
        assert await stage.bus.ask(ListKeys(by=ANN)) == ()
        assert await verified(stage.bus, issued) == key


async def test_expired_keys_are_nobodys(path: Path) -> None:
    clock = HandClock()
    async with staged(registry(path, clock)) as stage:
        issued = await issue(stage.bus, expires_at=clock() + timedelta(hours=1))
        clock.move(hours=1)
        assert [key.id for key in await stage.bus.ask(HAND_OVER)] == [issued.key.id]
        assert await all_keys(stage.bus) == {}


async def test_a_scope_is_withdrawn_from_the_keys_that_have_it(path: Path) -> None:
    was_admin = attrs.evolve(ANN, role=ADA.role)
    backup = frozenset({Scope.BACKUP})
    async with staged(registry(path)) as stage:
        only, also, without = [
            await issue(stage.bus, scopes=scopes, by=was_admin) for scopes in (backup, backup | BOTH, BOTH)
        ]
        others = await issue(stage.bus, scopes=backup, by=ADA)
        withdraw = WithdrawScope(user_id="u1", scope=Scope.BACKUP, by=ADA)
        left = attrs.evolve(also.key, scopes=BOTH)
        assert await stage.bus.ask(withdraw) == (left, attrs.evolve(only.key, scopes=frozenset()))
        assert await stage.events.get() == KeyRevoked(id=only.key.id)
        keys = (only, also, without, others)
        assert [await verified(stage.bus, each) for each in keys] == [None, left, without.key, others.key]
        assert await stage.bus.ask(HasKeyEnded(secret=only.secret))
        assert await stage.bus.ask(withdraw) == ()
    async with staged(registry(path)) as stage:
        assert [await verified(stage.bus, each) for each in keys] == [None, left, without.key, others.key]
    assert [entry["withdrawn"] for action in ("update", "delete") for entry in audited(path, action)] == ["backup"] * 2


@pytest.mark.error_recovery
async def test_what_cannot_be_written_changes_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "_OPEN_TIMEOUT", 0.05)
    monkeypatch.setattr(sqlite, "_WRITE_TIMEOUT", 0.05)
    async with staged(registry(path)) as stage:
        sending, reading = await issue(stage.bus), await issue(stage.bus, scopes=frozenset({Scope.READ}))
        before = await all_keys(stage.bus)
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            for change in (HAND_OVER, WithdrawScope(user_id="u1", scope=Scope.READ, by=ADA)):
                with pytest.raises(Unavailable):
                    await stage.bus.ask(change)
        assert await all_keys(stage.bus) == before
        assert [await verified(stage.bus, each) for each in (sending, reading)] == [sending.key, reading.key]
        assert stage.events.empty()
