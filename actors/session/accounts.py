"""The parts of SessionActor, put together over one database."""

from collections.abc import Callable
from pathlib import Path

from argon2 import PasswordHasher

from actors.audit import AUDIT
from actors.clock import Clock
from actors.session.cookies import CookieSeal
from actors.session.lifetime import SessionLifetime
from actors.session.passwords import PasswordHashes
from actors.session.people import PeopleStore
from actors.session.sessions import SessionStore
from actors.session.sign_in import SignIns
from actors.session.throttle import ThrottlePolicy
from actors.session.users import UserStore
from actors.sqlite import Component, Database

ACCOUNTS = Component(name="session", package="actors.session")
_FILE_FAILS = "The account database cannot be read or written: its disk is full or fails, or another program holds it"


class Accounts:
    """Users, sessions and sign-ins over one SQLite file."""

    def __init__(
        self,
        database: Database,
        *,
        seal: CookieSeal,
        session_secret: str,
        lifetime: SessionLifetime,
        policy: ThrottlePolicy,
        clock: Clock,
        tell_ended: Callable[[tuple[str, ...]], None] = lambda _: None,
        hasher: PasswordHasher | None = None,
    ) -> None:
        self._database = database
        self._version = 0  # of the file, up to which memory has the changes of other programs
        self._passwords = PasswordHashes(hasher)
        self.sessions = SessionStore(database, seal, lifetime, clock, tell_ended)
        self.users = UserStore(database, self._passwords, self.sessions, clock)
        self.sign_ins = SignIns(
            database, self.users, self._passwords, self.sessions, secret=session_secret, clock=clock, policy=policy
        )
        self.people = PeopleStore(database, self._passwords, self.sessions, self.sign_ins, clock)

    @staticmethod
    async def open_database(path: Path) -> Database:
        """Open the file. Raises as ``Database.open`` does."""
        return await Database.open(path, AUDIT, ACCOUNTS)

    async def load(self) -> None:
        """Read the sessions and counts of the last process."""
        await self._passwords.prepare()
        self._version = await self._database.version()
        await self.sessions.load()
        await self.sign_ins.load()

    async def sweep(self) -> tuple[str, ...]:
        """Write and remove what is due; returns the ids of the sessions that have expired. Raises ``Unavailable``."""
        await self.sign_ins.sweep()
        return await self.sessions.sweep()

    async def follow(self) -> None:
        """Load the changes of other programs in the file, if there are any. Raises ``Unavailable``."""
        version = await self._database.version()
        if version != self._version:
            await self.sessions.follow()
            await self.sign_ins.follow()
            self._version = version

    def problems(self) -> tuple[str, ...]:
        """The problems of the file, a sentence each."""
        return () if self._database.is_well else (_FILE_FAILS,)

    async def close(self) -> None:
        """Finish the sign-ins in work, then close the file. Cancelled, it waits for them no longer."""
        try:
            await self.sign_ins.finish()
        finally:
            self._passwords.close()
            await self._database.close()
