"""The messages of one call off the wire: framed, bounded, and compressed or not.

Follows "Length-Prefixed-Message" of gRPC over HTTP/2. grpclib's own reader has no limit and no compression.
"""

import struct
from collections.abc import Callable
from functools import partial
from time import monotonic
from typing import Any, cast

import grpclib.server
from google.protobuf.message import DecodeError

from actors.errors import InvalidRequest, UnsupportedMedia
from actors.runtime.budget import Reservation
from transports.grpc.config import GrpcConfig
from transports.grpc.connection import HttpStream
from transports.inflate import inflate_in_turn, too_large

_PREFIX = struct.Struct(">BI")  # compressed flag, length
_PIECE = 16 * 1024  # no more than limits.anonymous_call, which includes the first piece


def takes_bytes(stream: grpclib.server.Stream[Any, Any]) -> bool:
    """Whether the messages are exports: from callers with a key, and decoded elsewhere."""
    return stream._recv_type is bytes  # noqa: SLF001 - from the mapping of the service


def trust(stream: grpclib.server.Stream[Any, Any]) -> None:
    """Take large messages on the connection of this call, whose caller has a key."""
    _http_stream(stream).connection.trust()


class MessageReader:
    """Reader of the messages of ``stream``. A request type of ``bytes`` means the serialised message itself.

    ``config`` says how long a message may take; the connection checks that, because a timer for each call would cost
    more than the call's message.
    """

    def __init__(self, stream: grpclib.server.Stream[Any, Any], reservation: Reservation, config: GrpcConfig) -> None:
        self._source = _http_stream(stream)
        self._type = stream._recv_type  # noqa: SLF001 - from the mapping of the service
        self._streaming = stream._cardinality.client_streaming  # noqa: SLF001 - as above
        self._reservation = reservation
        self._config = config
        if self._type is bytes:
            self._limit = config.max_request_bytes
            self._source.deadline = monotonic() + config.message_seconds
        else:
            self._limit = config.limits.anonymous_message

    async def next_message(self) -> Any:  # noqa: ANN401 - of the request type
        """Read the next message; ``None`` at the end of a stream. Raises ``StudioError``.

        A message that is too large, or for which the budget has no room, is refused before it is read.
        """
        if self._type is not bytes and not self._reservation.size:
            headers = sum(len(name) + len(value) for name, value in self._source.headers or ())
            self._reservation.grow(self._config.limits.anonymous_call + headers)
        try:
            prefix = await self._source.recv_data(_PREFIX.size)
            if not prefix:
                return self._end()
            compressed, length = _PREFIX.unpack(prefix)
            encoding = self._encoding_of(compressed) if compressed else ""
            if length > self._limit:
                raise too_large(self._limit)
            if self._type is bytes:
                self._reservation.grow(length)
                data = await self._source.recv_data(length)
            else:
                data = await self._read_anonymous(length)
        except AssertionError as error:  # how grpclib says that the stream ended too early
            raise InvalidRequest("The message is truncated") from error
        if len(data) < length:
            raise InvalidRequest("The message is truncated")
        self._message_complete()
        if encoding:
            data = await self._inflated(data, encoding)
        if self._type is not bytes:
            return self._decoded(data)
        self._reservation.grow(self._config.decoder.memory(len(data)))
        return data

    async def _read_anonymous(self, length: int) -> bytes:
        """Read a message without a key. The budget holds the bytes that have arrived, not the claimed length."""
        pieces = [await self._source.recv_data(min(length, _PIECE))]
        for begin in range(_PIECE, length, _PIECE):
            self._reservation.grow(_PIECE)
            pieces.append(await self._source.recv_data(min(length - begin, _PIECE)))
        return b"".join(pieces)

    def _end(self) -> None:
        if not self._streaming:
            raise InvalidRequest("The call has no message")

    def _message_complete(self) -> None:
        """Set the deadline of the next step, and discard what a client sends behind its only message."""
        limits = self._config.limits
        if self._streaming:
            self._source.deadline = monotonic() + limits.idle
        else:
            self._source.deadline = monotonic() + limits.answer
            buffer = self._source.buffer
            buffer.add = partial(_throw_away, buffer._ack_callback)  # type: ignore[method-assign] # noqa: SLF001 - see above

    def _encoding_of(self, compressed: int) -> str:
        if compressed != 1:
            raise InvalidRequest("The message is not framed as gRPC demands")
        encoding = ", ".join(value for name, value in self._source.headers or () if name == "grpc-encoding")
        if encoding.lower() in ("", "identity"):
            raise UnsupportedMedia("The message is compressed, but grpc-encoding does not say how")
        return encoding

    async def _inflated(self, data: bytes, encoding: str) -> bytes:
        inflated = await inflate_in_turn(data, encoding, self._limit, self._config.decoder)
        if self._type is bytes:
            self._reservation.grow(len(inflated))
        return inflated

    def _decoded(self, data: bytes) -> Any:  # noqa: ANN401 - of the request type
        try:
            return self._type.FromString(data)
        except DecodeError as error:
            raise InvalidRequest(f"The message is not a {self._type.__name__}") from error


def _http_stream(stream: grpclib.server.Stream[Any, Any]) -> HttpStream:
    return cast("HttpStream", stream._stream)  # noqa: SLF001 - the bytes behind the messages


def _throw_away(acknowledge: Callable[[int], None], _: bytes, size: int) -> None:
    acknowledge(size)
