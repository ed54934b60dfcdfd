"""KeyRegistryActor: API keys."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar, Self

import structlog

from actors.clock import Clock, utc_now
from actors.errors import Unavailable
from actors.key_registry.messages import (
    AdoptKey,
    ApiKey,
    HandOverKeys,
    HasKeyEnded,
    IssuedKey,
    IssueKey,
    KeyRevoked,
    ListKeys,
    RevealKeys,
    RevokeKey,
    RotateKey,
    ScopesWithdrawn,
    VerifyKey,
    WithdrawScope,
)
from actors.key_registry.store import Changed, KeyStore
from actors.runtime.actor import Actor, ActorBus, handles, handles_inline
from actors.runtime.closing import on_exit
from actors.runtime.lane import Lane
from actors.sealing import Seal

log = structlog.get_logger(__name__)

_USE_OF_COOKIE_KEY = b"junjo api keys 1"


class KeyRegistryActor(Actor):
    """Issues, verifies and revokes API keys.

    Keys are verified from memory, also while a change is being written; a fault of the file makes changes
    ``Unavailable`` and leaves the keys as they were.
    """

    lanes: ClassVar[Mapping[str, Lane]] = {"reads": Lane(at_once=8)}

    def __init__(self, bus: ActorBus, store: KeyStore) -> None:
        super().__init__(bus)
        self._store = store

    @classmethod
    @asynccontextmanager
    async def running(
        cls, bus: ActorBus, path: Path, *, reveal_under: bytes | None = None, clock: Clock = utc_now
    ) -> AsyncIterator[Self]:
        """Open the SQLite file at ``path``, which may be shared with other actors.

        ``reveal_under`` (32 bytes, those of the session cookie) keeps keys whole, under a key made from it; with
        ``None`` all keys that were kept so are erased.
        """
        seal = None if reveal_under is None else Seal.derived(reveal_under, _USE_OF_COOKIE_KEY)
        store = await KeyStore.open(path, clock, seal)
        async with on_exit(store.close):
            actor = cls(bus, store)
            async with on_exit(actor._sweep):
                yield actor

    async def work(self) -> None:
        while True:
            await self._store.sweep_is_due()
            await self._sweep()

    @handles(IssueKey)
    async def issue(self, request: IssueKey) -> IssuedKey:
        return await self._store.issue(request)

    @handles(AdoptKey)
    async def adopt(self, request: AdoptKey) -> bool:
        return await self._store.adopt(request.key, request.secret, request.by)

    @handles(RotateKey)
    async def rotate(self, request: RotateKey) -> IssuedKey:
        return await self._store.rotate(request.id, request.overlap, request.by)

    @handles(RevokeKey)
    async def revoke(self, request: RevokeKey) -> None:
        await self._store.revoke(request.id, request.by)
        self.bus.publish(KeyRevoked(id=request.id))

    @handles(HandOverKeys)
    async def hand_over(self, request: HandOverKeys) -> tuple[ApiKey, ...]:
        return self._told(await self._store.hand_over(request.user_id, request.by))

    @handles(WithdrawScope)
    async def withdraw(self, request: WithdrawScope) -> tuple[ApiKey, ...]:
        return self._told(await self._store.withdraw(request.user_id, request.scope, request.by))

    @handles(ListKeys, lane="reads")
    async def keys(self, request: ListKeys) -> tuple[ApiKey, ...]:
        return self._store.keys(request.by)

    @handles(RevealKeys, lane="reads")
    async def reveal(self, request: RevealKeys) -> tuple[IssuedKey, ...]:
        return self._store.revealed(request.by)

    @handles_inline(VerifyKey)
    def verify(self, request: VerifyKey) -> ApiKey | None:
        return self._store.find(request.secret)

    @handles_inline(HasKeyEnded)
    def has_ended(self, request: HasKeyEnded) -> bool:
        return self._store.has_ended(request.secret)

    def _told(self, changed: Changed) -> tuple[ApiKey, ...]:
        """Publish the changes, and return them for the answer."""
        for known in changed.ended:
            self.bus.publish(KeyRevoked(id=known.key.id))
        for known in changed.kept:
            self.bus.publish(ScopesWithdrawn(id=known.key.id, left=known.key.scopes))
        return changed.listed()

    async def _sweep(self) -> None:
        """Publish the ends of expired keys, and write last uses. A fault of the disk costs this sweep only."""
        for key_id in self._store.tell_expired():
            self.bus.publish(KeyRevoked(id=key_id))
        try:
            await self._store.save_uses()
        except Unavailable as fault:
            log.warning("last uses of API keys not written", fault=fault.detail)
