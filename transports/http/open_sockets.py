"""The WebSockets that are open."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aiohttp import WSCloseCode, web

Socket = web.WebSocketResponse[Any]


class OpenSockets:
    """Closes them when the studio stops; it would wait for their clients otherwise."""

    def __init__(self) -> None:
        self._sockets: set[Socket] = set()

    @contextmanager
    def with_one(self, socket: Socket) -> Iterator[None]:
        """Know of a socket for the length of the block."""
        self._sockets.add(socket)
        try:
            yield
        finally:
            self._sockets.discard(socket)

    async def close(self, _: web.Application) -> None:
        """Close them all, in aiohttp's ``on_shutdown``."""
        closings = (socket.close(code=WSCloseCode.GOING_AWAY, message=b"the studio stops") for socket in self._sockets)
        await asyncio.gather(*closings)
