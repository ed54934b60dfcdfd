"""Sign-in, and other password checks: throttle, password, session."""

import asyncio
import hmac
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any, TypeVar
from weakref import WeakValueDictionary

import attrs

from actors.audit import Action, AuditedTransaction, AuditEntry, Resource, audited
from actors.clock import Clock
from actors.errors import Overloaded, Refused, Throttled, Unauthenticated
from actors.principal import Client, Principal
from actors.session.devices import Devices
from actors.session.failure_counts import CountedOn, FailureCounts
from actors.session.messages import NEW_BROWSER, Browser, ChangeOwnPassword, SignedIn, SignIn
from actors.session.passwords import PasswordHashes
from actors.session.rows import user_in
from actors.session.sessions import SessionStore
from actors.session.sign_in_trail import SignInTrail
from actors.session.throttle import ThrottlePolicy
from actors.session.users import Credentials, UserStore
from actors.sqlite import Database

_MOST_ATTEMPTS = 128  # in work or waiting for their turn
_RETRY_AFTER = 1.0

T = TypeVar("T")


@attrs.frozen(kw_only=True)
class _Claim:
    """An attempt: the claim that this is the password of the account."""

    email: str
    password: str = attrs.field(repr=False)
    client: Client
    session_id: str | None = None
    counted_on: CountedOn

    def by(self, known: Credentials | None) -> Principal:
        user_id = known.user.id if known else "unknown"
        return Principal(user_id=user_id, email=self.email, session_id=self.session_id, client=self.client)


class SignIns:
    """Checks passwords and opens sessions.

    Attempts on one account take turns, so that parallel guesses meet the throttle one by one. An attempt that was begun
    is finished and counted even if its asker leaves: hanging up early does not avoid the count. Unknown accounts are
    counted and answered as known ones are.

    A browser with a device token for the account is counted on that device, and neither the account's nor the address's
    count delays it. All devices of an account together may fail as often as one account may, or else a collector of
    tokens could guess for ever; beyond that they are treated as unknown.
    """

    def __init__(
        self,
        database: Database,
        users: UserStore,
        passwords: PasswordHashes,
        sessions: SessionStore,
        *,
        secret: str,
        clock: Clock,
        policy: ThrottlePolicy,
    ) -> None:
        self._database = database
        self._users = users
        self._passwords = passwords
        self._sessions = sessions
        self._secret = secret.encode()
        self._clock = clock
        self._counts = FailureCounts(database, policy)
        self._devices = Devices(self._secret)
        self._trail = SignInTrail(database)
        self._turns: WeakValueDictionary[bytes, asyncio.Lock] = WeakValueDictionary()
        self._attempts: set[asyncio.Task[Any]] = set()

    async def load(self) -> None:
        """Read the counts of the last process, so that a restart gives no new guesses."""
        await self._counts.load()
        await self._trail.load()

    async def sign_in(self, request: SignIn) -> SignedIn:
        """Sign in. Raises ``Unauthenticated``, ``Throttled``, or ``Overloaded`` when too many attempts wait."""
        return await self._to_its_end(lambda: self._sign_in(request))

    async def change_password(self, request: ChangeOwnPassword) -> None:
        """Change a password. Raises ``Refused``, ``Throttled``, or ``Overloaded`` when too many attempts wait."""
        await self._to_its_end(lambda: self._change_password(request))

    def device_cookie(self, email: str, browser: Browser) -> str:
        """Make the device cookie of a browser that has signed in to this account."""
        return self._devices.cookie(self._account(email), browser.devices, self._clock())

    def locked_until(self, email: str) -> datetime | None:
        """The end of the account's lock for unknown browsers; ``None`` when there is none."""
        account, now = self._account(email), self._clock()
        wait = self._counts.seconds_to_wait(CountedOn(waits_for=account, counts=(), address=None), now)
        return now + timedelta(seconds=wait) if wait > 0 else None

    async def unlock(self, change: AuditedTransaction, email: str) -> None:
        """Delete the account's failures with the transaction; call ``unlocked`` after its commit."""
        await self._counts.delete(change, self._own_counts(email))

    def unlocked(self, email: str) -> None:
        """Reset the account's counts, directly after the commit."""
        self._counts.forget(self._own_counts(email))

    async def finish(self) -> None:
        """Wait for the attempts in work."""
        if self._attempts:
            await asyncio.wait(self._attempts)

    async def sweep(self) -> None:
        """Remove old counts, and surplus rows of the audit trail."""
        await self._counts.sweep(self._clock())
        await self._trail.sweep()

    async def follow(self) -> None:
        """Reset the counts that another program has removed from the file."""
        await self._counts.follow()

    async def _to_its_end(self, attempt: Callable[[], Coroutine[Any, Any, T]]) -> T:
        if len(self._attempts) >= _MOST_ATTEMPTS:
            raise Overloaded("Too many sign-ins at once", retry_after=_RETRY_AFTER)
        task = asyncio.create_task(attempt())
        self._attempts.add(task)
        task.add_done_callback(self._attempts.discard)
        return await asyncio.shield(task)

    async def _sign_in(self, request: SignIn) -> SignedIn:
        async with self._turn_of(request.email):
            claim = _Claim(
                email=request.email,
                password=request.password,
                client=request.client,
                counted_on=self._counted_on(request.email, request.client, request.browser),
            )
            known = await self._verified(claim)
            if known is None:
                raise Unauthenticated("Invalid credentials")
            return await self._open(claim, known, request.browser)

    async def _change_password(self, request: ChangeOwnPassword) -> None:
        by = request.by
        async with self._turn_of(by.email):
            claim = _Claim(
                email=by.email,
                password=request.current_password,
                client=by.client,
                session_id=by.session_id,
                counted_on=self._counted_on(by.email, by.client, NEW_BROWSER),
            )
            known = await self._verified(claim)
            if known is None or known.user.id != by.user_id:
                raise Refused("Wrong password")
            await self._replace_password(request, claim, known)

    async def _verified(self, claim: _Claim) -> Credentials | None:
        """The user of the password; ``None`` when it is wrong, which is counted then. Raises ``Throttled``."""
        await self._check_throttle(claim)
        known = await self._users.credentials(claim.email)
        right = await self._passwords.verify(known.password_hash if known else None, claim.password)
        if known is not None and right:
            return known
        await self._fail(claim, known)
        return None

    async def _check_throttle(self, claim: _Claim) -> None:
        now = self._clock()
        wait = self._counts.seconds_to_wait(claim.counted_on, now)
        if wait <= 0:
            return
        if self._trail.is_due(self._account(claim.email), claim.client.address or "", now):
            await self._trail.refused(claim.by(await self._users.credentials(claim.email)), now)
        raise Throttled("Too many failed sign-ins. Try again later.", retry_after=wait)

    async def _fail(self, claim: _Claim, known: Credentials | None) -> None:
        now = self._clock()
        failures = self._counts.failed(claim.counted_on, now)
        async with audited(self._database, now) as change:
            await self._counts.write(change, failures)
            await self._trail.failed(change, claim.by(known))
        self._counts.keep(failures)

    async def _open(self, claim: _Claim, known: Credentials, browser: Browser) -> SignedIn:
        new_hash = await self._new_hash(claim.password, known)
        now = self._clock()
        async with audited(self._database, now) as change:
            opened = await self._sessions.insert(
                change,
                known.user,
                now,
                claim.client,
                password_hash=known.password_hash,
                replacing=browser.sessions,
            )
            await self._counts.delete(change, claim.counted_on.counts)
            if new_hash is not None:
                await change.rows("UPDATE users SET password_hash = ? WHERE id = ?", new_hash, known.user.id)
        self._counts.forget(claim.counted_on.counts)
        signed_in = self._sessions.admit(opened)
        return attrs.evolve(signed_in, device_cookie=self.device_cookie(claim.email, browser))

    async def _replace_password(self, request: ChangeOwnPassword, claim: _Claim, known: Credentials) -> None:
        """Replace the password, unless it has been changed meanwhile: then the current one was wrong."""
        new_hash = await self._passwords.hash(request.new_password)
        now = self._clock()
        async with audited(self._database, now) as change:
            rows = await change.rows(
                "UPDATE users SET password_hash = ?, updated_at = ? "
                "WHERE id = ? AND is_active AND password_hash = ? RETURNING *",
                new_hash,
                int(now.timestamp()),
                known.user.id,
                known.password_hash,
            )
            if not rows:
                raise Refused("Wrong password")
            await self._sessions.delete_others(change, request.by)
            await self._counts.delete(change, claim.counted_on.counts)
            await change.record(_password_changed(request.by))
        self._counts.forget(claim.counted_on.counts)
        self._sessions.update_user(user_in(rows[0]))
        self._sessions.forget_others(request.by)

    async def _new_hash(self, password: str, known: Credentials) -> str | None:
        """A hash with today's parameters, where the stored one has others."""
        return await self._passwords.hash(password) if self._passwords.outdated(known.password_hash) else None

    def _turn_of(self, email: str) -> asyncio.Lock:
        return self._turns.setdefault(self._account(email), asyncio.Lock())

    def _counted_on(self, email: str, client: Client, browser: Browser) -> CountedOn:
        account, all_devices = self._own_counts(email)
        now = self._clock()
        if not self._counts.is_stopped(all_devices, now):
            for device in self._devices.counts(account, browser.devices, now):
                if not self._counts.is_stopped(device, now):
                    return CountedOn(waits_for=device, counts=(device, all_devices), address=None)
        return CountedOn(waits_for=account, counts=(account,), address=client.address or "")

    def _own_counts(self, email: str) -> tuple[bytes, bytes]:
        """The keys of two counts: the account's own, and all its devices' together."""
        account = self._account(email)
        return account, hmac.digest(self._secret, b"devices:" + account, "sha256")

    def _account(self, email: str) -> bytes:
        """The account's key in memory and on disk, a digest: people type all kinds of things into that field."""
        return hmac.digest(self._secret, b"account:" + email.encode(errors="surrogatepass"), "sha256")


def _password_changed(by: Principal) -> AuditEntry:
    details = {"email": by.email, "changed": "password"}
    return AuditEntry(action=Action.UPDATE, resource=Resource.USER, resource_id=by.user_id, by=by, details=details)
