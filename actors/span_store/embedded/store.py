"""The embedded engine: a WAL for what comes in, memtables for what is recent, Parquet and an index for the rest."""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from pathlib import Path

import duckdb

from actors.span_store.columns.rows import SpanRows
from actors.span_store.embedded.damage import Damage
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
from actors.span_store.embedded.problems import DISK, Problems
from actors.span_store.embedded.reads.span_reads import SpanReads
from actors.span_store.embedded.sealed import index
from actors.span_store.embedded.sealed.segments import Segments
from actors.span_store.embedded.text.ngram_builder import NgramBuilder
from actors.span_store.embedded.text.ngram_files import NgramFiles
from actors.span_store.embedded.threads import Threads
from actors.span_store.embedded.upkeep.backup import Snapshot, remove_leftovers
from actors.span_store.embedded.upkeep.recovery import Recovered, recover_store
from actors.span_store.messages import FilePart, Job, StoreState
from actors.span_store.storage import Committed


class SpanStore:
    """The parts of one open store, wired. Made by ``open``; used from the event loop; closed once."""

    def __init__(self, folders: Folders, limits: Limits, readers: int, clock: TrustedClock) -> None:
        """Open everything, and recover what the last run left in its WAL. Blocks."""
        self._folders = folders
        self._limits = limits
        self._clock = clock
        clock.start(is_new=not folders.index.exists() and not folders.segments.exists())
        self.problems = problems = Problems()
        connection, recovered = _recovered(folders, problems)
        self._memtables = memtables = Memtables(folders.journals, recovered.memtables)
        self._segments = segments = Segments(connection, folders.segments, recovered.next_segment)
        self.threads = threads = Threads(connection, problems, readers=readers)
        self._policy = policy = FlushPolicy(limits, Burst(), memtables)
        self.writer = SpanWriter(memtables, segments, policy, problems)
        ngrams = NgramFiles(folders.grams, folders.segments)
        self._ngram_builder = NgramBuilder(ngrams, segments.manifest, policy.is_idle)
        self.flusher = Flusher(
            memtables,
            policy,
            self.writer,
            segments,
            ngrams=self._ngram_builder,
            clock=clock,
            threads=threads,
            problems=problems,
        )
        compaction, space = Compaction(segments), Space(segments, self._ngram_builder)
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
            threads=threads,
        )
        self.reads = SpanReads(memtables, segments, ngrams, Damage(problems), threads)

    @classmethod
    async def open(cls, path: Path, *, readers: int, limits: Limits, clock: TrustedClock) -> "SpanStore":
        return await asyncio.to_thread(cls, Folders(path), limits, readers, clock)

    async def write(self, requests: Sequence[SpanRows]) -> Committed:
        """Store all requests in one batch. ``Unavailable`` when the disk fails, ``Overloaded``."""
        await self._policy.wait_for_room()
        committed = await self.threads.in_writer(self.writer.write, requests)
        if self._policy.must_rotate():
            await self.threads.in_writer(self.writer.rotate)
            self.flusher.flush_when_due()
        return committed

    async def back_up(self, accounts: Path) -> AsyncGenerator[FilePart, None]:
        """Copy everything at one moment. ``Unavailable`` when the disk has no room for the snapshot."""
        snapshot = await self.threads.in_flusher(self._snapshot)
        try:
            await self.threads.aside(snapshot.take_accounts, accounts)
            async with aclosing(self.threads.in_long_reads(snapshot.parts())) as parts:
                async for part in parts:
                    yield part
        finally:
            await asyncio.to_thread(snapshot.remove)

    async def look_after(self) -> None:
        """Start in the background what is due there, and find out whether a disk that failed works again."""
        self.flusher.flush_when_due()
        self._ngram_builder.start()
        if DISK in self.problems:
            await self.threads.in_writer(self.writer.try_disk)

    def state(self) -> StoreState:
        """The state, from memory."""
        manifest = self._segments.manifest
        return StoreState(
            problems=self.problems.sentences(),
            is_open=True,
            recent_spans=self._memtables.rows,
            recent_bytes=self._memtables.bytes,
            segments=len(manifest.segments),
            segment_bytes=manifest.bytes,
            sealed_spans=manifest.rows,
            retention_waits=self._clock.waiting if self._limits.retention.age is not None else None,
            background=tuple(self._jobs()),
        )

    def _jobs(self) -> Iterator[Job]:
        """What goes on in the background, or waits for its turn there."""
        full = len(self._memtables.full)
        if full:
            yield Job(name="seal", done=0, of=full)
        if self._ngram_builder.progress is not None:
            done, of = self._ngram_builder.progress
            yield Job(name="text index", done=done, of=of)
        if self.deletions.under_way:
            yield Job(name="deletion", done=0, of=self.deletions.under_way)

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

    def _snapshot(self) -> Snapshot:
        snapshot = Snapshot(self._folders)
        try:
            snapshot.take_spans(self._segments.connection, self._memtables.all)
        except BaseException:
            snapshot.remove()
            raise
        return snapshot


def _recovered(folders: Folders, problems: Problems) -> tuple[duckdb.DuckDBPyConnection, Recovered]:
    connection = index.open_index(folders.index)
    try:
        folders.make()
        remove_leftovers(folders)
        return connection, recover_store(connection, folders, problems)
    except BaseException:
        connection.close()
        raise
