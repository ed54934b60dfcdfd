"""Subscriptions: one reader of one stream."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Generic, TypeVar

import structlog

from actors.errors import InternalError, StudioError, Unavailable
from actors.runtime.cancellation import is_own_cancellation
from actors.runtime.statistics import MessageStatistics

log = structlog.get_logger(__name__)

T = TypeVar("T")


class Subscription(Generic[T]):
    """Carries the items of a handler's generator to a reader, through a bounded buffer.

    A slow reader stops the generator after ``buffer`` items; a reader that leaves closes it. An error of the
    generator is raised at the reader, after the items before it.
    """

    def __init__(
        self,
        items: AsyncGenerator[T, None],
        buffer: int,
        *,
        owner: str,
        message: str,
        counters: MessageStatistics,
        on_ended: Callable[["Subscription[T]"], None],
    ) -> None:
        self.message = message
        self._items = items
        self._buffer: deque[T] = deque()
        self._most = buffer
        self._room = asyncio.Event()
        self._arrived = asyncio.Event()
        self._owner = owner
        self._counters = counters
        self._on_ended = on_ended
        self._told_to_end = False
        self.pump = asyncio.create_task(self._run(), name=f"{owner} stream")
        self.pump.add_done_callback(self._ended)

    def __aiter__(self) -> "Subscription[T]":
        return self

    async def __anext__(self) -> T:
        while not self._buffer:
            if self.pump.done():
                raise self._ending()
            self._arrived.clear()
            await self._arrived.wait()
        self._room.set()
        return self._buffer.popleft()

    def end(self) -> None:
        """Tell the generator to close. Once: a second cancellation would break into its cleaning up."""
        if not self._told_to_end:
            self._told_to_end = True
            self.pump.cancel()

    async def aclose(self) -> None:
        """End the stream; returns when its generator has been closed."""
        self.end()
        await asyncio.wait({self.pump})

    async def _run(self) -> StudioError | None:
        """Move items into the buffer until the generator ends; the error with which it does, if any."""
        try:
            async with aclosing(self._items) as items:
                async for item in items:
                    self._buffer.append(item)
                    self._arrived.set()
                    while len(self._buffer) >= self._most:
                        self._room.clear()
                        await self._room.wait()
        except StudioError as error:
            return error.with_traceback(None)
        except (Exception, asyncio.CancelledError) as fault:
            if is_own_cancellation(fault):
                raise
            self._counters.failed += 1
            log.exception("stream failed", actor=self._owner)
            return InternalError("Internal Server Error")
        return None

    def _ending(self) -> Exception:
        if self.pump.cancelled():
            return Unavailable(f"{self._owner} ended the stream")
        return self.pump.result() or StopAsyncIteration()

    def _ended(self, _: "asyncio.Task[StudioError | None]") -> None:
        self._counters.handled += 1
        self._arrived.set()
        self._on_ended(self)
