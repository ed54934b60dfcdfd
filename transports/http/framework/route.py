"""Entries of the route table, from which the application and its OpenAPI document are made."""

from collections.abc import Awaitable, Callable, Mapping
from enum import Enum
from typing import Any, Generic, TypeVar

import attrs
from aiohttp import web
from aiohttp.hdrs import USER_AGENT

from actors.errors import StudioError
from actors.key_registry.messages import ApiKey
from actors.playground.messages import key_user_id
from actors.principal import Client, Principal, Role, Scope
from actors.runtime.bus import Bus
from actors.session.messages import Session, User
from transports.http.config import HttpConfig
from transports.http.framework.app_keys import CALLERS_KEY, REQUEST_STATE
from transports.http.framework.clients import address_of
from transports.http.framework.rules import Rule

BodyT = TypeVar("BodyT")
QueryT = TypeVar("QueryT")
_LONGEST_AGENT = 256  # characters


class Access(Enum):
    """Callers of a route: signed-in users of at least this role, and programs with a key of one of these scopes.

    Without a role, sessions do not count. A key never replaces an admin's session, except for the backup, whose scope
    only an admin can give.
    """

    PUBLIC = (None,)
    SESSION = (Role.MEMBER,)
    ADMIN = (Role.ADMIN,)
    SESSION_OR_READ_KEY = (Role.MEMBER, Scope.READ)
    SESSION_OR_PLAY_KEY = (Role.MEMBER, Scope.PLAY)
    SESSION_OR_SCORE_KEY = (Role.MEMBER, Scope.SCORE)
    SESSION_OR_SQL_KEY = (Role.MEMBER, Scope.SQL)
    SESSION_OR_READ_OR_SQL_KEY = (Role.MEMBER, Scope.READ, Scope.SQL)
    SESSION_OR_STUDIO_KEY = (Role.MEMBER, Scope.STUDIO, Scope.READ)
    ADMIN_OR_BACKUP_KEY = (Role.ADMIN, Scope.BACKUP)
    INGEST_KEY = (None, Scope.INGEST)

    def __init__(self, role: Role | None, *scopes: Scope) -> None:
        self.role = role
        self.scopes = scopes


@attrs.define(kw_only=True, eq=False)  # made for every request, and frozen it takes twice as long to make
class Call(Generic[BodyT, QueryT]):
    """One authorised and validated request. ``body`` and ``query`` are ``None`` where the route has none."""

    bus: Bus
    config: HttpConfig
    request: web.Request
    session: Session | None  # of the caller; present on every route that demands one
    body: BodyT
    query: QueryT

    @property
    def by(self) -> Principal:
        """The principal of the request: the signed-in user, or the program whose key replaces a session."""
        if self.session is not None:
            return attrs.evolve(self.session.principal, client=self.client)
        key: ApiKey = self.request[CALLERS_KEY]
        return Principal(user_id=key_user_id(key.id), email=key.owner.email, key_id=key.id, client=self.client)

    @property
    def user(self) -> User:
        """The signed-in user. Only for routes that need a session."""
        if self.session is None:
            raise RuntimeError("this route admits callers without a session")
        return self.session.user

    @property
    def client(self) -> Client:
        """The client of the request: address, request id and user agent."""
        agent = self.request.headers.get(USER_AGENT)
        return Client(
            address=address_of(self.request, self.config.trusted_proxies),
            request_id=self.request[REQUEST_STATE].request_id,
            user_agent=agent and agent[:_LONGEST_AGENT].encode(errors="replace").decode(),  # a header is any bytes
        )

    def path(self, name: str) -> str:
        """A segment of the path, percent-decoded."""
        return self.request.match_info[name]


@attrs.frozen(kw_only=True)
class NoQuery:
    """The query of a route without parameters."""


@attrs.frozen(kw_only=True)
class Answer:
    """A body with headers of its own, for the handlers that need some."""

    body: object
    headers: tuple[tuple[str, str], ...] = ()


@attrs.frozen(kw_only=True)
class Parameter:
    """Description of a path parameter for the OpenAPI document."""

    description: str
    example: str
    rule: Rule | None = None


Handler = Callable[[Call[Any, Any]], Awaitable[object]]


@attrs.frozen(kw_only=True)
class Route:
    """One operation. The handler's name is part of the operation id, which clients look up (contract, "OpenAPI").

    The handler returns an instance of ``answers``, an ``Answer`` around one, or a whole aiohttp response.
    """

    method: str
    path: str
    handler: Handler
    summary: str
    tag: str
    answers: Any  # type of the answer's body; None for an empty one
    access: Access = Access.PUBLIC
    body: type | None = None
    most_bytes: int = 1024 * 1024  # of the body
    query: type | None = None
    status: int = 200
    also_status: int | None = None  # with the same answer, of a request that had been done before
    content_type: str = "application/json"  # of request and answer
    downloads: tuple[str, ...] = ()  # media types of an answer that is a file, beside ``answers`` or in their place
    conflict: type | None = None  # body of a 409 that the handler answers itself
    errors: tuple[type[StudioError], ...] = ()  # beside those that follow from access, body and query
    path_parameters: Mapping[str, Parameter] = attrs.field(factory=dict)
    listed: bool = True  # in the OpenAPI document
    rest: bool = False  # the last part of the path is all the rest, slashes too; it may be empty
    leads_on: bool = False  # some are sent to another address, with 303
    has_etag: bool = False  # the answer has one, and a client that has it already is answered 304
    only_known: bool = False  # query parameters; the contract's routes ignore others

    @property
    def operation_id(self) -> str:
        """FastAPI's rule: function name and path with each non-word character as "_", then the method."""
        name = f"{self.handler.__name__}{self.path}"
        return "".join(c if c.isalnum() or c == "_" else "_" for c in name) + f"_{self.method.lower()}"


def wire_name(field: str) -> str:
    """The name of a query parameter or member: its field's, without the underscore that avoids Python's keywords."""
    return field.removesuffix("_")


def described(description: str, example: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    """Metadata of a field of a request or an answer, for the OpenAPI document."""
    return {"description": description, "example": example}
