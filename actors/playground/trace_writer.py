"""Storage of the traces of runs, beside the answers: a caller does not wait for the disk as well."""

import asyncio
from collections import deque
from itertools import islice

import structlog

from actors.errors import RetryableError, StudioError
from actors.runtime.actor import ActorBus
from actors.span_store.columns.spans import Span
from actors.span_store.masking.masking import Masking
from actors.span_store.messages import IngestSpans

log = structlog.get_logger(__name__)

_MOST_WAITING = 1024  # spans; beyond these two, new runs wait
_MOST_BYTES = 32 * 1024 * 1024
_MOST_TOGETHER = 256
_ATTEMPTS = 5
_PAUSE = 0.25  # seconds between commits, each of which costs more than a short run


class TraceWriter:
    """A queue in front of the span store. It is bounded in that a new run waits in ``room`` while it is long."""

    def __init__(self, bus: ActorBus, masking: Masking | None = None) -> None:
        self._bus = bus
        self._masking = masking
        self._waiting: deque[tuple[Span, int]] = deque()  # with its size
        self._bytes = 0
        self._arrived = asyncio.Event()
        self._many = asyncio.Event()
        self._taken = asyncio.Event()
        self._flushed_at = float("-inf")  # loop time

    async def room(self) -> None:
        """Wait until a run may begin whose trace will have to be stored."""
        while len(self._waiting) >= _MOST_WAITING or self._bytes > _MOST_BYTES:
            self._taken.clear()
            await self._taken.wait()

    def add(self, span: Span, size: int) -> None:
        """Queue the span of a run that is over."""
        self._waiting.append((span, size))
        self._bytes += size
        self._arrived.set()
        if len(self._waiting) >= _MOST_TOGETHER or self._bytes > _MOST_BYTES:
            self._many.set()

    async def work(self) -> None:
        """Store spans until cancelled. A run after a quiet time is stored at once; many share commits."""
        loop = asyncio.get_running_loop()
        while True:
            await self._arrived.wait()
            try:
                async with asyncio.timeout_at(self._flushed_at + _PAUSE):
                    await self._many.wait()
            except TimeoutError:
                pass
            self._arrived.clear()
            self._many.clear()
            self._flushed_at = loop.time()
            await self.flush()

    async def flush(self) -> None:
        """Store all spans that wait now. A span leaves the queue when it is stored, or cannot be."""
        left = len(self._waiting)  # later ones wait, or every few runs would take a commit
        while left > 0:
            together = list(islice(self._waiting, min(left, _MOST_TOGETHER)))
            left -= len(together)
            if not await self._stored(together) and len(together) > 1:
                for one in together:  # one of them cannot be stored, which must not cost the others
                    await self._stored([one])
            for _ in together:
                self._bytes -= self._waiting.popleft()[1]
            self._taken.set()

    async def _stored(self, spans: list[tuple[Span, int]]) -> bool:
        """Store spans, with retries while they may help; false when that failed."""
        size, kept = sum(size for _, size in spans), [span for span, _ in spans]
        if self._masking is not None:
            kept = await asyncio.to_thread(self._masking.spans, kept)
        for attempt in range(_ATTEMPTS):
            try:
                await self._bus.ask(IngestSpans(spans=kept, size=size))
            except RetryableError as error:
                log.info("traces of runs have to wait", runs=len(spans), reason=error.detail)
                await asyncio.sleep((error.retry_after or 1.0) * 2**attempt)
            except StudioError as error:
                log.warning("traces of runs were not stored", runs=len(spans), reason=error.detail)
                return False
            else:
                return True
        log.warning("traces of runs were not stored", runs=len(spans), reason="the span store stayed away")
        return False
