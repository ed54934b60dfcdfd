"""The two gRPC servers: OTLP, and the key check for an external ingestion service."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from grpclib.health.check import ServiceStatus
from grpclib.health.service import OVERALL, Health
from grpclib.reflection.service import ServerReflection

from actors.runtime.bus import Bus
from transports.grpc.calls import Calls
from transports.grpc.config import GrpcConfig
from transports.grpc.key_check import KeyCheck
from transports.grpc.listener import Listener, Other
from transports.grpc.misdirected import SpansAtKeyCheck, refused
from transports.grpc.otlp_services import EXPORTS, logs_service, metrics_service, trace_service


@asynccontextmanager
async def serve_otlp(
    bus: Bus, config: GrpcConfig, host: str, port: int, *, other: Other | None = None
) -> AsyncIterator[int]:
    """Receive spans and log records for the length of the block, and metrics, which are dropped. Yields the bound port.

    ``OSError`` when the port is taken. Health and reflection are served beside it, in both servers. ``other`` makes the
    protocol of a connection that does not speak HTTP/2; by default such a client learns which port to use.
    """
    services = (
        trace_service(bus, config),
        metrics_service(bus, config),
        logs_service(bus, config),
    )
    async with _serve(services, config, host, port, other=other) as bound:
        yield bound


@asynccontextmanager
async def serve_auth(bus: Bus, config: GrpcConfig, host: str, port: int) -> AsyncIterator[int]:
    """Serve ``ingestion.InternalAuthService`` for the length of the block. Yields the bound port; ``OSError``."""
    misdirected = SpansAtKeyCheck(EXPORTS, config.misdirected)
    async with _serve((KeyCheck(bus, config.internal_token),), config, host, port, refusing=[misdirected]) as bound:
        yield bound


@asynccontextmanager
async def _serve(
    services: Sequence[Any],
    config: GrpcConfig,
    host: str,
    port: int,
    *,
    refusing: Sequence[SpansAtKeyCheck] = (),
    other: Other | None = None,
) -> AsyncIterator[int]:
    status = ServiceStatus()
    health = Health({service: [status] for service in (*services, OVERALL)})
    described = ServerReflection.extend([*services, health])[len(services) :]
    calls = Calls(services, [*described, *refusing], config)
    listener = Listener(
        [calls],
        other=other or partial(refused, config.misdirected),
        limits=config.limits,
        all_connections=config.connections,
    )
    await listener.listen(host, port)
    status.set(True)
    try:
        yield listener.port
    finally:
        status.set(False)
        await calls.drain(config.grace)
        await listener.stop()
