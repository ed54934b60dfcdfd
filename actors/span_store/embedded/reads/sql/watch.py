"""A statement that takes too long is interrupted, and one that nobody waits for any more."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import duckdb

_AGAIN: Final = 0.05  # seconds: an interruption between two statements is lost


class Watch:
    """Interrupts connections when ``seconds`` are over, or ``leave`` is called. Its time begins when it is made.

    For one statement, also where that is run again. ``leave`` may be called from any thread, at any time.
    """

    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds
        self._left = threading.Event()
        self._connections: list[duckdb.DuckDBPyConnection] = []
        self._lock = threading.Lock()  # a connection that is closed cannot be interrupted

    def leave(self) -> None:
        self._left.set()

    @property
    def is_over(self) -> bool:
        return self._left.is_set() or time.monotonic() >= self._until

    @contextmanager
    def over(self, connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
        """Interrupt this connection, as long as the block lasts."""
        with self._lock:
            self._connections.append(connection)
        try:
            yield
        finally:
            with self._lock:
                self._connections.remove(connection)

    @contextmanager
    def watching(self) -> Iterator[None]:
        ended = threading.Event()
        thread = threading.Thread(target=self._watch, args=[ended], name="sql-watch", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _watch(self, ended: threading.Event) -> None:
        while not ended.wait(_AGAIN):
            if self.is_over:
                with self._lock:
                    for connection in self._connections:
                        connection.interrupt()
