"""Routes of accounts, with the members of the earlier backend."""

from datetime import datetime

import attrs

from actors.errors import Conflict, Forbidden, NotFound, Refused
from actors.session.messages import CreateFirstUser, CreateUser, DeleteUser, ListUsers, User, UsersExist
from transports.http.framework.answers import Message
from transports.http.framework.route import Access, Answer, Call, Parameter, Route, described
from transports.http.framework.session_cookie import set_cookies
from transports.http.framework.setup_code import require_setup_code
from transports.http.wire.accounts import NewUser, require_good_password


@attrs.frozen(kw_only=True)
class UserAnswer:
    """An account."""

    id: str = attrs.field(metadata=described("Id of the user", "Mf8fJLve2y1WBaP5TYC7pv"))
    email: str = attrs.field(metadata=described("E-mail address", "ada@example.com") | {"format": "email"})
    is_active: bool = attrs.field(metadata=described("Whether the account may be used", True))
    created_at: datetime = attrs.field(metadata=described("When the account was made", "2026-11-22T20:06:20.000Z"))
    updated_at: datetime = attrs.field(metadata=described("When it last changed", "2026-11-22T20:06:20.000Z"))

    @classmethod
    def of(cls, user: User) -> "UserAnswer":
        return cls(
            id=user.id,
            email=user.email,
            is_active=user.is_active,
            created_at=user.created_at,
            updated_at=user.updated_at,
        )


@attrs.frozen(kw_only=True)
class UsersExistAnswer:
    """Whether the studio has been set up."""

    users_exist: bool = attrs.field(metadata=described("Whether there is any user", True))


async def db_has_users(call: Call[None, None]) -> UsersExistAnswer:
    return UsersExistAnswer(users_exist=await call.bus.ask(UsersExist()))


async def create_first_user(call: Call[NewUser, None]) -> Answer:
    require_good_password(call.config, call.body.password, call.body.email)
    if not await call.bus.ask(UsersExist()):  # else it is refused in any case, and with the better reason
        require_setup_code(call.request, call.config)
    signed_in = await call.bus.ask(
        CreateFirstUser(email=call.body.email, password=call.body.password, client=call.client)
    )
    message = Message(message="First user created successfully")
    return Answer(body=message, headers=set_cookies(call.config, signed_in))


async def create_user(call: Call[NewUser, None]) -> Message:
    require_good_password(call.config, call.body.password, call.body.email)
    await call.bus.ask(CreateUser(email=call.body.email, password=call.body.password, by=call.by))
    return Message(message="User created successfully")


async def list_users(call: Call[None, None]) -> list[UserAnswer]:
    return [UserAnswer.of(user) for user in await call.bus.ask(ListUsers())]


async def delete_user(call: Call[None, None]) -> Message:
    await call.bus.ask(DeleteUser(user_id=call.path("user_id"), by=call.by))
    return Message(message="User deleted successfully")


ROUTES = (
    Route(
        method="GET",
        path="/users/db-has-users",
        handler=db_has_users,
        answers=UsersExistAnswer,
        tag="users",
        summary="Tell whether the studio was set up",
    ),
    Route(
        method="POST",
        path="/users/create-first-user",
        handler=create_first_user,
        body=NewUser,
        answers=Message,
        errors=(Refused, Forbidden),
        tag="users",
        summary="Set up the studio: create the first user and sign in",
    ),
    Route(
        method="POST",
        path="/users",
        handler=create_user,
        access=Access.ADMIN,
        body=NewUser,
        answers=Message,
        errors=(Conflict,),
        tag="users",
        summary="Create a user",
    ),
    Route(
        method="GET",
        path="/users",
        handler=list_users,
        access=Access.ADMIN,
        answers=list[UserAnswer],
        tag="users",
        summary="List all users",
    ),
    Route(
        method="DELETE",
        path="/users/{user_id}",
        handler=delete_user,
        access=Access.ADMIN,
        answers=Message,
        errors=(NotFound, Conflict),
        path_parameters={"user_id": Parameter(description="Id of the user", example="Mf8fJLve2y1WBaP5TYC7pv")},
        tag="users",
        summary="Delete a user and end their sessions",
    ),
)
