"""The public face of SessionActor: users, sign-in and sessions.

E-mail addresses arrive normalised (the transport checks their form); the local part is case-sensitive. Passwords arrive
as received, 8 to 1024 characters where a new one is set.
"""

from datetime import datetime
from functools import cached_property

import attrs

from actors.principal import UNKNOWN_CLIENT, Client, Principal, Role
from actors.runtime.messages import Event, Request

COOKIE_LENGTH = 80  # characters: letters, digits, "-" and "_"; a text of another form is no cookie of ours

# The cookie ``junjo_device``: tokens of the same characters with a "." between two of them.
DEVICE_TOKEN_LENGTH = 72
MOST_DEVICE_TOKENS = 4  # people who share a browser
MOST_DEVICE_COOKIES = 4  # of that name that are looked at: other programs on a domain may set some
DEVICE_SECONDS = 365 * 86_400  # a token's lifetime


@attrs.frozen(kw_only=True)
class User:
    """An account. Times are aware UTC, whole seconds."""

    id: str  # nanoid, 22 characters
    email: str
    is_active: bool
    created_at: datetime
    updated_at: datetime
    role: Role = Role.ADMIN  # of users from before there were roles, and from POST /users


@attrs.frozen(kw_only=True)
class Person:
    """An account as admins see it."""

    user: User
    last_sign_in_at: datetime | None  # ``None``: never, or before this was recorded
    locked_until: datetime | None  # until then failed sign-ins lock out all but known browsers
    sessions: int  # that are live


@attrs.frozen(kw_only=True)
class Session:
    """A live session. ``id`` is public (logs, audit); the cookie's token is never kept."""

    id: str
    user: User
    authenticated_at: datetime
    expires_at: datetime  # the earlier of the idle and the absolute end, as of now

    @cached_property
    def principal(self) -> Principal:
        return Principal(user_id=self.user.id, email=self.user.email, session_id=self.id, role=self.user.role)


@attrs.frozen(kw_only=True)
class SignedIn:
    """A new session and the opaque cookie value that proves it."""

    session: Session
    cookie: str = attrs.field(repr=False)
    max_age: int  # seconds until the absolute end
    device_cookie: str = attrs.field(default="", repr=False)  # it identifies the browser when it signs in again


@attrs.frozen(kw_only=True)
class CheckedSession:
    """The session of a valid cookie. ``renewed`` says that the cookie should be sent again (at most once an hour)."""

    session: Session
    renewed: bool
    max_age: int  # seconds until the absolute end


@attrs.frozen(kw_only=True)
class UsersExist(Request[bool]):
    """Whether any user exists."""


@attrs.frozen(kw_only=True)
class CreateFirstUser(Request[SignedIn]):
    """Create the first account and sign it in. ``Refused`` when any user exists, however many ask at once."""

    email: str
    password: str = attrs.field(repr=False)
    client: Client = UNKNOWN_CLIENT


@attrs.frozen(kw_only=True)
class CreateUser(Request[User]):
    """Create a further account. ``Conflict`` when the e-mail is taken."""

    email: str
    password: str = attrs.field(repr=False)
    role: Role = Role.ADMIN
    by: Principal


@attrs.frozen(kw_only=True)
class AdoptUser(Request[bool]):
    """Take an account over from another installation.

    False, and nothing changes, when the id or e-mail is taken, or a user with this id was deleted here. The password
    stays the same: ``password_hash`` is bcrypt, as ``$2b$12$…``, and replaced at the next sign-in; ``InvalidRequest``
    when it has another form.
    """

    user: User
    password_hash: str = attrs.field(repr=False)
    by: Principal


@attrs.frozen(kw_only=True)
class ListUsers(Request[tuple[User, ...]]):
    """List all users in the order of their creation."""


@attrs.frozen(kw_only=True)
class DeleteUser(Request[None]):
    """Delete a user and end their sessions. ``NotFound``; ``Conflict`` for the last user and the last admin."""

    user_id: str
    by: Principal


@attrs.frozen(kw_only=True)
class ListPeople(Request[tuple[Person, ...]]):
    """List all accounts as admins see them, in the order of their creation."""


@attrs.frozen(kw_only=True)
class FindPerson(Request[Person]):
    """Find one account as admins see it. ``NotFound``."""

    user_id: str


@attrs.frozen(kw_only=True)
class ChangeRole(Request[Person]):
    """Give a user another role, from the very next request on. ``NotFound``; ``Conflict`` for the last admin."""

    user_id: str
    role: Role
    by: Principal


@attrs.frozen(kw_only=True)
class ResetPassword(Request[None]):
    """Set the password of any user and end their sessions. ``NotFound``."""

    user_id: str
    password: str = attrs.field(repr=False)
    by: Principal


@attrs.frozen(kw_only=True)
class UnlockUser(Request[None]):
    """Forget the failed sign-ins of an account, so that sign-in is allowed at once. ``NotFound``."""

    user_id: str
    by: Principal


@attrs.frozen(kw_only=True)
class Browser:
    """The cookies of a browser: session cookies and device cookies."""

    sessions: tuple[str, ...] = attrs.field(default=(), repr=False)
    devices: tuple[str, ...] = attrs.field(default=(), repr=False)


NEW_BROWSER = Browser()


@attrs.frozen(kw_only=True)
class SignIn(Request[SignedIn]):
    """Check a password and open a session, which replaces those of the browser's cookies.

    ``Unauthenticated`` is the same, in text and time, for an unknown user and a wrong password, unless the account was
    taken over (``AdoptUser``) and nobody signed in to it since. ``Throttled`` after too many failures of this account
    or from this address; a browser that has signed in to the account before has a count of its own instead. Of a user's
    sessions the one that is unused longest ends when there would be more than 100.
    """

    email: str
    password: str = attrs.field(repr=False)
    client: Client
    browser: Browser = NEW_BROWSER


@attrs.frozen(kw_only=True)
class SignOut(Request[bool]):
    """End the session of this cookie. False when the cookie is dead already."""

    cookie: str = attrs.field(repr=False)
    client: Client = UNKNOWN_CLIENT


@attrs.frozen(kw_only=True)
class ChangeOwnPassword(Request[None]):
    """Replace the current password by a new one, and end the user's other sessions.

    A wrong current password is ``Refused``, and counts as a failed sign-in of the account: ``Throttled``.
    """

    current_password: str = attrs.field(repr=False)
    new_password: str = attrs.field(repr=False)
    by: Principal


@attrs.frozen(kw_only=True)
class OwnSession:
    """A live session as its user sees it. Address and user agent of old sessions are not known."""

    id: str
    created_at: datetime
    last_seen_at: datetime
    address: str | None
    user_agent: str | None


@attrs.frozen(kw_only=True)
class ListOwnSessions(Request[tuple[OwnSession, ...]]):
    """List all live sessions of the asker, the one that was used last first. Answered from memory."""

    by: Principal


@attrs.frozen(kw_only=True)
class EndOwnSession(Request[None]):
    """End one of the asker's sessions. ``NotFound`` also for somebody else's."""

    session_id: str
    by: Principal


@attrs.frozen(kw_only=True)
class EndOtherSessions(Request[None]):
    """End all of the asker's sessions but the one that asks."""

    by: Principal


@attrs.frozen(kw_only=True)
class CheckSession(Request[CheckedSession | None]):
    """Find the live session of this cookie.

    ``None`` for a cookie that is unknown, forged, expired, signed out or of a deleted user.
    """

    cookie: str = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class AccountsState:
    """The state of the accounts file. It is healthy without ``problems``, each a sentence for people."""

    problems: tuple[str, ...]


@attrs.frozen(kw_only=True)
class GetAccountsState(Request[AccountsState]):
    """Read the state of the latest use of the file, from memory."""


@attrs.frozen(kw_only=True)
class SessionsEnded(Event):
    """These sessions are over: signed out, replaced, expired, too many, their password changed or user deleted."""

    session_ids: tuple[str, ...]
