"""Routes of the service about itself."""

from typing import Final

import attrs
from aiohttp import web
from aiohttp.hdrs import ACCEPT, LOCATION

from transports.http.api.console_pages import ADDRESS
from transports.http.config import APP_NAME
from transports.http.framework.route import Call, Route, described

_HTML: Final = "text/html"  # which browsers ask for by name, and programs do not


@attrs.frozen(kw_only=True)
class ServiceInfo:
    """Name, version and health check of the service."""

    app: str = attrs.field(metadata=described("Name of the application", APP_NAME))
    version: str = attrs.field(metadata=described("Version of the application", "0.1.0"))
    health: str = attrs.field(metadata=described("Path of the health check", "/health"))


@attrs.frozen(kw_only=True)
class Pong:
    """The answer to a ping."""

    message: str = attrs.field(metadata=described("Always pong", "pong"))


@attrs.frozen(kw_only=True)
class PublicConfig:
    """Public configuration for the front end, before anyone has signed in."""

    environment: str = attrs.field(metadata=described("development or production", "development"))
    otlp_endpoint: str = attrs.field(metadata=described("Where SDKs send spans", "grpc://localhost:50051"))
    frontend_url: str | None = attrs.field(
        metadata=described("Public address of the front end, in production", "https://studio.example.com")
    )
    backend_url: str | None = attrs.field(
        metadata=described("Public address of this API, in production", "https://api.example.com")
    )


async def root(call: Call[None, None]) -> ServiceInfo | web.Response:
    if _HTML in call.request.headers.get(ACCEPT, ""):
        return web.Response(status=303, headers={LOCATION: ADDRESS})
    return ServiceInfo(app=APP_NAME, version=call.config.version, health="/health")


async def ping(_: Call[None, None]) -> Pong:
    return Pong(message="pong")


async def get_config(call: Call[None, None]) -> PublicConfig:
    config = call.config
    return PublicConfig(
        environment=config.environment,
        otlp_endpoint=config.otlp_endpoint,
        frontend_url=config.frontend_url,
        backend_url=config.backend_url,
    )


ROUTES = (
    Route(
        method="GET",
        path="/",
        handler=root,
        answers=ServiceInfo,
        leads_on=True,
        tag="service",
        summary="Describe the service; lead browsers to the console",
    ),
    Route(method="GET", path="/ping", handler=ping, answers=Pong, tag="service", summary="Answer pong"),
    Route(
        method="GET",
        path="/api/config",
        handler=get_config,
        answers=PublicConfig,
        tag="service",
        summary="Tell a front end how to reach the studio",
    ),
)
