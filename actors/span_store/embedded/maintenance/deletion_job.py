"""Sealed spans deleted for good, file by file, to the end."""

from collections.abc import Callable
from contextlib import suppress
from typing import Protocol, TypeVar

import attrs
import duckdb
import structlog

from actors.errors import Unavailable
from actors.span_store.embedded.maintenance.compaction import Compaction
from actors.span_store.embedded.maintenance.deletion_predicate import DeletionPredicate, record, recorded, strike_out
from actors.span_store.embedded.problems import CURE, Problems
from actors.span_store.embedded.sealed import index

log = structlog.get_logger(__name__)

T = TypeVar("T")

_TOPIC = "erasure"
_IN_DAMAGED_FILES = f"Spans that should be deleted are in damaged files: {CURE}"


class InSealingThread(Protocol):
    """Runs work in the one thread that writes to the index; sealing gets its turn between two calls."""

    async def __call__(self, work: Callable[..., T], *arguments: object) -> T: ...


class DeletionJob:
    """Deletes spans in a transaction for each file.

    In one for all, sealing would have to wait for minutes. So a deletion is recorded in the index before its first
    file, and struck out after its last: what a crash or a fault cuts short is gone on with by ``finish``.
    """

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, files: Compaction, run: InSealingThread, problems: Problems
    ) -> None:
        self._connection = connection
        self._files = files
        self._run = run
        self._problems = problems
        self._under_way: set[DeletionPredicate] = set()

    @property
    def under_way(self) -> int:
        """How many deletions are being done."""
        return len(self._under_way)

    async def erase(self, doomed: DeletionPredicate) -> int:
        """Delete the spans, all of which are sealed; their number. ``Unavailable`` when some are in damaged files."""
        return await self._erase(await self._run(self._begin, doomed))

    async def finish(self) -> bool:
        """Go on with the deletions that were cut short; whether anything was deleted."""
        deleted = 0
        for doomed in await self._run(recorded, self._connection):
            if doomed not in self._under_way:
                with suppress(Unavailable):  # it is a problem by then, and keeps no other from going on
                    deleted += await self._erase(doomed)
        if deleted:
            log.info("deletions finished that were cut short", spans=deleted)
        return deleted > 0

    def _begin(self, doomed: DeletionPredicate) -> DeletionPredicate:
        """Record it with a bound below which nothing is in a journal, where numbers may yet change."""
        sealed = index.sealed_up_to(self._connection).next_seq
        doomed = attrs.evolve(doomed, before_seq=min(doomed.before_seq, sealed))
        record(self._connection, doomed)
        return doomed

    async def _erase(self, doomed: DeletionPredicate) -> int:
        self._under_way.add(doomed)
        try:
            steps, last = [], -1
            while (step := await self._run(self._files.delete, doomed, last)) is not None:
                steps.append(step.spans)
                last = step.segment
            if None in steps:
                self._problems.found(_TOPIC, _IN_DAMAGED_FILES)
                raise Unavailable(_IN_DAMAGED_FILES, retry_after=60.0)
            await self._run(self._end, doomed)
        finally:
            self._under_way.discard(doomed)
        return sum(filter(None, steps))

    def _end(self, doomed: DeletionPredicate) -> None:
        strike_out(self._connection, doomed)
        if not recorded(self._connection):
            self._problems.solved(_TOPIC)
