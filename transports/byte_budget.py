"""A bound on the bytes of all requests that are being received at once."""

import time
from collections.abc import Callable
from typing import Self

from actors.errors import Overloaded

_SHORTEST_RETRY = 0.1  # seconds
_LONGEST_RETRY = 30.0
_FIRST_GUESS = 1.0  # before a request has ended
_SMOOTHING = 0.2  # weight of the newest measurement in the moving average


class ByteBudget:
    """Shared by the OTLP receivers, so that many large requests together cannot exhaust memory.

    A request that finds no room is told to come back when what is held now will have been given back, as fast as it
    lately was.
    """

    def __init__(self, size: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._free = size
        self._size = size
        self._seconds_held = _FIRST_GUESS

    def reserve(self) -> "Reservation":
        """Hold bytes for the length of a ``with`` block."""
        return Reservation(self)

    def take(self, size: int) -> None:
        if size > self._free and self._free < self._size:
            raise Overloaded("Too many bytes are being received at once", retry_after=self._retry_after())
        self._free -= size

    def give_back(self, size: int, seconds: float) -> None:
        """What was held for so many seconds."""
        self._free += size
        self._seconds_held += _SMOOTHING * (seconds - self._seconds_held)

    def _retry_after(self) -> float:
        return min(max(self._seconds_held, _SHORTEST_RETRY), _LONGEST_RETRY)


class Reservation:
    """Bytes held by one request."""

    def __init__(self, budget: ByteBudget) -> None:
        self._budget = budget
        self._since = 0.0
        self.size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.size:
            self._budget.give_back(self.size, self._budget.clock() - self._since)

    def grow(self, size: int) -> None:
        """Hold so many bytes more, or raise ``Overloaded``."""
        self._budget.take(size)
        if not self.size:
            self._since = self._budget.clock()
        self.size += size
