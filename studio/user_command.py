"""``studio user``: accounts created, listed and repaired on the machine itself, also while a studio runs on them.

It writes to the accounts database as a running studio does, by the same rules, and is audited as ``system``. A user who
may write to that file needs no password and no setup code.
"""

import argparse
import asyncio
import getpass
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TypeVar

import attrs

from actors.clock import utc_now
from actors.errors import InvalidRequest, StudioError
from actors.principal import SYSTEM, Role
from actors.runtime.actor import StartRefused
from actors.session.accounts import Accounts
from actors.session.cookies import CookieSeal
from actors.session.lifetime import SessionLifetime
from actors.session.messages import Person, User
from actors.session.password_rules import faults_in
from actors.session.passwords import LONGEST
from actors.session.throttle import ThrottlePolicy
from studio.logs import configure_logging
from studio.settings import Settings, load_settings
from transports.http.api.people import PasswordOfUser
from transports.http.framework.rules import EmailAddress, Fault
from transports.http.framework.validation import structure_body

T = TypeVar("T")

_MOST_BYTES = 4 * LONGEST + 2  # of a password in UTF-8 with the end of its line
_HEADINGS = ("E-MAIL", "ROLE", "LAST SIGN-IN", "SIGN-INS", "LOCKED UNTIL")


class UserFailed(Exception):
    """The command failed. The text is one line for the person at the terminal."""


def user_command(given: argparse.Namespace) -> list[str]:
    """Run the command; returns the lines of the report. Raises ``UserFailed`` or ``SettingsError``."""
    settings = load_settings()
    configure_logging(attrs.evolve(settings, log_level="error"))  # the report is for a person
    if given.action != "create" and not settings.sqlite_path.exists():
        raise UserFailed(f"There are no users: {settings.sqlite_path} does not exist")
    match given.action:
        case "create":
            return [_create(given.email, given.role, settings)]
        case "reset-password":
            return [_reset_password(given.email, settings)]
        case "unlock":
            return [_on_accounts(settings, lambda accounts: _unlock(accounts, given.email))]
        case _:
            return _on_accounts(settings, _list)


def _on_accounts(settings: Settings, work: Callable[[Accounts], Awaitable[T]]) -> T:
    """Run work on the accounts.

    Never call it while a password is typed: the event loop would only take note of Ctrl-C then.
    """

    async def done() -> T:
        async with _opened(settings) as accounts:
            return await work(accounts)

    try:
        return asyncio.run(done())
    except (StudioError, StartRefused) as fault:
        raise UserFailed(str(fault)) from fault


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[Accounts]:
    """Open the accounts with nothing in memory: an actor would also end the sessions that it takes for unused."""
    accounts = Accounts(
        await Accounts.open_database(settings.sqlite_path),
        seal=CookieSeal(settings.secure_cookie_key, settings.session_secret),
        session_secret=settings.session_secret,
        lifetime=SessionLifetime(idle=settings.session_idle, absolute=settings.session_absolute),
        policy=ThrottlePolicy(),
        clock=utc_now,
    )
    try:
        yield accounts
    finally:
        await accounts.close()


def _create(text: str, role_name: str | None, settings: Settings) -> str:
    try:
        email = EmailAddress().apply(text)
    except Fault as fault:
        raise UserFailed(fault.message) from None
    users = _on_accounts(settings, lambda accounts: accounts.users.all())
    if any(user.email == email for user in users):
        raise UserFailed("A user with this email already exists")
    role = Role(role_name) if role_name else Role.MEMBER if users else Role.ADMIN
    if not users and role is not Role.ADMIN:
        raise UserFailed("The first user has to be an admin")
    password = _new_password(email, settings)
    _on_accounts(settings, lambda accounts: accounts.users.create(email, password, role, SYSTEM))
    return f"Created the {role.value} {email}."


def _reset_password(text: str, settings: Settings) -> str:
    user = _on_accounts(settings, lambda accounts: _found(accounts, text))
    password = _new_password(user.email, settings)
    _on_accounts(settings, lambda accounts: accounts.people.reset_password(user.id, password, SYSTEM))
    return f"Set the password of {user.email}, whose sign-ins have ended."


async def _unlock(accounts: Accounts, text: str) -> str:
    user = await _found(accounts, text)
    await accounts.people.unlock(user.id, SYSTEM)
    return f"Forgot the failed sign-ins of {user.email}."


async def _found(accounts: Accounts, text: str) -> User:
    """Find a user by the address as given, else in its normal form: users taken over may have any address."""
    try:
        kept = EmailAddress().apply(text)
    except Fault:
        kept = text
    users = {user.email: user for user in await accounts.users.all()}
    user = users.get(text) or users.get(kept)
    if user is None:
        raise UserFailed(f"There is no user {text}: studio user list shows all")
    return user


async def _list(accounts: Accounts) -> list[str]:
    await accounts.sessions.load()
    await accounts.sign_ins.load()
    people = await accounts.people.all()
    return _table([_HEADINGS, *map(_cells, people)]) if people else ["There are no users."]


def _new_password(email: str, settings: Settings) -> str:
    """Read a password, twice at a terminal, else from the first line of standard input. Arguments are public."""
    password = _typed() if sys.stdin.isatty() else _first_line()
    try:
        structure_body({"password": password}, PasswordOfUser)
    except InvalidRequest as fault:
        raise UserFailed(fault.problems[0].message) from None
    refusal = faults_in(password, email) if settings.strict_passwords else None
    if refusal is not None:
        raise UserFailed(refusal)
    return password


def _typed() -> str:
    try:
        password = getpass.getpass("New password: ")
        again = getpass.getpass("Once more: ")
    except (EOFError, KeyboardInterrupt):
        raise UserFailed("No password was given") from None
    except UnicodeDecodeError:
        raise UserFailed("The password is not valid text") from None
    if password != again:
        raise UserFailed("The two passwords differ")
    return password


def _first_line() -> str:
    line = sys.stdin.buffer.readline(_MOST_BYTES + 1)
    if not line:
        raise UserFailed("No password was given on standard input")
    if len(line) > _MOST_BYTES:
        raise UserFailed(f"String should have at most {LONGEST} characters")
    try:
        return line.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise UserFailed("The password on standard input is not UTF-8") from None


def _cells(person: Person) -> tuple[str, ...]:
    user = person.user
    role = user.role.value if user.is_active else f"{user.role.value}, inactive"
    return user.email, role, _moment(person.last_sign_in_at), str(person.sessions), _moment(person.locked_until)


def _moment(moment: datetime | None) -> str:
    return "-" if moment is None else f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
