"""The API keys in SQLite, and all of them in memory."""

import asyncio
import hmac
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from pathlib import Path

import attrs
import nanoid
import structlog

from actors.audit import AUDIT, Resource
from actors.clock import Clock
from actors.errors import Conflict, Forbidden, InvalidRequest, NotFound, Problem, Unavailable
from actors.key_registry import secret as key_secret
from actors.key_registry.change import KeyChange, changing
from actors.key_registry.ended import EndedKeys
from actors.key_registry.known import KnownKey, KnownKeys
from actors.key_registry.messages import ApiKey, IssuedKey, IssueKey, KeyOwner
from actors.key_registry.rows import known_key, microseconds
from actors.principal import SYSTEM, Principal, Role, Scope
from actors.sealing import Seal, SealBroken
from actors.sqlite import Component, Database

log = structlog.get_logger(__name__)

_KEYS = Component(name="key_registry", package="actors.key_registry")
_ID_LENGTH = 21
_MOST_KEYS = 1000  # of an owner
_MOST_NAMES = 10_000_000  # characters, of all keys of an owner together
_BETWEEN_SWEEPS = timedelta(seconds=30)  # a last use is on disk a minute later, also when the disk is slow
_SOONEST_SWEEP = timedelta(seconds=1)


@attrs.frozen
class Changed:
    """Keys that were changed together."""

    at: datetime
    kept: list[KnownKey] = attrs.field(factory=list)
    ended: list[KnownKey] = attrs.field(factory=list)

    def listed(self) -> tuple[ApiKey, ...]:
        """The keys after the change; those that ended are without scopes, and else as they were before."""
        ended = (attrs.evolve(known.listed(self.at), scopes=frozenset()) for known in self.ended)
        return (*(known.listed(self.at) for known in self.kept), *ended)


class KeyStore:
    """Issues, finds and ends keys.

    Memory follows the file: a change is made in SQLite first, so when that fails, nothing has changed. Finding a key
    never touches the file; last uses reach it in ``save_uses``.
    """

    def __init__(self, database: Database, clock: Clock, seal: Seal | None) -> None:
        self._database = database
        self._clock = clock
        self._seal = seal
        self._keys = KnownKeys()
        self._ended = EndedKeys()
        self._sweep_wanted = asyncio.Event()
        self._gone_untold: list[str] = []  # ids of expired keys that were ended before their expiry was announced

    @classmethod
    async def open(cls, path: Path, clock: Clock, seal: Seal | None) -> "KeyStore":
        """Open the file and load the keys. Raises as ``Database.open`` does.

        With a ``seal`` new keys are kept whole, too; without one kept secrets are erased.
        """
        database = await Database.open(path, AUDIT, _KEYS)
        store = cls(database, clock, seal)
        try:
            await store._load()
        except BaseException:
            await database.close()
            raise
        return store

    async def close(self) -> None:
        await self._database.close()

    async def issue(self, request: IssueKey) -> IssuedKey:
        """Make and store a key. Raises ``Forbidden``, ``InvalidRequest``, ``Conflict``."""
        now, by = self._clock(), request.by
        _check_scopes(request.scopes, by)
        if request.expires_at is not None and request.expires_at <= now:
            raise _expiry_in_the_past(request.expires_at)
        known, issued = self._made(
            ApiKey(
                id=nanoid.generate(size=_ID_LENGTH),
                name=request.name,
                masked="",
                scopes=request.scopes,
                owner=KeyOwner(id=by.user_id, email=by.email),
                created_at=now.replace(microsecond=0),
                expires_at=request.expires_at,
            )
        )
        async with self._change(by, now) as change:
            await self._make_room(change, issued.key, now)
            await change.add(known)
        self._sweep_if_it_ends(issued.key)
        return issued

    async def adopt(self, key: ApiKey, secret: str, by: Principal) -> bool:
        """Store a key that was issued elsewhere. False when it is or was there. Raises ``InvalidRequest``."""
        if not key_secret.could_be_secret(secret) or not secret.isalnum():
            raise InvalidRequest("it is not 64 letters and digits, as safe keys are")
        known = self._known(key, secret)
        if self._keys.get(key.id) or self._keys.find(known.digest) or known.digest in self._ended:
            return False
        async with self._change(by, self._clock()) as change:
            if await change.has_deleted(Resource.API_KEY, key.id):
                return False
            await change.add(known)
        return True

    async def rotate(self, key_id: str, overlap: timedelta, by: Principal) -> IssuedKey:
        """Replace a key. Raises ``NotFound``, ``Forbidden``, ``Conflict``."""
        now = self._clock()
        old = self._to_be_changed(key_id, by)
        _check_scopes(old.key.scopes, by)
        if old.has_expired(now):
            raise Conflict("This API key has expired: make a new one")
        if old.replaced_by is not None:  # the new one would end with the overlap of the first time
            raise Conflict("This API key was rotated before: rotate the one that replaced it")
        new = attrs.evolve(old.key, id=nanoid.generate(size=_ID_LENGTH), created_at=now.replace(microsecond=0))
        known, issued = self._made(new)
        end = min(filter(None, (old.key.expires_at, now + overlap)))
        async with self._change(by, now) as change:
            await self._make_room(change, new, now)
            await change.add(known, {"rotated_from": key_id})
            ending = attrs.evolve(old.key, expires_at=end)
            await change.update(old, ending, {"rotated_to": new.id}, replaced_by=new.id)
        self._sweep_if_it_ends(ending)
        return issued

    async def revoke(self, key_id: str, by: Principal) -> None:
        """End a key. Raises ``NotFound``, ``Forbidden``."""
        known = self._to_be_changed(key_id, by)
        async with self._change(by, self._clock()) as change:
            await change.end(known)

    async def hand_over(self, user_id: str, by: Principal) -> Changed:
        """Hand the keys of a user that send spans over to ``by``, and end the others."""
        now = self._clock()
        heir = SYSTEM if by.user_id == user_id else by
        owner = KeyOwner(id=heir.user_id, email=heir.email)
        changed = Changed(now)
        async with self._change(by, now) as change:
            for known in self._keys.of_owner(user_id):
                more = {"from": known.key.owner.email, "from_id": user_id}
                if Scope.INGEST in known.key.scopes and not known.has_expired(now):
                    key = attrs.evolve(known.key, owner=owner, scopes=frozenset({Scope.INGEST}))
                    await change.update(known, key, more | {"to": owner.email, "to_id": owner.id})
                    changed.kept.append(known)
                else:
                    await change.end(known, more)
                    changed.ended.append(known)
        return changed

    async def withdraw(self, user_id: str, scope: Scope, by: Principal) -> Changed:
        """Take a scope from the keys of a user, and end those that have no other."""
        now = self._clock()
        changed = Changed(now)
        async with self._change(by, now) as change:
            for known in self._keys.of_owner(user_id):
                more = {"withdrawn": scope.value}
                if known.key.scopes == {scope}:
                    await change.end(known, more)
                    changed.ended.append(known)
                elif scope in known.key.scopes:
                    await change.update(known, attrs.evolve(known.key, scopes=known.key.scopes - {scope}), more)
                    changed.kept.append(known)
        return changed

    def keys(self, by: Principal) -> tuple[ApiKey, ...]:
        """The keys that an admin or a member may see, newest first."""
        now = self._clock()
        seen = self._keys if by.role is Role.ADMIN else self._keys.of_owner(by.user_id)
        return tuple(known.listed(now) for known in seen)

    def revealed(self, by: Principal) -> tuple[IssuedKey, ...]:
        """The keys of ``by`` that are kept whole."""
        if self._seal is None:
            return ()
        now = self._clock()
        return tuple(
            IssuedKey(key=known.listed(now), secret=self._seal.open(known.sealed, _purpose(known.key.id)))
            for known in self._keys.of_owner(by.user_id)
            if known.sealed is not None
        )

    def find(self, secret: str) -> ApiKey | None:
        """Find the live key with this secret, and record the use.

        The lookup is by digest, so its time tells nothing about a secret; the comparison is in constant time besides.
        """
        if not key_secret.could_be_secret(secret):
            return None
        digest = key_secret.digest(secret)
        known = self._keys.find(digest)
        if known is None or not hmac.compare_digest(known.digest, digest):
            return None
        now = self._clock()
        if known.key.expires_at is not None and now >= known.key.expires_at:
            if not known.end_told:
                self._sweep_wanted.set()
            return None
        known.used_at = now
        return known.key

    def has_ended(self, secret: str) -> bool:
        """Whether this secret was a key."""
        if not key_secret.could_be_secret(secret):
            return False
        digest = key_secret.digest(secret)
        known = self._keys.find(digest)
        return digest in self._ended or (known is not None and known.has_expired(self._clock()))

    async def sweep_is_due(self) -> None:
        """Wait for half a minute, for the next expiry, or until an expired key is used that was not announced yet."""
        end = self._keys.next_end()
        wait = _BETWEEN_SWEEPS if end is None else min(_BETWEEN_SWEEPS, end - self._clock())
        try:
            async with asyncio.timeout(max(wait, _SOONEST_SWEEP).total_seconds()):
                await self._sweep_wanted.wait()
        except TimeoutError:
            return

    def tell_expired(self) -> tuple[str, ...]:
        """The ids of the keys that have expired since the last call."""
        self._sweep_wanted.clear()
        expired = self._keys.newly_expired(self._clock())
        for known in expired:
            known.end_told = True
        gone, self._gone_untold = self._gone_untold, []
        return (*gone, *(known.key.id for known in expired))

    async def save_uses(self) -> None:
        """Write last uses. Raises ``Unavailable``."""
        uses = [(known, known.used_at) for known in self._keys.unsaved()]
        if not uses:
            return
        async with self._database.transaction() as transaction:
            await transaction.many(
                "UPDATE api_keys SET last_used_at = ? WHERE id = ?",
                [(microseconds(used_at), known.key.id) for known, used_at in uses],
            )
        for known, used_at in uses:
            known.saved_at = used_at

    async def _load(self) -> None:
        now = self._clock()
        await self._database.rows("PRAGMA secure_delete = ON")  # what is deleted is overwritten
        if self._seal is None:
            await self._erase_sealed()
        for row in await self._database.rows("SELECT * FROM api_keys ORDER BY position"):
            known = known_key(row)
            known.end_told = known.has_expired(now)
            self._keys.add(known)
        self._forget_unreadable()
        rows = await self._database.rows("SELECT digest FROM ended_keys ORDER BY position")
        self._ended = EndedKeys(row["digest"] for row in rows)

    async def _erase_sealed(self) -> None:
        if not await self._database.rows("SELECT 1 FROM api_keys WHERE sealed IS NOT NULL LIMIT 1"):
            return
        try:
            async with self._database.transaction() as transaction:
                await transaction.rows("UPDATE api_keys SET sealed = NULL")
            await self._database.rows("PRAGMA wal_checkpoint(TRUNCATE)")
        except Unavailable:
            log.warning("sealed API keys could not be erased: the next start tries again")

    def _forget_unreadable(self) -> None:
        """Drop secrets that were sealed under another cookie key: those keys stay masked."""
        unreadable = [known for known in self._keys if known.sealed is not None and not self._can_open(known)]
        for known in unreadable:
            known.sealed = None
        if unreadable and self._seal is not None:
            log.warning("sealed API keys cannot be read: the cookie key has changed", keys=len(unreadable))

    def _can_open(self, known: KnownKey) -> bool:
        try:
            return self._seal is not None and bool(self._seal.open(known.sealed or b"", _purpose(known.key.id)))
        except SealBroken:
            return False

    def _change(self, by: Principal, now: datetime) -> AbstractAsyncContextManager[KeyChange]:
        return changing(self._database, self._keys, self._ended, by, now)

    def _to_be_changed(self, key_id: str, by: Principal) -> KnownKey:
        known = self._keys.get(key_id)
        if known is None:
            raise NotFound("API key not found")
        if by.role is not Role.ADMIN and known.key.owner.id != by.user_id:
            raise _needs_an_admin()
        return known

    async def _make_room(self, change: KeyChange, key: ApiKey, now: datetime) -> None:
        """End expired keys where the owner has too many. ``Conflict`` when that is not enough."""
        own = self._keys.of_owner(key.owner.id)
        if sum(len(known.key.name) for known in own) + len(key.name) > _MOST_NAMES:
            raise Conflict("The names of your API keys are too long together: delete some")
        too_many = max(len(own) + 1 - _MOST_KEYS, 0)
        expired = [known for known in reversed(own) if known.has_expired(now)]
        if too_many > len(expired):
            raise Conflict(f"A user has at most {_MOST_KEYS} API keys: delete some")
        for known in expired[:too_many]:
            await change.end(known, {"made_way_for": key.id})
            if not known.end_told:
                self._gone_untold.append(known.key.id)
                self._sweep_wanted.set()

    def _made(self, key: ApiKey) -> tuple[KnownKey, IssuedKey]:
        secret = key_secret.new_secret()
        known = self._known(key, secret)
        return known, IssuedKey(key=known.key, secret=secret)

    def _known(self, key: ApiKey, secret: str) -> KnownKey:
        sealed = None if self._seal is None else self._seal.close(secret, _purpose(key.id))
        key = attrs.evolve(key, masked=key_secret.masked(secret))
        return KnownKey(key=key, digest=key_secret.digest(secret), sealed=sealed)

    def _sweep_if_it_ends(self, key: ApiKey) -> None:
        if key.expires_at is not None:
            self._sweep_wanted.set()  # the next sweep may be too late for its end


def _check_scopes(scopes: frozenset[Scope], by: Principal) -> None:
    if Scope.BACKUP in scopes and by.role is not Role.ADMIN:
        raise _needs_an_admin()


def _needs_an_admin() -> Forbidden:
    return Forbidden("This needs an admin")


def _expiry_in_the_past(expires_at: datetime) -> InvalidRequest:
    fault = "Input should be in the future"
    problem = Problem(
        type="datetime_future", location=("body", "expires_at"), message=fault, input=expires_at.isoformat()
    )
    return InvalidRequest(fault, (problem,))


def _purpose(key_id: str) -> bytes:
    return f"junjo api key 1 {key_id}".encode()
