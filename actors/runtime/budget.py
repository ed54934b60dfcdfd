"""Bounds on bytes or messages that are held at once."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Self

from actors.errors import Overloaded

_SHORTEST_RETRY = 0.1  # seconds
_LONGEST_RETRY = 30.0
_FIRST_GUESS = 1.0  # seconds to wait, before anything was given back
_SMOOTHING = 0.2  # weight of the newest measurement in the moving average
_MOST_WAITING = 64


class Budget:
    """A bound shared by all holders of one kind, so that many of them together cannot exhaust memory.

    A refusal names the seconds in which everything held now will have been given back, at the latest pace, and at least
    ``shortest_retry``. A size larger than the whole budget is taken when nothing else is held; otherwise it could never
    be.
    """

    def __init__(
        self,
        size: int,
        clock: Callable[[], float] = time.monotonic,
        *,
        refusal: str = "Too many bytes are being received at once",
        shortest_retry: float = _SHORTEST_RETRY,
        first_guess: float = _FIRST_GUESS,
    ) -> None:
        self.clock = clock
        self._free = size
        self._size = size
        self._refusal = refusal
        self._shortest_retry = shortest_retry
        self._first_guess = first_guess
        self._seconds_per_unit: float | None = None  # while something is held; the newest count most
        self._given_back_at = clock()
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    def reserve(self) -> "Reservation":
        """Make a reservation, which holds nothing yet, for the length of a ``with`` block."""
        return Reservation(self)

    def take(self, size: int, own: int = 0) -> None:
        """Take so much, or raise ``Overloaded``. The taker's ``own`` part of what is held does not stand in its way."""
        if size > self._free and self.held > own:
            raise self._overloaded()
        self._free -= size

    async def wait(self, size: int, seconds: float) -> None:
        """Take so much as soon as there is room, first come, first served. Raises ``Overloaded`` after ``seconds``."""
        if not self._waiting and self._has_room(size):
            self._free -= size
            return
        if len(self._waiting) >= _MOST_WAITING:
            raise self._overloaded()
        place = size, asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            await asyncio.wait({place[1]}, timeout=seconds)
        except asyncio.CancelledError:
            self._leave(place)
            raise
        if not place[1].done():
            self._leave(place)
            raise self._overloaded()

    def give_back(self, size: int, seconds: float) -> None:
        """Give back what was worked off in so many seconds, which sets the pace."""
        self._measure(size, seconds)
        self.give_back_a_part(size)

    def give_back_after(self, size: int, since: float, most: int) -> None:
        """Give back the rest of ``most``, held since then beside others, which sets the pace.

        All of ``most`` counts as worked off since the last of the others was given back.
        """
        now = self.clock()
        self._measure(most, now - max(since, self._given_back_at))
        self._given_back_at = now
        self.give_back_a_part(size)

    def give_back_a_part(self, size: int) -> None:
        """Give back a part of something; the pace is set when the rest comes back."""
        self._free += size
        self._let_in()

    @property
    def room(self) -> int:
        """Units that are free. Below zero while something is held that is larger than the whole budget."""
        return self._free

    @property
    def held(self) -> int:
        return self._size - self._free

    def _has_room(self, size: int) -> bool:
        return size <= self._free or not self.held

    def retry_after(self) -> float:
        """Seconds in which everything held now will have been given back, at the latest pace."""
        known = self._seconds_per_unit
        estimate = self._first_guess if known is None else known * self.held
        return min(max(estimate, self._shortest_retry), _LONGEST_RETRY)

    def _measure(self, units: int, seconds: float) -> None:
        sample, known = seconds / units, self._seconds_per_unit
        self._seconds_per_unit = sample if known is None else known + _SMOOTHING * (sample - known)

    def _let_in(self) -> None:
        while self._waiting and self._has_room(self._waiting[0][0]):
            size, turn = self._waiting.popleft()
            self._free -= size
            turn.set_result(None)

    def _leave(self, place: tuple[int, "asyncio.Future[None]"]) -> None:
        """Wait no longer; give back what was taken when room came in the same turn of the loop."""
        size, turn = place
        if turn.done():
            self._free += size
        else:
            self._waiting.remove(place)
        self._let_in()

    def _overloaded(self) -> Overloaded:
        return Overloaded(self._refusal, retry_after=self.retry_after())


class Reservation:
    """The part of a budget that one holder holds, given back at the end of its ``with`` block."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._since = 0.0
        self._most = 0
        self.size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.size:
            self._budget.give_back_after(self.size, self._since, self._most)

    def grow(self, size: int) -> None:
        """Hold so much more, or raise ``Overloaded``."""
        self._budget.take(size, self.size)
        self._grown(size)

    async def wait(self, size: int, seconds: float) -> None:
        """Hold so much more as soon as there is room. Only a holder of nothing may wait, or two wait for each other."""
        await self._budget.wait(size, seconds)
        self._grown(size)

    def shrink(self, size: int) -> None:
        """Keep only so much, if that is less."""
        if size < self.size:
            self._budget.give_back_a_part(self.size - size)
            self.size = size

    def _grown(self, size: int) -> None:
        if not self.size:
            self._since = self._budget.clock()
        self.size += size
        self._most = max(self._most, self.size)
