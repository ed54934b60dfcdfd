"""Spans deleted for good, segment by segment, to the end."""

from contextlib import suppress
from functools import partial

import attrs
import structlog

from actors.errors import Unavailable
from actors.span_store.embedded.hot.memtable import Memtable
from actors.span_store.embedded.hot.memtables import Memtables
from actors.span_store.embedded.maintenance.compaction import Compaction
from actors.span_store.embedded.maintenance.deletion_predicate import DeletionPredicate, record, recorded, strike_out
from actors.span_store.embedded.maintenance.flusher import Flusher
from actors.span_store.embedded.maintenance.space import Space
from actors.span_store.embedded.problems import CURE, Problems
from actors.span_store.embedded.sealed import index
from actors.span_store.embedded.sealed.segments import Segments
from actors.span_store.embedded.threads import Threads
from actors.span_store.storage import Scope

log = structlog.get_logger(__name__)

_TOPIC = "deletion"
_IN_DAMAGED_FILES = f"Spans that should be deleted are in damaged files: {CURE}"


class DeletionJob:
    """Deletes spans in a transaction for each segment, in the flusher's thread.

    In one for all, flushes would have to wait for minutes. So a deletion is recorded in the index before its first
    segment, and struck out after its last: what a crash or a fault cuts short is gone on with by ``finish``.
    """

    def __init__(
        self,
        memtables: Memtables,
        flusher: Flusher,
        segments: Segments,
        compaction: Compaction,
        space: Space,
        *,
        threads: Threads,
        problems: Problems,
    ) -> None:
        self._memtables = memtables
        self._flusher = flusher
        self._connection = segments.connection
        self._compaction = compaction
        self._space = space
        self._threads = threads
        self._problems = problems
        self._under_way: set[DeletionPredicate] = set()

    @property
    def under_way(self) -> int:
        """How many deletions are being done."""
        return len(self._under_way)

    async def delete(self, scope: Scope) -> int:
        """Delete the spans that are stored now; their number. ``Unavailable`` when some are in damaged files.

        Those of a segment go in one step, those of different ones in several. What a crash or a fault of the disk
        (``Unavailable``) cuts short goes on in ``finish``, if it was begun at all.
        """
        predicate = DeletionPredicate(scope.column, scope.value, self._memtables.active.next_seq)
        await self._flush(predicate)
        try:
            predicate = await self._threads.in_flusher(self._record, predicate)
            return await self._delete_recorded(predicate)
        finally:
            await self._threads.in_flusher(self._space.give_back)

    async def finish(self) -> bool:
        """Go on with the deletions that were cut short; whether anything was deleted."""
        finished, deleted = 0, 0
        for predicate in await self._threads.in_flusher(recorded, self._connection):
            if predicate not in self._under_way:
                with suppress(Unavailable):  # it is a problem by then, and keeps no other from going on
                    deleted += await self._delete_recorded(predicate)
                    finished += 1
        if finished:
            log.info("deletions finished that were cut short", spans=deleted)
        return finished > 0

    async def _flush(self, predicate: DeletionPredicate) -> None:
        """Flush the spans that are in memtables: only what is sealed can be deleted."""
        has_any = partial(_has_any, predicate)
        await self._flusher.flush_if(has_any)
        if any(map(has_any, self._memtables.all)):
            raise Unavailable("The span store cannot flush its recent spans", retry_after=5.0)

    def _record(self, predicate: DeletionPredicate) -> DeletionPredicate:
        """Record it with a bound below which nothing is in the WAL, where numbers may yet change."""
        sealed = index.sealed_up_to(self._connection).next_seq
        predicate = attrs.evolve(predicate, before_seq=min(predicate.before_seq, sealed))
        record(self._connection, predicate)
        return predicate

    async def _delete_recorded(self, predicate: DeletionPredicate) -> int:
        self._under_way.add(predicate)
        try:
            steps, last = [], -1
            while (step := await self._threads.in_flusher(self._compaction.delete, predicate, last)) is not None:
                steps.append(step.spans)
                last = step.segment
            if None in steps:
                self._problems.found(_TOPIC, _IN_DAMAGED_FILES)
                raise Unavailable(_IN_DAMAGED_FILES, retry_after=60.0)
            await self._threads.in_flusher(self._strike_out, predicate)
        finally:
            self._under_way.discard(predicate)
        return sum(filter(None, steps))

    def _strike_out(self, predicate: DeletionPredicate) -> None:
        strike_out(self._connection, predicate)
        if not recorded(self._connection):
            self._problems.solved(_TOPIC)


def _has_any(predicate: DeletionPredicate, memtable: Memtable) -> bool:
    return predicate.is_in(memtable.indexed_columns())
