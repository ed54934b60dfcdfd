"""Keys that come from another installation."""

from pathlib import Path

import attrs
import pytest

from actors.errors import InvalidRequest
from actors.key_registry.messages import AdoptKey, HasKeyEnded, ListKeys, RevokeKey, VerifyKey
from actors.principal import SYSTEM
from tests.actors.key_registry.keys import KEY, SECRET, registry
from tests.actors.stage import file_bytes, staged

pytestmark = pytest.mark.integration


async def test_an_adopted_key_works_and_is_no_secret_at_rest(tmp_path: Path) -> None:
    path = tmp_path / "junjo.db"
    adopted = attrs.evolve(KEY, masked="Zz09Zz…Zz09")
    async with staged(registry(path)) as stage:
        assert await stage.bus.ask(AdoptKey(key=KEY, secret=SECRET, by=SYSTEM))
        assert await stage.bus.ask(VerifyKey(secret=SECRET)) == adopted
    assert SECRET.encode() not in file_bytes(path)
    async with staged(registry(path)) as stage:
        assert await stage.bus.ask(VerifyKey(secret=SECRET)) == adopted


async def test_it_is_adopted_once_and_not_when_it_was_revoked(tmp_path: Path) -> None:
    async with staged(registry(tmp_path / "junjo.db")) as stage:
        assert await stage.bus.ask(AdoptKey(key=KEY, secret=SECRET, by=SYSTEM))
        assert not await stage.bus.ask(AdoptKey(key=KEY, secret=SECRET[::-1], by=SYSTEM))
        assert not await stage.bus.ask(AdoptKey(key=attrs.evolve(KEY, id="k2"), secret=SECRET, by=SYSTEM))
        await stage.bus.ask(RevokeKey(id="k1", by=SYSTEM))
        assert not await stage.bus.ask(AdoptKey(key=KEY, secret=SECRET, by=SYSTEM))
        assert not await stage.bus.ask(AdoptKey(key=attrs.evolve(KEY, id="k2"), secret=SECRET, by=SYSTEM))
        assert await stage.bus.ask(HasKeyEnded(secret=SECRET))
        assert await stage.bus.ask(ListKeys(by=SYSTEM)) == ()
        assert await stage.bus.ask(VerifyKey(secret=SECRET)) is None


@pytest.mark.parametrize("secret", ["", "x" * 63, "x" * 65, "x" * 63 + "-", "x" * 63 + " ", "x" * 63 + "é"])
async def test_a_secret_of_another_form_is_refused_and_not_told(tmp_path: Path, secret: str) -> None:
    async with staged(registry(tmp_path / "junjo.db")) as stage:
        with pytest.raises(InvalidRequest) as refused:
            await stage.bus.ask(AdoptKey(key=KEY, secret=secret, by=SYSTEM))
        assert "xxx" not in refused.value.detail
        assert await stage.bus.ask(ListKeys(by=SYSTEM)) == ()
