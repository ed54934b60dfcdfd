"""Audit of refused requests. The answer stays the same, recorded or not."""

from contextlib import suppress

from aiohttp import web

from actors.audit_entry import Action, AuditEntry, Outcome, Resource
from actors.audit_trail.messages import RecordRefusal
from actors.errors import StudioError
from actors.runtime.bus import Bus
from transports.http.config import HttpConfig
from transports.http.framework.access import session_of
from transports.http.framework.route import Call, Route

_RECORD_SECONDS = 2.0  # seconds
_ACTIONS = {
    "GET": Action.READ,
    "POST": Action.CREATE,
    "PUT": Action.UPDATE,
    "PATCH": Action.UPDATE,
    "DELETE": Action.DELETE,
}
# Resources by the first segment of the path behind one of these prefixes.
_PREFIXES = ("/api/v1/observability/", "/api/v1/", "/")
_RESOURCES = {
    "alerts": Resource.ALERT,
    "api_keys": Resource.API_KEY,
    "audit": Resource.AUDIT_TRAIL,
    "backup": Resource.BACKUP,
    "keys": Resource.API_KEY,
    "llm": Resource.PROVIDER_KEY,
    "prices": Resource.PRICE,
    "retention": Resource.RETENTION,
    "services": Resource.SERVICE,
    "traces": Resource.TRACE,
    "users": Resource.USER,
}


def resource_of(route: Route) -> Resource:
    """The audited resource of a route that needs an admin."""
    prefix = next(each for each in _PREFIXES if route.path.startswith(each))
    return _RESOURCES.get(route.path.removeprefix(prefix).partition("/")[0], Resource.ROUTE)


async def record_refused_route(request: web.Request, route: Route, bus: Bus, config: HttpConfig) -> None:
    """Record that a signed-in user asked for what needs an admin, if the trail has room for it."""
    with suppress(StudioError):
        session = await session_of(request, bus)
        call = Call(bus=bus, config=config, request=request, session=session, body=None, query=None)
        entry = AuditEntry(
            action=_ACTIONS[route.method],
            resource=resource_of(route),
            resource_id=next(iter(request.match_info.values()), None),
            by=call.by,
            outcome=Outcome.REFUSED,
            details={"route": f"{route.method} {route.path}"},
        )
        await bus.ask(RecordRefusal(entry=entry), timeout=_RECORD_SECONDS)
