"""Signing in: throttle, password, session."""

import asyncio
import hmac
from datetime import datetime, timedelta
from weakref import WeakValueDictionary

from actors.audit import Action, AuditedTransaction, AuditEntry, Outcome, Resource, audited
from actors.clock import Clock
from actors.errors import Overloaded, Throttled, Unauthenticated
from actors.principal import Principal
from actors.session.messages import SignedIn, SignIn
from actors.session.passwords import PasswordHashes
from actors.session.rows import instant
from actors.session.sessions import SessionStore
from actors.session.throttle import AccountFailures, AddressBuckets, Failures, ThrottlePolicy
from actors.session.users import Credentials, UserStore
from actors.sqlite import Database

_MOST_ATTEMPTS = 128  # in work or waiting for their turn
_RETRY_AFTER = 1.0


class SignIns:
    """Checks passwords and opens sessions.

    Attempts on one account take turns, so that parallel guesses meet the throttle one by one. An attempt that was begun
    is finished and counted even if its asker leaves: hanging up early is no way around the count. Unknown accounts are
    counted and answered as known ones are.
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
        self._policy = policy
        self._accounts = AccountFailures(policy)
        self._addresses = AddressBuckets(policy)
        self._turns: WeakValueDictionary[bytes, asyncio.Lock] = WeakValueDictionary()
        self._attempts: set[asyncio.Task[SignedIn]] = set()

    async def load(self) -> None:
        """Read the counts of the last process, so that a restart gives no new guesses."""
        for row in await self._database.rows(
            "SELECT * FROM sign_in_failures ORDER BY failures DESC LIMIT ?", self._policy.most_accounts
        ):
            failures = Failures(count=row["failures"], last_at=instant(row["last_failed_at"]))
            self._accounts.remember(row["account"], failures)

    async def sign_in(self, request: SignIn) -> SignedIn:
        """Raises ``Unauthenticated``, ``Throttled``, or ``Overloaded`` when too many attempts wait."""
        if len(self._attempts) >= _MOST_ATTEMPTS:
            raise Overloaded("Too many sign-ins at once", retry_after=_RETRY_AFTER)
        attempt = asyncio.create_task(self._attempt(request))
        self._attempts.add(attempt)
        attempt.add_done_callback(self._attempts.discard)
        return await asyncio.shield(attempt)

    def locked_until(self, email: str) -> datetime | None:
        """When the account may be tried again; ``None`` when it may be now."""
        now = self._clock()
        wait = self._accounts.seconds_to_wait(self._account(email), now)
        return now + timedelta(seconds=wait) if wait > 0 else None

    async def unlock(self, change: AuditedTransaction, email: str) -> None:
        """Forget the failures of this account on disk; ``unlocked`` follows directly after the commit."""
        await change.rows("DELETE FROM sign_in_failures WHERE account = ?", self._account(email))

    def unlocked(self, email: str) -> None:
        """Forget the failures of this account in memory."""
        self._accounts.succeeded(self._account(email))

    async def finish(self) -> None:
        """Wait for the attempts in work."""
        if self._attempts:
            await asyncio.wait(self._attempts)

    async def sweep(self) -> None:
        """Remove the counts that are too old to matter."""
        outdated = self._accounts.outdated(self._clock())
        if outdated:
            async with self._database.transaction() as transaction:
                await transaction.many(
                    "DELETE FROM sign_in_failures WHERE account = ?", [(account,) for account in outdated]
                )

    async def _attempt(self, request: SignIn) -> SignedIn:
        account = self._account(request.email)
        turn = self._turns.setdefault(account, asyncio.Lock())
        async with turn:
            self._check_throttle(account, request.client.address or "")
            known = await self._users.credentials(request.email)
            right = await self._passwords.verify(known.password_hash if known else None, request.password)
            if known is None or not right:
                await self._fail(account, request, known)
                raise Unauthenticated("Invalid credentials")
            return await self._succeed(account, request, known)

    def _check_throttle(self, account: bytes, address: str) -> None:
        now = self._clock()
        wait = max(self._accounts.seconds_to_wait(account, now), self._addresses.seconds_to_wait(address, now))
        if wait > 0:
            raise Throttled("Too many failed sign-ins. Try again later.", retry_after=wait)

    async def _fail(self, account: bytes, request: SignIn, known: Credentials | None) -> None:
        now = self._clock()
        failures = self._accounts.failed(account, now)
        self._addresses.failed(request.client.address or "", now)
        by = Principal(user_id=known.user.id if known else "unknown", email=request.email, client=request.client)
        async with audited(self._database, now) as change:
            await change.rows(
                "INSERT INTO sign_in_failures (account, failures, last_failed_at) VALUES (?, ?, ?) "
                "ON CONFLICT (account) DO UPDATE SET "
                "failures = excluded.failures, last_failed_at = excluded.last_failed_at",
                account,
                failures.count,
                int(failures.last_at.timestamp()),
            )
            await change.record(_failure(by))

    async def _succeed(self, account: bytes, request: SignIn, known: Credentials) -> SignedIn:
        new_hash = await self._new_hash(request.password, known)
        now = self._clock()
        async with audited(self._database, now) as change:
            opened = await self._sessions.insert(
                change, known.user, now, request.client, password_hash=known.password_hash
            )
            await change.rows("DELETE FROM sign_in_failures WHERE account = ?", account)
            if new_hash is not None:
                await change.rows("UPDATE users SET password_hash = ? WHERE id = ?", new_hash, known.user.id)
        self._accounts.succeeded(account)
        return self._sessions.admit(opened)

    async def _new_hash(self, password: str, known: Credentials) -> str | None:
        """A hash with the parameters of now, where the stored one has others."""
        return await self._passwords.hash(password) if self._passwords.outdated(known.password_hash) else None

    def _account(self, email: str) -> bytes:
        """What stands for the account in memory and on disk: people type all kinds of things into that field."""
        return hmac.digest(self._secret, b"account:" + email.encode(errors="surrogatepass"), "sha256")


def _failure(by: Principal) -> AuditEntry:
    return AuditEntry(
        action=Action.SIGN_IN_FAILED, resource=Resource.SESSION, resource_id=None, by=by, outcome=Outcome.FAILED
    )
