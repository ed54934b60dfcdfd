"""The composition root: every part of the studio, in the order in which it starts."""

import errno
from collections.abc import AsyncIterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import timedelta

import attrs

from actors.ingestion.actor import IngestionActor
from actors.key_registry.actor import KeyRegistryActor
from actors.playground.actor import PlaygroundActor, PlaygroundLimits
from actors.playground.providers.provider import Endpoint
from actors.runtime.bus import Bus
from actors.runtime.supervisor import ActorGaveUp, Supervisor
from actors.session.actor import SessionActor, SessionLifetime
from actors.span_store.actor import Limits, Retention, SpanStoreActor
from studio import __version__
from studio.descriptors import most_connections
from studio.logs import log_together
from studio.settings import Settings
from transports.byte_budget import ByteBudget
from transports.connections import Connections
from transports.grpc.config import GrpcConfig
from transports.grpc.server import serve_auth, serve_otlp
from transports.grpc.span_source import ReadSpansSource
from transports.http.app import build_app
from transports.http.config import HttpConfig, PlayConfig
from transports.http.server import serve_http

# Requests being received at once, over HTTP and gRPC together; what waits in mailboxes is counted there.
_RECEIVING_BYTES = 256 * 1024 * 1024


class PortInUse(Exception):
    """A port cannot be had. ``variable`` is the setting that changes it."""

    def __init__(self, variable: str, host: str, port: int) -> None:
        super().__init__(f"Port {port} on {host} is in use or not allowed: set {variable} to another port")
        self.variable = variable


@attrs.frozen(kw_only=True)
class Studio:
    """A running studio and where it listens."""

    bus: Bus
    supervisor: Supervisor
    http_port: int
    otlp_port: int
    grpc_port: int

    async def gave_up(self) -> ActorGaveUp:
        """Wait until the studio can go on no longer."""
        return await self.supervisor.gave_up()


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Studio]:
    """Run the studio for the length of the block. Raises ``PortInUse`` or ``ActorGaveUp`` when it cannot start.

    Actors start before the servers and stop after them, so that every request that came in is answered.
    """
    bus = Bus()
    supervisor = Supervisor(bus)
    add_actors(supervisor, settings)
    budget = ByteBudget(_RECEIVING_BYTES)
    host = settings.host
    async with AsyncExitStack() as stack:
        # One thread: decoding holds the interpreter's lock, and several would only take it from each other.
        decoder = stack.enter_context(ThreadPoolExecutor(1, thread_name_prefix="otlp-decode"))
        http = build_app(bus, http_config(settings, budget, decoder))
        connections = Connections(most_connections())
        grpc = grpc_config(settings, budget, decoder, connections)
        stack.push_async_callback(supervisor.stop)
        await supervisor.start()

        async def listen(variable: str, port: int, server: AbstractAsyncContextManager[int]) -> int:
            try:
                return await stack.enter_async_context(server)
            except OSError as error:
                if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                    raise
                raise PortInUse(variable, host, port) from error

        key_check = serve_auth(bus, grpc, host, settings.grpc_port)
        otlp = serve_otlp(bus, grpc, host, settings.otlp_port)
        rest = serve_http(http, host, settings.backend_port, connections)
        yield Studio(
            bus=bus,
            supervisor=supervisor,
            grpc_port=await listen("GRPC_PORT", settings.grpc_port, key_check),
            otlp_port=await listen("JUNJO_OTLP_PORT", settings.otlp_port, otlp),
            http_port=await listen("JUNJO_BACKEND_PORT", settings.backend_port, rest),
        )


def add_actors(supervisor: Supervisor, settings: Settings) -> None:
    """All actors, each before those that ask it."""
    lifetime = SessionLifetime(idle=settings.session_idle, absolute=settings.session_absolute)
    supervisor.add(
        SessionActor,
        lambda: SessionActor(
            settings.sqlite_path,
            cookie_key=settings.secure_cookie_key,
            session_secret=settings.session_secret,
            lifetime=lifetime,
        ),
    )
    supervisor.add(KeyRegistryActor, lambda: KeyRegistryActor(settings.sqlite_path))
    supervisor.add(SpanStoreActor, lambda: span_store(settings))
    supervisor.add(PlaygroundActor, lambda: playground(settings))
    ingestion_host = settings.ingestion_host
    if ingestion_host:
        supervisor.add(
            IngestionActor,
            lambda: IngestionActor(
                settings.sqlite_path,
                lambda: ReadSpansSource(ingestion_host, settings.ingestion_port),
                interval=timedelta(seconds=settings.span_poll_interval),
                batch_size=settings.span_batch_size,
            ),
        )


def span_store(settings: Settings) -> SpanStoreActor:
    retention = Retention(age=settings.retention_days, size=settings.retention_bytes)
    limits = Limits(retention=retention)
    return SpanStoreActor(settings.duckdb_path, accounts=settings.sqlite_path, limits=limits)


def playground(settings: Settings) -> PlaygroundActor:
    return PlaygroundActor(
        settings.sqlite_path,
        cookie_key=settings.secure_cookie_key,
        endpoints={
            "openai": Endpoint(key=settings.openai_api_key or "", base_url=settings.openai_base_url),
            "anthropic": Endpoint(key=settings.anthropic_api_key or "", base_url=settings.anthropic_base_url),
            "gemini": Endpoint(key=settings.gemini_api_key or "", base_url=settings.gemini_base_url),
        },
        limits=PlaygroundLimits(
            runs_per_user=settings.runs_per_user,
            resume_seconds=settings.resume_seconds,
            run_seconds=settings.run_seconds,
        ),
    )


def http_config(settings: Settings, budget: ByteBudget, decoder: Executor) -> HttpConfig:
    return HttpConfig(
        version=__version__,
        environment="production" if settings.production else "development",
        otlp_endpoint=settings.otlp_endpoint,
        frontend_url=settings.frontend_url,
        backend_url=settings.backend_url,
        allow_origins=settings.allow_origins,
        secure_cookies=settings.production,
        pulls_spans=settings.ingestion_host is not None,
        otlp_budget=budget,
        decoder=decoder,
        max_request_bytes=settings.max_request_bytes,
        log_together=log_together,
        play=PlayConfig(
            any_openai_model=settings.openai_base_url is not None,
            run_seconds=settings.run_seconds,
            runs_per_socket=settings.runs_per_socket,
        ),
    )


def grpc_config(settings: Settings, budget: ByteBudget, decoder: Executor, connections: Connections) -> GrpcConfig:
    return GrpcConfig(
        internal_token=settings.internal_grpc_token,
        max_request_bytes=settings.max_request_bytes,
        otlp_budget=budget,
        connections=connections,
        decoder=decoder,
    )
