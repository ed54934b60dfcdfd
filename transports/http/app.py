"""The HTTP application: its routes and its middleware."""

from collections.abc import Callable, Sequence
from functools import cache

import orjson
from aiohttp import web
from aiohttp.hdrs import CACHE_CONTROL, CONTENT_SECURITY_POLICY, ETAG, ORIGIN, SERVER, VARY
from multidict import istr

from actors.runtime.bus import Bus
from transports.http.api import (
    account,
    alerts,
    api_keys,
    audit,
    backup,
    console_pages,
    deletion,
    differences,
    document,
    evidence,
    execution_resolution,
    export,
    filter_fields,
    generate,
    health,
    heat_map,
    listed_values,
    lists,
    live,
    llm_stream,
    mcp,
    metrics,
    models,
    observability,
    people,
    prices,
    provider_keys,
    refused_exports,
    replay,
    retention,
    scores,
    service,
    sessions,
    sign_in,
    sql,
    stats,
    text_search,
    traces,
    traces_in,
    user_keys,
    users,
    views,
    workflows,
)
from transports.http.config import HttpConfig
from transports.http.framework import cors
from transports.http.framework.access_log import AccessLog
from transports.http.framework.app_keys import BUS, CONFIG, CONSOLE, DOCUMENT, LAG, REQUEST_STATE, SOCKETS
from transports.http.framework.console_files import ConsoleFiles
from transports.http.framework.cross_site import CrossSiteRules
from transports.http.framework.dispatch import endpoint
from transports.http.framework.expectation import meet_expectation
from transports.http.framework.json_body import MOST_BYTES
from transports.http.framework.loop_lag import LoopLag
from transports.http.framework.middleware import HEADER, middleware
from transports.http.framework.open_sockets import OpenSockets
from transports.http.framework.openapi import openapi_document
from transports.http.framework.route import Route
from transports.http.framework.session_cookie import renew_cookie
from transports.http.wire.otlp_answers import is_otlp


def routes(*, any_openai_model: bool = False) -> tuple[Route, ...]:
    """All routes. The order matters where paths overlap: a wrong method is answered with the method of the first."""
    return (
        *service.ROUTES,
        *health.ROUTES,
        *document.ROUTES,
        *users.ROUTES,
        *people.ROUTES,
        *sign_in.ROUTES,
        *account.ROUTES,
        *api_keys.ROUTES,
        *user_keys.ROUTES,
        *generate.routes(any_openai_model=any_openai_model),
        *models.ROUTES,
        *provider_keys.ROUTES,
        *llm_stream.ROUTES,
        *replay.ROUTES,
        *observability.ROUTES,
        *traces.ROUTES,
        *workflows.ROUTES,
        *scores.ROUTES,
        *sessions.ROUTES,
        *execution_resolution.ROUTES,
        *evidence.ROUTES,
        *stats.ROUTES,
        *sql.ROUTES,
        *heat_map.ROUTES,
        *differences.ROUTES,
        *lists.ROUTES,
        *text_search.ROUTES,
        *live.ROUTES,
        *filter_fields.ROUTES,
        *listed_values.ROUTES,
        *export.ROUTES,
        *backup.ROUTES,
        *deletion.ROUTES,
        *prices.ROUTES,
        *alerts.ROUTES,
        *views.ROUTES,
        *retention.ROUTES,
        *audit.ROUTES,
        *traces_in.ROUTES,
        *refused_exports.ROUTES,
        *metrics.ROUTES,
        *mcp.ROUTES,
        *console_pages.ROUTES,
    )


ROUTES = routes()
# Headers of every answer: no page may frame it, run it, or load it into another; its links send no referrer. Only the
# console's have a policy of their own.
_POLICY = "default-src 'none'; frame-ancestors 'none'"
_ALWAYS = tuple(
    (istr(name), value)
    for name, value in {
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Resource-Policy": "same-origin",
    }.items()
)
_HSTS = (istr("Strict-Transport-Security"), "max-age=31536000")


def build_app(bus: Bus, config: HttpConfig) -> web.Application:
    """Build the application with all routes over one bus.

    Serve it with ``serve_http``, which leaves compressed bodies as they are.
    """
    served = routes(any_openai_model=config.play.any_openai_model)
    app = _app_of(served, bus, config)
    app[LAG] = lag = LoopLag()
    app.cleanup_ctx.append(lag.running)
    # Written when it is asked for: a start has something better to do.
    document: Callable[[], bytes] = cache(lambda: orjson.dumps(openapi_document(served, config.version)))
    app[DOCUMENT] = document
    app[CONSOLE] = ConsoleFiles()
    return app


def build_otlp_app(bus: Bus, config: HttpConfig) -> web.Application:
    """Build the application for exporters: the OTLP routes and ``/health``."""
    return _app_of((*traces_in.ROUTES, *health.HEALTH), bus, config)


def _app_of(served: Sequence[Route], bus: Bus, config: HttpConfig) -> web.Application:
    access_log = AccessLog(config)
    app = web.Application(
        middlewares=(middleware(access_log, CrossSiteRules(bus, config), config.tracer),), client_max_size=MOST_BYTES
    )
    app[BUS] = bus
    app[CONFIG] = config
    for route in served:
        answer = endpoint(route, bus, config)
        for path in _paths(route):
            app.router.add_route(route.method, path, answer, expect_handler=meet_expectation)
    app[SOCKETS] = sockets = OpenSockets()
    app.on_shutdown.append(sockets.close)
    app.on_cleanup.append(access_log.close)
    app.on_response_prepare.append(_finish)
    return app


def _paths(route: Route) -> tuple[str, ...]:
    """The paths of a route in aiohttp's syntax.

    Exporters take a redirect for success, so the OTLP routes are served with a trailing slash too.
    """
    # aiohttp's own pattern for a part of a path refuses braces, which an id may hold.
    path = route.path.replace("}", ":.*}" if route.rest else ":[^/]+}")
    return (path, f"{path}/") if is_otlp(path) else (path,)


async def _finish(request: web.Request, response: web.StreamResponse) -> None:
    """Set the headers of every answer, downloads included."""
    headers = response.headers
    headers.extend(_ALWAYS)
    headers.setdefault(CONTENT_SECURITY_POLICY, _POLICY)
    if CACHE_CONTROL not in headers:
        headers[CACHE_CONTROL] = "private, no-cache" if ETAG in headers else "no-store"
    if request.app[CONFIG].production:
        headers.extend((_HSTS,))
    headers.pop(SERVER, None)  # which version of which library answers is nobody's business
    varies_by = headers.get(VARY)
    headers[VARY] = f"Origin, {varies_by}" if varies_by else "Origin"
    if ORIGIN in request.headers:
        cors.add_headers(request, response)
    if REQUEST_STATE not in request:  # aiohttp answers a bad Expect header before the layers
        return
    state = request[REQUEST_STATE]
    headers[HEADER] = state.request_id
    if state.renewed is not None:
        await renew_cookie(request, response, state.renewed)
