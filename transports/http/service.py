"""The service about itself."""

import attrs

from actors.errors import Unavailable
from actors.ingestion.messages import GetIngestionState
from actors.span_store.messages import GetStoreState
from transports.http.config import APP_NAME
from transports.http.route import Call, Route, described


@attrs.frozen(kw_only=True)
class ServiceInfo:
    """What answers here."""

    app: str = attrs.field(metadata=described("Name of the application", APP_NAME))
    version: str = attrs.field(metadata=described("Version of the application", "0.1.0"))
    health: str = attrs.field(metadata=described("Path of the health check", "/health"))


@attrs.frozen(kw_only=True)
class Health:
    """The service is up. The reference has these members and no others."""

    status: str = attrs.field(metadata=described("ok or degraded", "ok"))
    version: str = attrs.field(metadata=described("Version of the application", "0.1.0"))
    app_name: str = attrs.field(metadata=described("Name of the application", APP_NAME))


@attrs.frozen(kw_only=True)
class IngestionHealth:
    """How the pull of spans from the external ingestion service goes. Counts are since the studio started."""

    connected: bool = attrs.field(metadata=described("Whether the latest pull succeeded", True))
    fault: str = attrs.field(metadata=described("Why it did not; empty otherwise", ""))
    stored: int = attrs.field(metadata=described("Spans pulled and durable", 1200))
    corrupt: int = attrs.field(metadata=described("Rows that were no span, logged and passed", 0))
    remaining: int | None = attrs.field(metadata=described("Rows that still wait there, where the service says so", 0))


@attrs.frozen(kw_only=True)
class PullingHealth(Health):
    """The service is up, and pulls spans from an external ingestion service."""

    ingestion: IngestionHealth = attrs.field(
        metadata=described("The pull", {"connected": True, "fault": "", "stored": 1200, "corrupt": 0, "remaining": 0})
    )


@attrs.frozen(kw_only=True)
class DegradedHealth(Health):
    """The service is up, but something is wrong that a person should look at. A restart would not help."""

    problems: tuple[str, ...] = attrs.field(
        metadata=described("What is wrong, a sentence each", ["The disk of the span store is full or fails"])
    )
    ingestion: IngestionHealth | None = attrs.field(metadata=described("The pull, where there is one", None))


@attrs.frozen(kw_only=True)
class Pong:
    """The answer to a ping."""

    message: str = attrs.field(metadata=described("Always pong", "pong"))


@attrs.frozen(kw_only=True)
class PublicConfig:
    """What the front end has to know before anyone has signed in."""

    environment: str = attrs.field(metadata=described("development or production", "development"))
    otlp_endpoint: str = attrs.field(metadata=described("Where SDKs send spans", "grpc://localhost:50051"))
    frontend_url: str | None = attrs.field(
        metadata=described("Public address of the front end, in production", "https://studio.example.com")
    )
    backend_url: str | None = attrs.field(
        metadata=described("Public address of this API, in production", "https://api.example.com")
    )


async def root(call: Call[None, None]) -> ServiceInfo:
    return ServiceInfo(app=APP_NAME, version=call.config.version, health="/health")


async def health(call: Call[None, None]) -> Health:
    version = call.config.version
    pull = await _pull(call) if call.config.pulls_spans else None
    problems = await _store_problems(call)
    if problems:
        return DegradedHealth(status="degraded", version=version, app_name=APP_NAME, problems=problems, ingestion=pull)
    if pull is not None:
        return PullingHealth(status="ok", version=version, app_name=APP_NAME, ingestion=pull)
    return Health(status="ok", version=version, app_name=APP_NAME)


async def _store_problems(call: Call[None, None]) -> tuple[str, ...]:
    """What is wrong with the span store. That it is away is an answer here, and not a reason to give none."""
    try:
        return (await call.bus.ask(GetStoreState())).problems
    except Unavailable as away:
        return (away.detail,)


async def _pull(call: Call[None, None]) -> IngestionHealth:
    state = await call.bus.ask(GetIngestionState())
    return IngestionHealth(
        connected=state.connected,
        fault=state.fault,
        stored=state.stored,
        corrupt=state.corrupt,
        remaining=state.remaining,
    )


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
    Route(method="GET", path="/", handler=root, answers=ServiceInfo, tag="service", summary="Describe the service"),
    Route(
        method="GET",
        path="/health",
        handler=health,
        answers=DegradedHealth | PullingHealth | Health,
        tag="service",
        summary="Check the service",
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
