"""Who calls, and whether they may."""

from typing import Any

from aiohttp import web

from actors.errors import Forbidden, StudioError, Unauthenticated
from actors.key_registry.messages import ApiKey
from actors.playground.messages import key_user_id
from actors.principal import Principal, Scope
from actors.runtime.bus import Bus
from actors.session.messages import CheckSession, Session
from transports.api_key import key_in, live_key, require_key
from transports.http.keys import BUS, CALLERS_KEY, VISIT
from transports.http.route import Access, Call
from transports.http.session_cookie import cookies_in
from transports.http.visit import Renewed

# What each kind of access may answer, for the document.
REFUSALS: dict[Access, tuple[type[StudioError], ...]] = {
    Access.PUBLIC: (),
    Access.SESSION: (Unauthenticated,),
    Access.SESSION_OR_READ_KEY: (Unauthenticated, Forbidden),
    Access.SESSION_OR_PLAY_KEY: (Unauthenticated, Forbidden),
    Access.SESSION_OR_BACKUP_KEY: (Unauthenticated, Forbidden),
    Access.INGEST_KEY: (Unauthenticated, Forbidden),
}
WITH_SESSION = frozenset(Access) - {Access.PUBLIC, Access.INGEST_KEY}
# What a key must allow that stands in for a session, and whose owner is the caller then.
_SCOPES = {
    Access.SESSION_OR_READ_KEY: Scope.READ,
    Access.SESSION_OR_PLAY_KEY: Scope.PLAY,
    Access.SESSION_OR_BACKUP_KEY: Scope.BACKUP,
}


async def admit_without_session(request: web.Request, access: Access) -> None:
    """Let a caller who has no session pass, where the access rule does. ``Unauthenticated``, ``Forbidden``."""
    if access is Access.PUBLIC:
        return
    if access is Access.INGEST_KEY:
        await require_key(request.app[BUS], request.headers, Scope.INGEST)
        return
    scope = _SCOPES.get(access)
    secret = key_in(request.headers) if scope is not None else None
    if scope is None or secret is None:
        raise Unauthenticated("Unauthorized: No valid session")
    request[CALLERS_KEY] = await live_key(request.app[BUS], secret, scope)


async def session_of(request: web.Request, bus: Bus) -> Session | None:
    """The live session of one of the request's cookies, as of now."""
    for cookie in cookies_in(request):
        checked = await bus.ask(CheckSession(cookie=cookie))
        if checked is not None:
            if checked.renewed:
                request[VISIT].renewed = Renewed(cookie, checked.max_age)
            return checked.session
    return None


def caller_of(call: Call[Any, Any]) -> Principal:
    """The signed-in user, or the program whose key stands in for one: on routes that admit either."""
    if call.session is not None:
        return call.session.principal
    key: ApiKey = call.request[CALLERS_KEY]
    return Principal(user_id=key_user_id(key.id), email=key.created_by)
