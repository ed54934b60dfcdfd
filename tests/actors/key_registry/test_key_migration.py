"""Databases of studios before keys had owners, and of those after."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from actors.key_registry import secret as key_secret
from actors.key_registry.messages import ApiKey, HandOverKeys, KeyOwner, ListKeys, VerifyKey
from actors.principal import SYSTEM, Scope
from actors.runtime.supervisor import ActorGaveUp
from actors.sqlite import Component
from tests.actors.key_registry.keys import ADA, ANN, registry
from tests.actors.stage import rows, staged
from tests.source import PROJECT

pytestmark = pytest.mark.integration

SECRET = "aB3" * 21 + "z"
MIGRATIONS = PROJECT / "actors" / "key_registry" / "migrations"


def write_old(path: Path) -> None:
    """Write the file as the studio of the first schema left it."""
    with closing(sqlite3.connect(path)) as file, file:
        file.executescript((MIGRATIONS / "0001_api_keys.sql").read_text())
        file.execute(
            "CREATE TABLE schema_migrations (component TEXT NOT NULL, number INTEGER NOT NULL, name TEXT NOT NULL, "
            "applied_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP, PRIMARY KEY (component, number)) STRICT"
        )
        file.execute(
            "INSERT INTO schema_migrations (component, number, name) VALUES ('key_registry', 1, '0001_api_keys')"
        )
        file.execute(
            "INSERT INTO api_keys (id, name, digest, masked, scopes, created_at, created_by, created_by_id) "
            "VALUES ('k1', 'old', ?, 'aB3aB3…aB3z', 'ingest read', 1764000000, 'ann@example.com', 'u1')",
            (key_secret.digest(SECRET),),
        )


async def test_old_keys_belong_to_who_made_them_and_never_end(tmp_path: Path) -> None:
    path = tmp_path / "junjo.db"
    write_old(path)
    key = ApiKey(
        id="k1",
        name="old",
        masked="aB3aB3…aB3z",
        scopes=frozenset({Scope.INGEST, Scope.READ}),
        owner=KeyOwner(id="u1", email="ann@example.com"),
        created_at=datetime.fromtimestamp(1_764_000_000, UTC),
    )
    for _ in range(2):
        async with staged(registry(path)) as stage:
            assert await stage.bus.ask(ListKeys(by=ANN)) == (key,)
    async with staged(registry(path)) as stage:
        assert await stage.bus.ask(VerifyKey(secret=SECRET)) == key
        (handed,) = await stage.bus.ask(HandOverKeys(user_id="u1", by=ADA))
        assert handed.owner.id == "u0"


async def test_a_downgrade_is_refused_in_one_line_and_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "junjo.db"
    async with staged(registry(path)):
        pass
    before = rows(path, "SELECT * FROM schema_migrations")
    known = Component.migrations

    def of_before(component: Component) -> list[object]:
        found: list[object] = list(known(component))
        return found[:1] if component.name == "key_registry" else found

    monkeypatch.setattr(Component, "migrations", of_before)
    with pytest.raises(ActorGaveUp) as end:
        async with staged(registry(path)) as stage:
            await stage.bus.ask(ListKeys(by=SYSTEM))
    assert "written by a newer version of the studio: its key_registry tables have schema 2" in str(end.value)
    assert "\n" not in str(end.value)
    assert rows(path, "SELECT * FROM schema_migrations") == before
