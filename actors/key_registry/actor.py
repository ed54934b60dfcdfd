"""KeyRegistryActor: API keys."""

from pathlib import Path

from actors.clock import Clock, utc_now
from actors.key_registry.messages import (
    AdoptKey,
    ApiKey,
    HandOverKeys,
    IssuedKey,
    IssueKey,
    KeyRevoked,
    ListKeys,
    RevokeKey,
    VerifyKey,
    WithdrawScope,
)
from actors.key_registry.store import KeyStore
from actors.principal import SYSTEM, Scope
from actors.runtime.actor import Actor, handles, handles_at_once


class KeyRegistryActor(Actor):
    """Issues, verifies and revokes API keys.

    ``path`` is the SQLite file, which may be shared with other actors. Keys are verified from memory, also while a
    change is being written; a fault of the file makes changes ``Unavailable`` and leaves the keys as they were.
    """

    def __init__(self, path: Path, *, clock: Clock = utc_now) -> None:
        self._path = path
        self._clock = clock
        self._open: KeyStore | None = None

    async def start(self) -> None:
        self._open = await KeyStore.open(self._path, self._clock)

    async def stop(self) -> None:
        if self._open is not None:
            await self._open.close()

    @handles(IssueKey)
    async def issue(self, request: IssueKey) -> IssuedKey:
        return await self._store.issue(request.name, request.scopes, request.by)

    @handles(AdoptKey)
    async def adopt(self, request: AdoptKey) -> bool:
        return await self._store.adopt(request.key, request.secret, request.by)

    @handles(RevokeKey)
    async def revoke(self, request: RevokeKey) -> None:
        await self._store.revoke(request.id, request.by)
        self.bus.publish(KeyRevoked(id=request.id))

    @handles(HandOverKeys)
    async def hand_over(self, request: HandOverKeys) -> tuple[ApiKey, ...]:
        keep = frozenset((Scope.INGEST,))
        heir = SYSTEM if request.by.user_id == request.user_id else request.by
        return self._tell_ended(await self._store.narrow(request.user_id, keep, request.by, heir=heir))

    @handles(WithdrawScope)
    async def withdraw_scope(self, request: WithdrawScope) -> tuple[ApiKey, ...]:
        keep = frozenset(Scope) - {request.scope}
        return self._tell_ended(await self._store.narrow(request.user_id, keep, request.by))

    @handles(ListKeys, concurrent=True)
    async def keys(self, _: ListKeys) -> tuple[ApiKey, ...]:
        return self._store.keys()

    @handles_at_once(VerifyKey)
    def verify(self, request: VerifyKey) -> ApiKey | None:
        return self._store.find(request.secret)

    def _tell_ended(self, changed: tuple[ApiKey, ...]) -> tuple[ApiKey, ...]:
        for key in changed:
            if not key.scopes:
                self.bus.publish(KeyRevoked(id=key.id))
        return changed

    @property
    def _store(self) -> KeyStore:
        if self._open is None:
            raise RuntimeError("a message came before start")
        return self._open
