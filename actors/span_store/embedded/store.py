"""The embedded engine: a WAL for what comes in, memtables for what is recent, Parquet and an index for the rest."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import duckdb

from actors.span_store.columns.rows import SpanRows
from actors.span_store.embedded.damage import Damage
from actors.span_store.embedded.durable import DISK, Disk
from actors.span_store.embedded.hot.flush_policy import Burst, FlushPolicy
from actors.span_store.embedded.hot.memtables import Memtables
from actors.span_store.embedded.hot.writer import SpanWriter
from actors.span_store.embedded.layout import Folders
from actors.span_store.embedded.limits import Limits
from actors.span_store.embedded.maintenance.compaction import Compaction
from actors.span_store.embedded.maintenance.deletion_job import DeletionJob
from actors.span_store.embedded.maintenance.flusher import Flusher
from actors.span_store.embedded.maintenance.space import Space
from actors.span_store.embedded.maintenance.tidying import Tidying
from actors.span_store.embedded.maintenance.trusted_clock import TrustedClock
from actors.span_store.embedded.problems import DISK as DISK_TOPIC
from actors.span_store.embedded.problems import Problems
from actors.span_store.embedded.reads.span_reads import SpanReads
from actors.span_store.embedded.sealed import index
from actors.span_store.embedded.sealed.segments import Segments
from actors.span_store.embedded.state import State
from actors.span_store.embedded.text.ngram_builder import NgramBuilder
from actors.span_store.embedded.text.ngram_files import NgramFiles
from actors.span_store.embedded.threads import Threads
from actors.span_store.embedded.upkeep.backup import remove_leftovers
from actors.span_store.embedded.upkeep.backups import Backups
from actors.span_store.embedded.upkeep.recovery import Recovered, recover_store
from actors.span_store.pricing.current import CurrentPrices
from actors.span_store.storage import Committed


class SpanStore:
    """The parts of one open store, wired. Made by ``open``; used from the event loop; closed once."""

    def __init__(
        self, folders: Folders, limits: Limits, readers: int, clock: TrustedClock, prices: CurrentPrices
    ) -> None:
        """Open everything, and recover what the last run left in its WAL. Blocks."""
        clock.start(is_new=not folders.index.exists() and not folders.segments.exists())
        self.problems = problems = Problems()
        connection, recovered = _recovered(folders, problems)
        if clock.recording_is_due:
            clock.record()  # before there is a span: without a record, retention would wait after a crash
        self._memtables = memtables = Memtables(folders, recovered.memtables)
        self._segments = segments = Segments(connection, folders, recovered.next_segment)
        self.threads = threads = Threads(connection, problems, readers=readers)
        self._policy = policy = FlushPolicy(limits, Burst(), memtables)
        self.writer = SpanWriter(memtables, segments, policy, problems, prices)
        ngrams = NgramFiles(folders.grams, folders.segments, folders.disk)
        self._ngram_builder = NgramBuilder(ngrams, segments.manifest, policy.is_idle)
        self.flusher = Flusher(
            memtables,
            policy,
            self.writer,
            segments,
            ngrams=self._ngram_builder,
            clock=clock,
            prices=prices,
            threads=threads,
            problems=problems,
        )
        compaction, space = Compaction(segments, prices), Space(segments, self._ngram_builder)
        self.deletions = DeletionJob(
            memtables, self.flusher, segments, compaction, space, threads=threads, problems=problems
        )
        self.tidying = Tidying(
            limits.retention,
            clock,
            deletions=self.deletions,
            flusher=self.flusher,
            segments=segments,
            compaction=compaction,
            space=space,
            prices=prices,
            threads=threads,
        )
        self.state = State(
            memtables,
            segments,
            self._ngram_builder,
            self.deletions,
            self.tidying,
            clock=clock,
            retention=limits.retention,
            problems=problems,
        )
        self.backups = Backups(folders, memtables, segments, threads)
        self.reads = SpanReads(memtables, segments, ngrams, Damage(problems), threads)

    @classmethod
    async def open(
        cls,
        path: Path,
        *,
        readers: int,
        limits: Limits,
        clock: TrustedClock,
        prices: CurrentPrices | None = None,
        disk: Disk = DISK,
    ) -> "SpanStore":
        prices = prices or CurrentPrices()
        return await asyncio.to_thread(cls, Folders(path, disk), limits, readers, clock, prices)

    async def write(self, requests: Sequence[SpanRows]) -> Committed:
        """Store all requests in one batch. ``Unavailable`` when the disk fails, ``Overloaded``."""
        await self._policy.wait_for_room()
        committed = await self.threads.in_writer(self.writer.write, requests)
        if self._policy.must_rotate():
            await self.threads.in_writer(self.writer.rotate)
            self.flusher.flush_when_due()
        return committed

    async def look_after(self) -> None:
        """Start in the background what is due there, and find out whether a disk that failed works again."""
        self.flusher.flush_when_due()
        self._ngram_builder.start()
        if DISK_TOPIC in self.problems:
            await self.threads.in_writer(self.writer.try_disk)

    async def close(self) -> None:
        """Finish what runs, then close all files. What is not flushed stays in its WAL."""
        self.threads.is_closed = True
        self.flusher.stop()
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self.threads.close()
        self.flusher.close()
        self._ngram_builder.close()
        self._memtables.close()
        self._segments.close()


def _recovered(folders: Folders, problems: Problems) -> tuple[duckdb.DuckDBPyConnection, Recovered]:
    folders.settle()
    connection = index.open_index(folders.index, folders.disk)
    try:
        folders.make()
        remove_leftovers(folders)
        return connection, recover_store(connection, folders, problems)
    except BaseException:
        connection.close()
        raise
