"""A statement that takes too long is interrupted, and one that nobody waits for any more."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import duckdb

_AGAIN: Final = 0.1  # seconds: an interruption between two statements is lost


class Watch:
    """Interrupts connections when ``seconds`` are over, or ``leave`` is called, until the block ends.

    For one statement. ``leave`` may be called from any thread, also before the block and behind it.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._wake = threading.Event()
        self._ended = threading.Event()
        self._connections: list[duckdb.DuckDBPyConnection] = []
        self._lock = threading.Lock()  # a connection that is closed cannot be interrupted
        self.is_over = False

    def leave(self) -> None:
        self._wake.set()

    @contextmanager
    def over(self, connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
        """Interrupt this connection, too, as long as the block lasts."""
        with self._lock:
            self._connections.append(connection)
        try:
            yield
        finally:
            with self._lock:
                self._connections.remove(connection)

    @contextmanager
    def watching(self) -> Iterator[None]:
        thread = threading.Thread(target=self._watch, name="sql-watch", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            self._wake.set()
            thread.join()

    def _watch(self) -> None:
        self._wake.wait(self._seconds)
        while not self._ended.is_set():
            self.is_over = True
            with self._lock:
                for connection in self._connections:
                    connection.interrupt()
            self._ended.wait(_AGAIN)
