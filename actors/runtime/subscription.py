"""One reader of one stream."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from typing import Generic, TypeVar

import structlog

from actors.errors import InternalError, StudioError, Unavailable

log = structlog.get_logger(__name__)

T = TypeVar("T")


class Subscription(Generic[T]):
    """Items from a handler's generator to a reader, through a bounded buffer.

    A slow reader stops the generator after ``buffer`` items; a reader that leaves closes it. An error of the
    generator is raised at the reader, after the items before it.
    """

    def __init__(
        self,
        items: AsyncGenerator[T, None],
        buffer: int,
        *,
        on_closed: Callable[["Subscription[T]"], None],
        owner: str,
    ) -> None:
        self._items = items
        self._buffer: deque[T] = deque()
        self._most = buffer
        self._room = asyncio.Event()
        self._arrived = asyncio.Event()
        self._on_closed = on_closed
        self._owner = owner
        self._error: StudioError | None = None
        self._pump = asyncio.create_task(self._run(), name=f"{owner} stream")

    def __aiter__(self) -> "Subscription[T]":
        return self

    async def __anext__(self) -> T:
        while not self._buffer:
            if self._pump.done():
                if self._error is not None:
                    raise self._error
                raise StopAsyncIteration
            self._arrived.clear()
            await self._arrived.wait()
        self._room.set()
        return self._buffer.popleft()

    async def aclose(self) -> None:
        """End the stream; returns when its generator has been closed."""
        self._pump.cancel()
        await asyncio.wait({self._pump})

    async def _run(self) -> None:
        self._pump.add_done_callback(self._ended)
        try:
            async for item in self._items:
                while len(self._buffer) >= self._most:
                    self._room.clear()
                    await self._room.wait()
                self._buffer.append(item)
                self._arrived.set()
        except StudioError as error:
            self._error = error
        except asyncio.CancelledError:
            self._error = Unavailable(f"{self._owner} ended the stream")
            raise
        except Exception:
            log.exception("stream failed", actor=self._owner)
            self._error = InternalError("Internal Server Error")
        finally:
            await self._items.aclose()

    def _ended(self, _: "asyncio.Task[None]") -> None:
        self._arrived.set()
        self._on_closed(self)
