"""KeyRegistryActor on a real file, over the bus."""

import asyncio
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from actors import sqlite
from actors.errors import NotFound, Unavailable
from actors.key_registry.messages import ApiKey, IssueKey, KeyOwner, KeyRevoked, ListKeys, RevokeKey, VerifyKey
from actors.principal import Scope
from actors.runtime.actor import StartRefused
from actors.runtime.supervisor import ActorGaveUp
from tests.actors.key_registry.keys import ANN, BOTH, issue, registry
from tests.actors.stage import HandClock, file_bytes, rows, staged

pytestmark = pytest.mark.integration


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "junjo.db"


def damage(path: Path) -> None:
    path.write_bytes(b"SQLite format 3\x00" + b"\xff" * 8000)


async def test_a_key_is_issued_verified_and_listed(path: Path) -> None:
    async with staged(registry(path)) as stage:
        issued = await issue(stage.bus, "  clé {x} 🎏 ", frozenset({Scope.READ}))
        assert re.fullmatch(r"[0-9A-Za-z]{64}", issued.secret)
        assert issued.key == ApiKey(
            id=issued.key.id,
            name="  clé {x} 🎏 ",
            masked=f"{issued.secret[:6]}…{issued.secret[-4:]}",
            scopes=frozenset({Scope.READ}),
            owner=KeyOwner(id="u1", email="ann@example.com"),
            created_at=HandClock()().replace(microsecond=0),
        )
        assert re.fullmatch(r"[A-Za-z0-9_-]{21}", issued.key.id)
        assert await stage.bus.ask(ListKeys(by=ANN)) == (issued.key,)
        assert await stage.bus.ask(VerifyKey(secret=issued.secret)) == issued.key


async def test_keys_of_one_second_are_listed_newest_first_also_after_a_restart(path: Path) -> None:
    async with staged(registry(path)) as stage:
        issued = [await issue(stage.bus, "same name") for _ in range(5)]
        listed = await stage.bus.ask(ListKeys(by=ANN))
        assert [key.id for key in listed] == [one.key.id for one in reversed(issued)]
    async with staged(registry(path)) as stage:
        assert await stage.bus.ask(ListKeys(by=ANN)) == listed
        for one in issued:
            assert await stage.bus.ask(VerifyKey(secret=one.secret)) == one.key


@pytest.mark.security
@pytest.mark.parametrize("secret", ["", "startup-readiness-check", "0" * 64, "\udc80" * 64, "é" * 64, "x" * 10_000_000])
async def test_other_texts_are_no_key(path: Path, secret: str) -> None:
    async with staged(registry(path)) as stage:
        await issue(stage.bus)
        assert await stage.bus.ask(VerifyKey(secret=secret)) is None


@pytest.mark.security
async def test_a_key_that_differs_in_one_character_or_in_case_is_no_key(path: Path) -> None:
    async with staged(registry(path)) as stage:
        secret = (await issue(stage.bus)).secret
        for other in (secret[:-1] + ("a" if secret[-1] != "a" else "b"), secret.swapcase(), f" {secret[1:]}"):
            assert await stage.bus.ask(VerifyKey(secret=other)) is None


async def test_a_revoked_key_is_dead_on_the_next_call_and_after_a_restart(path: Path) -> None:
    async with staged(registry(path)) as stage:
        kept, issued = await issue(stage.bus), await issue(stage.bus)
        await stage.bus.ask(RevokeKey(id=issued.key.id, by=ANN))
        assert await stage.bus.ask(VerifyKey(secret=issued.secret)) is None
        assert await stage.events.get() == KeyRevoked(id=issued.key.id)
        assert await stage.bus.ask(ListKeys(by=ANN)) == (kept.key,)
        with pytest.raises(NotFound, match=r"^API key not found$"):
            await stage.bus.ask(RevokeKey(id=issued.key.id, by=ANN))
    async with staged(registry(path)) as stage:
        assert await stage.bus.ask(VerifyKey(secret=issued.secret)) is None
        assert await stage.bus.ask(VerifyKey(secret=kept.secret)) == kept.key


@pytest.mark.parametrize("key_id", ["", "zzz", "{x}", "\ud800", "' OR 1=1 --"])
async def test_an_unknown_id_is_not_found(path: Path, key_id: str) -> None:
    async with staged(registry(path)) as stage:
        with pytest.raises(NotFound, match=r"^API key not found$"):
            await stage.bus.ask(RevokeKey(id=key_id, by=ANN))


@pytest.mark.concurrency
async def test_of_many_revocations_of_one_key_one_succeeds(path: Path) -> None:
    async with staged(registry(path)) as stage:
        issued = await issue(stage.bus)
        answers = await asyncio.gather(
            *(stage.bus.ask(RevokeKey(id=issued.key.id, by=ANN)) for _ in range(10)), return_exceptions=True
        )
        assert [type(answer) for answer in answers].count(NotFound) == 9
        assert answers.count(None) == 1


@pytest.mark.security
async def test_the_secret_is_in_no_file_and_no_log_line(path: Path) -> None:
    with capture_logs() as lines:
        async with staged(registry(path)) as stage:
            issued = await issue(stage.bus)
            await stage.bus.ask(VerifyKey(secret=issued.secret))
            await stage.bus.ask(RevokeKey(id=issued.key.id, by=ANN))
            stored = file_bytes(path)
    assert issued.secret.encode() not in stored
    assert issued.key.masked.encode() in stored
    assert issued.secret[:6] not in str(lines)
    assert issued.secret not in repr(issued)


async def test_changes_are_audited(path: Path) -> None:
    async with staged(registry(path)) as stage:
        issued = await issue(stage.bus, "my key")
        await stage.bus.ask(RevokeKey(id=issued.key.id, by=ANN))
    details = '{"name":"my key","scopes":["ingest","read"]}'
    assert rows(
        path,
        "SELECT action, resource_type, resource_id, user_email, user_id, session_id, details "
        "FROM audit_trail ORDER BY id",
    ) == [
        ("create", "api_key", issued.key.id, "ann@example.com", "u1", "s1", details),
        ("delete", "api_key", issued.key.id, "ann@example.com", "u1", "s1", details),
    ]


@pytest.mark.error_recovery
async def test_while_the_file_is_locked_keys_verify_and_changes_are_unavailable(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "_OPEN_TIMEOUT", 0.05)
    async with staged(registry(path)) as stage:
        issued = await issue(stage.bus)
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            for change in (IssueKey(name="x", scopes=BOTH, by=ANN), RevokeKey(id=issued.key.id, by=ANN)):
                with pytest.raises(Unavailable):
                    await stage.bus.ask(change)
            assert await stage.bus.ask(ListKeys(by=ANN)) == (issued.key,)
            assert await stage.bus.ask(VerifyKey(secret=issued.secret)) == issued.key
        await stage.bus.ask(RevokeKey(id=issued.key.id, by=ANN))
        assert await stage.bus.ask(VerifyKey(secret=issued.secret)) is None


@pytest.mark.concurrency
async def test_keys_verify_while_a_change_waits_for_the_disk(path: Path) -> None:
    async with staged(registry(path)) as stage:
        issued = await issue(stage.bus)
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            change = asyncio.create_task(issue(stage.bus, "waits"))
            assert await stage.bus.ask(VerifyKey(secret=issued.secret)) == issued.key
            assert not change.done()
            other.execute("ROLLBACK")
        assert (await change).key.name == "waits"


@pytest.mark.error_recovery
async def test_a_damaged_file_is_never_an_empty_registry(path: Path) -> None:
    damage(path)
    with capture_logs() as lines, pytest.raises(ActorGaveUp) as end:
        async with staged(registry(path)):
            pytest.fail("it must not start")
    assert isinstance(end.value.cause, StartRefused)
    assert "cannot be used as the account database" in str(end.value)
    assert [line["event"] for line in lines if line["log_level"] == "error"] == ["actor refused to start"]
