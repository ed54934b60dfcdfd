"""A bound on the bytes of all requests that are being received at once."""

from collections.abc import Iterator
from contextlib import contextmanager

from actors.errors import Overloaded


class ByteBudget:
    """Shared by the OTLP receivers, so that many large requests together cannot exhaust memory."""

    def __init__(self, size: int) -> None:
        self._free = size
        self._size = size

    @contextmanager
    def reserve(self) -> Iterator["Reservation"]:
        """Hold bytes for the length of the block."""
        reservation = Reservation(self)
        try:
            yield reservation
        finally:
            self._free += reservation.size

    def take(self, size: int) -> None:
        if size > self._free and self._free < self._size:
            raise Overloaded("Too many bytes are being received at once", retry_after=1.0)
        self._free -= size


class Reservation:
    """Bytes held by one request."""

    def __init__(self, budget: ByteBudget) -> None:
        self._budget = budget
        self.size = 0

    def grow(self, size: int) -> None:
        """Hold so many bytes more, or raise ``Overloaded``."""
        self._budget.take(size)
        self.size += size
