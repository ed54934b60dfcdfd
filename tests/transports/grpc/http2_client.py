"""An HTTP/2 client by hand, for frames that no gRPC client would send."""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import h2.config
import h2.connection
import h2.events

_CONFIG = h2.config.H2Configuration(header_encoding="utf-8", validate_outbound_headers=False)
ENOUGH = 120  # seconds; a test that waits so long would wait for ever


class Http2Client:
    """One connection with any number of streams."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._http2 = h2.connection.H2Connection(_CONFIG)
        self._http2.initiate_connection()
        self._answers: dict[int, dict[str, str]] = {}
        self._ended: set[int] = set()
        self._pings = self._pongs = 0
        self.goodbye = False  # GOAWAY has come
        self.reason: int | None = None  # its error code

    async def open(self, path: str, *headers: tuple[str, str]) -> int:
        """Send the headers of a call; the number of its stream."""
        usual = ((":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "test"))
        return await self.open_with(*usual, ("te", "trailers"), ("content-type", "application/grpc"), *headers)

    async def open_with(self, *headers: tuple[str, str]) -> int:
        """Send these headers, whatever they are; the number of their stream."""
        number = self._http2.get_next_available_stream_id()
        self._http2.send_headers(number, headers)
        self._answers[number] = {}
        await self._flush()
        return number

    async def send(self, number: int, data: bytes, *, end: bool = False) -> None:
        """Send in frames, as fast as the server takes them."""
        while len(data) > (room := self._room(number)):
            if room:
                self._http2.send_data(number, data[:room])
                await self._flush()
                data = data[room:]
            else:
                await self._receive()
        self._http2.send_data(number, data, end_stream=end)
        await self._flush()

    @property
    def most_in_a_frame(self) -> int:
        """Bytes that the server takes, as far as it has said."""
        return self._http2.max_outbound_frame_size

    @property
    def window(self) -> int:
        """Bytes that the server takes of the whole connection before it says more, as far as it has said."""
        return self._http2.outbound_flow_control_window

    async def send_raw(self, frame: bytes) -> None:
        """Send bytes that are no concern of the HTTP/2 library."""
        self._writer.write(frame)
        await self._writer.drain()

    def _room(self, number: int) -> int:
        return min(self._http2.local_flow_control_window(number), self._http2.max_outbound_frame_size)

    async def reset(self, number: int) -> None:
        self._http2.reset_stream(number)
        await self._flush()

    async def answer(self, number: int) -> dict[str, str]:
        """Headers and trailers of a call, once it has ended."""
        async with asyncio.timeout(ENOUGH):
            while number not in self._ended:
                await self._receive()
        return self._answers[number]

    async def answer_of_ping(self) -> None:
        """Return when the server has seen all that was sent before."""
        self._pings += 1
        self._http2.ping(self._pings.to_bytes(8, "big"))
        await self._flush()
        async with asyncio.timeout(ENOUGH):
            while self._pongs < self._pings and await self._receive():
                pass

    async def until_closed(self) -> None:
        """Return when the server has closed the connection."""
        async with asyncio.timeout(ENOUGH):
            while await self._receive():
                pass

    async def _receive(self) -> bool:
        data = await self._reader.read(65_536)
        for event in self._http2.receive_data(data):
            match event:
                case h2.events.ResponseReceived() | h2.events.TrailersReceived():
                    self._answers[event.stream_id] |= {str(name): str(value) for name, value in event.headers}
                case h2.events.StreamEnded() | h2.events.StreamReset():
                    self._ended.add(event.stream_id)
                case h2.events.PingAckReceived():
                    self._pongs += 1
                case h2.events.ConnectionTerminated():
                    self.goodbye = True
                    self.reason = event.error_code
        if not self.goodbye:
            self._writer.write(self._http2.data_to_send())  # the server may have stopped reading
        if not data:
            self._ended.update(self._answers)
        return bool(data)

    async def _flush(self) -> None:
        self._writer.write(self._http2.data_to_send())
        await self._writer.drain()


@asynccontextmanager
async def http2_client(port: int) -> AsyncIterator[Http2Client]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Http2Client(reader, writer)
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


def framed(data: bytes, *, flag: int = 0, length: int | None = None) -> bytes:
    """A message as gRPC puts it on the wire, or a lie about one."""
    return struct.pack(">BI", flag, len(data) if length is None else length) + data
