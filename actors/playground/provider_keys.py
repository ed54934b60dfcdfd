"""The keys of the providers: given by the operator, or set by a user and kept encrypted.

They are sealed with AES-256-GCM under the key that also seals session cookies, each for its provider, so that a sealed
key moved to another row does not open. Under a changed cookie key they cannot be opened: users set them again.
"""

from collections.abc import Mapping
from pathlib import Path

import structlog

from actors.audit import AUDIT, Action, AuditEntry, Resource, audited
from actors.clock import Clock
from actors.errors import NotFound, Refused
from actors.playground.messages import ProviderState
from actors.playground.provider_table import PROVIDERS, ProviderEntry
from actors.playground.providers.provider import Endpoint
from actors.principal import Principal
from actors.sealing import Seal, SealBroken
from actors.sqlite import Component, Database

log = structlog.get_logger(__name__)

_KEYS = Component(name="playground", package="actors.playground")
_SHOWN = 4  # characters


class ProviderKeys:
    """The endpoint of each provider. A key that a user has set replaces the operator's."""

    def __init__(self, database: Database, given: Mapping[str, Endpoint], cookie_key: bytes, clock: Clock) -> None:
        self._database = database
        self._given = given
        self._seal = Seal(cookie_key)
        self._clock = clock
        self._set: dict[str, str] = {}

    @classmethod
    async def open(cls, path: Path, given: Mapping[str, Endpoint], cookie_key: bytes, clock: Clock) -> "ProviderKeys":
        """Open the SQLite file and read the keys. Raises as ``Database.open`` does."""
        keys = cls(await Database.open(path, AUDIT, _KEYS), given, cookie_key, clock)
        try:
            await keys._load()
        except BaseException:
            await keys.close()
            raise
        return keys

    async def close(self) -> None:
        await self._database.close()

    def endpoint(self, entry: ProviderEntry) -> Endpoint:
        """The endpoint to call. ``Refused`` without a key, unless the server may need none."""
        given = self._given.get(entry.name, Endpoint(key=""))
        endpoint = Endpoint(key=self._set.get(entry.name, given.key), base_url=given.base_url)
        if not endpoint.key and not (entry.keyless and endpoint.base_url):
            raise Refused(f"{entry.variable} not configured")
        return endpoint

    def state(self, entry: ProviderEntry) -> ProviderState:
        try:
            key = self.endpoint(entry).key
        except Refused:
            return ProviderState(provider=entry.name, configured=False, last_four=None)
        return ProviderState(provider=entry.name, configured=True, last_four=key[-_SHOWN:] or None)

    async def set(self, entry: ProviderEntry, key: str, by: Principal) -> None:
        """Keep a key, also for the next start."""
        now = self._clock()
        async with audited(self._database, now) as change:
            await change.rows(
                "INSERT OR REPLACE INTO provider_keys (provider, sealed, set_at, set_by, set_by_id) "
                "VALUES (?, ?, ?, ?, ?)",
                entry.name,
                self._seal.close(key, _purpose(entry.name)),
                int(now.timestamp()),
                by.email,
                by.user_id,
            )
            await change.record(_entry(Action.UPDATE, entry, by))
        self._set[entry.name] = key

    async def forget(self, entry: ProviderEntry, by: Principal) -> None:
        """Drop the key that was set, so that the operator's is used again. Raises ``NotFound``."""
        async with audited(self._database, self._clock()) as change:
            if not await change.rows("DELETE FROM provider_keys WHERE provider = ? RETURNING 1", entry.name):
                raise NotFound("No key was set for this provider")
            await change.record(_entry(Action.DELETE, entry, by))
        self._set.pop(entry.name, None)

    async def _load(self) -> None:
        for row in await self._database.rows("SELECT provider, sealed FROM provider_keys"):
            try:
                self._set[row["provider"]] = self._seal.open(row["sealed"], _purpose(row["provider"]))
            except SealBroken:
                log.warning("provider key cannot be read: the cookie key has changed", provider=row["provider"])


def states(keys: ProviderKeys) -> tuple[ProviderState, ...]:
    """The states of all providers, by name."""
    return tuple(keys.state(PROVIDERS[name]) for name in sorted(PROVIDERS))


def _purpose(provider: str) -> bytes:
    """Associated data of a sealed key, so that nothing else sealed with the cookie key can pass as one."""
    return f"junjo provider key 1 {provider}".encode()


def _entry(action: Action, entry: ProviderEntry, by: Principal) -> AuditEntry:
    return AuditEntry(action=action, resource=Resource.PROVIDER_KEY, resource_id=entry.name, by=by)
