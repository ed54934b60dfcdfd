"""Ownership of keys, and what members may not do."""

from datetime import timedelta
from pathlib import Path

import pytest

from actors.errors import Forbidden, NotFound
from actors.key_registry.messages import ListKeys, RevokeKey, RotateKey, VerifyKey
from actors.principal import SYSTEM, Principal, Scope
from tests.actors.key_registry.keys import ADA, ANN, BEN, BOTH, issue, registry
from tests.actors.stage import rows, staged

pytestmark = [pytest.mark.integration, pytest.mark.security]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "junjo.db"


async def test_members_see_their_own_keys_and_admins_all(path: Path) -> None:
    async with staged(registry(path)) as stage:
        anns, bens, adas = [(await issue(stage.bus, by=by)).key for by in (ANN, BEN, ADA)]
        seen: dict[str, tuple[object, ...]] = {
            by.email: await stage.bus.ask(ListKeys(by=by)) for by in (ANN, BEN, ADA, SYSTEM)
        }
    assert seen == {
        "ann@example.com": (anns,),
        "ben@example.com": (bens,),
        "ada@example.com": (adas, bens, anns),
        "system@internal": (adas, bens, anns),
    }


async def test_a_member_changes_no_others_key(path: Path) -> None:
    async with staged(registry(path)) as stage:
        issued = await issue(stage.bus, by=ANN)
        for change in (
            RevokeKey(id=issued.key.id, by=BEN),
            RotateKey(id=issued.key.id, overlap=timedelta(days=1), by=BEN),
        ):
            with pytest.raises(Forbidden, match=r"^This needs an admin$"):
                await stage.bus.ask(change)
        for unknown in (RevokeKey(id="zzz", by=BEN), RotateKey(id="zzz", overlap=timedelta(0), by=BEN)):
            with pytest.raises(NotFound, match=r"^API key not found$"):
                await stage.bus.ask(unknown)
        assert await stage.bus.ask(VerifyKey(secret=issued.secret)) == issued.key
        assert await stage.bus.ask(ListKeys(by=BEN)) == ()
        await stage.bus.ask(RevokeKey(id=issued.key.id, by=ADA))
        assert await stage.bus.ask(VerifyKey(secret=issued.secret)) is None
    assert rows(path, "SELECT action, user_email FROM audit_trail ORDER BY id") == [
        ("create", "ann@example.com"),
        ("delete", "ada@example.com"),
    ]


@pytest.mark.parametrize("by", [ADA, SYSTEM])
async def test_an_admin_gives_every_scope(path: Path, by: Principal) -> None:
    async with staged(registry(path)) as stage:
        assert (await issue(stage.bus, scopes=frozenset(Scope), by=by)).key.scopes == frozenset(Scope)


async def test_a_member_gives_every_scope_but_backup(path: Path) -> None:
    async with staged(registry(path)) as stage:
        others = frozenset(Scope) - {Scope.BACKUP}
        assert (await issue(stage.bus, scopes=others, by=ANN)).key.scopes == others
        with pytest.raises(Forbidden, match=r"^This needs an admin$"):
            await issue(stage.bus, scopes=BOTH | {Scope.BACKUP}, by=ANN)
        assert len(await stage.bus.ask(ListKeys(by=ANN))) == 1
