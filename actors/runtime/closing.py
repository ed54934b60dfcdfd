"""Closing of files and threads that an actor has opened."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog

log = structlog.get_logger(__name__)


@asynccontextmanager
async def on_exit(close: Callable[[], Awaitable[object]]) -> AsyncIterator[None]:
    """Await ``close`` when the block is left, however it is.

    It differs from ``try … finally`` where both fail: the block's own error is raised, because it is the cause that the
    supervisor decides by, and the error of ``close`` is logged.
    """
    try:
        yield
    except BaseException:
        try:
            await close()
        except Exception:
            log.exception(
                "actor did not stop cleanly after a crash", closing=getattr(close, "__qualname__", str(close))
            )
        raise
    else:
        await close()
