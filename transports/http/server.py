"""Serves an application on a port."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

from aiohttp import web

from transports.first_bytes import FirstBytes, is_http2, is_tls, sender_of
from transports.http.keys import CONFIG
from transports.http.malformed import LONGEST_HEADER, LONGEST_LINE, MOST_HEADERS, Runner
from transports.listening import socket_for
from transports.strays import GRPC_AT_HTTP, TLS, Strays

# For requests in work when the studio stops. Those that go on then are cut off after as long again.
_SHUTDOWN_SECONDS = 3.0
_KEEPALIVE_SECONDS = 75.0  # also for a client that does not finish its headers
_LINGERING_SECONDS = 5.0  # reading on after an early answer, so that the client sees it and no reset


_log = logging.getLogger(__name__)


def _site(runner: web.AppRunner, host: str, port: int) -> web.BaseSite:
    both_families = socket_for(host, port)
    return web.TCPSite(runner, host, port) if both_families is None else web.SockSite(runner, both_families)


@asynccontextmanager
async def serve_http(app: web.Application, host: str, port: int) -> AsyncIterator[int]:
    """Serve for the length of the block; yields the bound port. ``OSError`` when the port is taken.

    aiohttp must not inflate bodies itself: it accepts truncated gzip (see ``transports/inflate.py``).
    """
    runner = _WaryRunner(app)
    await runner.setup()
    try:
        await _site(runner, host, port).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
        runner.end_silent_connections()


@asynccontextmanager
async def http_connections(app: web.Application) -> AsyncIterator[Callable[[], asyncio.Protocol]]:
    """Serve connections for the length of the block that come in elsewhere: what is yielded makes the protocol of one.

    At the end of the block requests in work are answered and the connections closed.
    """
    runner = _Runner(app)
    await runner.setup()
    try:
        yield cast("Callable[[], asyncio.Protocol]", runner.server)
    finally:
        await runner.cleanup()


class _Runner(Runner):
    def __init__(self, app: web.Application) -> None:
        super().__init__(
            app,
            auto_decompress=False,
            access_log=None,
            logger=_log,
            handle_signals=False,
            shutdown_timeout=_SHUTDOWN_SECONDS,
            keepalive_timeout=_KEEPALIVE_SECONDS,
            lingering_time=_LINGERING_SECONDS,
            max_line_size=LONGEST_LINE,
            max_field_size=LONGEST_HEADER,
            max_headers=MOST_HEADERS,
        )


class _WaryRunner(_Runner):
    """Looks at how each connection begins, for the sake of exporters that speak something else."""

    def __init__(self, app: web.Application) -> None:
        super().__init__(app)
        self._strays: Strays = app[CONFIG].strays
        self._waiting: set[FirstBytes] = set()

    @property
    def server(self) -> Any:  # noqa: ANN401 - aiohttp wants its own class, and uses what makes a protocol
        """What makes the protocol of a connection."""
        return self._first_bytes

    def end_silent_connections(self) -> None:
        for each in list(self._waiting):
            each.abort()

    def _first_bytes(self) -> FirstBytes:
        return FirstBytes(self._chosen, self._waiting, _KEEPALIVE_SECONDS)

    def _chosen(self, begin: bytes, transport: asyncio.Transport) -> asyncio.Protocol:
        """Aiohttp in any case: its answer in HTTP/1 is what clients of gRPC know how to report."""
        if is_http2(begin) or is_tls(begin):
            self._strays.found(sender_of(transport), TLS if is_tls(begin) else GRPC_AT_HTTP)
        make = cast("Callable[[], asyncio.Protocol]", super().server)
        return make()
