"""Serves an application on a port."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from transports.connections import Connections
from transports.http.connection import HttpProtocol
from transports.listening import BACKLOG, accept_patiently
from transports.seldom import SeldomFilter

_SHUTDOWN_SECONDS = 10.0  # for requests in work when the studio stops
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
_log.addFilter(SeldomFilter())


@asynccontextmanager
async def serve_http(
    app: web.Application, host: str, port: int, connections: Connections | None = None
) -> AsyncIterator[int]:
    """Serve for the length of the block; yields the bound port. ``OSError`` when the port is taken.

    ``connections`` are all that the studio has, on other ports too. aiohttp must not inflate bodies itself: it accepts
    truncated gzip (see ``transports/inflate.py``).
    """
    runner = web.AppRunner(app, handle_signals=False, shutdown_timeout=_SHUTDOWN_SECONDS)
    await runner.setup()
    try:
        server = await asyncio.get_running_loop().create_server(
            partial(_connection, runner, connections or Connections()), host, port, backlog=BACKLOG
        )
        accept_patiently(server)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
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
    )
