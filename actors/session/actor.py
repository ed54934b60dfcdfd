"""SessionActor: users, sign-in and sessions."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import ClassVar, Self

import attrs
import structlog
from argon2 import PasswordHasher

from actors.clock import Clock, utc_now
from actors.errors import StudioError, Unavailable
from actors.key_registry.messages import HandOverKeys, WithdrawScope
from actors.principal import Role, Scope
from actors.runtime.actor import Actor, ActorBus, handles, handles_inline
from actors.runtime.closing import on_exit
from actors.runtime.lane import Lane
from actors.session.accounts import Accounts
from actors.session.cookies import CookieSeal
from actors.session.lifetime import SessionLifetime
from actors.session.messages import (
    NEW_BROWSER,
    AccountsState,
    AdoptUser,
    ChangeOwnPassword,
    ChangeRole,
    CheckedSession,
    CheckSession,
    CreateFirstUser,
    CreateUser,
    DeleteUser,
    EndOtherSessions,
    EndOwnSession,
    FindPerson,
    GetAccountsState,
    ListOwnSessions,
    ListPeople,
    ListUsers,
    OwnSession,
    Person,
    ResetPassword,
    SessionsEnded,
    SignedIn,
    SignIn,
    SignOut,
    UnlockUser,
    User,
    UsersExist,
)
from actors.session.throttle import ThrottlePolicy

__all__ = ["SessionActor", "SessionLifetime"]

log = structlog.get_logger(__name__)

_GLANCE = 1.0  # seconds between two looks whether another program has changed the file
_DEFAULT_LIFETIME = SessionLifetime()
_DEFAULT_POLICY = ThrottlePolicy()


class SessionActor(Actor):
    """Keeps accounts and sessions.

    Sign-ins run beside the writes, because a password takes some 30 ms to check; there may be 128 of them, and their
    lane takes more, so that other reads never wait for them.
    """

    lanes: ClassVar[Mapping[str, Lane]] = {"reads": Lane(at_once=256)}

    def __init__(self, bus: ActorBus, accounts: Accounts) -> None:
        super().__init__(bus)
        self._accounts = accounts

    @classmethod
    @asynccontextmanager
    async def running(
        cls,
        bus: ActorBus,
        path: Path,
        *,
        cookie_key: bytes,
        session_secret: str,
        lifetime: SessionLifetime = _DEFAULT_LIFETIME,
        policy: ThrottlePolicy = _DEFAULT_POLICY,
        clock: Clock = utc_now,
        hasher: PasswordHasher | None = None,
    ) -> AsyncIterator[Self]:
        """Open the SQLite file at ``path``, which may be shared with other actors. ``cookie_key`` has 32 bytes.

        ``hasher`` is another one than that for passwords of people, as for tests that are about something else.
        """
        seal = CookieSeal(cookie_key, session_secret)
        accounts = Accounts(
            await Accounts.open_database(path),
            seal=seal,
            session_secret=session_secret,
            lifetime=lifetime,
            policy=policy,
            clock=clock,
            tell_ended=partial(_tell_ended, bus),
            hasher=hasher,
        )
        async with on_exit(accounts.close):
            await accounts.load()
            actor = cls(bus, accounts)
            async with on_exit(actor._sweep):
                yield actor

    async def work(self) -> None:
        async with asyncio.TaskGroup() as both:
            both.create_task(self._sweep_when_due())
            both.create_task(self._follow_others())

    @handles(UsersExist, lane="reads")
    async def users_exist(self, _: UsersExist) -> bool:
        return await self._accounts.users.exist()

    @handles(CreateFirstUser)
    async def create_first_user(self, request: CreateFirstUser) -> SignedIn:
        signed_in = await self._accounts.users.create_first(request.email, request.password, request.client)
        device_cookie = self._accounts.sign_ins.device_cookie(request.email, NEW_BROWSER)
        return attrs.evolve(signed_in, device_cookie=device_cookie)

    @handles(CreateUser)
    async def create_user(self, request: CreateUser) -> User:
        return await self._accounts.users.create(request.email, request.password, request.role, request.by)

    @handles(AdoptUser)
    async def adopt_user(self, request: AdoptUser) -> bool:
        return await self._accounts.users.adopt(request.user, request.password_hash, request.by)

    @handles(ListUsers, lane="reads")
    async def users(self, _: ListUsers) -> tuple[User, ...]:
        return await self._accounts.users.all()

    @handles(ListPeople, lane="reads")
    async def people(self, _: ListPeople) -> tuple[Person, ...]:
        return await self._accounts.people.all()

    @handles(FindPerson, lane="reads")
    async def person(self, request: FindPerson) -> Person:
        return await self._accounts.people.one(request.user_id)

    @handles(DeleteUser)
    async def delete_user(self, request: DeleteUser) -> None:
        """Delete keys first: a crash between the two leaves a user without keys, and never keys without a user."""
        people = self._accounts.people
        await people.require_deletable(request.user_id)
        keys = HandOverKeys(user_id=request.user_id, by=request.by)
        await self.bus.ask(keys)
        self._tell_ended(await people.delete(request.user_id, request.by))
        await self._ask_for_late_keys(keys)

    @handles(ChangeRole)
    async def change_role(self, request: ChangeRole) -> Person:
        """Change the role. Scopes that only an admin may give end first, as keys do before a deletion."""
        people = self._accounts.people
        if request.role is Role.ADMIN:
            await people.change_role(request.user_id, request.role, request.by)
        else:
            await people.require_demotable(request.user_id)
            keys = WithdrawScope(user_id=request.user_id, scope=Scope.BACKUP, by=request.by)
            await self.bus.ask(keys)
            await people.change_role(request.user_id, request.role, request.by)
            await self._ask_for_late_keys(keys)
        return await people.one(request.user_id)

    @handles(ResetPassword)
    async def reset_password(self, request: ResetPassword) -> None:
        self._tell_ended(await self._accounts.people.reset_password(request.user_id, request.password, request.by))

    @handles(UnlockUser)
    async def unlock_user(self, request: UnlockUser) -> None:
        await self._accounts.people.unlock(request.user_id, request.by)

    @handles(SignIn, lane="reads")
    async def sign_in(self, request: SignIn) -> SignedIn:
        return await self._accounts.sign_ins.sign_in(request)

    @handles(SignOut)
    async def sign_out(self, request: SignOut) -> bool:
        ended = await self._accounts.sessions.sign_out(request.cookie, request.client)
        self._tell_ended((ended,) if ended else ())
        return ended is not None

    @handles(ChangeOwnPassword, lane="reads")
    async def change_own_password(self, request: ChangeOwnPassword) -> None:
        await self._accounts.sign_ins.change_password(request)

    @handles_inline(ListOwnSessions)
    def own_sessions(self, request: ListOwnSessions) -> tuple[OwnSession, ...]:
        return self._accounts.sessions.of_user(request.by.user_id)

    @handles(EndOwnSession)
    async def end_own_session(self, request: EndOwnSession) -> None:
        await self._accounts.sessions.end(request.session_id, request.by)

    @handles(EndOtherSessions)
    async def end_other_sessions(self, request: EndOtherSessions) -> None:
        await self._accounts.sessions.end_others(request.by)

    @handles_inline(CheckSession)
    def check_session(self, request: CheckSession) -> CheckedSession | None:
        return self._accounts.sessions.check(request.cookie)

    @handles_inline(GetAccountsState)
    def state(self, _: GetAccountsState) -> AccountsState:
        return AccountsState(problems=self._accounts.problems())

    async def _ask_for_late_keys(self, keys: HandOverKeys | WithdrawScope) -> None:
        """Ask once more, for keys made during the change: after it nobody can make such any more."""
        try:
            await self.bus.ask(keys)
        except StudioError as fault:
            log.warning("keys made during a change of their owner were not looked for", fault=fault.detail)

    async def _sweep_when_due(self) -> None:
        while True:
            await self._accounts.sessions.sweep_is_due()
            await self._sweep()

    async def _follow_others(self) -> None:
        """Take over what a command on this machine does: it may end sessions, reset a password or lift a lock."""
        while True:
            await asyncio.sleep(_GLANCE)
            with suppress(Unavailable):  # the next look finds the same
                await self._accounts.follow()

    async def _sweep(self) -> None:
        """End expired sessions. After a fault of the disk memory is still right, and the next sweep catches up."""
        try:
            self._tell_ended(await self._accounts.sweep())
        except Unavailable as fault:
            log.warning("sessions not swept", fault=fault.detail)

    def _tell_ended(self, session_ids: tuple[str, ...]) -> None:
        _tell_ended(self.bus, session_ids)


def _tell_ended(bus: ActorBus, session_ids: tuple[str, ...]) -> None:
    if session_ids:
        bus.publish(SessionsEnded(session_ids=session_ids))
