"""Whether spans come in faster than they can be stored and sealed side by side."""

import time
from collections.abc import Callable

_RATE = 96 * 1024 * 1024  # bytes a second: half of what is taken where nothing is sealed meanwhile
_ON = 8 * 1024 * 1024
_MOST = 16 * 1024 * 1024  # so that a rush is over a fifth of a second after its end


class Burst:
    """A bucket that leaks at a rate: what comes in faster fills it, and then it is a rush."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        """``now`` tells seconds."""
        self._now = now
        self._level = 0.0
        self._since = now()

    def took(self, size: int) -> None:
        """So many bytes came in."""
        now = self._now()
        self._level = min(self._level_at(now) + size, _MOST)
        self._since = now

    def is_on(self) -> bool:
        """From any thread."""
        return self._level_at(self._now()) > _ON

    def _level_at(self, now: float) -> float:
        return max(self._level - (now - self._since) * _RATE, 0.0)
