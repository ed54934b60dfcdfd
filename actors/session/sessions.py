"""Sessions: each a row in SQLite, and all live ones in memory."""

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import attrs
import nanoid

from actors.audit import Action, AuditedTransaction, AuditEntry, Resource, audited
from actors.clock import Clock
from actors.errors import NotFound, Unauthenticated
from actors.principal import Client, Principal
from actors.session.cookies import CookieSeal
from actors.session.lifetime import SessionLifetime
from actors.session.live import LiveSession, LiveSessions
from actors.session.messages import CheckedSession, OwnSession, SignedIn, User
from actors.session.rows import instant, user_in
from actors.sqlite import Database

_ID_LENGTH = 21
_MOST_OF_USER = 100
_SWEEP = timedelta(minutes=5)
_SOONEST_SWEEP = timedelta(seconds=1)


@attrs.frozen(kw_only=True)
class OpenedSession:
    """A session that is about to be committed, and its cookie."""

    live: LiveSession
    cookie: str = attrs.field(repr=False)
    ends: tuple[LiveSession, ...]  # those that go in the same transaction


class SessionStore:
    """Opens, checks and ends sessions.

    A check reads and writes memory only. Last uses reach the disk in ``sweep``, every five minutes and at stop: a crash
    may lose that much of the sliding, so that a session idles out up to five minutes early. Sign-out and deletion are
    on disk before they are answered. ``tell_ended`` is called with the sessions that end as others begin or go on, and
    with those that another program has removed.
    """

    def __init__(
        self,
        database: Database,
        seal: CookieSeal,
        lifetime: SessionLifetime,
        clock: Clock,
        tell_ended: Callable[[tuple[str, ...]], None],
    ) -> None:
        self._database = database
        self._seal = seal
        self._lifetime = lifetime
        self._clock = clock
        self._tell_ended = tell_ended
        self._live = LiveSessions(lifetime)
        self._expired_met = asyncio.Event()

    async def load(self) -> None:
        """Read the sessions of the last process. Those that have expired meanwhile are removed in the first sweep."""
        now = self._clock()
        for row in await self._database.rows(
            "SELECT s.id AS session_id, s.digest, s.authenticated_at, s.last_seen_at, s.address, s.user_agent, u.* "
            "FROM sessions s JOIN users u ON u.id = s.user_id WHERE u.is_active"
        ):
            self._live.add(_loaded(row, now))

    async def insert(
        self,
        change: AuditedTransaction,
        user: User,
        now: datetime,
        client: Client,
        *,
        password_hash: str | None = None,
        replacing: Sequence[str] = (),
    ) -> OpenedSession:
        """Add a session to the transaction, replacing those of the cookies ``replacing`` and any surplus one.

        Raises ``Unauthenticated`` if the user was deleted meanwhile, or no longer has ``password_hash``.
        """
        rows = await change.rows(
            "UPDATE users SET last_sign_in_at = ? "
            "WHERE id = ? AND is_active AND password_hash = coalesce(?, password_hash) RETURNING *",
            int(now.timestamp()),
            user.id,
            password_hash,
        )
        if not rows:
            raise Unauthenticated("Invalid credentials")
        cookie, digest = self._seal.new_cookie()
        live = _begun(digest, user_in(rows[0]), now, client)
        ends = await self._evict(change, live, client, replacing)
        await change.rows(
            "INSERT INTO sessions (id, digest, user_id, authenticated_at, last_seen_at, address, user_agent) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            *(live.id, live.digest, user.id, int(now.timestamp()), int(now.timestamp())),
            *(client.address, client.user_agent),
        )
        await change.record(_entry(Action.SIGN_IN, live, client))
        return OpenedSession(live=live, cookie=cookie, ends=ends)

    def admit(self, opened: OpenedSession) -> SignedIn:
        """Make a session live, directly after the commit of its transaction."""
        live = opened.live
        self._live.add(live)
        self._tell_ended(self._live.remove(opened.ends))
        max_age = self._live.max_age(live, live.authenticated_at)
        return SignedIn(session=self._live.public(live), cookie=opened.cookie, max_age=max_age)

    def check(self, cookie: str) -> CheckedSession | None:
        """Find the live session of this cookie, and slide it. Memory only."""
        now = self._clock()
        live = self._named_by(cookie)
        if live is not None and now < live.answer_holds_until:
            return live.answer
        return None if live is None or self._has_expired(live, now) else self._live.use(live, now)

    async def sign_out(self, cookie: str, client: Client) -> str | None:
        """End the session of this cookie; returns its id, or ``None`` for a dead cookie."""
        now = self._clock()
        live = self._named_by(cookie)
        if live is None or self._has_expired(live, now):
            return None
        async with audited(self._database, now) as change:
            await change.rows("DELETE FROM sessions WHERE id = ?", live.id)
            await change.record(_entry(Action.SIGN_OUT, live, client))
        self._live.remove([live])
        return live.id

    def forget_user(self, user_id: str) -> tuple[str, ...]:
        """Remove the sessions of a user from memory, directly after the commit that deleted them."""
        return self._live.remove(self._live.of_user(user_id))

    def update_user(self, user: User) -> None:
        """Replace the user of live sessions, directly after the commit of the change."""
        self._live.update(user)

    def of_user(self, user_id: str) -> tuple[OwnSession, ...]:
        """The live sessions of a user, the one that was used last first."""
        now = self._clock()
        live = [session for session in self._live.of_user(user_id) if not self._has_expired(session, now)]
        live.sort(key=lambda session: session.last_seen_at, reverse=True)
        return tuple(map(self._live.shown, live))

    async def end(self, session_id: str, by: Principal) -> None:
        """End a session of the asker. Raises ``NotFound``."""
        now = self._clock()
        own = [session for session in self._live.of_user(by.user_id) if session.id == session_id]
        if not own or self._has_expired(own[0], now):
            raise NotFound("Session not found")
        async with audited(self._database, now) as change:
            await change.rows("DELETE FROM sessions WHERE id = ?", session_id)
            await change.record(_ended_by(by, session_id))
        self._tell_ended(self._live.remove(own))

    async def end_others(self, by: Principal) -> None:
        """End all sessions of the asker but the current one."""
        async with audited(self._database, self._clock()) as change:
            await self.delete_others(change, by)
        self.forget_others(by)

    async def delete_others(self, change: AuditedTransaction, by: Principal) -> None:
        """Delete all sessions of the asker but the current one, with the transaction."""
        rows = await change.rows(
            "DELETE FROM sessions WHERE user_id = ? AND id IS NOT ? RETURNING id", by.user_id, by.session_id
        )
        if rows:
            await change.record(_ended_by(by, None, [str(row["id"]) for row in rows]))

    def forget_others(self, by: Principal) -> None:
        """Remove the sessions that ``delete_others`` has deleted from memory, directly after the commit."""
        others = [session for session in self._live.of_user(by.user_id) if session.id != by.session_id]
        self._tell_ended(self._live.remove(others))

    async def follow(self) -> None:
        """Load the changes of another program in the file.

        Sessions are in memory from their commit on and no longer than to their deletion, so a session that was not just
        read cannot be one whose commit is under way.
        """
        users = await self._database.rows("SELECT * FROM users WHERE is_active")
        self._tell_ended(self._live.take_over({row["id"]: user_in(row) for row in users}))
        stored = await self._database.rows("SELECT id FROM sessions")
        self._tell_ended(self._live.remove_all_but({row["id"] for row in stored}))

    def count_by_user(self) -> Counter[str]:
        """The number of live sessions of each user, by the user's id."""
        return self._live.count_by_user(self._clock())

    async def sweep(self) -> tuple[str, ...]:
        """Write last uses and remove expired sessions; returns the ids of the expired ones."""
        self._expired_met.clear()
        expired, used = self._live.expired(self._clock()), self._live.unsaved()
        if not expired and not used:
            return ()
        uses = [(int(live.last_seen_at.timestamp()), live.id, live, live.last_seen_at) for live in used]
        async with self._database.transaction() as transaction:
            await transaction.many("UPDATE sessions SET last_seen_at = ? WHERE id = ?", [use[:2] for use in uses])
            await transaction.many("DELETE FROM sessions WHERE id = ?", [(live.id,) for live in expired])
        for _, _, live, last_seen_at in uses:
            live.saved_at = last_seen_at
        return self._live.remove(expired)

    async def sweep_is_due(self) -> None:
        """Wait for five minutes, for the next expiry, or until an expired session is met."""
        longest = min(_SWEEP, self._lifetime.idle, self._lifetime.absolute)
        next_end = self._live.next_end()
        wait = longest if next_end is None else min(longest, next_end - self._clock())
        try:
            async with asyncio.timeout(max(wait, _SOONEST_SWEEP).total_seconds()):
                await self._expired_met.wait()
        except TimeoutError:
            return

    async def _evict(
        self, change: AuditedTransaction, live: LiveSession, client: Client, replacing: Sequence[str]
    ) -> tuple[LiveSession, ...]:
        """Delete, with the transaction, the sessions that the new one replaces, and the user's surplus ones."""
        replaced = {named.id: named for cookie in replacing if (named := self._named_by(cookie))}.values()
        ends = (*replaced, *self._live.surplus(live.user.id, _MOST_OF_USER - 1, replaced))
        await change.many("DELETE FROM sessions WHERE id = ?", [(session.id,) for session in ends])
        for session in ends:
            await change.record(_entry(Action.SIGN_OUT, session, client, {"replaced_by": live.id}))
        return ends

    def _named_by(self, cookie: str) -> LiveSession | None:
        digest = self._seal.open(cookie)
        return None if digest is None else self._live.find(digest)

    def _has_expired(self, live: LiveSession, now: datetime) -> bool:
        expired = self._live.has_expired(live, now)
        if expired:
            self._expired_met.set()
        return expired


def _begun(digest: bytes, user: User, now: datetime, client: Client) -> LiveSession:
    return LiveSession(
        id=nanoid.generate(size=_ID_LENGTH),
        digest=digest,
        user=user,
        authenticated_at=now.replace(microsecond=0),
        last_seen_at=now,
        saved_at=now,
        cookie_sent_at=now,
        address=client.address,
        user_agent=client.user_agent,
    )


def _loaded(row: sqlite3.Row, now: datetime) -> LiveSession:
    last_seen_at = instant(row["last_seen_at"])
    return LiveSession(
        id=row["session_id"],
        digest=row["digest"],
        user=user_in(row),
        authenticated_at=instant(row["authenticated_at"]),
        last_seen_at=last_seen_at,
        saved_at=last_seen_at,
        cookie_sent_at=now,  # not kept on disk; this way it is never renewed more than once an hour
        address=row["address"],
        user_agent=row["user_agent"],
    )


def _entry(action: Action, live: LiveSession, client: Client, details: dict[str, str] | None = None) -> AuditEntry:
    by = attrs.evolve(live.principal, client=client)
    return AuditEntry(action=action, resource=Resource.SESSION, resource_id=live.id, by=by, details=details or {})


def _ended_by(by: Principal, session_id: str | None, others: Sequence[str] = ()) -> AuditEntry:
    details = {"sessions": others} if others else {}
    return AuditEntry(action=Action.SIGN_OUT, resource=Resource.SESSION, resource_id=session_id, by=by, details=details)
