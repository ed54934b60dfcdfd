"""Authentication and authorisation of a request."""

from aiohttp import web

from actors.errors import Forbidden, StudioError, Unauthenticated
from actors.principal import Role, Scope
from actors.runtime.bus import Bus
from actors.session.messages import CheckSession, Session
from transports.api_key import key_in, live_key, require_key
from transports.http.framework.app_keys import BUS, CALLERS_KEY, REQUEST_STATE
from transports.http.framework.request_state import Renewed
from transports.http.framework.route import Access
from transports.http.framework.session_cookie import cookies_in

NEEDS_ADMIN = "This needs an admin"


def refusals(access: Access) -> tuple[type[StudioError], ...]:
    """Errors that this kind of access may answer, for the OpenAPI document."""
    if access is Access.PUBLIC:
        return ()
    return (Unauthenticated, Forbidden) if access.scopes or access.role is Role.ADMIN else (Unauthenticated,)


async def admitted(request: web.Request, access: Access) -> Session | None:
    """Authorise a request. Raises ``Unauthenticated`` or ``Forbidden``.

    Returns the caller's session; ``None`` for a program with a key, and for a route that needs no session.
    """
    session = await session_of(request, request.app[BUS]) if access.role else None
    if session is None:
        await _admit_without_session(request, access)
    elif access.role is Role.ADMIN and session.user.role is not Role.ADMIN:
        raise Forbidden(NEEDS_ADMIN)
    return session


async def _admit_without_session(request: web.Request, access: Access) -> None:
    if access is Access.PUBLIC:
        return
    if access is Access.INGEST_KEY:
        request[CALLERS_KEY] = await require_key(request.app[BUS], request.headers, Scope.INGEST)
        return
    secret = key_in(request.headers) if access.scopes else None
    if secret is None:
        raise Unauthenticated("Unauthorized: No valid session")
    request[CALLERS_KEY] = await live_key(request.app[BUS], secret, *access.scopes)


async def session_of(request: web.Request, bus: Bus) -> Session | None:
    """Return the live session of one of the request's cookies, as of now."""
    for cookie in cookies_in(request):
        checked = await bus.ask(CheckSession(cookie=cookie))
        if checked is not None:
            if checked.renewed:
                request[REQUEST_STATE].renewed = Renewed(cookie, checked.max_age)
            return checked.session
    return None
