"""One HTTP/1 connection: aiohttp's protocol with a connection limit, a fair share of the event loop and prompt release.

All access to aiohttp's private attributes is in this module.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any

from aiohttp import StreamReader
from aiohttp.web import BaseRequest, Server

from transports.connections import Connections
from transports.http.framework.malformed import MalformedRefused


class HttpProtocol(MalformedRefused):
    """Asyncio protocol of one HTTP/1 connection."""

    __slots__ = ("_address", "_body", "_connections")

    def __init__(self, server: Server, connections: Connections, **options: Any) -> None:  # noqa: ANN401 - those of aiohttp
        super().__init__(server, loop=asyncio.get_running_loop(), **options)
        self._connections = connections
        self._address = ""
        self._body: StreamReader | None = None  # of the latest request

    @property
    def calls_begun(self) -> int:
        """Number of requests that have arrived."""
        return self._request_count

    @property
    def idle(self) -> bool:
        """Whether the connection waits for a request. A WebSocket is a request that goes on, so it is not idle."""
        return self._waiter is not None

    def evict(self) -> None:
        """Close, to free the place for another connection."""
        self.force_close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._address = str((transport.get_extra_info("peername") or ("",))[0])
        super().connection_made(transport)
        if not self._connections.admit(self, self._address):
            self.force_close()

    def connection_lost(self, exc: BaseException | None) -> None:
        self._connections.forget(self, self._address)
        super().connection_lost(exc)
        body, self._body = self._body, None
        if body is not None and not self._request_in_progress:
            body.feed_eof()  # aiohttp would go on waiting for the rest, after an answer that did not need it

    def _handle_request(self, request: BaseRequest, *more: Any) -> Coroutine[Any, Any, Any]:  # noqa: ANN401 - aiohttp's own
        """Handle a request. Where more are pipelined already, let other connections go first."""
        self._body = request.content
        handling = super()._handle_request(request, *more)
        return _after_others(handling) if self._messages else handling


async def _after_others(handling: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401 - aiohttp's own
    try:
        await asyncio.sleep(0)
    except asyncio.CancelledError:
        handling.close()
        raise
    return await handling
