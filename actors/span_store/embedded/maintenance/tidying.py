"""What is done every few minutes: deletions finished, retention applied, small segments compacted, costs restated."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import TypeVar

import pyarrow.compute as pc
import structlog

from actors.clock import steady_seconds
from actors.span_store.asked.retention import RetentionPreview, RetentionRule
from actors.span_store.embedded.hot.memtable import Memtable
from actors.span_store.embedded.maintenance.compaction import Compaction
from actors.span_store.embedded.maintenance.deletion_job import DeletionJob
from actors.span_store.embedded.maintenance.flusher import Flusher
from actors.span_store.embedded.maintenance.retention import CurrentRetention
from actors.span_store.embedded.maintenance.space import Space
from actors.span_store.embedded.maintenance.trusted_clock import TrustedClock
from actors.span_store.embedded.sealed import index
from actors.span_store.embedded.sealed.segments import Segments
from actors.span_store.embedded.threads import Threads
from actors.span_store.messages import Job
from actors.span_store.pricing.current import CurrentPrices
from actors.span_store.pricing.own_price import OwnPrices

T = TypeVar("T")

log = structlog.get_logger(__name__)


class Tidying:
    """Does it, a step after the other, so that flushes get their turn between them."""

    def __init__(
        self,
        retention: CurrentRetention,
        clock: TrustedClock,
        *,
        deletions: DeletionJob,
        flusher: Flusher,
        segments: Segments,
        compaction: Compaction,
        space: Space,
        prices: CurrentPrices,
        threads: Threads,
    ) -> None:
        self._retention = retention
        self._clock = clock
        self._deletions = deletions
        self._flusher = flusher
        self._connection = segments.connection
        self._compaction = compaction
        self._space = space
        self._prices = prices
        self._restated = 0  # the latest revision that was looked after
        self._threads = threads
        self._last: float | None = None
        self.rewriting: Job | None = None  # of segments whose columns are outdated

    @property
    def is_due(self) -> bool:
        every = self._retention.now.every.total_seconds()
        if self._retention.is_new or self._prices.book.own.revision > self._restated:
            return True
        return self._last is None or steady_seconds() - self._last >= every

    async def run(self) -> None:
        """Do all of it now."""
        self._last = steady_seconds()
        self._retention.is_new = False
        finished = await self._deletions.finish()
        now = self._clock.look()
        if now is not None:
            await self._flusher.flush_if(partial(self._retention.now.is_due_for_sealing, now=now))
        dropped = await self._drop(now)
        shortened = await self._shorten(now)
        compacted = await self._threads.in_flusher(self._compaction.compact)
        remapped = await self._remap()
        restated = await self._restate()
        if finished or dropped or shortened or compacted or remapped or restated:
            await self._threads.in_flusher(self._space.give_back)

    async def preview(self, rule: RetentionRule) -> RetentionPreview:
        """What ``run`` would delete now under a rule, found as ``run`` finds it."""
        retention, now = self._retention.under(rule), self._clock.look()
        waits = self._clock.waiting
        # As a read: a flush does not wait for it.
        return await self._threads.in_reader(lambda cursor: retention.preview(cursor, now, waits))

    async def _drop(self, now: datetime | None) -> bool:
        """Drop the segments that are not kept."""
        expired = await self._threads.in_flusher(self._retention.now.expired, self._connection, now)
        if expired:
            await self._threads.in_flusher(self._compaction.drop, expired)
            log.info("segments dropped by retention", segments=len(expired))
        return bool(expired)

    async def _shorten(self, now: datetime | None) -> bool:
        """Take what is overdue out of segments that are kept."""
        retention = self._retention.now
        overdue = await self._threads.in_flusher(retention.overdue, self._connection, now)
        for segment in overdue:
            await self._threads.in_flusher(self._compaction.shorten, segment, retention.oldest(now))
        return bool(overdue)

    async def _remap(self) -> bool:
        """Derive the promoted columns anew in segments of earlier versions of the conventions."""
        outdated = await self._threads.in_flusher(index.outdated_segments, self._connection)
        await self._rewrite("remap", outdated, self._compaction.remap)
        return bool(outdated)

    async def _restate(self) -> bool:
        """Compute the costs anew of stored spans that restatements of prices are about."""
        own = self._prices.book.own
        await self._flusher.flush_if(partial(_is_outdated, own=own))
        outdated = await self._threads.in_flusher(index.outdated_costs, self._connection, own)
        await self._rewrite("costs", outdated, self._compaction.restate)
        if outdated:
            log.info("costs computed anew", segments=len(outdated))
        self._restated = own.revision  # at the end: what a fault cuts short is tried again at once
        return bool(outdated)

    async def _rewrite(self, name: str, outdated: Sequence[T], rewrite: Callable[[T], object]) -> None:
        """Rewrite one segment after the other, and say meanwhile how many are done."""
        try:
            for done, each in enumerate(outdated):
                self.rewriting = Job(name=name, done=done, of=len(outdated))
                await self._threads.in_flusher(rewrite, each)
        finally:
            self.rewriting = None


def _is_outdated(memtable: Memtable, own: OwnPrices) -> bool:
    """Whether it has spans that a restatement is about, with prices of before."""
    since = own.restated_since(memtable.restated or 0)
    if since is None or not memtable.rows:
        return False
    return bool(pc.max(memtable.indexed_columns()["start_time_unix_nano"]).as_py() >= since)
