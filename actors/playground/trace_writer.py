"""Stores the traces of runs, beside the answers: whoever asked a model does not wait for the disk as well."""

import asyncio
from collections import deque
from itertools import islice

import structlog

from actors.errors import RetryableError, StudioError
from actors.runtime.bus import Bus
from actors.span_store.messages import IngestSpans
from actors.span_store.spans import Span

log = structlog.get_logger(__name__)

_MOST_WAITING = 256  # spans; beyond that, new runs wait
_MOST_TOGETHER = 64
_ATTEMPTS = 5
_PAUSE = 0.1  # seconds between commits, each of which costs more than a short run


class TraceWriter:
    """A queue in front of the span store. It is bounded in that a new run waits in ``room`` while it is long."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._waiting: deque[IngestSpans] = deque()
        self._arrived = asyncio.Event()
        self._taken = asyncio.Event()
        self._flushed_at = float("-inf")  # loop time

    async def room(self) -> None:
        """Wait until a run may begin whose trace will have to be stored."""
        while len(self._waiting) >= _MOST_WAITING:
            self._taken.clear()
            await self._taken.wait()

    def add(self, span: Span, size: int) -> None:
        """Take the span of a run that is over."""
        self._waiting.append(IngestSpans(spans=(span,), size=size))
        self._arrived.set()

    async def work(self) -> None:
        """Store what comes, until cancelled."""
        while True:
            self._arrived.clear()
            await self.flush()
            await self._arrived.wait()
            await self._gather_some()

    async def _gather_some(self) -> None:
        """A run after a quiet time is stored at once; many short ones share commits."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(self._flushed_at + _PAUSE - loop.time())
        self._flushed_at = loop.time()

    async def flush(self) -> None:
        """Store all that waits. A span leaves the queue when it is stored, or cannot be."""
        while self._waiting:
            together = list(islice(self._waiting, _MOST_TOGETHER))
            await asyncio.gather(*map(self._store, together))  # the store commits them as one
            for _ in together:
                self._waiting.popleft()
            self._taken.set()

    async def _store(self, request: IngestSpans) -> None:
        for attempt in range(_ATTEMPTS):
            try:
                await self._bus.ask(request)
            except RetryableError as error:
                log.info("the trace of a run has to wait", reason=error.detail)
                await asyncio.sleep((error.retry_after or 1.0) * 2**attempt)
            except StudioError as error:
                log.warning("the trace of a run is lost", reason=error.detail)
                return
            else:
                return
        log.warning("the trace of a run is lost", reason="the span store stayed away")
