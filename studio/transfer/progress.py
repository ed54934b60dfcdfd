"""Progress of a transfer on a terminal."""

import sys
import time
from typing import TextIO

_WIDTH = 30
_EVERY = 0.1  # seconds


class Progress:
    """A progress bar, or without a total the megabytes so far; nothing where the output is no terminal."""

    def __init__(self, what: str, total: int | None = None, out: TextIO | None = None) -> None:
        self._what = what
        self._total = total
        self._out = out or sys.stderr
        self._shown = self._out.isatty()
        self._next = 0.0

    def reached(self, count: int) -> None:
        """Show that ``count`` bytes are done."""
        now = time.monotonic()
        if self._shown and now >= self._next:
            self._next = now + _EVERY
            self._write(count)

    def end(self) -> None:
        """Clear the line."""
        if self._shown:
            self._out.write("\r\x1b[K")
            self._out.flush()

    def _write(self, count: int) -> None:
        share = count / self._total if self._total else None
        bar = "" if share is None else f"[{'#' * int(share * _WIDTH):<{_WIDTH}}] {share:4.0%} "
        self._out.write(f"\r\x1b[K{self._what} {bar}{count / 1e6:.1f} MB")
        self._out.flush()
