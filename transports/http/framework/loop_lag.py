"""How late the event loop is: everything in the process waits so long for its turn."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from aiohttp import web

_PAUSE = 0.5  # seconds
_TICKS = 120  # a minute


class LoopLag:
    """Has a call made each half second, and remembers for a minute how late it was. Times are the loop's."""

    def __init__(self) -> None:
        self._due: float | None = None
        self._late: deque[float] = deque(maxlen=_TICKS)
        self._timer: asyncio.TimerHandle | None = None

    def tick(self, now: float) -> float:
        """Note that the call is made; when the next one is due."""
        self._late.append(self._overdue(now))
        self._due = now + _PAUSE
        return self._due

    def seconds(self, now: float) -> float:
        """The longest delay of the last minute, with that of the call that is overdue."""
        return max(*self._late, self._overdue(now), 0.0)

    async def running(self, _: web.Application) -> AsyncIterator[None]:
        """Measure while the application runs: an item of its ``cleanup_ctx``."""
        self._tick_on(asyncio.get_running_loop())
        yield
        if self._timer is not None:
            self._timer.cancel()

    def _tick_on(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = loop.call_at(self.tick(loop.time()), self._tick_on, loop)

    def _overdue(self, now: float) -> float:
        return 0.0 if self._due is None else max(now - self._due, 0.0)
