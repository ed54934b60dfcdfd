"""Asynchronous writing of log lines: logging never waits for the reader of the log."""

import select
import threading
from collections import deque
from collections.abc import Callable
from io import RawIOBase, TextIOBase

import attrs

_MOST_WAITING = 4 * 1024 * 1024  # bytes, twenty thousand lines of requests
_AT_ONCE = 64 * 1024  # bytes of one write


@attrs.frozen
class _Piece:
    """Some lines. ``lines`` are lost if it is not written, including those whose loss it reports."""

    content: bytes
    lines: int


class LogWriter:
    """Writes to a file in its own thread, which may block there: a pipe may be full, a disk slow.

    The queue is bounded. Lines that do not fit, or that the file does not take, are dropped; a line that
    ``dropped_line`` makes reports their number as soon as there is room.
    """

    def __init__(
        self, file: RawIOBase, dropped_line: Callable[[int], bytes], most_waiting: int = _MOST_WAITING
    ) -> None:
        self._file = file
        self._dropped_line = dropped_line
        self._most_waiting = most_waiting
        self._waiting: deque[_Piece] = deque()
        self._size = 0  # bytes, with those that are being written
        self._dropped = 0  # lines whose loss was not reported yet
        self._closing = False
        self._torn = False  # the file ends in half a line
        # Its lock may be taken again by the thread that has it: a destructor may log at any moment.
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def put(self, content: bytes) -> None:
        """Queue whole lines. Never blocks."""
        piece = _Piece(content, content.count(b"\n"))
        with self._changed:
            if self._size + len(content) > self._most_waiting:
                self._dropped += piece.lines
                return
            if self._dropped:
                self._tell_of_dropped()
            self._append(piece)
            if self._thread is None:
                self._thread = threading.Thread(target=self._write_on, name="log-writer", daemon=True)
                self._thread.start()

    def close(self, seconds: float) -> None:
        """Write the queued lines, for at most ``seconds``."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(seconds)

    def _append(self, piece: _Piece) -> None:
        self._waiting.append(piece)
        self._size += len(piece.content)
        self._changed.notify()

    def _tell_of_dropped(self) -> None:
        self._append(_Piece(self._dropped_line(self._dropped), self._dropped))
        self._dropped = 0

    def _write_on(self) -> None:
        while pieces := self._next():
            content = b"".join(piece.content for piece in pieces)
            taken = self._write(content)
            with self._changed:
                self._size -= len(content)
                if not taken:
                    self._dropped += sum(piece.lines for piece in pieces)
                elif self._dropped and not self._waiting:
                    self._tell_of_dropped()

    def _next(self) -> list[_Piece]:
        """The next pieces to write; none when the writer is closed and all is written."""
        with self._changed:
            while not self._waiting and not self._closing:
                self._changed.wait()
            pieces: list[_Piece] = []
            size = 0
            while self._waiting and (not pieces or size + len(self._waiting[0].content) <= _AT_ONCE):
                pieces.append(self._waiting.popleft())
                size += len(pieces[-1].content)
            return pieces

    def _write(self, content: bytes) -> bool:
        """Write to the file; false where it does not take everything."""
        rest = memoryview(b"\n" + content if self._torn else content)
        try:
            while rest:
                written: int | None = self._file.write(rest)
                if written is None:  # another process that shares this pipe has made it non-blocking
                    select.select((), (self._file,), ())
                    continue
                self._torn = rest[written - 1] != ord("\n")
                rest = rest[written:]
        except (OSError, ValueError):  # a full disk, a reader that is gone, a file that was closed
            return False
        return True


def unbuffered(stream: TextIOBase) -> RawIOBase:
    """The raw file behind a text stream."""
    stream.flush()
    buffer = stream.buffer  # type: ignore[attr-defined] # every stream of text that is a file has it
    raw: RawIOBase = getattr(buffer, "raw", buffer)
    return raw
