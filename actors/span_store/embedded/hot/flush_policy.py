"""When memtables are flushed."""

import time
from collections.abc import Callable

from actors.span_store.embedded.hot.memtables import Memtables
from actors.span_store.embedded.limits import Limits

_RATE = 96 * 1024 * 1024  # bytes a second: half of what is taken where nothing is flushed meanwhile
_ON = 8 * 1024 * 1024
_MOST = 16 * 1024 * 1024  # so that a burst is over a fifth of a second after its end
_LEAST_SECONDS = 0.02  # after which it is looked again


class Burst:
    """A bucket that leaks at a rate: what comes in faster fills it, and then it is a burst."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        """``now`` tells seconds."""
        self._now = now
        self._level = 0.0
        self._since = now()

    def took(self, size: int) -> None:
        """Count so many bytes that came in."""
        now = self._now()
        self._level = min(self._level_at(now) + size, _MOST)
        self._since = now

    def is_on(self) -> bool:
        """Whether it is a burst now. From any thread."""
        return self._level_at(self._now()) > _ON

    def seconds_left(self) -> float:
        """Seconds after which the burst is over if nothing more comes in."""
        return max((self._level_at(self._now()) - _ON) / _RATE, _LEAST_SECONDS)

    def _level_at(self, now: float) -> float:
        return max(self._level - (now - self._since) * _RATE, 0.0)


class FlushPolicy:
    """When to rotate, to evict, to flush, and to do what is optional. ``Flusher`` says how.

    The principle: **what is acknowledged is safe and can be read, so flushing is never urgent; room is.** A span is
    durable and found by every query as soon as it is in the WAL, and its flush takes the processors that
    acknowledging the next one wants. So whoever sends goes first, and the flusher works when they rest, for as long
    as that keeps two bounds, which only a flush can keep:

    - of **memory**: what waits for a flush is evicted to the WAL, where queries read it, once there is more of it than
      memory is meant for, or at once where it is known that its flush is deferred;
    - of **the WAL**, which is what a start has to read: a burst may defer the flush of half of it. The other half is
      the room in which a burst that goes on is flushed beside; when that is full, too, writers wait for the flusher,
      and are told so when it takes long.

    What nobody would miss, the n-gram index, is built when there is neither a burst nor anything to flush, or beside a
    flush while there is no burst.
    """

    def __init__(self, limits: Limits, burst: Burst, memtables: Memtables) -> None:
        self._limits = limits
        self._burst = burst
        self._memtables = memtables

    def took(self, size: int) -> None:
        """Count what a write stored, in bytes."""
        self._burst.took(size)

    def must_rotate(self) -> bool:
        """Whether the active memtable has what a segment should have."""
        return self._memtables.active.bytes >= self._limits.flush_at

    def must_evict(self) -> bool:
        """Whether full memtables have more than there is memory for."""
        return self._memtables.full_bytes_in_memory > self._limits.most_in_memory

    def defers(self) -> bool:
        """Whether what is full waits for the end of a burst."""
        return self._burst.is_on() and self._memtables.full_bytes <= self._limits.deferred

    def seconds_deferred(self) -> float:
        """Seconds after which the flush may be due."""
        return self._burst.seconds_left()

    def is_behind(self) -> bool:
        """Whether there is no room for more spans before something is flushed."""
        return self._memtables.bytes > self._limits.most_recent

    async def wait_for_room(self) -> None:
        """Let the flusher go first when there is no room; not for long."""
        await self._memtables.wait_below(self._limits.most_recent, self._limits.wait_seconds)

    def has_time(self) -> bool:
        """Whether a flush may do more than it must. From any thread."""
        return not self._burst.is_on() and self._memtables.full_bytes <= self._limits.deferred

    def is_idle(self) -> bool:
        """Whether nothing waits for a flush and no burst is on. From any thread."""
        return not self._memtables.full and not self._burst.is_on()
