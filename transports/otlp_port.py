"""The OTLP port: OTLP over gRPC or HTTP on one port (OTLP 1.11, "Default Port")."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from actors.runtime.bus import Bus
from transports.first_bytes import Refusal, is_http1, is_tls, sender_of
from transports.grpc.config import GrpcConfig
from transports.grpc.server import serve_otlp
from transports.http.framework.server import http_connections
from transports.misdirected_exporters import TLS


@asynccontextmanager
async def serve_otlp_both(
    bus: Bus, config: GrpcConfig, app: web.Application, host: str, port: int
) -> AsyncIterator[int]:
    """Receive spans over gRPC, and over HTTP with ``app``, for the length of the block.

    Yields the bound port; ``OSError`` when the port is taken.
    """
    async with http_connections(app, config.connections) as http:

        def other(begin: bytes, transport: asyncio.Transport) -> asyncio.Protocol:
            if is_tls(begin):
                config.misdirected.report(sender_of(transport), TLS)
            return http() if is_http1(begin) else Refusal()

        async with serve_otlp(bus, config, host, port, other=other) as bound:
            yield bound
