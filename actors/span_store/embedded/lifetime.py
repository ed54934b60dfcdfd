"""The embedded engine through its lives: opened, looked after, and opened again when its files fail."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, suppress
from datetime import datetime
from pathlib import Path

import attrs
import duckdb
import pyarrow as pa

from actors.clock import Clock, Steady, steady_seconds, utc_now
from actors.errors import Unavailable
from actors.span_store.asked.arrivals import Arrivals, ListArrivals, ListNews
from actors.span_store.asked.differences import Differences, GetDifferences
from actors.span_store.asked.heat_map import GetHeatMap, HeatMap
from actors.span_store.asked.lists import ListSpans, ListTraces, SummaryPage, TracePage
from actors.span_store.asked.retention import RetentionPreview, RetentionRule
from actors.span_store.asked.sessions import GetSession, ListSessions, SessionOutline, SessionPage
from actors.span_store.asked.sql import QuerySql, SqlAnswer
from actors.span_store.asked.stats import GetStats, Stats
from actors.span_store.asked.stored_traces import FindStoredTraces
from actors.span_store.asked.values import ListValues, Values
from actors.span_store.columns.logs import StoredLog
from actors.span_store.columns.rows import SpanRows
from actors.span_store.columns.spans import StoredSpan
from actors.span_store.embedded.durable import DISK, Disk
from actors.span_store.embedded.limits import Limits
from actors.span_store.embedded.maintenance.retention import CurrentRetention, Retention
from actors.span_store.embedded.maintenance.trusted_clock import TrustedClock
from actors.span_store.embedded.problems import CURE, Problems
from actors.span_store.embedded.store import SpanStore
from actors.span_store.embedded.upkeep.reserve import Reserve
from actors.span_store.messages import (
    ExportSpans,
    FilePart,
    FoundSpans,
    GetSpan,
    GetSpanLogs,
    GetTraceSpans,
    PriceTable,
    SearchSpans,
    SearchText,
    SearchTrace,
    SpanPage,
    StoreState,
)
from actors.span_store.pricing.book import PriceBook
from actors.span_store.pricing.current import CurrentPrices
from actors.span_store.pricing.own_price import OwnPrices
from actors.span_store.query.position import Position
from actors.span_store.storage import Abilities, Committed, Scope, TraceColumns

__all__ = ["CurrentRetention", "EmbeddedStorage", "Limits", "Retention"]

_INTERVAL = 5.0
_READERS = 7  # threads: four for pages, two for text search, one for what a deletion asks first
_OPENING = "opening"
_FULL = "The disk of the span store is full: spans can be deleted, and new ones are refused until there is room"


class EmbeddedStorage:
    """The ``SpanStorage`` of one machine. While its store cannot be opened, ``state`` says why.

    A full disk or a damaged file does not go away by a restart of the process, so the rest of the studio stays up, and
    the store is tried again every ``interval`` seconds.
    """

    abilities = Abilities(durable=True, answers_sql=True, backs_up=True)

    def __init__(
        self,
        path: Path,
        *,
        limits: Limits,
        interval: float,
        wall: Clock,
        steady: Steady,
        disk: Disk,
        prices: CurrentPrices,
    ) -> None:
        """``path`` is that of the index; everything else lies beside it."""
        self._path = path
        self._disk = disk
        self._limits = limits
        self._prices = prices
        self._interval = interval
        self._store: SpanStore | None = None
        self._problems = Problems()  # of opening; an open store has its own
        self._reserve = Reserve(path.with_suffix(".reserve"), disk)
        self._clock = TrustedClock(path.with_suffix(".clock"), wall=wall, steady=steady, disk=disk)

    @classmethod
    async def open(
        cls,
        path: Path,
        *,
        limits: Limits | None = None,
        interval: float = _INTERVAL,
        clock: Clock = utc_now,
        steady: Steady = steady_seconds,
        disk: Disk = DISK,
        prices: CurrentPrices | None = None,
    ) -> "EmbeddedStorage":
        """Open the store if that is possible now. ``StartRefused`` when it never will be.

        ``interval`` is the number of seconds after which what the disk has refused is tried again. ``prices`` are those
        of model calls; they may outlive the storage.
        """
        prices = prices or CurrentPrices()
        await asyncio.to_thread(prices.load)
        storage = cls(
            path, limits=limits or Limits(), interval=interval, wall=clock, steady=steady, disk=disk, prices=prices
        )
        await storage._open()
        return storage

    async def write(self, requests: Sequence[SpanRows]) -> Committed:
        """Nothing is stored in the room that is kept for deletions."""
        if self._reserve.is_spent:
            raise Unavailable(_FULL, retry_after=self._interval)
        return await self._opened.write(requests)

    async def services(self) -> tuple[str, ...]:
        return await self._opened.reads.services()

    async def query(self, request: SearchSpans | SearchTrace) -> SpanPage:
        return await self._opened.reads.query(request)

    async def search(self, request: SearchText) -> FoundSpans:
        return await self._opened.reads.search(request)

    async def trace(self, request: GetTraceSpans) -> tuple[StoredSpan, ...]:
        return await self._opened.reads.trace(request)

    async def span(self, request: GetSpan) -> StoredSpan | None:
        return await self._opened.reads.span(request)

    async def logs(self, request: GetSpanLogs) -> tuple[StoredLog, ...]:
        return await self._opened.reads.logs(request)

    async def list_traces(self, request: ListTraces) -> TracePage:
        return await self._opened.reads.list_traces(request)

    async def list_spans(self, request: ListSpans) -> SummaryPage:
        return await self._opened.reads.list_spans(request)

    async def columns(self, request: TraceColumns) -> pa.Table:
        return await self._opened.reads.columns(request)

    async def stored_traces(self, request: FindStoredTraces) -> frozenset[str]:
        return await self._opened.reads.stored_traces(request)

    async def sessions(self, request: ListSessions) -> SessionPage:
        return await self._opened.reads.sessions(request)

    async def session(self, request: GetSession) -> SessionOutline | None:
        return await self._opened.reads.session(request)

    async def stats(self, request: GetStats) -> Stats:
        return await self._opened.reads.stats(request)

    async def values(self, request: ListValues) -> Values:
        return await self._opened.reads.values(request)

    def end(self) -> Position:
        return self._opened.reads.end()

    async def arrivals(self, request: ListArrivals) -> Arrivals:
        return await self._opened.reads.arrivals(request)

    async def news(self, request: ListNews) -> Sequence[Arrivals | None]:
        return await self._opened.reads.news(request)

    async def query_sql(self, request: QuerySql) -> SqlAnswer:
        return await self._opened.reads.query_sql(request)

    async def differences(self, request: GetDifferences) -> Differences:
        return await self._opened.reads.differences(request)

    async def heat_map(self, request: GetHeatMap) -> HeatMap:
        return await self._opened.reads.heat_map(request)

    async def export(self, request: ExportSpans) -> AsyncGenerator[pa.Table, None]:
        async with aclosing(self._opened.reads.export(request)) as parts:
            async for part in parts:
                yield part

    async def has(self, scope: Scope) -> bool:
        return await self._opened.reads.has(scope)

    async def delete(self, scope: Scope) -> int:
        return await self._opened.deletions.delete(scope)

    def freeing(self) -> AbstractAsyncContextManager[None]:
        """A deletion may have the reserve when the disk is full."""
        return self._reserve.freeing()

    async def back_up(self, accounts: Path) -> AsyncGenerator[FilePart, None]:
        async with aclosing(self._opened.backups.back_up(accounts)) as parts:
            async for part in parts:
                yield part

    def state(self) -> StoreState:
        state = self._store.state.now() if self._store else StoreState(problems=self._problems.sentences())
        return attrs.evolve(state, problems=(*state.problems, _FULL)) if self._reserve.is_spent else state

    def trusted_time(self) -> datetime | None:
        """The time, if it is to be believed. An open store has compared it with the last run."""
        return None if self._store is None else self._clock.look()

    def use_prices(self, own: OwnPrices) -> None:
        """What restatements among them are about is done by ``tend``, also when the store cannot be opened now."""
        self._prices.use(own)

    def use_retention(self, rule: RetentionRule) -> None:
        """Counts also when the store cannot be opened now."""
        self._limits.retention.use(rule)

    async def preview_retention(self, rule: RetentionRule) -> RetentionPreview:
        return await self._opened.tidying.preview(rule)

    @property
    def price_table(self) -> PriceTable:
        return self._prices.table

    @property
    def prices(self) -> PriceBook:
        return self._prices.book

    async def tidy(self) -> None:
        """Finish deletions, drop what is not kept any longer, and compact small segments, whether it is due or not."""
        async with self.freeing():
            await self._opened.tidying.run()

    async def tend(self) -> None:
        """Until cancelled: do in the background what could not be done yet, and open the store again when it broke."""
        while True:
            if self._store is None:
                await asyncio.sleep(self._interval)
                await self._open()
            else:
                await self._look_after(self._store)

    async def close(self) -> None:
        store, self._store = self._store, None
        if store is not None:
            with suppress(Unavailable):
                await self._watch_clock(store, is_end=True)
            await store.close()

    @property
    def _opened(self) -> SpanStore:
        if self._store is None:
            raise Unavailable("The span store cannot be opened", retry_after=self._interval)
        return self._store

    async def _open(self) -> None:
        try:
            async with self.freeing():  # it writes, and nothing can be deleted before it is open
                self._store = await SpanStore.open(
                    self._path,
                    readers=_READERS,
                    limits=self._limits,
                    clock=self._clock,
                    prices=self._prices,
                    disk=self._disk,
                )
        except (duckdb.Error, pa.ArrowException, OSError) as fault:
            self._problems.found(_OPENING, _why(fault), fault)
        else:
            self._problems.solved(_OPENING)

    async def _look_after(self, store: SpanStore) -> None:
        with suppress(Unavailable):  # and reported
            await store.look_after()
            if store.tidying.is_due:
                await self.tidy()
        with suppress(Unavailable):
            await self._watch_clock(store)
        state = store.state.now()
        await self._reserve.keep(state.segment_bytes + state.recent_bytes)
        await self._rest(store)

    async def _rest(self, store: SpanStore) -> None:
        broken = store.threads.broken
        with suppress(TimeoutError):
            async with asyncio.timeout(self._interval):
                await broken.wait()
        if broken.is_set():
            self._problems.found(_OPENING, "The span index broke and is being opened again")
            await self.close()
            await self._open()

    async def _watch_clock(self, store: SpanStore, *, is_end: bool = False) -> None:
        """See whether it jumped, and record it now and then."""
        if self._clock.look() is None:
            await store.threads.in_writer(store.writer.put_arrivals, self._clock)
        elif is_end or self._clock.recording_is_due:
            await asyncio.to_thread(self._clock.record)


def _why(fault: Exception) -> str:
    if isinstance(fault, OSError | duckdb.IOException) and not _is_damaged(fault):
        return "The span store cannot be opened: its disk is full, read-only or failing, or its files are in use"
    return f"The span index is damaged: {CURE}"


def _is_damaged(fault: Exception) -> bool:
    """DuckDB has no error of its own for a file that is none of its files."""
    text = str(fault)
    return "not a valid DuckDB" in text or "Corrupt" in text or "checksum" in text
