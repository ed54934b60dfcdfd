"""The messages of one call, as they come off the wire: framed, bounded, and compressed or not.

Follows "Length-Prefixed-Message" of gRPC over HTTP/2. grpclib's own reader has no limit and no compression.
"""

import asyncio
import struct
from typing import Any

import grpclib.server
from google.protobuf.message import DecodeError

from actors.errors import DeadlineExceeded, InvalidRequest, UnsupportedMedia
from transports.byte_budget import Reservation
from transports.decoder import decoding_memory
from transports.grpc.config import GrpcConfig
from transports.inflate import inflate_in_turn, too_large

_PREFIX = struct.Struct(">BI")  # compressed flag, length
_DECODED_LIMIT = 4 * 1024 * 1024  # of messages that are decoded on the event loop; gRPC's own default
_SMALL = 16 * 1024  # bytes that may dawdle; a timer for each small call would cost more than they


class MessageReader:
    """Reads what ``stream`` receives. A request type of ``bytes`` means the serialised message itself."""

    def __init__(self, stream: grpclib.server.Stream[Any, Any], reservation: Reservation, config: GrpcConfig) -> None:
        self._source = stream._stream  # noqa: SLF001 - the bytes behind the messages
        self._type = stream._recv_type  # noqa: SLF001 - from the mapping of the service
        self._streaming = stream._cardinality.client_streaming  # noqa: SLF001 - as above
        self._reservation = reservation
        self._config = config
        self._limit = config.max_request_bytes if self._type is bytes else _DECODED_LIMIT

    async def next_message(self) -> Any:  # noqa: ANN401 - of the request type
        """The next message; ``None`` at the end of a stream. Raises ``StudioError``.

        A message that is too large, or for which there is no room, is refused before it is read.
        """
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
            data = await (self._source.recv_data(length) if length <= _SMALL else self._read_in_time(length))
        except AssertionError as error:  # how grpclib says that the stream ended too early
            raise InvalidRequest("The message is truncated") from error
        if len(data) < length:
            raise InvalidRequest("The message is truncated")
        if encoding:
            data = await self._inflated(data, encoding)
        if self._type is not bytes:
            return self._decoded(data)
        self._reservation.grow(decoding_memory(len(data)))
        return data

    def _end(self) -> None:
        if not self._streaming:
            raise InvalidRequest("The call has no message")

    def _encoding_of(self, compressed: int) -> str:
        if compressed != 1:
            raise InvalidRequest("The message is not framed as gRPC demands")
        encoding = ", ".join(value for name, value in self._source.headers or () if name == "grpc-encoding")
        if encoding.lower() in ("", "identity"):
            raise UnsupportedMedia("The message is compressed, but grpc-encoding does not say how")
        return encoding

    async def _read_in_time(self, size: int) -> bytes:
        """Bytes for which room is held, so that they must not take for ever."""
        try:
            async with asyncio.timeout(self._config.patience):
                return await self._source.recv_data(size)
        except TimeoutError:
            raise DeadlineExceeded("The message did not arrive in time") from None

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
