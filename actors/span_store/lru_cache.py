"""Values that are kept in memory for those who ask again, up to so many bytes."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, Protocol, TypeVar


class Sized(Protocol):
    """What says how many bytes of memory it takes, as Arrow's tables do."""

    @property
    def nbytes(self) -> int: ...


K = TypeVar("K", bound=Hashable)
V = TypeVar("V", bound=Sized)


class LruCache(Generic[K, V]):
    """Values by key, the one that was asked for longest ago given up first. For all threads.

    A value of more than ``large`` bytes is not kept: it would drive out the others.
    """

    def __init__(self, most_bytes: int, large: int) -> None:
        self._most_bytes = most_bytes
        self._large = large
        self._lock = threading.Lock()
        self._values: OrderedDict[K, V] = OrderedDict()
        self._bytes = 0

    def get(self, key: K, make: Callable[[], V]) -> V:
        """What is kept; if nothing is, what ``make`` returns."""
        value = self.find(key)
        if value is None:
            value = make()
            self.keep(key, value)
        return value

    def find(self, key: K) -> V | None:
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
            return self._values.get(key)

    def keep(self, key: K, value: V) -> None:
        """What is kept under the key already stays."""
        if value.nbytes > self._large:
            return
        with self._lock:
            if key in self._values:  # another thread has made the same meanwhile
                return
            self._values[key] = value
            self._bytes += value.nbytes
            while self._bytes > self._most_bytes:
                _, oldest = self._values.popitem(last=False)
                self._bytes -= oldest.nbytes
