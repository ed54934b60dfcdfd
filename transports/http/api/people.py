"""Routes of accounts for admins: roles, passwords of others and locks."""

from datetime import datetime
from typing import Any

import attrs

from actors.errors import Conflict, NotFound
from actors.principal import Role
from actors.session.messages import (
    ChangeRole,
    CreateUser,
    FindPerson,
    ListPeople,
    Person,
    ResetPassword,
    UnlockUser,
)
from transports.http.framework.route import Access, Call, Parameter, Route, described
from transports.http.wire.accounts import NewPassword, NewUser, require_good_password
from transports.http.wire.moments import time_text

_USER_ID = {"user_id": Parameter(description="Id of the user", example="Mf8fJLve2y1WBaP5TYC7pv")}
_TIME = "2026-11-22T20:06:20.000Z"
_PERSON = {
    "id": "Mf8fJLve2y1WBaP5TYC7pv",
    "email": "ada@example.com",
    "role": "admin",
    "created_at": _TIME,
    "last_sign_in_at": _TIME,
    "locked_until": None,
    "sessions": 2,
}


def _moment(description: str) -> dict[str, Any]:
    return described(description, _TIME) | {"format": "date-time"}


@attrs.frozen(kw_only=True)
class NewPerson(NewUser):
    """An account to be created, with its role."""

    role: Role = attrs.field(
        default=Role.MEMBER, metadata=described("An admin also decides about people, keys and what is kept", "member")
    )


@attrs.frozen(kw_only=True)
class NewRole:
    """The new role of a user."""

    role: Role = attrs.field(metadata=described("An admin also decides about people, keys and what is kept", "admin"))


@attrs.frozen(kw_only=True)
class PasswordOfUser:
    """The new password of a user, which replaces the current one."""

    password: NewPassword = attrs.field(
        repr=False, metadata=described("Password of 8 to 1024 characters", "correct horse battery")
    )


@attrs.frozen(kw_only=True)
class PersonAnswer:
    """An account as admins see it."""

    id: str = attrs.field(metadata=described("Id of the user", "Mf8fJLve2y1WBaP5TYC7pv"))
    email: str = attrs.field(metadata=described("E-mail address", "ada@example.com") | {"format": "email"})
    role: Role = attrs.field(metadata=described("What the user may do", "member"))
    created_at: str = attrs.field(metadata=_moment("When the account was made"))
    last_sign_in_at: str | None = attrs.field(
        metadata=_moment("When the user last signed in; null for never, or before this was recorded")
    )
    locked_until: str | None = attrs.field(
        metadata=_moment("Until when failed sign-ins keep people out of the account; null when they do not")
    )
    sessions: int = attrs.field(metadata=described("How many sign-ins of the user are live", 2))

    @classmethod
    def of(cls, person: Person) -> "PersonAnswer":
        return cls(
            id=person.user.id,
            email=person.user.email,
            role=person.user.role,
            created_at=_text(person.user.created_at),
            last_sign_in_at=None if person.last_sign_in_at is None else _text(person.last_sign_in_at),
            locked_until=None if person.locked_until is None else _text(person.locked_until),
            sessions=person.sessions,
        )


@attrs.frozen(kw_only=True)
class PeopleAnswer:
    """All accounts."""

    users: list[PersonAnswer] = attrs.field(metadata=described("In the order of their creation", [_PERSON]))


def _text(moment: datetime) -> str:
    return time_text(int(moment.timestamp() * 1_000_000) * 1000)


async def list_people(call: Call[None, None]) -> PeopleAnswer:
    return PeopleAnswer(users=[PersonAnswer.of(person) for person in await call.bus.ask(ListPeople())])


async def create_person(call: Call[NewPerson, None]) -> PersonAnswer:
    email, password = call.body.email, call.body.password
    require_good_password(call.config, password, email)
    user = await call.bus.ask(CreateUser(email=email, password=password, role=call.body.role, by=call.by))
    return PersonAnswer.of(await call.bus.ask(FindPerson(user_id=user.id)))


async def change_role(call: Call[NewRole, None]) -> PersonAnswer:
    request = ChangeRole(user_id=call.path("user_id"), role=call.body.role, by=call.by)
    return PersonAnswer.of(await call.bus.ask(request))


async def reset_password(call: Call[PasswordOfUser, None]) -> None:
    person = await call.bus.ask(FindPerson(user_id=call.path("user_id")))
    require_good_password(call.config, call.body.password, person.user.email)
    await call.bus.ask(ResetPassword(user_id=person.user.id, password=call.body.password, by=call.by))


async def unlock_user(call: Call[None, None]) -> None:
    await call.bus.ask(UnlockUser(user_id=call.path("user_id"), by=call.by))


ROUTES = (
    Route(
        method="GET",
        path="/api/v1/users",
        handler=list_people,
        access=Access.ADMIN,
        answers=PeopleAnswer,
        only_known=True,
        tag="people",
        summary="List all users with their roles, sign-ins and locks",
    ),
    Route(
        method="POST",
        path="/api/v1/users",
        handler=create_person,
        access=Access.ADMIN,
        body=NewPerson,
        answers=PersonAnswer,
        status=201,
        errors=(Conflict,),
        only_known=True,
        tag="people",
        summary="Create a user, a member unless told otherwise",
    ),
    Route(
        method="PATCH",
        path="/api/v1/users/{user_id}",
        handler=change_role,
        access=Access.ADMIN,
        body=NewRole,
        answers=PersonAnswer,
        errors=(NotFound, Conflict),
        path_parameters=_USER_ID,
        only_known=True,
        tag="people",
        summary="Give a user another role, from their very next request on",
    ),
    Route(
        method="PUT",
        path="/api/v1/users/{user_id}/password",
        handler=reset_password,
        access=Access.ADMIN,
        body=PasswordOfUser,
        answers=None,
        status=204,
        errors=(NotFound,),
        path_parameters=_USER_ID,
        only_known=True,
        tag="people",
        summary="Set a user's password and end their sign-ins",
    ),
    Route(
        method="DELETE",
        path="/api/v1/users/{user_id}/lock",
        handler=unlock_user,
        access=Access.ADMIN,
        answers=None,
        status=204,
        errors=(NotFound,),
        path_parameters=_USER_ID,
        only_known=True,
        tag="people",
        summary="Forget a user's failed sign-ins, so that they may try at once",
    ),
)
