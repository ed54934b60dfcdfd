"""Long reads that must not take the threads of short ones: exports and backups."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

_THREADS = 2


class LongReads:
    """Runs blocking iterators in threads of its own, a step at a time, so that several take turns."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(_THREADS, thread_name_prefix="span-bulk")

    async def items(self, iterator: Iterator[T]) -> AsyncGenerator[T, None]:
        """The items; the iterator is at rest whenever this is, and never used again once this is closed."""
        loop = asyncio.get_running_loop()
        while True:
            step = loop.run_in_executor(self._executor, _next, iterator)
            try:
                found = await asyncio.shield(step)
            except asyncio.CancelledError:
                await asyncio.wait({step})
                step.exception()  # nobody wants it any more
                raise
            if not found:
                return
            yield found[0]

    def close(self) -> None:
        """Wait for the steps that run."""
        self._executor.shutdown(wait=True)


def _next(iterator: Iterator[T]) -> tuple[T, ...]:
    """The next item alone; nothing at the end, because ``StopIteration`` cannot leave a future."""
    for item in iterator:
        return (item,)
    return ()
