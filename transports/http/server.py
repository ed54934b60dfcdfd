"""Serves an application on a port."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

_SHUTDOWN_SECONDS = 10.0  # for requests in work when the studio stops
_KEEPALIVE_SECONDS = 75.0


@asynccontextmanager
async def serve_http(app: web.Application, host: str, port: int) -> AsyncIterator[int]:
    """Serve for the length of the block; yields the bound port. ``OSError`` when the port is taken.

    aiohttp must not inflate bodies itself: it accepts truncated gzip (see ``transports/inflate.py``).
    """
    runner = web.AppRunner(
        app,
        auto_decompress=False,
        access_log=None,
        handle_signals=False,
        shutdown_timeout=_SHUTDOWN_SECONDS,
        keepalive_timeout=_KEEPALIVE_SECONDS,
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
