"""The HTTP application: its routes, and the layers around them."""

import orjson
from aiohttp import web
from aiohttp.hdrs import ORIGIN, SERVER
from multidict import istr

from actors.runtime.bus import Bus
from transports.http import (
    api_keys,
    backup,
    cors,
    deletion,
    document,
    export,
    generate,
    llm_stream,
    metrics,
    models,
    observability,
    provider_keys,
    replay,
    service,
    sign_in,
    text_search,
    traces_in,
    users,
)
from transports.http.access_log import AccessLog
from transports.http.around import HEADER, surrounding
from transports.http.body import expect
from transports.http.config import HttpConfig
from transports.http.dispatch import endpoint
from transports.http.json_body import MOST_BYTES
from transports.http.keys import BUS, CONFIG, DOCUMENT, SOCKETS, VISIT
from transports.http.open_sockets import OpenSockets
from transports.http.openapi import openapi_document
from transports.http.route import Route
from transports.http.session_cookie import renew_cookie


def routes(*, any_openai_model: bool = False) -> tuple[Route, ...]:
    """All routes. The order matters where paths overlap: a wrong method is answered with the method of the first."""
    return (
        *service.ROUTES,
        *document.ROUTES,
        *users.ROUTES,
        *sign_in.ROUTES,
        *api_keys.ROUTES,
        *generate.routes(any_openai_model=any_openai_model),
        *models.ROUTES,
        *provider_keys.ROUTES,
        *llm_stream.ROUTES,
        *replay.ROUTES,
        *observability.ROUTES,
        *text_search.ROUTES,
        *export.ROUTES,
        *backup.ROUTES,
        *deletion.ROUTES,
        *traces_in.ROUTES,
        *metrics.ROUTES,
    )


ROUTES = routes()
_NO_SNIFFING = istr("X-Content-Type-Options")


def build_app(bus: Bus, config: HttpConfig) -> web.Application:
    """All routes over one bus. Serve it with ``serve_http``, which leaves compressed bodies as they are."""
    access_log = AccessLog(config.log_together)
    app = web.Application(middlewares=(surrounding(access_log),), client_max_size=MOST_BYTES)
    app[BUS] = bus
    app[CONFIG] = config
    served = routes(any_openai_model=config.play.any_openai_model)
    app[DOCUMENT] = orjson.dumps(openapi_document(served, config.version))
    for route in served:
        # aiohttp's own pattern for a part of a path refuses braces, which an id may hold.
        app.router.add_route(
            route.method, route.path.replace("}", ":[^/]+}"), endpoint(route, bus, config), expect_handler=expect
        )
    app[SOCKETS] = sockets = OpenSockets()
    app.on_shutdown.append(sockets.close)
    app.on_cleanup.append(access_log.close)
    app.on_response_prepare.append(_finish)
    return app


async def _finish(request: web.Request, response: web.StreamResponse) -> None:
    """The headers of every answer, streamed ones too."""
    headers = response.headers
    headers[_NO_SNIFFING] = "nosniff"
    headers.pop(SERVER, None)  # which version of which library answers is nobody's business
    if ORIGIN in request.headers:
        cors.add_headers(request, response)
    if VISIT not in request:  # aiohttp answers a bad Expect header before the layers
        return
    visit = request[VISIT]
    headers[HEADER] = visit.request_id
    if visit.renewed is not None:
        await renew_cookie(request, response, visit.renewed)
