"""Whether spans come in faster than they can be stored and sealed side by side."""

import time
from collections.abc import Callable

_RATE = 72 * 1024 * 1024  # bytes a second; about half of what is taken where nothing is sealed meanwhile
_ON = 8 * 1024 * 1024
_MOST = 16 * 1024 * 1024  # so that a rush is over a fifth of a second after its end


class Rush:
    """A bucket that leaks at a rate: what comes in faster fills it, and then it is a rush."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        """``now`` tells seconds."""
        self._now = now
        self._level = 0.0
        self._since = now()

    def took(self, size: int) -> None:
        """So many bytes came in."""
        self._leak()
        self._level = min(self._level + size, _MOST)

    def is_on(self) -> bool:
        self._leak()
        return self._level > _ON

    def _leak(self) -> None:
        since, self._since = self._since, self._now()
        self._level = max(self._level - (self._since - since) * _RATE, 0.0)
