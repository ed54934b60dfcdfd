"""API keys."""

from datetime import datetime
from typing import Annotated

import attrs

from actors.errors import NotFound
from actors.key_registry.messages import ApiKey, IssueKey, ListKeys, RevokeKey
from actors.principal import Scope
from transports.http.route import Access, Call, Parameter, Route, described
from transports.http.rules import NotBlank, NotEmpty


@attrs.frozen(kw_only=True)
class NewKey:
    """A key to be. The name is kept as given and need not be unique."""

    name: Annotated[str, NotBlank("API key name cannot be empty")] = attrs.field(
        metadata=described("What the key is for", "production agents")
    )
    scopes: Annotated[tuple[Scope, ...], NotEmpty()] = attrs.field(
        default=(Scope.INGEST, Scope.READ),
        metadata=described("What the key may do; ingest and read when left out", ["ingest"]),
    )


@attrs.frozen(kw_only=True)
class KeyAnswer:
    """An API key, in the reference's members. The secret is shown once, when the key is made."""

    id: str = attrs.field(metadata=described("Id of the key", "Nj-i2zCP0XgMNWwCuw2zs"))
    key: str = attrs.field(
        metadata=described("The whole key when it is made; later its first 6 and last 4 characters", "1OXGW5…h4js")
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
    return [KeyAnswer.of(key, key.masked) for key in await call.bus.ask(ListKeys())]


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
        summary="List all API keys, newest first",
    ),
    Route(
        method="DELETE",
        path="/api_keys/{id}",
        handler=delete_api_key,
        access=Access.SESSION,
        answers=None,
        status=204,
        errors=(NotFound,),
        path_parameters={"id": Parameter(description="Id of the key", example="Nj-i2zCP0XgMNWwCuw2zs")},
        tag="API keys",
        summary="Revoke an API key, effective on the next call",
    ),
)
