"""Keys that are kept whole, for their owners to see."""

from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from actors.key_registry.messages import (
    AdoptKey,
    HandOverKeys,
    IssuedKey,
    RevealKeys,
    RevokeKey,
    RotateKey,
    VerifyKey,
)
from actors.principal import SYSTEM, Principal
from actors.runtime.bus import Bus
from tests.actors.key_registry.keys import ADA, ANN, BEN, KEY, SECRET, issue, registry
from tests.actors.stage import file_bytes, rows, staged

pytestmark = [pytest.mark.integration, pytest.mark.security]

COOKIE_KEY = bytes(range(32))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "junjo.db"


async def revealed(bus: Bus, by: Principal) -> dict[str, str]:
    return {own.key.id: own.secret for own in await bus.ask(RevealKeys(by=by))}


def known(*issued: IssuedKey) -> dict[str, str]:
    return {each.key.id: each.secret for each in issued}


async def test_keys_are_shown_to_their_owners_alone_also_after_a_restart(path: Path) -> None:
    async with staged(registry(path, reveal_under=COOKIE_KEY)) as stage:
        anns, bens = await issue(stage.bus, by=ANN), await issue(stage.bus, by=BEN)
        assert await revealed(stage.bus, ANN) == known(anns)
    async with staged(registry(path, reveal_under=COOKIE_KEY)) as stage:
        assert await revealed(stage.bus, ANN) == known(anns)
        assert await revealed(stage.bus, BEN) == known(bens)
        assert await revealed(stage.bus, ADA) == {}
        new = await stage.bus.ask(RotateKey(id=anns.key.id, overlap=timedelta(1), by=ANN))
        assert await revealed(stage.bus, ANN) == known(anns, new)
        await stage.bus.ask(RevokeKey(id=anns.key.id, by=ANN))
        await stage.bus.ask(HandOverKeys(user_id="u2", by=ADA))
        assert await revealed(stage.bus, ANN) == known(new)
        assert await revealed(stage.bus, ADA) == known(bens)
        assert await revealed(stage.bus, BEN) == {}
    for issued in (anns, bens, new):
        assert issued.secret.encode() not in file_bytes(path)


async def test_an_adopted_key_is_kept_whole_too(path: Path) -> None:
    async with staged(registry(path, reveal_under=COOKIE_KEY)) as stage:
        assert await stage.bus.ask(AdoptKey(key=KEY, secret=SECRET, by=SYSTEM))
        assert await revealed(stage.bus, SYSTEM) == {"k1": SECRET}
    assert SECRET.encode() not in file_bytes(path)


async def test_by_default_nothing_is_kept_and_nothing_shown(path: Path) -> None:
    async with staged(registry(path)) as stage:
        await issue(stage.bus)
        assert await revealed(stage.bus, ANN) == {}
    assert rows(path, "SELECT sealed FROM api_keys") == [(None,)]
    async with staged(registry(path, reveal_under=COOKIE_KEY)) as stage:
        assert await revealed(stage.bus, ANN) == {}


async def test_what_was_kept_is_erased_by_a_start_without_it(path: Path) -> None:
    async with staged(registry(path, reveal_under=COOKIE_KEY)) as stage:
        issued = await issue(stage.bus)
        ((sealed,),) = rows(path, "SELECT sealed FROM api_keys")
        assert sealed in file_bytes(path)
    async with staged(registry(path)) as stage:
        assert await revealed(stage.bus, ANN) == {}
        assert sealed not in file_bytes(path)
        assert await stage.bus.ask(VerifyKey(secret=issued.secret)) is not None
    async with staged(registry(path, reveal_under=COOKIE_KEY)) as stage:
        assert await revealed(stage.bus, ANN) == {}


async def test_under_another_cookie_key_they_are_masked_and_work(path: Path) -> None:
    async with staged(registry(path, reveal_under=COOKIE_KEY)) as stage:
        issued = await issue(stage.bus)
    with capture_logs() as lines:
        async with staged(registry(path, reveal_under=bytes(32))) as stage:
            assert await revealed(stage.bus, ANN) == {}
            assert await stage.bus.ask(VerifyKey(secret=issued.secret)) is not None
    assert [(line["event"], line["keys"]) for line in lines if "sealed" in line["event"]] == [
        ("sealed API keys cannot be read: the cookie key has changed", 1)
    ]
    async with staged(registry(path, reveal_under=COOKIE_KEY)) as stage:
        assert await revealed(stage.bus, ANN) == known(issued)


async def test_a_sealed_key_in_another_row_does_not_open(path: Path) -> None:
    async with staged(registry(path, reveal_under=COOKIE_KEY)) as stage:
        anns, bens = await issue(stage.bus, by=ANN), await issue(stage.bus, by=BEN)
    rows(
        path,
        "UPDATE api_keys SET sealed = (SELECT sealed FROM api_keys WHERE id = ?) WHERE id = ?",
        anns.key.id,
        bens.key.id,
    )
    async with staged(registry(path, reveal_under=COOKIE_KEY)) as stage:
        assert await revealed(stage.bus, BEN) == {}
