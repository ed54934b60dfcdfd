"""Serves an application on a port."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

# For requests in work when the studio stops. Those that go on then are cut off after as long again.
_SHUTDOWN_SECONDS = 3.0
_KEEPALIVE_SECONDS = 75.0  # also for a client that does not finish its headers
_LINGERING_SECONDS = 5.0  # reading on after an early answer, so that the client sees it and no reset


class _WithoutRequestBytes(logging.Filter):
    """aiohttp logs what its parser refuses with a traceback that quotes the request, cookies and keys included."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, HttpProcessingError):
            record.msg = f"refused a malformed request from %s: {type(error).__name__}"
            record.exc_info = None
            record.levelno, record.levelname = logging.INFO, "INFO"  # the client's fault
        return True


_log = logging.getLogger(__name__)
_log.addFilter(_WithoutRequestBytes())


@asynccontextmanager
async def serve_http(app: web.Application, host: str, port: int) -> AsyncIterator[int]:
    """Serve for the length of the block; yields the bound port. ``OSError`` when the port is taken.

    aiohttp must not inflate bodies itself: it accepts truncated gzip (see ``transports/inflate.py``).
    """
    runner = web.AppRunner(
        app,
        auto_decompress=False,
        access_log=None,
        logger=_log,
        handle_signals=False,
        shutdown_timeout=_SHUTDOWN_SECONDS,
        keepalive_timeout=_KEEPALIVE_SECONDS,
        lingering_time=_LINGERING_SECONDS,
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
