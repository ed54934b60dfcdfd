"""The HTTP application: its routes, and the layers around them."""

import orjson
from aiohttp import web

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
from transports.http.around import HEADER, surround
from transports.http.config import HttpConfig
from transports.http.dispatch import endpoint
from transports.http.json_body import MOST_BYTES
from transports.http.keys import ACCESS_LOG, BUS, CONFIG, DOCUMENT, REQUEST_ID, SOCKETS
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


def build_app(bus: Bus, config: HttpConfig) -> web.Application:
    """All routes over one bus. Serve it with ``serve_http``, which leaves compressed bodies as they are."""
    app = web.Application(middlewares=(surround,), client_max_size=MOST_BYTES)
    app[BUS] = bus
    app[CONFIG] = config
    served = routes(any_openai_model=config.play.any_openai_model)
    app[DOCUMENT] = orjson.dumps(openapi_document(served, config.version))
    for route in served:
        # aiohttp's own pattern for a part of a path refuses braces, which an id may hold.
        app.router.add_route(route.method, route.path.replace("}", ":[^/]+}"), endpoint(route))
    app[SOCKETS] = sockets = OpenSockets()
    app.on_shutdown.append(sockets.close)
    app[ACCESS_LOG] = access_log = AccessLog(config.log_together)
    app.on_cleanup.append(access_log.close)
    app.on_response_prepare.append(_finish)
    return app


async def _finish(request: web.Request, response: web.StreamResponse) -> None:
    """The headers of every answer, streamed ones too."""
    headers = response.headers
    if REQUEST_ID in request:  # aiohttp answers a bad Expect header before the layers
        headers[HEADER] = request[REQUEST_ID]
    headers["X-Content-Type-Options"] = "nosniff"
    headers.pop("Server", None)  # which version of which library answers is nobody's business
    cors.add_headers(request, response)
    await renew_cookie(request, response)
