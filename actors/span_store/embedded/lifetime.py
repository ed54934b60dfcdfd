"""The span store through its lives: opened, looked after, and opened again when its files fail."""

import asyncio
from contextlib import AbstractAsyncContextManager, suppress
from datetime import datetime
from pathlib import Path

import attrs
import duckdb
import pyarrow as pa

from actors.clock import Clock, Steady
from actors.errors import Unavailable
from actors.span_store.embedded.durable import DISK, Disk
from actors.span_store.embedded.maintenance.trusted_clock import TrustedClock
from actors.span_store.embedded.problems import CURE, Problems
from actors.span_store.embedded.store import Limits, SpanStore
from actors.span_store.embedded.upkeep.reserve import Reserve
from actors.span_store.messages import StoreState

_OPENING = "opening"
_FULL = "The disk of the span store is full: spans can be deleted, and new ones are refused until there is room"


class StoreLifetime:
    """Holds the open store. While it cannot be opened, ``store`` is ``Unavailable`` and ``state`` says why.

    A full disk or a damaged file does not go away by a restart of the process, so the rest of the studio stays up, and
    the store is tried again every ``interval`` seconds.
    """

    def __init__(
        self,
        path: Path,
        *,
        threads: int,
        limits: Limits,
        interval: float,
        wall: Clock,
        steady: Steady,
        disk: Disk = DISK,
    ) -> None:
        self._disk = disk
        self._path = path
        self._threads = threads
        self._limits = limits
        self._interval = interval
        self._store: SpanStore | None = None
        self._problems = Problems()  # of opening; an open store has its own
        self._reserve = Reserve(path.with_suffix(".reserve"), disk)
        self._clock = TrustedClock(path.with_suffix(".clock"), wall=wall, steady=steady, disk=disk)

    @property
    def store(self) -> SpanStore:
        if self._store is None:
            raise Unavailable("The span store cannot be opened", retry_after=self._interval)
        return self._store

    @property
    def store_to_write(self) -> SpanStore:
        """The store, for what is not there to free room."""
        if self._reserve.is_spent:
            raise Unavailable(_FULL, retry_after=self._interval)
        return self.store

    def freeing(self) -> AbstractAsyncContextManager[None]:
        """Around what deletes: it may have the reserve when the disk is full."""
        return self._reserve.freeing()

    def state(self) -> StoreState:
        state = self._store.state() if self._store else StoreState(problems=self._problems.sentences())
        return attrs.evolve(state, problems=(*state.problems, _FULL)) if self._reserve.is_spent else state

    def trusted_time(self) -> datetime | None:
        """The time, if it is to be believed. An open store has compared it with the last run."""
        return None if self._store is None else self._clock.look()

    async def open(self) -> None:
        """Open the store if that is possible now. ``StartRefused`` when it never will be."""
        try:
            async with self.freeing():  # it writes, and nothing can be deleted before it is open
                self._store = await SpanStore.open(
                    self._path, threads=self._threads, limits=self._limits, clock=self._clock, disk=self._disk
                )
        except (duckdb.Error, pa.ArrowException, OSError) as fault:
            self._problems.found(_OPENING, _why(fault), fault)
        else:
            self._problems.solved(_OPENING)

    async def tend(self) -> None:
        """Until cancelled: do in the background what could not be done yet, and open the store again when it broke."""
        while True:
            if self._store is None:
                await asyncio.sleep(self._interval)
                await self.open()
            else:
                await self._look_after(self._store)

    async def close(self) -> None:
        store, self._store = self._store, None
        if store is not None:
            with suppress(Unavailable):
                await self._watch_clock(store, is_end=True)
            await store.close()

    async def _watch_clock(self, store: SpanStore, *, is_end: bool = False) -> None:
        """See whether it jumped, and record it now and then."""
        if self._clock.look() is None:
            await store.put_arrivals()
        elif is_end or self._clock.recording_is_due:
            await asyncio.to_thread(self._clock.record)

    async def _look_after(self, store: SpanStore) -> None:
        store.seal_when_due()
        store.build_ngrams()
        with suppress(Unavailable):  # and reported
            await store.try_disk()
            if store.tidying_is_due:
                async with self.freeing():
                    await store.tidy()
        with suppress(Unavailable):
            await self._watch_clock(store)
        state = store.state()
        await self._reserve.keep(state.segment_bytes + state.recent_bytes)
        with suppress(TimeoutError):
            async with asyncio.timeout(self._interval):
                await store.broken.wait()
        if store.broken.is_set():
            self._problems.found(_OPENING, "The span index broke and is being opened again")
            await self.close()
            await self.open()


def _why(fault: Exception) -> str:
    if isinstance(fault, OSError | duckdb.IOException) and not _is_damaged(fault):
        return "The span store cannot be opened: its disk is full, read-only or failing, or its files are in use"
    return f"The span index is damaged: {CURE}"


def _is_damaged(fault: Exception) -> bool:
    """DuckDB has no error of its own for a file that is none of its files."""
    text = str(fault)
    return "not a valid DuckDB" in text or "Corrupt" in text or "checksum" in text
