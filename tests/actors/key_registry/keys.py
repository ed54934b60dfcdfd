"""Shared parts of the registry's tests: people, a registry with a clock that they move, and keys."""

from datetime import UTC, datetime
from pathlib import Path

from actors.key_registry.actor import KeyRegistryActor
from actors.key_registry.messages import (
    ApiKey,
    IssuedKey,
    IssueKey,
    KeyOwner,
    ListKeys,
)
from actors.principal import SYSTEM, Principal, Role, Scope
from actors.runtime.bus import Bus
from tests.actors.stage import HandClock, Part

ADA = Principal(user_id="u0", email="ada@example.com", session_id="s0", role=Role.ADMIN)
ANN = Principal(user_id="u1", email="ann@example.com", session_id="s1")
BEN = Principal(user_id="u2", email="ben@example.com", session_id="s2")
BOTH = frozenset((Scope.INGEST, Scope.READ))


def registry(path: Path, clock: HandClock | None = None, reveal_under: bytes | None = None) -> Part:
    """A registry on the stage."""
    return KeyRegistryActor, lambda bus: KeyRegistryActor.running(
        bus, path, clock=clock or HandClock(), reveal_under=reveal_under
    )


async def issue(
    bus: Bus,
    name: str = "a key",
    scopes: frozenset[Scope] = BOTH,
    *,
    by: Principal = ANN,
    expires_at: datetime | None = None,
) -> IssuedKey:
    return await bus.ask(IssueKey(name=name, scopes=scopes, expires_at=expires_at, by=by))


async def all_keys(bus: Bus) -> dict[str, ApiKey]:
    """All keys by id, newest first."""
    return {key.id: key for key in await bus.ask(ListKeys(by=SYSTEM))}


SECRET = "Zz09" * 16
KEY = ApiKey(
    id="k1",
    name="of before",
    masked="",
    scopes=frozenset({Scope.INGEST}),
    owner=KeyOwner(id=SYSTEM.user_id, email=SYSTEM.email),
    created_at=datetime(2025, 6, 1, tzinfo=UTC),
)
