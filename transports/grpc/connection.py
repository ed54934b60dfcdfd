"""HTTP/2 connections and streams: grpclib's, with limits, and freed as soon as they end.

All access to grpclib's private attributes is here, in ``listener.py``, ``http2.py`` and ``message_reader.py``; grpclib
is pinned to one minor version for that reason.
"""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from time import monotonic
from typing import Any, cast

import grpclib.protocol
import grpclib.server
from grpclib.config import Configuration
from grpclib.protocol import EventsProcessor, H2Protocol
from grpclib.utils import Wrapper
from h2.config import H2Configuration
from h2.events import UnknownFrameReceived
from h2.exceptions import ProtocolError

from actors.errors import DeadlineExceeded
from transports.connection_limits import ConnectionLimits
from transports.connections import Connections
from transports.grpc.corked_transport import CorkedTransport
from transports.grpc.http2 import FrameBucket, Http2
from transports.grpc.status import status_of
from transports.inflate import ENCODINGS

_ACCEPT_ENCODING = ("grpc-accept-encoding", ",".join(("identity", *ENCODINGS)))
_LARGE = 64 * 1024  # bytes of a call that takes longer than one turn of the event loop

Headers = list[tuple[str, str]]


class HttpStream(grpclib.protocol.Stream):
    """One call. ``deadline`` is the time of its timeout, on the monotonic clock."""

    deadline = 0.0
    released = False
    was_reset = False  # by the client
    connection: "HttpConnection"

    async def send_headers(self, headers: Headers, end_stream: bool = False) -> None:
        """Send headers; with a refusal, add the accepted encodings. Each header of each answer costs."""
        if end_stream and headers[0][0] == ":status":
            headers.append(_ACCEPT_ENCODING)
        await super().send_headers(headers, end_stream)

    def time_out(self) -> None:
        """Answer that the message did not arrive in time."""
        if isinstance(self.wrapper, Wrapper) and not self.wrapper.cancelled:
            self.wrapper.cancel(status_of(DeadlineExceeded("The message did not arrive in time"), ""))

    def drop_error(self) -> None:
        """Break the reference cycle of an error that ended the call and the frames in its traceback."""
        if self.wrapper is not None:
            self.wrapper._error = None  # noqa: SLF001 - grpclib keeps it for ever


class HttpConnection(grpclib.protocol.Connection):
    """State that the streams of a connection share."""

    def __init__(
        self, http2: Http2, transport: CorkedTransport, config: Configuration, limits: ConnectionLimits
    ) -> None:
        super().__init__(http2, transport, config=config)
        self._http2 = http2
        self._limits = limits

    @property
    def trusted(self) -> bool:
        """Whether a valid key was seen on the connection."""
        return self._http2.trusted

    def trust(self) -> None:
        """Take large messages from now on: the client has a key."""
        if not self._http2.trusted and not self.is_closing():
            self._http2.trust()
            cast("CorkedTransport", self._transport).read_at_most(None)
            self.flush()

    def create_stream(self, *, stream_id: int | None = None, wrapper: Wrapper | None = None) -> HttpStream:
        """Make a stream with the deadline of a message that needs no key."""
        stream = HttpStream(self, self._http2, self._transport, stream_id=stream_id, wrapper=wrapper)
        stream.deadline = monotonic() + self._limits.anonymous_message_seconds
        return stream

    def call_answered(self) -> None:
        """Count a call that came to its end, which allows some frames."""
        self._http2.call_answered()

    def send_goaway(self) -> None:
        """Send GOAWAY, from which a client knows which calls were never begun; it repeats them by itself."""
        if not self.is_closing():
            self._http2.close_connection()
            self.flush()


class ServerProtocol(H2Protocol):
    """Asyncio protocol of one connection."""

    connection: HttpConnection

    def __init__(
        self,
        handler: Any,  # noqa: ANN401 - grpclib's own
        h2_config: H2Configuration,
        *,
        limits: ConnectionLimits,
        all_connections: Connections,
        all_anonymous_frames: FrameBucket,
        connections: "set[ServerProtocol]",
    ) -> None:
        super().__init__(handler, Configuration().__for_server__(), h2_config)
        self._limits = limits
        self._all_connections = all_connections
        self._all_anonymous_frames = all_anonymous_frames
        self._address = ""
        self._connections = connections
        self._transport: CorkedTransport | None = None
        self._streams: Mapping[int, HttpStream] = {}
        self._calls_seen = 0
        self._quiet_since = self._closing_since = self._unread_since = monotonic()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = CorkedTransport(cast("asyncio.Transport", transport), self._is_busy)
        self._transport.read_at_most(self._limits.anonymous_read)
        http2 = Http2(self.h2_config, self._limits, self._all_anonymous_frames)
        self.connection = HttpConnection(http2, self._transport, self.config, self._limits)
        self.connection.flush()
        self.processor = EventsProcessor(self.handler, self.connection)
        self.processor.processors[UnknownFrameReceived] = _ignore  # grpclib would end the connection
        self._streams = cast("Mapping[int, HttpStream]", self.processor.streams)
        self._connections.add(self)
        self._address = str((transport.get_extra_info("peername") or ("",))[0])
        if not self._all_connections.admit(self, self._address):
            self.abort()

    @property
    def calls_begun(self) -> int:
        """Number of calls so far."""
        return self.connection.streams_started

    @property
    def idle(self) -> bool:
        """Whether no call is in work."""
        return not self._streams

    def evict(self) -> None:
        """Close, to free the place for another connection."""
        self.connection.send_goaway()
        self.abort()

    def data_received(self, data: bytes) -> None:
        try:
            events = self.connection.feed(data)
        except ProtocolError:
            self._refuse()
            return
        self.connection.flush()
        for event in events:
            self.processor.process(event)
        self.connection.flush()

    def pause_writing(self) -> None:
        """Stop reading from a client that does not read: each answer to what it sends would wait in memory."""
        super().pause_writing()
        self._unread_since = monotonic()
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def connection_lost(self, exc: BaseException | None) -> None:
        self._connections.discard(self)
        self._all_connections.forget(self, self._address)
        super().connection_lost(exc)
        self._transport = None  # which knows this connection

    def check_timeouts(self, now: float) -> None:
        """Close the connection, or end calls on it, where a timeout has passed."""
        if self.connection.is_closing():
            if now - self._closing_since > self._limits.closing:
                self.abort()
        elif not self.connection.write_ready.is_set():
            if now - self._unread_since > self._limits.unread:
                self.abort()
        elif self._streams or self.connection.streams_started != self._calls_seen:
            self._calls_seen = self.connection.streams_started
            self._quiet_since = now
            for stream in tuple(self._streams.values()):
                if stream.deadline < now:
                    stream.time_out()
        elif now - self._quiet_since > (self._limits.idle if self._calls_seen else self._limits.first_request):
            self.end("Nothing was asked")

    def end(self, reason: str) -> None:
        """Send GOAWAY and close."""
        self.connection.send_goaway()
        self._close(reason)

    def abort(self) -> None:
        """Close without a word."""
        if self._transport is not None:
            self._transport.abort()

    def _refuse(self) -> None:
        """Close so that the client receives the reason in GOAWAY, which grpclib would not send."""
        self.connection.flush()
        if self._transport is not None:
            self._transport.leave()
        self._close("Protocol error")

    def _close(self, reason: str) -> None:
        self._closing_since = monotonic()
        self.processor.close(reason)

    def _is_busy(self) -> bool:
        """Whether several calls are in work, or one that has sent much."""
        return len(self._streams) > 1 or any(each.data_received > _LARGE for each in self._streams.values())


class CallHandler(grpclib.server.Handler):
    """The calls of one connection."""

    def __init__(self, *args: Any, ended: "Callable[[CallHandler], None]") -> None:  # noqa: ANN401 - those of grpclib's handler
        super().__init__(*args)
        self._ended = ended

    def accept(self, stream: Any, headers: Headers, release_stream: Callable[[], Any]) -> None:  # noqa: ANN401 - an ``HttpStream``
        """Begin a call."""
        # grpclib drops grpc-* headers from the metadata on their way in and refuses them on their way out.
        stream.headers = headers
        # grpclib leaves a call unanswered whose binary metadata is not base64. No handler here reads such metadata.
        plain = [header for header in headers if not header[0].endswith("-bin")]

        release = partial(_release, stream, release_stream)
        task = self.loop.create_task(
            grpclib.server.request_handler(
                self.mapping, stream, plain, self.codec, self.status_details_codec, self.dispatch, release
            )
        )
        self._tasks[stream] = task
        task.add_done_callback(partial(self._done, stream, release))

    def cancel(self, stream: Any) -> None:  # noqa: ANN401 - an ``HttpStream``
        """End a call that the client has reset."""
        stream.was_reset = True
        task = self._tasks.get(stream)
        if task is not None:
            task.cancel()

    def close(self) -> None:
        """End all calls."""
        self.closing = True
        for task in tuple(self._tasks.values()):
            task.cancel()
        self._forget()

    async def wait_closed(self) -> None:
        """Wait until all calls have ended."""
        if self._tasks:
            await asyncio.wait(tuple(self._tasks.values()))

    def _done(self, stream: HttpStream, release: Callable[[], None], _: "asyncio.Task[None]") -> None:
        release()  # of a call that was ended before it began, which grpclib keeps (its issue 217)
        self._tasks.pop(stream, None)
        if not stream.was_reset:
            stream.connection.call_answered()
        self._forget()

    def _forget(self) -> None:
        if self.closing and not self._tasks:
            self._ended(self)


def _release(stream: HttpStream, release_stream: Callable[[], Any]) -> None:
    """End a stream, once; also one that grpclib leaves open when headers of the call make no sense to it."""
    if stream.released:
        return
    stream.released = True
    if stream.closable:
        stream.reset_nowait()
    stream.drop_error()
    release_stream()


def _ignore(_: UnknownFrameReceived) -> None:
    """Ignore frames of unknown type (RFC 9113, section 5.5)."""
