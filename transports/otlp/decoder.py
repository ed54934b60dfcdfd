"""Threads that inflate and decode requests off the event loop."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import TypeVar

import attrs

from actors.span_store.masking.masking import Masking
from transports.otlp.limits import RequestLimits

T = TypeVar("T")

_LARGE = 4 * 1024 * 1024  # bytes: decoding more takes a tenth of a second or more, and up to seconds


@attrs.frozen
class Decoder:
    """Two threads: small requests do not wait for large ones, which wait for each other. ``None`` is the loop's own.

    One thread for each, because decoding holds the interpreter's lock, and more would only take it from each other.
    """

    small: Executor | None = None
    large: Executor | None = None
    limits: RequestLimits = attrs.field(factory=RequestLimits)
    masking: Masking | None = None  # of what is decoded, before it is stored

    async def run(self, work: Callable[[], T], size: int) -> T:
        """Run the work in the thread for requests of this size."""
        executor = self.large if size > _LARGE else self.small
        return await asyncio.get_running_loop().run_in_executor(executor, work)

    def memory(self, size: int, *, json: bool = False) -> int:
        """Bytes to reserve for decoding a request of ``size`` bytes, and for masking its spans."""
        return decoding_memory(size, json=json or self.masking is not None)


def decoding_memory(size: int, *, json: bool = False) -> int:
    """Bytes to reserve for decoding a request of ``size`` bytes: the usual need. The limits bound the worst case."""
    return (_TIMES_AS_JSON if json else _TIMES) * size


# Measured with LLM spans of 2.4 KB: columns, rows and their copies; the objects of JSON.
_TIMES = 4
_TIMES_AS_JSON = 8
