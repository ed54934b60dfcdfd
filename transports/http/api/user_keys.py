"""Routes of API keys with their owners, expiry, last use and rotation."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import attrs

from actors.errors import Conflict, Forbidden, NotFound
from actors.key_registry.messages import (
    ApiKey,
    IssuedKey,
    IssueKey,
    KeyState,
    ListKeys,
    RevokeKey,
    RotateKey,
)
from actors.principal import Scope
from transports.http.framework.route import Access, Call, Handler, Parameter, Route, described
from transports.http.framework.rules import Between, MaxLength, NotBlank, NotEmpty
from transports.http.wire.expiry import Expiry, expiry_in

_PATH = "/api/v1/keys"
_A_DAY = 86_400
_LONGEST_OVERLAP = 30 * _A_DAY
_TIME = {"format": "date-time"}
_KEY = {
    "id": "Nj-i2zCP0XgMNWwCuw2zs",
    "name": "production agents",
    "masked": "1OXGW5…h4js",
    "scopes": ["ingest", "read"],
    "owner": {"id": "Mf8fJLve2y1WBaP5TYC7pv", "email": "ada@example.com"},
    "created_at": "2026-11-22T20:06:24.000Z",
    "expires_at": "2027-02-20T20:06:24.000Z",
    "last_used_at": "2026-11-30T07:00:00.123Z",
    "state": "live",
}
_ID = {"key_id": Parameter(description="Id of the key", example="Nj-i2zCP0XgMNWwCuw2zs")}


@attrs.frozen(kw_only=True)
class NewUserKey:
    """A key to be created, owned by the caller."""

    name: Annotated[str, NotBlank("API key name cannot be empty"), MaxLength(200)] = attrs.field(
        metadata=described("What the key is for; names need not be unique", "production agents")
    )
    scopes: Annotated[tuple[Scope, ...], NotEmpty()] = attrs.field(
        default=(Scope.INGEST, Scope.READ),
        metadata=described("What the key may do; an admin alone may give backup", ["ingest"]),
    )
    expires_at: Annotated[str, Expiry()] | None = attrs.field(
        default=None,
        metadata=described("When the key ends: RFC 3339, or such as now+90d. Never when left out", _KEY["expires_at"]),
    )


@attrs.frozen(kw_only=True)
class Rotation:
    """The replacement of a key by a new one."""

    overlap_seconds: Annotated[int, Between(0, _LONGEST_OVERLAP)] = attrs.field(
        default=_A_DAY, metadata=described("How long the old key works beside the new one", _A_DAY)
    )


@attrs.frozen(kw_only=True)
class KeyOwnerAnswer:
    """The owner of a key."""

    id: str = attrs.field(metadata=described("Id of the user", "Mf8fJLve2y1WBaP5TYC7pv"))
    email: str = attrs.field(metadata=described("E-mail address of the user", "ada@example.com"))


@attrs.frozen(kw_only=True)
class UserKeyAnswer:
    """An API key, without its secret."""

    id: str = attrs.field(metadata=described("Id of the key", _KEY["id"]))
    name: str = attrs.field(metadata=described("What the key is for", _KEY["name"]))
    masked: str = attrs.field(metadata=described("First 6 and last 4 characters of the key", _KEY["masked"]))
    scopes: tuple[Scope, ...] = attrs.field(metadata=described("What the key may do", _KEY["scopes"]))
    owner: KeyOwnerAnswer = attrs.field(metadata=described("Whom it belongs to", _KEY["owner"]))
    created_at: str = attrs.field(metadata=described("When it was made", _KEY["created_at"]) | _TIME)
    expires_at: str | None = attrs.field(metadata=described("When it ends; null for never", _KEY["expires_at"]) | _TIME)
    last_used_at: str | None = attrs.field(
        metadata=described("When it was used last; null for never", _KEY["last_used_at"]) | _TIME
    )
    state: KeyState = attrs.field(metadata=described("Whether it works", _KEY["state"]))


@attrs.frozen(kw_only=True)
class NewUserKeyAnswer(UserKeyAnswer):
    """A new API key with its secret, which is shown this once, unless the operator has chosen otherwise."""

    key: str = attrs.field(
        metadata=described("The whole key", "1OXGW5Dp3YhYzL6vT9cQe8RkUaJ0mNs2BfXi7GwZ4tKdV1oHyEjMqPlCrSbxh4js")
    )


@attrs.frozen(kw_only=True)
class UserKeysAnswer:
    """All keys that the caller may see."""

    keys: tuple[UserKeyAnswer, ...] = attrs.field(metadata=described("Keys, newest first", [_KEY]))


async def list_keys(call: Call[None, None]) -> UserKeysAnswer:
    keys = await call.bus.ask(ListKeys(by=call.by))
    return UserKeysAnswer(keys=tuple(UserKeyAnswer(**_members(key)) for key in keys))


async def create_key(call: Call[NewUserKey, None]) -> NewUserKeyAnswer:
    wanted = call.body
    expires_at = None if wanted.expires_at is None else expiry_in(wanted.expires_at)
    request = IssueKey(name=wanted.name, scopes=frozenset(wanted.scopes), expires_at=expires_at, by=call.by)
    return _with_secret(await call.bus.ask(request))


async def rotate_key(call: Call[Rotation, None]) -> NewUserKeyAnswer:
    overlap = timedelta(seconds=call.body.overlap_seconds)
    return _with_secret(await call.bus.ask(RotateKey(id=call.path("key_id"), overlap=overlap, by=call.by)))


async def delete_key(call: Call[None, None]) -> None:
    await call.bus.ask(RevokeKey(id=call.path("key_id"), by=call.by))


def _with_secret(issued: IssuedKey) -> NewUserKeyAnswer:
    return NewUserKeyAnswer(**_members(issued.key), key=issued.secret)


def _members(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "masked": key.masked,
        "scopes": _in_order(key.scopes),
        "owner": KeyOwnerAnswer(id=key.owner.id, email=key.owner.email),
        "created_at": _time(key.created_at),
        "expires_at": key.expires_at and _time(key.expires_at),
        "last_used_at": key.last_used_at and _time(key.last_used_at),
        "state": key.state,
    }


def _in_order(scopes: Iterable[Scope]) -> tuple[Scope, ...]:
    """The scopes in the order of their declaration, so that two answers about one key are equal."""
    return tuple(scope for scope in Scope if scope in set(scopes))


def _time(moment: datetime) -> str:
    """Format a time as RFC 3339 in UTC with nine decimals, the last three of which are zeros."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}000Z"


def _route(method: str, path: str, handler: Handler, summary: str, **more: Any) -> Route:  # noqa: ANN401 - Route checks the names
    return Route(
        method=method,
        path=path,
        handler=handler,
        summary=summary,
        access=Access.SESSION,
        tag="API keys",
        only_known=True,
        **more,
    )


ROUTES = (
    _route(
        "GET",
        _PATH,
        list_keys,
        "List API keys with their owners and ends, newest first: all for an admin, their own for a member",
        answers=UserKeysAnswer,
    ),
    _route(
        "POST",
        _PATH,
        create_key,
        "Make an API key, which may expire",
        body=NewUserKey,
        answers=NewUserKeyAnswer,
        status=201,
        errors=(Forbidden, Conflict),
    ),
    _route(
        "POST",
        f"{_PATH}/{{key_id}}/rotate",
        rotate_key,
        "Replace an API key by a new one; the old one works a while longer",
        body=Rotation,
        answers=NewUserKeyAnswer,
        status=201,
        errors=(Forbidden, NotFound, Conflict),
        path_parameters=_ID,
    ),
    _route(
        "DELETE",
        f"{_PATH}/{{key_id}}",
        delete_key,
        "End an API key, effective on the next call",
        answers=None,
        status=204,
        errors=(Forbidden, NotFound),
        path_parameters=_ID,
    ),
)
