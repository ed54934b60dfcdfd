"""Serves an application on a port."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from transports.http.malformed import LONGEST_HEADER, LONGEST_LINE, MOST_HEADERS, Runner
from transports.listening import socket_for

_SHUTDOWN_SECONDS = 10.0  # for requests in work when the studio stops
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
    runner = Runner(
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
    await runner.setup()
    try:
        await _site(runner, host, port).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
