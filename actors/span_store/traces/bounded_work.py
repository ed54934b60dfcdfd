"""Work on a trace that may take long, in a thread and with an end."""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import TypeAlias, TypeVar

from actors.errors import DeadlineExceeded

T = TypeVar("T")
Check: TypeAlias = Callable[[], None]


async def in_thread(work: Callable[[Check], T], seconds: float, too_long: str) -> T:
    """Work in a thread. It is told to end when nobody waits for it any more, or when it has taken too long.

    The work calls the check that it is given, which raises ``DeadlineExceeded`` then.
    """
    left, until = threading.Event(), time.monotonic() + seconds

    def check() -> None:
        if left.is_set() or time.monotonic() > until:
            raise DeadlineExceeded(too_long)

    try:
        return await asyncio.to_thread(work, check)
    finally:
        left.set()
