"""A bound on the bytes of all requests that are being received at once."""

from typing import Self

from actors.errors import Overloaded


class ByteBudget:
    """Shared by the OTLP receivers, so that many large requests together cannot exhaust memory."""

    def __init__(self, size: int) -> None:
        self._free = size
        self._size = size

    def reserve(self) -> "Reservation":
        """Hold bytes for the length of a ``with`` block."""
        return Reservation(self)

    def take(self, size: int) -> None:
        if size > self._free and self._free < self._size:
            raise Overloaded("Too many bytes are being received at once", retry_after=1.0)
        self._free -= size

    def give_back(self, size: int) -> None:
        self._free += size


class Reservation:
    """Bytes held by one request."""

    def __init__(self, budget: ByteBudget) -> None:
        self._budget = budget
        self.size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._budget.give_back(self.size)

    def grow(self, size: int) -> None:
        """Hold so many bytes more, or raise ``Overloaded``."""
        self._budget.take(size)
        self.size += size
