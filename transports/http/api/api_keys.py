"""Routes of API keys with the members of the earlier backend. ``user_keys`` has our own routes, with more members."""

from datetime import datetime
from typing import Annotated

import attrs

from actors.errors import Conflict, Forbidden, NotFound
from actors.key_registry.messages import ApiKey, IssueKey, KeyState, ListKeys, RevealKeys, RevokeKey
from actors.principal import Scope
from transports.http.framework.route import Access, Call, Parameter, Route, described
from transports.http.framework.rules import NotBlank, NotEmpty


@attrs.frozen(kw_only=True)
class NewKey:
    """A key to be created. The name is kept as given and need not be unique."""

    name: Annotated[str, NotBlank("API key name cannot be empty")] = attrs.field(
        metadata=described("What the key is for", "production agents")
    )
    scopes: Annotated[tuple[Scope, ...], NotEmpty()] = attrs.field(
        default=(Scope.INGEST, Scope.READ),
        metadata=described("What the key may do; ingest and read when left out", ["ingest"]),
    )


@attrs.frozen(kw_only=True)
class KeyAnswer:
    """An API key, in the reference's members. The secret is shown once, unless the operator has chosen otherwise."""

    id: str = attrs.field(metadata=described("Id of the key", "Nj-i2zCP0XgMNWwCuw2zs"))
    key: str = attrs.field(
        metadata=described(
            "The whole key when it is made; later its first 6 and last 4 characters, or for its owner the whole key "
            "where JUNJO_REVEAL_API_KEYS is true",
            "1OXGW5…h4js",
        )
    )
    name: str = attrs.field(metadata=described("What the key is for", "production agents"))
    created_at: datetime = attrs.field(metadata=described("When the key was made", "2026-11-22T20:06:24.000Z"))

    @classmethod
    def of(cls, key: ApiKey, shown: str) -> "KeyAnswer":
        return cls(id=key.id, key=shown, name=key.name, created_at=key.created_at)


async def create_api_key(call: Call[NewKey, None]) -> KeyAnswer:
    issued = await call.bus.ask(IssueKey(name=call.body.name, scopes=frozenset(call.body.scopes), by=call.by))
    return KeyAnswer.of(issued.key, issued.secret)


async def list_api_keys(call: Call[None, None]) -> list[KeyAnswer]:
    """List the keys that work: a client that knows these members only could not tell an expired one."""
    by = call.by
    secrets = {own.key.id: own.secret for own in await call.bus.ask(RevealKeys(by=by))}
    keys = await call.bus.ask(ListKeys(by=by))
    return [KeyAnswer.of(key, secrets.get(key.id, key.masked)) for key in keys if key.state is KeyState.LIVE]


async def delete_api_key(call: Call[None, None]) -> None:
    await call.bus.ask(RevokeKey(id=call.path("id"), by=call.by))


ROUTES = (
    Route(
        method="POST",
        path="/api_keys",
        handler=create_api_key,
        access=Access.SESSION,
        body=NewKey,
        answers=KeyAnswer,
        status=201,
        errors=(Forbidden, Conflict),
        tag="API keys",
        summary="Make an API key",
    ),
    Route(
        method="GET",
        path="/api_keys",
        handler=list_api_keys,
        access=Access.SESSION,
        answers=list[KeyAnswer],
        tag="API keys",
        summary="List the API keys that work, newest first: all for an admin, their own for a member",
    ),
    Route(
        method="DELETE",
        path="/api_keys/{id}",
        handler=delete_api_key,
        access=Access.SESSION,
        answers=None,
        status=204,
        errors=(Forbidden, NotFound),
        path_parameters={"id": Parameter(description="Id of the key", example="Nj-i2zCP0XgMNWwCuw2zs")},
        tag="API keys",
        summary="Revoke an API key, effective on the next call",
    ),
)
