"""Changes of accounts by admins: roles, passwords, locks, deletion."""

import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

import attrs

from actors.audit import Action, AuditEntry, Resource, audited
from actors.clock import Clock
from actors.errors import Conflict, NotFound
from actors.principal import Principal, Role
from actors.session.messages import Person, User
from actors.session.passwords import PasswordHashes
from actors.session.rows import instant, user_in
from actors.session.sessions import SessionStore
from actors.session.sign_in import SignIns
from actors.sqlite import Database

# Of a database or of a transaction: runs one statement.
Rows = Callable[..., Awaitable[list[sqlite3.Row]]]


class PeopleStore:
    """Lists accounts as admins see them, and changes them.

    Each rule is checked in the transaction of its change, and so holds for all writers of the file. At least one active
    admin always remains.
    """

    def __init__(
        self, database: Database, passwords: PasswordHashes, sessions: SessionStore, sign_ins: SignIns, clock: Clock
    ) -> None:
        self._database = database
        self._passwords = passwords
        self._sessions = sessions
        self._sign_ins = sign_ins
        self._clock = clock

    async def all(self) -> tuple[Person, ...]:
        """All accounts, in the order of their creation."""
        rows = await self._database.rows("SELECT * FROM users ORDER BY position")
        sessions = self._sessions.count_by_user()
        return tuple(self._person(row, sessions) for row in rows)

    async def one(self, user_id: str) -> Person:
        """One account. Raises ``NotFound``."""
        return self._person(await _row(self._database.rows, user_id), self._sessions.count_by_user())

    async def require_deletable(self, user_id: str) -> None:
        """Raise ``NotFound`` or ``Conflict`` where ``delete`` would raise it now."""
        await _deletable(self._database.rows, user_id)

    async def delete(self, user_id: str, by: Principal) -> tuple[str, ...]:
        """Delete a user with their sessions; returns the sessions' ids. Raises ``NotFound`` or ``Conflict``."""
        async with audited(self._database, self._clock()) as change:
            user = await _deletable(change.rows, user_id)
            await change.rows("DELETE FROM users WHERE id = ?", user_id)  # its sessions go with it
            await change.record(_entry(Action.DELETE, user, by))
        return self._sessions.forget_user(user_id)

    async def require_demotable(self, user_id: str) -> None:
        """Raise ``NotFound`` or ``Conflict`` where making the user a member would raise it now."""
        await _demotable(self._database.rows, user_id)

    async def change_role(self, user_id: str, role: Role, by: Principal) -> None:
        """Give the user this role, from the very next request on. Raises ``NotFound`` or ``Conflict``."""
        now = self._clock()
        async with audited(self._database, now) as change:
            user = user_in(await _row(change.rows, user_id))
            if user.role is role:
                return
            if role is not Role.ADMIN:
                await _demotable(change.rows, user_id)
            changed = attrs.evolve(user, role=role, updated_at=now.replace(microsecond=0))
            await change.rows(
                "UPDATE users SET role = ?, updated_at = ? WHERE id = ?", role.value, int(now.timestamp()), user_id
            )
            await change.record(_entry(Action.UPDATE, user, by, role=role.value, role_before=user.role.value))
        self._sessions.update_user(changed)

    async def reset_password(self, user_id: str, password: str, by: Principal) -> tuple[str, ...]:
        """Set a password and end the user's sessions; returns their ids. Raises ``NotFound``."""
        password_hash = await self._passwords.hash(password)
        now = self._clock()
        async with audited(self._database, now) as change:
            user = user_in(await _row(change.rows, user_id))
            await change.rows(
                "UPDATE users SET password_hash = ?, updated_at = ? WHERE id = ?",
                password_hash,
                int(now.timestamp()),
                user_id,
            )
            await change.rows("DELETE FROM sessions WHERE user_id = ?", user_id)
            await change.record(_entry(Action.UPDATE, user, by, changed="password"))
        return self._sessions.forget_user(user_id)

    async def unlock(self, user_id: str, by: Principal) -> None:
        """Forget the failed sign-ins of the account. Raises ``NotFound``."""
        async with audited(self._database, self._clock()) as change:
            user = user_in(await _row(change.rows, user_id))
            await self._sign_ins.unlock(change, user.email)
            await change.record(_entry(Action.UPDATE, user, by, changed="lock"))
        self._sign_ins.unlocked(user.email)

    def _person(self, row: sqlite3.Row, sessions: Mapping[str, int]) -> Person:
        user = user_in(row)
        return Person(
            user=user,
            last_sign_in_at=_instant_or_none(row["last_sign_in_at"]),
            locked_until=self._sign_ins.locked_until(user.email),
            sessions=sessions.get(user.id, 0),
        )


async def _row(rows: Rows, user_id: str) -> sqlite3.Row:
    found = await rows("SELECT * FROM users WHERE id = ?", user_id)
    if not found:
        raise NotFound("User not found")
    return found[0]


async def _deletable(rows: Rows, user_id: str) -> User:
    user = user_in(await _row(rows, user_id))
    if not await rows("SELECT 1 FROM users WHERE id <> ? LIMIT 1", user_id):
        raise Conflict("Cannot delete the last user")
    if await _is_last_admin(rows, user):
        raise Conflict("Cannot delete the last admin")
    return user


async def _demotable(rows: Rows, user_id: str) -> None:
    if await _is_last_admin(rows, user_in(await _row(rows, user_id))):
        raise Conflict("Cannot demote the last admin")


async def _is_last_admin(rows: Rows, user: User) -> bool:
    """Whether this is the only active admin."""
    if user.role is not Role.ADMIN or not user.is_active:
        return False
    return not await rows(
        "SELECT 1 FROM users WHERE id <> ? AND role = ? AND is_active LIMIT 1", user.id, Role.ADMIN.value
    )


def _instant_or_none(seconds: int | None) -> datetime | None:
    return None if seconds is None else instant(seconds)


def _entry(action: Action, user: User, by: Principal, **details: str) -> AuditEntry:
    return AuditEntry(
        action=action, resource=Resource.USER, resource_id=user.id, by=by, details={"email": user.email, **details}
    )
