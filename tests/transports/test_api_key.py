"""API keys in a request, and what they allow."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from actors.errors import Forbidden, Unauthenticated, Unavailable
from actors.key_registry.actor import KeyRegistryActor
from actors.key_registry.messages import IssueKey, RevokeKey
from actors.principal import SYSTEM, Scope
from actors.runtime.bus import Bus
from actors.runtime.supervisor import Supervisor
from transports.api_key import key_in, live_key, require_key

pytestmark = [pytest.mark.unit, pytest.mark.security]


@pytest.fixture
async def bus(tmp_path: Path) -> AsyncIterator[Bus]:
    bus = Bus()
    supervisor = Supervisor(bus)
    supervisor.add(KeyRegistryActor, lambda bus: KeyRegistryActor.running(bus, tmp_path / "junjo.db"))
    await supervisor.start()
    yield bus
    await supervisor.stop()


@pytest.mark.parametrize(
    ("headers", "key"),
    [
        ({}, None),
        ({"x-junjo-api-key": "K"}, "K"),
        ({"x-junjo-api-key": ""}, None),
        ({"x-junjo-api-key": " \t"}, None),
        ({"x-junjo-api-key": " K\t"}, "K"),
        ({"authorization": "Bearer K"}, "K"),
        ({"authorization": "bearer  K "}, "K"),
        ({"authorization": "Bearer\tK"}, "K"),
        ({"authorization": " BEARER \t K\t"}, "K"),
        ({"authorization": " "}, None),
        ({"x-junjo-api-key": "K", "authorization": "Bearer other"}, "K"),
        ({"x-junjo-api-key": "K", "authorization": "Basic other"}, "K"),
        ({"x-junjo-api-key": "", "authorization": "Bearer K"}, "K"),
    ],
)
def test_finds_the_key(headers: dict[str, str], key: str | None) -> None:
    assert key_in(headers) == key


@pytest.mark.parametrize(
    "value", ["Bearer", "bearer \t", "Basic K", "BearerK", "Bearer K L", "K", "Bearer: K", "Bearer,K"]
)
def test_another_form_is_named_and_not_echoed(value: str) -> None:
    for headers in ({"authorization": value}, {"x-junjo-api-key": " ", "authorization": value}):
        with pytest.raises(Unauthenticated) as refusal:
            key_in(headers)
        assert refusal.value.detail == "Unauthorized: The Authorization header is not of the form Bearer KEY"


async def test_a_key_allows_its_scopes_only(bus: Bus) -> None:
    issued = await bus.ask(IssueKey(name="test", scopes=frozenset({Scope.READ}), by=SYSTEM))
    headers = {"authorization": f"Bearer {issued.secret}"}
    assert await require_key(bus, headers, Scope.READ) == issued.key
    with pytest.raises(Forbidden, match=r"^This key lacks the scope ingest$"):
        await require_key(bus, headers, Scope.INGEST)


@pytest.mark.parametrize("headers", [{}, {"x-junjo-api-key": ""}, {"x-junjo-api-key": "no such key"}])
async def test_without_a_live_key_nothing_is_allowed_and_nothing_echoed(bus: Bus, headers: dict[str, str]) -> None:
    with pytest.raises(Unauthenticated) as refusal:
        await require_key(bus, headers, Scope.READ)
    assert "no such key" not in refusal.value.detail


async def test_it_is_said_whether_a_key_is_unknown_or_has_ended(bus: Bus) -> None:
    issued = await bus.ask(IssueKey(name="test", scopes=frozenset({Scope.READ}), by=SYSTEM))
    await bus.ask(RevokeKey(id=issued.key.id, by=SYSTEM))
    for secret, fault in ((issued.secret, "has ended"), (issued.secret[::-1], "is unknown"), ("x", "is unknown")):
        with pytest.raises(Unauthenticated) as refusal:
            await live_key(bus, secret, Scope.READ)
        assert refusal.value.detail == f"Unauthorized: This API key {fault}"


async def test_a_registry_that_is_away_does_not_make_keys_wrong(bus: Bus) -> None:
    bus.disconnect(KeyRegistryActor)
    with pytest.raises(Unavailable):
        await require_key(bus, {"x-junjo-api-key": "any"}, Scope.INGEST)
