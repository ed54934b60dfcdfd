"""What is done every few minutes: deletions finished, retention applied, small segments compacted."""

from datetime import datetime
from functools import partial

import structlog

from actors.clock import steady_seconds
from actors.span_store.embedded.maintenance.compaction import Compaction
from actors.span_store.embedded.maintenance.deletion_job import DeletionJob
from actors.span_store.embedded.maintenance.flusher import Flusher
from actors.span_store.embedded.maintenance.retention import Retention
from actors.span_store.embedded.maintenance.space import Space
from actors.span_store.embedded.maintenance.trusted_clock import TrustedClock
from actors.span_store.embedded.sealed import index
from actors.span_store.embedded.sealed.segments import Segments
from actors.span_store.embedded.threads import Threads

log = structlog.get_logger(__name__)


class Tidying:
    """Does it, a step after the other, so that flushes get their turn between them."""

    def __init__(
        self,
        retention: Retention,
        clock: TrustedClock,
        *,
        deletions: DeletionJob,
        flusher: Flusher,
        segments: Segments,
        compaction: Compaction,
        space: Space,
        threads: Threads,
    ) -> None:
        self._retention = retention
        self._clock = clock
        self._deletions = deletions
        self._flusher = flusher
        self._connection = segments.connection
        self._compaction = compaction
        self._space = space
        self._threads = threads
        self._last: float | None = None

    @property
    def is_due(self) -> bool:
        every = self._retention.every.total_seconds()
        return self._last is None or steady_seconds() - self._last >= every

    async def run(self) -> None:
        """Do all of it now."""
        self._last = steady_seconds()
        finished = await self._deletions.finish()
        now = self._clock.look()
        if now is not None:
            await self._flusher.flush_if(partial(self._retention.is_due_for_sealing, now=now))
        dropped = await self._drop(now)
        shortened = await self._shorten(now)
        compacted = await self._threads.in_flusher(self._compaction.compact)
        remapped = await self._remap()
        if finished or dropped or shortened or compacted or remapped:
            await self._threads.in_flusher(self._space.give_back)

    async def _drop(self, now: datetime | None) -> bool:
        """Drop the segments that are not kept."""
        expired = await self._threads.in_flusher(self._retention.expired, self._connection, now)
        if expired:
            await self._threads.in_flusher(self._compaction.drop, expired)
            log.info("segments dropped by retention", segments=len(expired))
        return bool(expired)

    async def _shorten(self, now: datetime | None) -> bool:
        """Take what is overdue out of segments that are kept."""
        overdue = await self._threads.in_flusher(self._retention.overdue, self._connection, now)
        for segment in overdue:
            await self._threads.in_flusher(self._compaction.shorten, segment, self._retention.oldest(now))
        return bool(overdue)

    async def _remap(self) -> bool:
        """Derive the promoted columns anew in segments of earlier versions of the conventions."""
        outdated = await self._threads.in_flusher(index.outdated_segments, self._connection)
        for segment in outdated:
            await self._threads.in_flusher(self._compaction.remap, segment)
        return bool(outdated)
