"""The API keys in SQLite, and all of them in memory."""

import hmac
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import attrs
import nanoid

from actors.audit import AUDIT, Action, AuditedTransaction, AuditEntry, Resource, audited
from actors.clock import Clock
from actors.errors import InvalidRequest, NotFound
from actors.key_registry import secret as key_secret
from actors.key_registry.messages import ApiKey, IssuedKey
from actors.principal import Principal, Scope
from actors.sqlite import Component, Database

_KEYS = Component(name="key_registry", package="actors.key_registry")
_ID_LENGTH = 21


@attrs.frozen(kw_only=True)
class StoredKey:
    """A live key with the digest of its secret."""

    key: ApiKey
    digest: bytes


class KeyStore:
    """Issues, finds and revokes keys.

    Memory follows the file: a change is made in SQLite first, so when that fails, nothing has changed. Finding a key
    never touches the file.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._by_digest: dict[bytes, StoredKey] = {}
        self._by_id: dict[str, StoredKey] = {}  # in order of issue

    @classmethod
    async def open(cls, path: Path, clock: Clock) -> "KeyStore":
        """Open the file and load the keys. Raises as ``Database.open`` does."""
        database = await Database.open(path, AUDIT, _KEYS)
        store = cls(database, clock)
        try:
            await store._load()
        except BaseException:
            await database.close()
            raise
        return store

    async def close(self) -> None:
        await self._database.close()

    async def issue(self, name: str, scopes: frozenset[Scope], by: Principal) -> IssuedKey:
        """Make and store a key."""
        secret = key_secret.new_secret()
        key = ApiKey(
            id=nanoid.generate(size=_ID_LENGTH),
            name=name,
            masked=key_secret.masked(secret),
            scopes=scopes,
            created_at=self._clock().replace(microsecond=0),
            created_by=by.email,
        )
        stored = StoredKey(key=key, digest=key_secret.digest(secret))
        await self._insert(stored, by)
        self._remember(stored)
        return IssuedKey(key=key, secret=secret)

    async def adopt(self, key: ApiKey, secret: str, by: Principal) -> bool:
        """Store a key that was issued elsewhere. False when it is or was there. Raises ``InvalidRequest``."""
        if not key_secret.could_be_secret(secret) or not secret.isalnum():
            raise InvalidRequest("it is not 64 letters and digits, as safe keys are")
        stored = StoredKey(key=attrs.evolve(key, masked=key_secret.masked(secret)), digest=key_secret.digest(secret))
        if key.id in self._by_id or stored.digest in self._by_digest:
            return False
        adopted = await self._insert(stored, by, unless_deleted=True)
        if adopted:
            self._remember(stored)
        return adopted

    async def revoke(self, key_id: str, by: Principal) -> None:
        """End a key. Raises ``NotFound``."""
        stored = self._by_id.get(key_id)
        if stored is None:
            raise NotFound("API key not found")
        async with audited(self._database, self._clock()) as change:
            await change.rows("DELETE FROM api_keys WHERE id = ?", key_id)
            await change.record(_entry(Action.DELETE, stored.key, by))
        del self._by_id[key_id]
        del self._by_digest[stored.digest]

    async def narrow(
        self, user_id: str, scopes: frozenset[Scope], by: Principal, heir: Principal | None = None
    ) -> tuple[ApiKey, ...]:
        """Leave the keys of a user no more than these scopes, and end those that have none of them.

        What is left passes to the heir. The keys that changed; those that ended have no scopes.
        """
        async with audited(self._database, self._clock()) as change:
            rows = await change.rows("SELECT * FROM api_keys WHERE created_by_id = ? ORDER BY position", user_id)
            changed = [new for row in rows if (new := _narrowed(old := _stored_key(row), scopes, heir)) != old]
            for stored in changed:
                await _rewrite(change, stored.key, heir.user_id if heir else user_id)
                await change.record(_entry(Action.UPDATE if stored.key.scopes else Action.DELETE, stored.key, by))
        for stored in changed:
            self._replace(stored)
        return tuple(stored.key for stored in changed)

    def keys(self) -> tuple[ApiKey, ...]:
        """All live keys, newest first."""
        return tuple(stored.key for stored in reversed(self._by_id.values()))

    def find(self, secret: str) -> ApiKey | None:
        """The live key with this secret.

        The lookup is by digest, so its time tells nothing about a secret; the comparison is in constant time besides.
        """
        if not key_secret.could_be_secret(secret):
            return None
        digest = key_secret.digest(secret)
        stored = self._by_digest.get(digest)
        return stored.key if stored is not None and hmac.compare_digest(stored.digest, digest) else None

    async def _load(self) -> None:
        for row in await self._database.rows("SELECT * FROM api_keys ORDER BY position"):
            self._remember(_stored_key(row))

    async def _insert(self, stored: StoredKey, by: Principal, *, unless_deleted: bool = False) -> bool:
        key = stored.key
        async with audited(self._database, self._clock()) as change:
            if unless_deleted and await change.has_deleted(Resource.API_KEY, key.id):
                return False
            await change.rows(
                "INSERT INTO api_keys (id, name, digest, masked, scopes, created_at, created_by, created_by_id) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                key.id,
                key.name,
                stored.digest,
                key.masked,
                " ".join(_scope_names(key)),
                int(key.created_at.timestamp()),
                key.created_by,
                by.user_id,
            )
            await change.record(_entry(Action.CREATE, key, by))
        return True

    def _replace(self, stored: StoredKey) -> None:
        if stored.key.scopes:
            self._remember(stored)
        elif self._by_id.pop(stored.key.id, None) is not None:
            del self._by_digest[stored.digest]

    def _remember(self, stored: StoredKey) -> None:
        self._by_digest[stored.digest] = stored
        self._by_id[stored.key.id] = stored


def _narrowed(stored: StoredKey, scopes: frozenset[Scope], heir: Principal | None) -> StoredKey:
    key = attrs.evolve(stored.key, scopes=stored.key.scopes & scopes)
    return attrs.evolve(stored, key=attrs.evolve(key, created_by=heir.email) if heir else key)


async def _rewrite(change: AuditedTransaction, key: ApiKey, owner_id: str) -> None:
    if not key.scopes:
        await change.rows("DELETE FROM api_keys WHERE id = ?", key.id)
        return
    await change.rows(
        "UPDATE api_keys SET scopes = ?, created_by = ?, created_by_id = ? WHERE id = ?",
        " ".join(_scope_names(key)),
        key.created_by,
        owner_id,
        key.id,
    )


def _stored_key(row: sqlite3.Row) -> StoredKey:
    key = ApiKey(
        id=row["id"],
        name=row["name"],
        masked=row["masked"],
        scopes=frozenset(Scope(name) for name in row["scopes"].split()),
        created_at=datetime.fromtimestamp(row["created_at"], UTC),
        created_by=row["created_by"],
    )
    return StoredKey(key=key, digest=row["digest"])


def _scope_names(key: ApiKey) -> list[str]:
    return sorted(scope.value for scope in key.scopes)


def _entry(action: Action, key: ApiKey, by: Principal) -> AuditEntry:
    details = {"name": key.name, "scopes": _scope_names(key)}
    return AuditEntry(action=action, resource=Resource.API_KEY, resource_id=key.id, by=by, details=details)
