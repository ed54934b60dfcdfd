"""A transaction over keys: rows, audit entries, and the changes to memory after the commit."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial

from actors.audit import Action, AuditedTransaction, AuditEntry, Resource, audited
from actors.key_registry.ended import EndedKeys, write_end
from actors.key_registry.known import KnownKey, KnownKeys
from actors.key_registry.messages import ApiKey
from actors.key_registry.rows import microseconds, scope_names
from actors.principal import Principal
from actors.sqlite import Database

_NOTHING_MORE: Mapping[str, str] = {}


class KeyChange:
    """Changes of keys in one transaction. ``more`` is added to the audit entry's name, scopes and expiry."""

    def __init__(
        self, transaction: AuditedTransaction, keys: KnownKeys, ended: EndedKeys, by: Principal, now: datetime
    ) -> None:
        self._transaction = transaction
        self._keys = keys
        self._ended = ended
        self._by = by
        self._now = now
        self.has_deleted = transaction.has_deleted
        self.after: list[Callable[[], None]] = []  # done to memory when all has committed

    async def add(self, known: KnownKey, more: Mapping[str, str] = _NOTHING_MORE) -> None:
        key = known.key
        await self._transaction.rows(
            "INSERT INTO api_keys (id, name, digest, masked, scopes, created_at, created_by, created_by_id,"
            " owner_id, owner_email, expires_at, sealed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            key.id,
            key.name,
            known.digest,
            key.masked,
            " ".join(scope_names(key.scopes)),
            int(key.created_at.timestamp()),
            self._by.email,
            self._by.user_id,
            key.owner.id,
            key.owner.email,
            microseconds(key.expires_at),
            known.sealed,
        )
        await self._record(Action.CREATE, key, more)
        self.after.append(partial(self._keys.add, known))

    async def update(
        self, known: KnownKey, key: ApiKey, more: Mapping[str, str], *, replaced_by: str | None = None
    ) -> None:
        """Replace the key by ``key``: other scopes, another owner or end."""
        await self._transaction.rows(
            "UPDATE api_keys SET scopes = ?, owner_id = ?, owner_email = ?, expires_at = ?, replaced_by = ? "
            "WHERE id = ?",
            " ".join(scope_names(key.scopes)),
            key.owner.id,
            key.owner.email,
            microseconds(key.expires_at),
            replaced_by or known.replaced_by,
            key.id,
        )
        await self._record(Action.UPDATE, key, more)
        self.after.append(partial(_become, known, key, replaced_by or known.replaced_by))

    async def end(self, known: KnownKey, more: Mapping[str, str] = _NOTHING_MORE) -> None:
        await self._transaction.rows("DELETE FROM api_keys WHERE id = ?", known.key.id)
        await write_end(self._transaction, known.digest, int(self._now.timestamp()))
        await self._record(Action.DELETE, known.key, more)
        self.after += [partial(self._keys.remove, known), partial(self._ended.add, known.digest)]

    async def _record(self, action: Action, key: ApiKey, more: Mapping[str, str]) -> None:
        expiry = {} if key.expires_at is None else {"expires_at": key.expires_at.isoformat()}
        details = {"name": key.name, "scopes": scope_names(key.scopes), **expiry, **more}
        await self._transaction.record(
            AuditEntry(action=action, resource=Resource.API_KEY, resource_id=key.id, by=self._by, details=details)
        )


@asynccontextmanager
async def changing(
    database: Database, keys: KnownKeys, ended: EndedKeys, by: Principal, now: datetime
) -> AsyncIterator[KeyChange]:
    """Open a transaction that memory follows: nothing runs between its commit and the changes to memory."""
    async with audited(database, now) as transaction:
        change = KeyChange(transaction, keys, ended, by, now)
        yield change
    for step in change.after:
        step()


def _become(known: KnownKey, key: ApiKey, replaced_by: str | None) -> None:
    known.key = key
    known.replaced_by = replaced_by
