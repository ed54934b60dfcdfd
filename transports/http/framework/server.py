"""Serving an application on a port."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

from aiohttp import web

from transports.connections import Connections
from transports.first_bytes import FirstBytes, is_http2, is_tls, sender_of
from transports.http.framework.app_keys import CONFIG
from transports.http.framework.connection import HttpProtocol
from transports.http.framework.malformed import LONGEST_HEADER, LONGEST_LINE, MOST_HEADERS
from transports.limited_log import RateLimitFilter
from transports.listening import listen
from transports.misdirected_exporters import GRPC_AT_HTTP, TLS

# Grace period for requests in work when the studio stops. Those that go on then are cut off after as long again.
_SHUTDOWN_SECONDS = 3.0
_KEEPALIVE_SECONDS = 75.0  # also for a client that does not finish its headers
_LINGERING_SECONDS = 5.0  # reading on after an early answer, so that the client sees it and no reset

_log = logging.getLogger(__name__)
_log.addFilter(RateLimitFilter())


@asynccontextmanager
async def serve_http(
    app: web.Application, host: str, port: int, connections: Connections | None = None
) -> AsyncIterator[int]:
    """Serve for the length of the block; yield the bound port. ``OSError`` when the port is taken.

    ``connections`` counts all connections of the studio, on other ports too. aiohttp must not inflate bodies itself: it
    accepts truncated gzip (see ``transports/inflate.py``).
    """
    all_connections, misdirected = connections or Connections(), app[CONFIG].misdirected
    waiting: set[FirstBytes] = set()
    async with http_connections(app, all_connections) as http:

        def chosen(begin: bytes, transport: asyncio.Transport) -> asyncio.Protocol:
            """Choose aiohttp in any case: gRPC clients know how to report its answer in HTTP/1."""
            if is_http2(begin) or is_tls(begin):
                misdirected.report(sender_of(transport), TLS if is_tls(begin) else GRPC_AT_HTTP)
            return http()

        server = await listen(partial(FirstBytes, chosen, waiting, _KEEPALIVE_SECONDS, all_connections), host, port)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            for each in list(waiting):
                each.abort()


@asynccontextmanager
async def http_connections(
    app: web.Application, connections: Connections
) -> AsyncIterator[Callable[[], asyncio.Protocol]]:
    """Serve connections for the length of the block that another server accepts; yield a factory of their protocols.

    At the end of the block requests in work are answered and the connections closed.
    """
    runner = web.AppRunner(app, handle_signals=False, shutdown_timeout=_SHUTDOWN_SECONDS)
    await runner.setup()
    try:
        yield partial(_connection, runner, connections)
    finally:
        await runner.cleanup()


def _connection(runner: web.AppRunner, connections: Connections) -> HttpProtocol:
    if runner.server is None:
        raise RuntimeError("the server has been stopped")
    return HttpProtocol(
        runner.server,
        connections,
        auto_decompress=False,
        access_log=None,
        logger=_log,
        keepalive_timeout=_KEEPALIVE_SECONDS,
        lingering_time=_LINGERING_SECONDS,
        max_line_size=LONGEST_LINE,
        max_field_size=LONGEST_HEADER,
        max_headers=MOST_HEADERS,
    )
