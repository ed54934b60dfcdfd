"""grpclib's server, with headers of any bytes, connection limits and a stop that ends."""

import asyncio
import logging
from collections.abc import Callable
from time import monotonic
from typing import Any, TypeAlias
from weakref import WeakSet

import grpclib.server
from grpclib.protocol import H2Protocol

from transports.connection_limits import DEFAULT, ConnectionLimits
from transports.connections import Connections
from transports.first_bytes import FirstBytes, Refusal, is_http2
from transports.grpc.connection import CallHandler, ServerProtocol
from transports.grpc.http2 import FrameBucket
from transports.limited_log import RateLimitFilter
from transports.listening import limit_accepts, socket_for

_CLOSING_TIME = 1.0  # seconds for a client to take what was sent to it
_POLL_SECONDS = 0.01  # between two checks whether connections are left

Other: TypeAlias = Callable[[bytes, asyncio.Transport], asyncio.Protocol]

logging.getLogger("grpclib.server").addFilter(RateLimitFilter())  # a line for each call that a client gives up


class Listener(grpclib.server.Server):
    """Accepts connections and tracks them, to end them: all when it stops, and each at its timeout."""

    def __init__(
        self,
        *args: Any,  # noqa: ANN401 - those of grpclib's server
        limits: ConnectionLimits = DEFAULT,
        all_connections: Connections | None = None,
        other: Other | None = None,
        **options: Any,  # noqa: ANN401 - as above
    ) -> None:
        """Make a server; ``all_connections`` counts all connections of the studio.

        ``other`` makes the protocol of a connection that does not begin as HTTP/2 does; by default it is closed.
        """
        super().__init__(*args, **options)
        self._other = other or _ended
        self._waiting: set[FirstBytes] = set()
        self._others: WeakSet[asyncio.Transport] = WeakSet()
        # Any bytes may stand in a header (RFC 9110, section 5.5). With grpclib's "ascii" they end the connection.
        self._h2_config.header_encoding = "latin-1"
        self._limits = limits
        self._all_connections = all_connections or Connections()
        self._all_anonymous_frames = FrameBucket(limits.all_anonymous_frames, limits.all_anonymous_frames_a_second)
        self._connections: set[ServerProtocol] = set()
        self._next_check = self._loop.call_later(limits.check_interval, self._check_connections)

    @property
    def port(self) -> int:
        """The port that it listens on."""
        if self._server is None:
            raise RuntimeError("the server has not been started")
        port: int = self._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined] # typed too widely
        return port

    async def listen(self, host: str, port: int) -> None:
        """Accept connections from now on. ``OSError`` when the port is taken."""
        both_families = socket_for(host, port)
        if both_families is None:
            await self.start(host, port)
        else:
            await self.start(sock=both_families)

    async def start(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - those of grpclib's server
        """Listen. ``OSError`` when the port is taken."""
        await super().start(*args, **options)
        if self._server is not None:
            limit_accepts(self._server)

    async def stop(self) -> None:
        """Cancel the calls that are left, send GOAWAY, and close the connections."""
        self.close()
        for each in list(self._waiting):
            each.abort()
        for connection in list(self._connections):
            connection.end("The server is stopping")
        try:
            async with asyncio.timeout(_CLOSING_TIME):
                await self._all_gone()
        except TimeoutError:
            for connection in list(self._connections):
                connection.abort()
            for transport in list(self._others):
                transport.abort()
            await self._all_gone()

    async def _all_gone(self) -> None:
        await self.wait_closed()
        # Before Python 3.12 asyncio waits for none of them.
        while self._connections:  # noqa: ASYNC110 - once, at a stop; so no connection need know who waits for its end
            await asyncio.sleep(_POLL_SECONDS)

    def close(self) -> None:
        """Accept no more connections, and cancel all calls."""
        self._next_check.cancel()
        for handler in tuple(self._handlers):
            handler.close()  # which leaves them, where it has no calls
        super().close()

    def _protocol_factory(self) -> asyncio.Protocol:  # type: ignore[override] # grpclib hands it to asyncio
        return FirstBytes(self._chosen, self._waiting, self._limits.first_request, self._all_connections)

    def _chosen(self, begin: bytes, transport: asyncio.Transport) -> asyncio.Protocol:
        if is_http2(begin):
            return self._grpc()
        self._others.add(transport)
        return self._other(begin, transport)

    def _grpc(self) -> H2Protocol:
        handler = CallHandler(
            self._mapping, self._codec, self._status_details_codec, self.__dispatch__, ended=self._handlers.discard
        )
        self._handlers.add(handler)
        return ServerProtocol(
            handler,
            self._h2_config,
            limits=self._limits,
            all_connections=self._all_connections,
            all_anonymous_frames=self._all_anonymous_frames,
            connections=self._connections,
        )

    def _check_connections(self) -> None:
        self._next_check = self._loop.call_later(self._limits.check_interval, self._check_connections)
        now = monotonic()
        for connection in tuple(self._connections):
            connection.check_timeouts(now)


def _ended(_: bytes, __: asyncio.Transport) -> Refusal:
    return Refusal()
