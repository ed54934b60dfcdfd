"""The composition root: every part of the studio, in the order in which it starts."""

import asyncio
import errno
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from datetime import timedelta
from functools import partial

import attrs

from actors.alerts.actor import AlertsActor
from actors.audit_trail.actor import AuditTrailActor
from actors.ingestion.actor import IngestionActor
from actors.key_registry.actor import KeyRegistryActor
from actors.live.actor import LiveActor
from actors.playground.actor import PlaygroundActor, PlaygroundLimits
from actors.playground.providers.provider import Endpoint
from actors.prices.actor import PricesActor
from actors.retention.actor import RetentionActor
from actors.runtime.actor import ActorBus
from actors.runtime.budget import Budget
from actors.runtime.bus import Bus
from actors.runtime.observed_bus import ObservedBus
from actors.runtime.supervisor import ActorGaveUp, Supervisor
from actors.scores.actor import ScoresActor
from actors.session.actor import SessionActor, SessionLifetime
from actors.span_store.actor import SpanStoreActor
from actors.span_store.asked.retention import RetentionRule
from actors.span_store.embedded.lifetime import CurrentRetention, EmbeddedStorage, Limits, Retention
from actors.span_store.pricing.current import CurrentPrices
from actors.views.actor import ViewsActor
from studio import __version__
from studio.addresses import PortInUse
from studio.audited_settings import audited_settings
from studio.descriptors import most_connections
from studio.logs import log_together
from studio.memory import memory_for_studio, memory_for_work
from studio.self_trace import SelfTrace
from studio.settings import Settings
from transports.connections import Connections
from transports.grpc.config import GrpcConfig
from transports.grpc.server import serve_auth, serve_otlp
from transports.grpc.span_source import ReadSpansSource
from transports.http.app import build_app, build_otlp_app
from transports.http.config import TOO_MANY_ANSWERS, HttpConfig, PlayConfig
from transports.http.framework.server import serve_http
from transports.key_rate import KeyRate
from transports.misdirected_exporters import MisdirectedExporters
from transports.otlp.decoder import Decoder
from transports.otlp.limits import RequestLimits
from transports.otlp_port import serve_otlp_both

# Share of the memory for requests that are received and decoded, over HTTP and gRPC together. Messages in mailboxes are
# counted there.
_RECEIVING = 0.5
# Share of the memory for large answers while they are made and sent.
_ANSWERING = 0.25
_MEGABYTE = 1024 * 1024


@attrs.frozen(kw_only=True)
class Studio:
    """A running studio and its ports."""

    bus: Bus
    supervisor: Supervisor
    http_port: int
    otlp_port: int
    grpc_port: int
    extra_ports: tuple[int, ...]  # for OTLP over gRPC and HTTP

    async def gave_up(self) -> ActorGaveUp:
        """Wait until an actor has given up, without which the studio cannot go on."""
        return await self.supervisor.gave_up()


class Servers:
    """Running servers, which are stopped all at once: no server's clients have to wait for those of another."""

    def __init__(self) -> None:
        self._running: list[AsyncExitStack] = []

    async def enter(self, server: AbstractAsyncContextManager[int]) -> int:
        """Start the server; returns its port."""
        stack = AsyncExitStack()
        port = await stack.enter_async_context(server)
        self._running.append(stack)
        return port

    async def stop(self) -> None:
        """Stop all servers, and raise the first error, if there is any, when all have ended."""
        ends = await asyncio.gather(*(each.aclose() for each in self._running), return_exceptions=True)
        for fault in filter(None, ends):
            raise fault


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Studio]:
    """Run the studio for the length of the block. Raises ``PortInUse`` or ``ActorGaveUp`` when it cannot start.

    Actors start before the servers and stop after them, so that every request that came in is answered.
    """
    own = SelfTrace() if settings.self_trace else None
    bus = Bus() if own is None else ObservedBus(own)
    supervisor = Supervisor(bus)
    add_actors(supervisor, settings)
    memory = memory_for_work(settings.memory_mb or memory_for_studio())
    budget = Budget(int(memory * _MEGABYTE * _RECEIVING))
    host = settings.host
    async with AsyncExitStack() as stack:
        decoder = Decoder(
            small=stack.enter_context(ThreadPoolExecutor(1, thread_name_prefix="otlp-decode")),
            large=stack.enter_context(ThreadPoolExecutor(1, thread_name_prefix="otlp-decode-large")),
            limits=request_limits(settings),
            masking=settings.masking,
        )
        misdirected = MisdirectedExporters()
        connections = Connections(most_connections(), settings.trusted_proxies)
        answers = Budget(int(memory * _MEGABYTE * _ANSWERING), refusal=TOO_MANY_ANSWERS)
        spans_per_second = settings.key_spans_per_second
        key_rate = None if spans_per_second is None else KeyRate(spans_per_second)
        http = http_config(settings, budget, decoder, misdirected)
        seen_by_http = attrs.evolve(http, answers=answers, key_rate=key_rate, tracer=own)
        grpc = attrs.evolve(grpc_config(settings, budget, decoder, misdirected, connections), key_rate=key_rate)
        stack.push_async_callback(supervisor.stop)
        await supervisor.start()
        if own is not None:
            await stack.enter_async_context(own.storing(bus))
        servers = Servers()
        stack.push_async_callback(servers.stop)

        async def listen(variable: str, port: int, server: AbstractAsyncContextManager[int]) -> int:
            try:
                return await servers.enter(server)
            except OSError as error:
                if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                    raise
                raise PortInUse(variable, host, port) from error

        key_check = serve_auth(bus, grpc, host, settings.grpc_port)
        otlp = serve_otlp(bus, grpc, host, settings.otlp_port)
        both = [
            (port, serve_otlp_both(bus, grpc, build_otlp_app(bus, seen_by_http), host, port))
            for port in settings.extra_ports
        ]
        rest = serve_http(build_app(bus, seen_by_http), host, settings.backend_port, connections)
        studio = Studio(
            bus=bus,
            supervisor=supervisor,
            grpc_port=await listen("GRPC_PORT", settings.grpc_port, key_check),
            otlp_port=await listen("JUNJO_OTLP_PORT", settings.otlp_port, otlp),
            extra_ports=tuple([await listen("JUNJO_OTLP_EXTRA_PORTS", port, server) for port, server in both]),
            http_port=await listen("JUNJO_BACKEND_PORT", settings.backend_port, rest),
        )
        misdirected.http_port, misdirected.grpc_port = studio.http_port, studio.otlp_port
        yield studio


def add_actors(supervisor: Supervisor, settings: Settings) -> None:
    """Add all actors, each before those that ask it."""
    lifetime = SessionLifetime(idle=settings.session_idle, absolute=settings.session_absolute)
    supervisor.add(KeyRegistryActor, lambda bus: key_registry(bus, settings))
    supervisor.add(
        SessionActor,
        lambda bus: SessionActor.running(
            bus,
            settings.sqlite_path,
            cookie_key=settings.secure_cookie_key,
            session_secret=settings.session_secret,
            lifetime=lifetime,
        ),
    )
    prices = CurrentPrices(settings.prices_file)  # one for all lives of the span store
    retention = kept_by_environment(settings)
    supervisor.add(SpanStoreActor, lambda bus: span_store(bus, settings, prices, retention))
    supervisor.add(RetentionActor, lambda bus: retention_rules(bus, settings))
    supervisor.add(PricesActor, lambda bus: PricesActor.running(bus, settings.sqlite_path))
    supervisor.add(ScoresActor, lambda bus: ScoresActor.running(bus, settings.sqlite_path))
    supervisor.add(ViewsActor, lambda bus: ViewsActor.running(bus, settings.sqlite_path))
    supervisor.add(AlertsActor, lambda bus: alerts(bus, settings))
    supervisor.add(AuditTrailActor, lambda bus: audit_trail(bus, settings))
    supervisor.add(PlaygroundActor, lambda bus: playground(bus, settings))
    supervisor.add(LiveActor, live)
    ingestion_host = settings.ingestion_host
    if ingestion_host:
        supervisor.add(
            IngestionActor,
            lambda bus: IngestionActor.running(
                bus,
                settings.sqlite_path,
                lambda: ReadSpansSource(ingestion_host, settings.ingestion_port, masking=settings.masking),
                interval=timedelta(seconds=settings.span_poll_interval),
                batch_size=settings.span_batch_size,
            ),
        )


def key_registry(bus: ActorBus, settings: Settings) -> AbstractAsyncContextManager[KeyRegistryActor]:
    """Make the registry. Every opener has to do it so: without the key it erases the API keys that are kept whole."""
    reveal_under = settings.secure_cookie_key if settings.reveal_api_keys else None
    return KeyRegistryActor.running(bus, settings.sqlite_path, reveal_under=reveal_under)


def kept_by_environment(settings: Settings) -> CurrentRetention:
    """One for all lives of the span store: what an admin sets counts until the studio ends."""
    return CurrentRetention(Retention(age=settings.retention_days, size=settings.retention_bytes))


def span_store(
    bus: ActorBus, settings: Settings, prices: CurrentPrices, retention: CurrentRetention
) -> AbstractAsyncContextManager[SpanStoreActor]:
    opened = partial(EmbeddedStorage.open, settings.duckdb_path, limits=Limits(retention=retention), prices=prices)
    return SpanStoreActor.running(bus, opened, accounts=settings.sqlite_path)


def retention_rules(bus: ActorBus, settings: Settings) -> AbstractAsyncContextManager[RetentionActor]:
    fixed = RetentionRule(age=settings.retention_days, size=settings.retention_bytes)
    return RetentionActor.running(bus, settings.sqlite_path, fixed=fixed)


def alerts(bus: ActorBus, settings: Settings) -> AbstractAsyncContextManager[AlertsActor]:
    return AlertsActor.running(
        bus,
        settings.sqlite_path,
        cookie_key=settings.secure_cookie_key,
        allow_private=settings.webhook_allow_private,
    )


def live(bus: ActorBus) -> AbstractAsyncContextManager[LiveActor]:
    return nullcontext(LiveActor(bus))


def audit_trail(bus: ActorBus, settings: Settings) -> AbstractAsyncContextManager[AuditTrailActor]:
    return AuditTrailActor.running(
        bus, settings.sqlite_path, settings=audited_settings(settings), age=settings.audit_days
    )


def playground(bus: ActorBus, settings: Settings) -> AbstractAsyncContextManager[PlaygroundActor]:
    return PlaygroundActor.running(
        bus,
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
        masking=settings.masking,
    )


def request_limits(settings: Settings) -> RequestLimits:
    return RequestLimits(spans=settings.max_spans, values=settings.max_values, resources=settings.max_resources)


def http_config(settings: Settings, budget: Budget, decoder: Decoder, misdirected: MisdirectedExporters) -> HttpConfig:
    return HttpConfig(
        version=__version__,
        environment="production" if settings.production else "development",
        otlp_endpoint=settings.otlp_endpoint,
        frontend_url=settings.frontend_url,
        backend_url=settings.backend_url,
        allow_origins=settings.allow_origins,
        secure_cookies=settings.production,
        trusted_proxies=settings.trusted_proxies,
        allowed_hosts=(*settings.allowed_hosts, settings.host.lower()),
        setup_code=settings.setup_code,
        production=settings.production,
        strict_passwords=settings.strict_passwords,
        pulls_spans=settings.ingestion_host is not None,
        otlp_budget=budget,
        decoder=decoder,
        max_request_bytes=settings.max_request_bytes,
        misdirected=misdirected,
        log_together=log_together,
        play=PlayConfig(
            any_openai_model=settings.openai_base_url is not None,
            run_seconds=settings.run_seconds,
            runs_per_socket=settings.runs_per_socket,
        ),
    )


def grpc_config(
    settings: Settings, budget: Budget, decoder: Decoder, misdirected: MisdirectedExporters, connections: Connections
) -> GrpcConfig:
    return GrpcConfig(
        internal_token=settings.internal_grpc_token,
        max_request_bytes=settings.max_request_bytes,
        otlp_budget=budget,
        connections=connections,
        decoder=decoder,
        misdirected=misdirected,
    )
