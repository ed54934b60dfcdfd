"""grpclib's server with what it lacks: the headers it hides, the encodings it does not announce, a stop that ends.

All that reaches into grpclib's private parts stands here and in ``message_reader.py``; grpclib is bound to one minor
version for that reason.
"""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeAlias, cast
from weakref import WeakSet

import grpclib.server
from grpclib.protocol import H2Protocol
from grpclib.protocol import Stream as HttpStream
from h2.events import UnknownFrameReceived
from h2.settings import SettingCodes
from hyperframe.frame import DataFrame

from transports.first_bytes import FirstBytes, Refusal, is_http2
from transports.grpc.corked_transport import CorkedTransport
from transports.inflate import ENCODINGS
from transports.listening import socket_for

_ACCEPT_ENCODING = ("grpc-accept-encoding", ",".join(("identity", *ENCODINGS)))
_FRAME = 256 * 1024  # bytes of a frame that is taken; HTTP/2's own default is 16 KB
_LARGE = 64 * 1024  # bytes of a call that takes longer than one turn of the event loop
_CLOSING_TIME = 1.0  # seconds for a client to take what was sent to it
_SILENCE = 20.0  # seconds in which a client has to say which protocol it speaks

Other: TypeAlias = Callable[[bytes, asyncio.Transport], asyncio.Protocol]

Headers = list[tuple[str, str]]


def _brief(frame: Any) -> str:  # noqa: ANN401 - a DATA frame, whose type does not say what it has
    return f"<{len(frame.data)} bytes>"


# h2 asks each frame that it receives how it looks, for a log that is not kept. The answer of a DATA frame is made from
# all of its content in hexadecimal, which is a quarter of what receiving a large message costs.
DataFrame._body_repr = _brief  # type: ignore[assignment, method-assign] # noqa: SLF001 - see above


class Listener(grpclib.server.Server):
    """Accepts connections and knows them, so that it can end them."""

    def __init__(self, *args: Any, other: Other | None = None, **options: Any) -> None:  # noqa: ANN401 - grpclib's
        """``other`` makes the protocol of a connection that does not begin as HTTP/2 does; by default it is ended."""
        super().__init__(*args, **options)
        self._other = other or _ended
        self._waiting: set[FirstBytes] = set()
        self._others: WeakSet[asyncio.Transport] = WeakSet()
        # Any bytes may stand in a header (RFC 9110, section 5.5). With grpclib's "ascii" they end the connection.
        self._h2_config.header_encoding = "latin-1"
        self._connections: set[_Connection] = set()

    async def listen(self, host: str, port: int) -> None:
        """Accept connections from now on. ``OSError`` when the port is taken."""
        both_families = socket_for(host, port)
        if both_families is None:
            await self.start(host, port)
        else:
            await self.start(sock=both_families)

    @property
    def port(self) -> int:
        """The port that is listened on."""
        if self._server is None:
            raise RuntimeError("the server has not been started")
        port: int = self._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined] # typed too widely
        return port

    async def stop(self) -> None:
        """Cancel the calls that are left, tell the clients that no more are taken, and close the connections."""
        self.close()
        for each in list(self._waiting):
            each.abort()
        for connection in list(self._connections):
            connection.end()
        try:
            async with asyncio.timeout(_CLOSING_TIME):
                await self.wait_closed()
        except TimeoutError:
            for connection in list(self._connections):
                connection.abort()
            for transport in list(self._others):
                transport.abort()
            await self.wait_closed()

    def _protocol_factory(self) -> asyncio.Protocol:  # type: ignore[override] # grpclib hands it to asyncio
        return FirstBytes(self._chosen, self._waiting, _SILENCE)

    def _chosen(self, begin: bytes, transport: asyncio.Transport) -> asyncio.Protocol:
        if is_http2(begin):
            return self._grpc()
        self._others.add(transport)
        return self._other(begin, transport)

    def _grpc(self) -> H2Protocol:
        self.__gc_step__()
        handler = _Acceptor(self._mapping, self._codec, self._status_details_codec, self.__dispatch__)
        self._handlers.add(handler)
        return _Connection(handler, self._config, self._h2_config, self._connections)


class _Connection(H2Protocol):
    def __init__(self, handler: Any, config: Any, h2_config: Any, connections: "set[_Connection]") -> None:  # noqa: ANN401 - grpclib's own
        super().__init__(handler, config, h2_config)
        self._connections = connections
        self._transport: CorkedTransport | None = None
        self._streams: Mapping[int, HttpStream] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = CorkedTransport(cast("asyncio.Transport", transport), self._is_busy)
        super().connection_made(self._transport)
        self._streams = self.processor.streams
        self._take_large_frames()
        self.processor.processors[UnknownFrameReceived] = _ignore  # grpclib would end the connection
        self._connections.add(self)

    def _is_busy(self) -> bool:
        """With several calls, or with one that has sent much."""
        return len(self._streams) > 1 or any(each.data_received > _LARGE for each in self._streams.values())

    def _take_large_frames(self) -> None:
        """Let clients send large messages in fewer pieces, as those on gRPC's C core then do: each piece costs."""
        http2 = self.connection._connection  # noqa: SLF001 - h2's, which grpclib keeps to itself
        http2.update_settings({SettingCodes.MAX_FRAME_SIZE: _FRAME})
        # h2 looks at it before it reads what comes in, which may be the client's consent and its first large frame.
        http2.max_inbound_frame_size = _FRAME
        self.connection.flush()

    def connection_lost(self, exc: BaseException | None) -> None:
        self._connections.discard(self)
        super().connection_lost(exc)

    def end(self) -> None:
        """Say goodbye: with GOAWAY a client knows which calls were never begun, and repeats them by itself."""
        if not self.connection.is_closing():
            self.connection._connection.close_connection()  # noqa: SLF001 - h2's, which grpclib keeps to itself
            self.connection.flush()
        self.processor.close("The server is stopping")

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()


class _Acceptor(grpclib.server.Handler):
    def accept(self, stream: HttpStream, headers: Headers, release_stream: Callable[[], Any]) -> None:
        # grpclib drops grpc-* headers from the metadata on their way in and refuses them on their way out.
        stream.headers = headers
        stream.send_headers = partial(_send_headers, stream.send_headers)  # type: ignore[method-assign] # see above
        # It leaves a call unanswered whose binary metadata is not base64. Nobody here asks for such metadata.
        plain = [header for header in headers if not header[0].endswith("-bin")]
        super().accept(stream, plain, partial(_release, stream, release_stream))


def _ended(_: bytes, __: asyncio.Transport) -> Refusal:
    return Refusal()


def _release(stream: HttpStream, release_stream: Callable[[], Any]) -> None:
    """End a stream that grpclib leaves open when headers of the call make no sense to it."""
    if stream.closable:
        stream.reset_nowait()
    release_stream()


def _ignore(_: UnknownFrameReceived) -> None:
    """Frames of unknown type mean nothing (RFC 9113, section 5.5)."""


async def _send_headers(send: Callable[..., Any], headers: Headers, end_stream: bool = False) -> None:
    if end_stream and headers[0][0] == ":status":  # a refusal, where it may help; each header of each answer costs
        headers.append(_ACCEPT_ENCODING)
    await send(headers, end_stream=end_stream)
