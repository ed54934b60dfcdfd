"""All live sessions in memory, so that a request's session is found without touching the disk."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime, timedelta

import attrs

from actors.principal import Principal
from actors.session.lifetime import SessionLifetime
from actors.session.messages import CheckedSession, OwnSession, Session, User

_RENEWAL = timedelta(hours=1)
_ONE_USE = timedelta(seconds=1)
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@attrs.define(kw_only=True, eq=False)
class LiveSession:
    """One session and its last use."""

    id: str
    digest: bytes
    user: User
    authenticated_at: datetime
    last_seen_at: datetime
    saved_at: datetime  # the ``last_seen_at`` that is on disk
    cookie_sent_at: datetime
    address: str | None = None  # from which it was opened
    user_agent: str | None = None
    answer: CheckedSession | None = None  # to the latest use
    answer_holds_until: datetime = _LONG_AGO

    @property
    def principal(self) -> Principal:
        return Principal(user_id=self.user.id, email=self.user.email, session_id=self.id, role=self.user.role)


class LiveSessions:
    """Index of live sessions by the digest of their token. It slides their idle ends and finds expired ones."""

    def __init__(self, lifetime: SessionLifetime) -> None:
        self._lifetime = lifetime
        self._by_digest: dict[bytes, LiveSession] = {}
        self._by_user: dict[str, dict[bytes, LiveSession]] = {}

    def __len__(self) -> int:
        return len(self._by_digest)

    def add(self, session: LiveSession) -> None:
        self._by_digest[session.digest] = session
        self._by_user.setdefault(session.user.id, {})[session.digest] = session

    def find(self, digest: bytes) -> LiveSession | None:
        """The session with this digest; it may have expired."""
        return self._by_digest.get(digest)

    def has_expired(self, session: LiveSession, now: datetime) -> bool:
        return now >= self._end(session)

    def use(self, session: LiveSession, now: datetime) -> CheckedSession:
        """Slide the session's idle end, and say at most once an hour that its cookie should be sent again.

        Any other answer is cached for a second: requests within it are the same use, and do not call this.
        """
        session.last_seen_at = max(session.last_seen_at, now)
        renewed = now - session.cookie_sent_at >= _RENEWAL
        if renewed:
            session.cookie_sent_at = now
        answer = CheckedSession(session=self.public(session), renewed=renewed, max_age=self.max_age(session, now))
        session.answer = answer
        session.answer_holds_until = _LONG_AGO if renewed else min(now + _ONE_USE, self._end(session))
        return answer

    def public(self, session: LiveSession) -> Session:
        """The session as the rest of the studio sees it."""
        return Session(
            id=session.id,
            user=session.user,
            authenticated_at=session.authenticated_at,
            expires_at=self._end(session).replace(microsecond=0),
        )

    def shown(self, session: LiveSession) -> OwnSession:
        """The session as its user sees it."""
        return OwnSession(
            id=session.id,
            created_at=session.authenticated_at,
            last_seen_at=session.last_seen_at,
            address=session.address,
            user_agent=session.user_agent,
        )

    def max_age(self, session: LiveSession, now: datetime) -> int:
        """Seconds until the absolute end."""
        return int((self._lifetime.absolute_end(session.authenticated_at) - now).total_seconds())

    def of_user(self, user_id: str) -> list[LiveSession]:
        return list(self._by_user.get(user_id, {}).values())

    def surplus(self, user_id: str, most: int, leaving: Collection[LiveSession]) -> list[LiveSession]:
        """A user's sessions beyond ``most``, without those that leave: the ones unused longest."""
        staying = [session for session in self.of_user(user_id) if session not in leaving]
        staying.sort(key=lambda session: session.last_seen_at)
        return staying[: max(len(staying) - most, 0)]

    def count_by_user(self, now: datetime) -> Counter[str]:
        return Counter(session.user.id for session in self._by_digest.values() if not self.has_expired(session, now))

    def expired(self, now: datetime) -> list[LiveSession]:
        return [session for session in self._by_digest.values() if self.has_expired(session, now)]

    def unsaved(self) -> list[LiveSession]:
        """Sessions used since their last use was written to disk."""
        return [session for session in self._by_digest.values() if session.last_seen_at > session.saved_at]

    def next_end(self) -> datetime | None:
        """The time of the next expiry if no session is used."""
        return min((self._end(session) for session in self._by_digest.values()), default=None)

    def remove(self, sessions: Iterable[LiveSession]) -> tuple[str, ...]:
        """Remove sessions; returns the ids of those that were there."""
        return tuple([session.id for session in sessions if self._forget(session)])

    def remove_all_but(self, session_ids: Collection[str]) -> tuple[str, ...]:
        """Remove the sessions with other ids; returns their ids."""
        return self.remove([session for session in self._by_digest.values() if session.id not in session_ids])

    def take_over(self, users: Mapping[str, User]) -> tuple[str, ...]:
        """Replace the users, by id. Sessions of other users are removed; returns their ids."""
        gone = [user_id for user_id in self._by_user if user_id not in users]
        ended = self.remove([session for user_id in gone for session in self.of_user(user_id)])
        for user_id in self._by_user:
            self.update(users[user_id])
        return ended

    def update(self, user: User) -> None:
        """Replace the user of the user's sessions: the next check answers with it."""
        for session in self._by_user.get(user.id, {}).values():
            if session.user != user:
                session.user = user
                session.answer_holds_until = _LONG_AGO

    def _forget(self, session: LiveSession) -> bool:
        if self._by_digest.pop(session.digest, None) is None:
            return False
        of_user = self._by_user[session.user.id]
        del of_user[session.digest]
        if not of_user:
            del self._by_user[session.user.id]
        return True

    def _end(self, session: LiveSession) -> datetime:
        return self._lifetime.end(session.authenticated_at, session.last_seen_at)
