"""The open WebSockets."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from aiohttp import WSCloseCode, web

_CLOSING_SECONDS = 1.0

Socket = web.WebSocketResponse[Any]


class OpenSockets:
    """Registry that closes the WebSockets when the studio stops; it would wait for their clients otherwise."""

    def __init__(self) -> None:
        self._sockets: set[Socket] = set()

    @contextmanager
    def with_one(self, socket: Socket) -> Iterator[None]:
        """Register a socket for the length of the block."""
        self._sockets.add(socket)
        try:
            yield
        finally:
            self._sockets.discard(socket)

    async def close(self, _: web.Application) -> None:
        """Close all sockets, as aiohttp's ``on_shutdown``. A client that does not answer is waited for a second."""
        closings = [asyncio.create_task(self._close(socket)) for socket in self._sockets]
        if closings:
            await asyncio.wait(closings, timeout=_CLOSING_SECONDS)
            for closing in closings:
                closing.cancel()
            await asyncio.gather(*closings, return_exceptions=True)

    async def _close(self, socket: Socket) -> None:
        with suppress(ConnectionError):  # it is gone
            await socket.close(code=WSCloseCode.GOING_AWAY, message=b"the studio stops")
