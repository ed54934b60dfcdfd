"""Templates of serialised messages with holes, which are filled repeatedly, so that load costs its sender little.

A message is serialised once by protobuf's own classes, with marks where each copy differs. A filling has the length of
its mark, so no length that protobuf has written changes.
"""

import re
from collections.abc import Callable, Sequence
from operator import itemgetter

_MARK = re.compile(rb"@(\d{4})@*")
_SHORTEST = 5


class Holes:
    """Makes marks. The number of a hole is how many were made before it; one hole may stand in many places."""

    def __init__(self) -> None:
        self.lengths: list[int] = []

    def text(self, length: int) -> str:
        """Make a hole of ``length`` characters."""
        if length < _SHORTEST:
            raise ValueError(f"A hole has {_SHORTEST} characters at least")
        mark = f"@{len(self.lengths):04d}".ljust(length, "@")
        self.lengths.append(length)
        return mark

    def octets(self, length: int) -> bytes:
        return self.text(length).encode()

    def fixed64(self) -> int:
        """Make a hole of eight bytes for a field of protobuf's type ``fixed64``."""
        return int.from_bytes(self.octets(8), "little")


class Mould:
    """A serialised message with holes."""

    def __init__(self, message: bytes) -> None:
        between = _MARK.split(message)
        self._pieces: list[bytes] = between
        self._numbers = [int(number) for number in between[1::2]]
        self._pick: Callable[[Sequence[bytes]], tuple[bytes, ...]] = itemgetter(*self._numbers, self._numbers[-1])

    def filled(self, fillings: Sequence[bytes]) -> bytes:
        """A copy of the message; the fillings are in the order of the holes' numbers."""
        self._pieces[1::2] = self._pick(fillings)[:-1]
        return b"".join(self._pieces)
