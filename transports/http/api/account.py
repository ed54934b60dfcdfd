"""Routes of the signed-in user's own account: password and sign-ins."""

from datetime import UTC, datetime, timedelta

import attrs

from actors.errors import NotFound, Overloaded, Refused, Throttled
from actors.principal import Role
from actors.session.messages import (
    ChangeOwnPassword,
    EndOtherSessions,
    EndOwnSession,
    ListOwnSessions,
    OwnSession,
)
from transports.http.framework.route import Access, Call, Parameter, Route, described
from transports.http.wire.accounts import NewPassword, require_good_password
from transports.http.wire.moments import time_text

_TIME = {"format": "date-time"}
_EPOCH = datetime.fromtimestamp(0, UTC)


@attrs.frozen(kw_only=True)
class AccountAnswer:
    """The account of the caller."""

    id: str = attrs.field(metadata=described("Id of the user", "Mf8fJLve2y1WBaP5TYC7pv"))
    email: str = attrs.field(metadata=described("E-mail address", "ada@example.com") | {"format": "email"})
    role: Role = attrs.field(metadata=described("What the user may do", "admin"))


@attrs.frozen(kw_only=True)
class PasswordChange:
    """A new password for the caller's own account, proved by the current one, which may have any length."""

    current_password: str = attrs.field(
        repr=False, metadata=described("Password that is to be replaced", "correct horse battery")
    )
    new_password: NewPassword = attrs.field(
        repr=False, metadata=described("Password of 8 to 1024 characters", "staple correct horse")
    )


@attrs.frozen(kw_only=True)
class OwnSessionAnswer:
    """A place where the caller is signed in. Unknown members are null."""

    id: str = attrs.field(metadata=described("Id of the sign-in", "V1StGXR8_Z5jdHi6B-myT"))
    created_at: str = attrs.field(metadata=described("When it began", "2026-11-22T20:06:20.000Z") | _TIME)
    last_seen_at: str = attrs.field(metadata=described("When it was last used", "2026-11-22T20:06:21.000Z") | _TIME)
    address: str | None = attrs.field(metadata=described("IP address that it was opened from", "192.0.2.1"))
    user_agent: str | None = attrs.field(metadata=described("Program that opened it", "Mozilla/5.0"))
    current: bool = attrs.field(metadata=described("Whether this request uses it", True))

    @classmethod
    def of(cls, session: OwnSession, current: str | None) -> "OwnSessionAnswer":
        return cls(
            id=session.id,
            created_at=_text(session.created_at),
            last_seen_at=_text(session.last_seen_at),
            address=session.address,
            user_agent=session.user_agent,
            current=session.id == current,
        )


@attrs.frozen(kw_only=True)
class OwnSessionsAnswer:
    """All places where the caller is signed in, the one that was used last first."""

    sessions: tuple[OwnSessionAnswer, ...] = attrs.field(
        metadata=described(
            "Sign-ins that are alive, 100 at most",
            [
                {
                    "id": "V1StGXR8_Z5jdHi6B-myT",
                    "created_at": "2026-11-22T20:06:20.000Z",
                    "last_seen_at": "2026-11-22T20:06:21.000Z",
                    "address": "192.0.2.1",
                    "user_agent": "Mozilla/5.0",
                    "current": True,
                }
            ],
        )
    )


def _text(moment: datetime) -> str:
    return time_text((moment - _EPOCH) // timedelta(microseconds=1) * 1000)


async def get_account(call: Call[None, None]) -> AccountAnswer:
    by = call.by
    return AccountAnswer(id=by.user_id, email=by.email, role=by.role)


async def change_password(call: Call[PasswordChange, None]) -> None:
    change, by = call.body, call.by
    require_good_password(call.config, change.new_password, by.email, member="new_password")
    await call.bus.ask(
        ChangeOwnPassword(current_password=change.current_password, new_password=change.new_password, by=by)
    )


async def list_sessions(call: Call[None, None]) -> OwnSessionsAnswer:
    by = call.by
    sessions = await call.bus.ask(ListOwnSessions(by=by))
    return OwnSessionsAnswer(sessions=tuple(OwnSessionAnswer.of(session, by.session_id) for session in sessions))


async def end_session(call: Call[None, None]) -> None:
    await call.bus.ask(EndOwnSession(session_id=call.path("session_id"), by=call.by))


async def end_other_sessions(call: Call[None, None]) -> None:
    await call.bus.ask(EndOtherSessions(by=call.by))


ROUTES = (
    Route(
        method="GET",
        path="/api/v1/account",
        handler=get_account,
        access=Access.SESSION,
        answers=AccountAnswer,
        only_known=True,
        tag="account",
        summary="Tell whose account this is",
    ),
    Route(
        method="PUT",
        path="/api/v1/account/password",
        handler=change_password,
        access=Access.SESSION,
        body=PasswordChange,
        answers=None,
        status=204,
        errors=(Refused, Throttled, Overloaded),
        only_known=True,
        tag="account",
        summary="Change one's own password, and end all other sign-ins",
    ),
    Route(
        method="GET",
        path="/api/v1/account/sessions",
        handler=list_sessions,
        access=Access.SESSION,
        answers=OwnSessionsAnswer,
        only_known=True,
        tag="account",
        summary="List where one is signed in",
    ),
    Route(
        method="DELETE",
        path="/api/v1/account/sessions",
        handler=end_other_sessions,
        access=Access.SESSION,
        answers=None,
        status=204,
        only_known=True,
        tag="account",
        summary="End all sign-ins but this one",
    ),
    Route(
        method="DELETE",
        path="/api/v1/account/sessions/{session_id}",
        handler=end_session,
        access=Access.SESSION,
        answers=None,
        status=204,
        errors=(NotFound,),
        only_known=True,
        path_parameters={"session_id": Parameter(description="Id of the sign-in", example="V1StGXR8_Z5jdHi6B-myT")},
        tag="account",
        summary="End one sign-in",
    ),
)
