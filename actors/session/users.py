"""Users in SQLite."""

from datetime import datetime

import attrs
import nanoid

from actors.audit import Action, AuditedTransaction, AuditEntry, Resource, audited
from actors.clock import Clock
from actors.errors import Conflict, InvalidRequest, Refused
from actors.principal import SYSTEM, Client, Principal, Role
from actors.session.messages import SignedIn, User
from actors.session.passwords import PasswordHashes, is_bcrypt
from actors.session.rows import user_in
from actors.session.sessions import SessionStore
from actors.sqlite import Database

_ID_LENGTH = 22


@attrs.frozen(kw_only=True)
class Credentials:
    """A user with the hash of their password."""

    user: User
    password_hash: str = attrs.field(repr=False)


class UserStore:
    """Creates, lists and finds users. The rule about the first user holds for all writers of the file."""

    def __init__(self, database: Database, passwords: PasswordHashes, sessions: SessionStore, clock: Clock) -> None:
        self._database = database
        self._passwords = passwords
        self._sessions = sessions
        self._clock = clock

    async def exist(self) -> bool:
        [row] = await self._database.rows("SELECT EXISTS (SELECT 1 FROM users)")
        return bool(row[0])

    async def create_first(self, email: str, password: str, client: Client) -> SignedIn:
        """Create the first user and sign them in. Raises ``Refused``."""
        if await self.exist():
            raise _users_exist()  # before the work of hashing
        password_hash = await self._passwords.hash(password)
        now = self._clock()
        user = _new_user(email, Role.ADMIN, now)
        async with audited(self._database, now) as change:
            if not await _insert(change, user, password_hash, only_as_first=True):
                raise _users_exist()
            await change.record(_entry(Action.CREATE, user, attrs.evolve(SYSTEM, client=client)))
            opened = await self._sessions.insert(change, user, now, client)
        return self._sessions.admit(opened)

    async def create(self, email: str, password: str, role: Role, by: Principal) -> User:
        """Create a further user. Raises ``Conflict``."""
        password_hash = await self._passwords.hash(password)
        now = self._clock()
        user = _new_user(email, role, now)
        async with audited(self._database, now) as change:
            if not await _insert(change, user, password_hash):
                raise Conflict("A user with this email already exists")
            await change.record(_entry(Action.CREATE, user, by))
        return user

    async def adopt(self, user: User, password_hash: str, by: Principal) -> bool:
        """Store a user who comes with an id and a bcrypt hash.

        False when the id or e-mail is taken, or a user with this id was deleted here. Raises ``InvalidRequest``.
        """
        if not is_bcrypt(password_hash):
            raise InvalidRequest("the hash of the password is none of bcrypt's")
        async with audited(self._database, self._clock()) as change:
            if await change.has_deleted(Resource.USER, user.id) or not await _insert(change, user, password_hash):
                return False
            await change.record(_entry(Action.CREATE, user, by))
        return True

    async def all(self) -> tuple[User, ...]:
        """All users, in the order of their creation."""
        return tuple(user_in(row) for row in await self._database.rows("SELECT * FROM users ORDER BY position"))

    async def credentials(self, email: str) -> Credentials | None:
        """The active user with this e-mail, and the hash of their password."""
        rows = await self._database.rows("SELECT * FROM users WHERE email = ? AND is_active", email)
        return Credentials(user=user_in(rows[0]), password_hash=rows[0]["password_hash"]) if rows else None


async def _insert(change: AuditedTransaction, user: User, password_hash: str, *, only_as_first: bool = False) -> bool:
    """Store the user. False when e-mail or id is taken, or a user exists and this was to be the first."""
    rows = await change.rows(
        "INSERT INTO users (id, email, password_hash, is_active, created_at, updated_at, role) "
        "SELECT ?, ?, ?, ?, ?, ?, ? WHERE NOT (? AND EXISTS (SELECT 1 FROM users)) "
        "ON CONFLICT DO NOTHING RETURNING id",
        user.id,
        user.email,
        password_hash,
        user.is_active,
        int(user.created_at.timestamp()),
        int(user.updated_at.timestamp()),
        user.role.value,
        only_as_first,
    )
    return bool(rows)


def _new_user(email: str, role: Role, now: datetime) -> User:
    created_at = now.replace(microsecond=0)
    user_id = nanoid.generate(size=_ID_LENGTH)
    return User(id=user_id, email=email, is_active=True, created_at=created_at, updated_at=created_at, role=role)


def _entry(action: Action, user: User, by: Principal) -> AuditEntry:
    return AuditEntry(action=action, resource=Resource.USER, resource_id=user.id, by=by, details={"email": user.email})


def _users_exist() -> Refused:
    return Refused("Users already exist, cannot create first user")
