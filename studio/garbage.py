"""When Python looks for garbage: often enough that what it misses costs megabytes, seldom enough to be cheap.

How often it looks by itself is set in ``tuning``.
"""

import asyncio
import gc
import mmap
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

_GROWTH = 64 * 1024 * 1024  # bytes after which all are looked through
_LOOK_SECONDS = 1.0  # reading what the process has takes 20 µs
_REST_LOOKS = 5  # after which it is done again at the soonest


def leave_the_start_alone() -> None:
    """Exempt all that stands after the start, modules and actors, from every later collection."""
    gc.collect()
    gc.freeze()


def resident_bytes() -> int:
    """What the process has in memory; 0 where the system does not tell."""
    with suppress(OSError):
        return int(Path("/proc/self/statm").read_text().split()[1]) * mmap.PAGESIZE
    return 0


class GarbageWatch:
    """Collects all garbage when the process has grown much.

    A circle that is overlooked may hold megabytes in a handful of objects, and the collector counts objects.
    """

    def __init__(self, resident: Callable[[], int] = resident_bytes) -> None:
        self._resident = resident
        self._least = resident()  # since the last collection
        self._rest = 0

    def start(self) -> None:
        """Look again and again, for as long as the running loop does."""
        self.look()
        asyncio.get_running_loop().call_later(_LOOK_SECONDS, self.start)

    def look(self) -> None:
        """Collect, where it is time."""
        now = self._resident()
        self._least = min(self._least, now)
        self._rest -= 1
        if now - self._least > _GROWTH and self._rest < 0:
            gc.collect()
            self._least = self._resident()
            self._rest = _REST_LOOKS
