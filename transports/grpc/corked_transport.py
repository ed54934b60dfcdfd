"""A transport that batches the writes of one turn of the event loop, on busy connections.

grpclib writes the headers, the message and the trailers of an answer one after the other, and a window update for each
frame it reads. Sent by themselves, these small pieces cost more than all the rest of a small call. But the answer to a
small call that is alone would only wait for that turn: its client reads the headers while the rest is being made.
"""

import asyncio
from collections.abc import Callable
from typing import Any


class CorkedTransport(asyncio.Transport):
    """Holds writes until the loop's next turn while ``busy`` is true. HTTP/2's flow control bounds those of a turn."""

    def __init__(self, transport: asyncio.Transport, busy: Callable[[], bool]) -> None:
        super().__init__()
        self._transport = transport
        self._busy = busy
        self._loop = asyncio.get_running_loop()
        self._pieces: list[bytes] = []
        self._leaving = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self._pieces:
            if not self._busy():
                self._transport.write(data)
                return
            self._loop.call_soon(self._send)
        self._pieces.append(bytes(data))

    def leave(self) -> None:
        """Send what was written and read nothing more, but leave it to ``abort`` to close.

        Closed with unread bytes, a connection is reset, and its client may never see what was sent last.
        """
        self._leaving = True
        self._send()
        self._transport.pause_reading()
        if not self._transport.is_closing():
            self._transport.write_eof()

    def close(self) -> None:
        """Close after everything written has been sent."""
        if not self._leaving:
            self._send()
            self._transport.close()

    def abort(self) -> None:
        self._transport.abort()

    def read_at_most(self, size: int | None) -> None:
        """Limit the bytes of one read; ``None`` restores asyncio's own limit."""
        if size is None:
            del self._transport.max_size  # type: ignore[attr-defined] # of asyncio's transport for sockets
        else:
            self._transport.max_size = size  # type: ignore[attr-defined] # as above

    def pause_reading(self) -> None:
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._transport.resume_reading()

    def is_closing(self) -> bool:
        return self._leaving or self._transport.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - as in asyncio
        return self._transport.get_extra_info(name, default)

    def _send(self) -> None:
        if self._pieces:
            pieces, self._pieces = self._pieces, []
            self._transport.write(b"".join(pieces))
