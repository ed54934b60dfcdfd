"""The span store: a journal for what comes in, memory for what is recent, Parquet and an index for the rest."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import aclosing, suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

import attrs
import duckdb
import pyarrow as pa
import structlog

from actors.clock import steady_seconds
from actors.errors import NeedsRoom, Unavailable
from actors.span_store.columns.rows import SpanRows
from actors.span_store.embedded.damage import Damage
from actors.span_store.embedded.durable import takes_data
from actors.span_store.embedded.hot.flush_policy import Burst
from actors.span_store.embedded.hot.memtable import Memtable, MemtableSnapshot
from actors.span_store.embedded.hot.wal import Wal
from actors.span_store.embedded.hot.writer import Committed, SpanWriter
from actors.span_store.embedded.maintenance.compaction import Compaction
from actors.span_store.embedded.maintenance.deletion_job import DeletionJob
from actors.span_store.embedded.maintenance.deletion_predicate import DeletionColumn, DeletionPredicate
from actors.span_store.embedded.maintenance.flusher import Flusher
from actors.span_store.embedded.maintenance.retention import Retention
from actors.span_store.embedded.maintenance.trusted_clock import TrustedClock
from actors.span_store.embedded.problems import Problems
from actors.span_store.embedded.reads.export import SpanExport
from actors.span_store.embedded.reads.long_reads import LongReads
from actors.span_store.embedded.reads.queries import SpanReader, View
from actors.span_store.embedded.reads.reader_threads import ReaderThreads
from actors.span_store.embedded.sealed import index
from actors.span_store.embedded.sealed.manifest import Manifest
from actors.span_store.embedded.sealed.root_cache import RootCache
from actors.span_store.embedded.sealed.trace_bloom import TraceBloom
from actors.span_store.embedded.text.ngram_builder import NgramBuilder
from actors.span_store.embedded.text.ngram_files import NgramFiles
from actors.span_store.embedded.upkeep.backup import Snapshot, remove_leftovers
from actors.span_store.embedded.upkeep.recovery import Folders, recover_store
from actors.span_store.messages import ExportSpans, FilePart, Job, StoreState

log = structlog.get_logger(__name__)

T = TypeVar("T")

_MOST_MISSES = 4  # reads that a deletion made miss a segment, until a miss is taken for what it is
_ROOM_SECONDS, _LOOK_SECONDS = 2.0, 0.002  # how long writers wait for sealing, and how often they look
_RUSH_SECONDS = 0.1  # how often it is looked whether a rush is over
# Topics of problems.
_DISK = "disk"
_SEALING = "sealing"
_DISK_FAILS = "The disk of the span store is full or fails: new spans are refused until it works"


@attrs.frozen(kw_only=True)
class Limits:
    """Sizes in bytes of spans that are not sealed, and what is kept of the sealed ones."""

    seal_at: int = 32 * 1024 * 1024  # a memtable that is larger is full, and waits for sealing
    most_in_memory: int = 40 * 1024 * 1024  # full ones beyond that leave memory, but for what lists look at
    put_off: int = 288 * 1024 * 1024  # with more than this in full ones, a rush is no reason to wait with sealing
    most_recent: int = 400 * 1024 * 1024  # with more than this unsealed, no spans are taken
    retention: Retention = attrs.field(factory=Retention)


class SpanStore:
    """Made by ``open``; after that ``write`` and ``read`` from the event loop, and ``close`` once."""

    def __init__(self, folders: Folders, limits: Limits, threads: int, clock: TrustedClock) -> None:
        """Open everything, and take up what the last run left in its journals. Blocks."""
        self._folders = folders
        self._limits = limits
        self._clock = clock
        clock.start(is_new=not folders.index.exists() and not folders.segments.exists())
        self.problems = Problems()
        self._damage = Damage(self.problems)
        self._connection = index.open_index(folders.index)
        try:
            folders.make()
            remove_leftovers(folders)
            taken_up = recover_store(self._connection, folders, self.problems)
        except BaseException:
            self._connection.close()
            raise
        self._lock = threading.Lock()  # of the memtables, when they are replaced
        self._next_segment = taken_up.next_segment
        self._memtables = taken_up.memtables
        self._sealed = Manifest(self._connection)
        self._roots = RootCache()
        self._known_traces = TraceBloom()
        self._known_traces.add(index.trace_ids(self._connection))
        self._sealed_reader = self._connection.cursor()
        self._writer = SpanWriter(lambda: self._memtables, self._sealed_keys, most_bytes=limits.most_recent)
        self._writing = ThreadPoolExecutor(1, thread_name_prefix="span-writer")
        self._sealing = ThreadPoolExecutor(1, thread_name_prefix="span-sealer")
        self._compaction = Compaction(self._connection, folders.segments, self._take_segment_number, self._sealed)
        self._ngrams = NgramFiles(folders.grams, folders.segments)
        self._ngram_builder = NgramBuilder(self._ngrams, self._sealed, self._nothing_waits)
        self._flusher = Flusher(
            self._connection,
            folders.segments,
            self._take_segment_number,
            self._roots,
            grams=self._ngram_builder,
            has_time=lambda: not self._rush.is_on() and self._waiting_bytes <= limits.put_off,
            arrival=clock.arrival,
        )
        self._bulk = LongReads()
        self._readers = ReaderThreads(self._connection, threads)
        self._sealing_waits = False  # in the queue of its thread
        self._rush = Burst()
        self._rush_ends: asyncio.TimerHandle | None = None  # when it is looked again
        self._tidied_at: float | None = None
        self._deletion_job = DeletionJob(
            self._connection, self._compaction, partial(self._run, self._sealing), self.problems
        )
        self._closed = False
        self._broken = False
        self.broken = asyncio.Event()  # DuckDB has given this connection up; only a new one will do

    @classmethod
    async def open(cls, path: Path, *, threads: int, limits: Limits, clock: TrustedClock) -> "SpanStore":
        return await asyncio.to_thread(cls, Folders(path), limits, threads, clock)

    async def write(self, requests: Sequence[SpanRows]) -> Committed:
        """Store all requests in one batch. ``Unavailable`` when the disk fails, ``Overloaded``."""
        await self._room()
        committed = await self._run(self._writing, self._writer.write, requests)
        if committed.stored:
            self.problems.solved(_DISK)
        self._rush.took(committed.bytes)
        if self._memtables[-1].bytes >= self._limits.seal_at:
            await self._run(self._writing, partial(self._rotate, waits=self._is_put_off))
            self.seal_when_due()
        return committed

    async def read(self, query: Callable[[SpanReader], T]) -> T:
        """Run a query in a thread."""

        def answer(cursor: duckdb.DuckDBPyConnection) -> T:
            view = View(MemtableSnapshot(self._memtables), self._sealed.segments, self._roots)
            return query(SpanReader(cursor, view, self._folders.segments, self._damage, self._ngrams))

        def tried(cursor: duckdb.DuckDBPyConnection) -> T:
            for _ in range(_MOST_MISSES):
                with suppress(FileNotFoundError):  # a segment was replaced between two looks
                    return answer(cursor)
                self._sealed.refresh(cursor)
            return answer(cursor)

        def run(cursor: duckdb.DuckDBPyConnection) -> T | NeedsRoom:
            try:
                return tried(cursor)
            except NeedsRoom as need:
                return NeedsRoom(need.bytes)  # without the frames that hold what was too large

        self._demand_open()
        found = await self._guarded(self._readers.run(run))
        if isinstance(found, NeedsRoom):
            raise found
        return found

    async def export(self, request: ExportSpans) -> AsyncGenerator[pa.Table, None]:
        """Read many spans, a part after the other."""
        self._demand_open()
        cursor = self._connection.cursor()
        export = SpanExport(request, cursor, lambda: MemtableSnapshot(self._memtables), self._folders.segments)
        try:
            async with aclosing(self._bulk.items(export.parts())) as parts:
                async for part in parts:
                    yield part
        except OSError as fault:
            raise self._without_disk(fault) from fault
        finally:
            cursor.close()

    async def back_up(self, accounts: Path) -> AsyncGenerator[FilePart, None]:
        """Copy everything at one moment. ``Unavailable`` when the disk has no room for the snapshot."""
        self._demand_open()
        snapshot = await self._run(self._sealing, self._snapshot)
        try:
            await self._run(None, snapshot.take_accounts, accounts)
            async with aclosing(self._bulk.items(snapshot.parts())) as parts:
                async for part in parts:
                    yield part
        finally:
            await asyncio.to_thread(snapshot.remove)

    def _snapshot(self) -> Snapshot:
        snapshot = Snapshot(self._folders)
        try:
            snapshot.take_spans(self._connection, self._memtables)
        except BaseException:
            snapshot.remove()
            raise
        return snapshot

    async def delete(self, column: DeletionColumn, value: str) -> int:
        """Delete the spans that are stored now and have this value, for good; their number.

        Those of a file go in one step, those of different files in several. What a crash or a fault of the disk
        (``Unavailable``) cuts short goes on in ``tidy``, if it was begun at all.
        """
        doomed = DeletionPredicate(column, value, self._memtables[-1].next_seq)
        await self._seal_recent(lambda memtable: doomed.is_in(memtable.indexed_columns()))
        if any(doomed.is_in(memtable.indexed_columns()) for memtable in self._memtables):
            raise Unavailable("The span store cannot seal its recent spans", retry_after=5.0)
        try:
            return await self._deletion_job.erase(doomed)
        finally:
            await self._run(self._sealing, self._after_removal)

    @property
    def tidying_is_due(self) -> bool:
        every = self._limits.retention.every.total_seconds()
        return self._tidied_at is None or steady_seconds() - self._tidied_at >= every

    async def tidy(self) -> None:
        """When it is due: finish deletions, drop what is not kept any longer, and join small files."""
        retention = self._limits.retention
        self._tidied_at = steady_seconds()
        finished = await self._deletion_job.finish()
        now = self._clock.look()
        if now is not None:
            await self._seal_recent(partial(retention.is_due_for_sealing, now=now))
        expired = await self._run(self._sealing, retention.expired, self._connection, now)
        if expired:
            await self._run(self._sealing, self._compaction.drop, expired)
            log.info("segments dropped by retention", segments=len(expired))
        overdue = await self._run(self._sealing, retention.overdue, self._connection, now)
        for segment in overdue:  # one at a time, so that sealing gets its turn
            await self._run(self._sealing, self._compaction.shorten, segment, retention.oldest(now))
        joined = await self._run(self._sealing, self._compaction.compact)
        outdated = await self._run(self._sealing, index.outdated_segments, self._connection)
        for segment in outdated:
            await self._run(self._sealing, self._compaction.remap, segment)
        if finished or expired or overdue or joined or outdated:
            await self._run(self._sealing, self._after_removal)

    def state(self) -> StoreState:
        """How it is, from memory."""
        memtables = self._memtables
        return StoreState(
            problems=self.problems.sentences(),
            is_open=True,
            recent_spans=sum(memtable.rows for memtable in memtables),
            recent_bytes=sum(memtable.bytes for memtable in memtables),
            segments=len(self._sealed.segments),
            segment_bytes=self._sealed.bytes,
            sealed_spans=self._sealed.rows,
            retention_waits=self._clock.waiting if self._limits.retention.age is not None else None,
            background=tuple(self._jobs()),
        )

    def _jobs(self) -> Iterator[Job]:
        """What goes on in the background, or waits for its turn there."""
        full = len(self._memtables) - 1
        if full:
            yield Job(name="seal", done=0, of=full)
        if self._ngram_builder.progress is not None:
            done, of = self._ngram_builder.progress
            yield Job(name="text index", done=done, of=of)
        if self._deletion_job.under_way:
            yield Job(name="deletion", done=0, of=self._deletion_job.under_way)

    async def try_disk(self) -> None:
        """When the disk has failed: find out whether it takes anything again."""
        if _DISK in self.problems and await self._run(self._writing, takes_data, self._folders.journals):
            self.problems.solved(_DISK)

    async def put_arrivals(self) -> None:
        """Let what is in journals have arrived when it did, whatever the clock says."""
        for memtable in self._memtables:
            await self._run(self._writing, memtable.wal.put_arrival, self._clock.arrival)

    def seal_when_due(self) -> None:
        """Seal what is full, in the background; in a rush, which takes both processors, when it is over.

        A burst is taken in nearly twice as fast that way. One that goes on has its files made meanwhile.
        """
        if not self._is_put_off:
            self._seal_in_background()
        elif self._rush_ends is None:
            self._rush_ends = asyncio.get_running_loop().call_later(_RUSH_SECONDS, self._look_at_rush)

    @property
    def _is_put_off(self) -> bool:
        return self._rush.is_on() and self._waiting_bytes <= self._limits.put_off

    @property
    def _waiting_bytes(self) -> int:
        """Of what is full and not sealed."""
        return sum(each.bytes for each in self._memtables[:-1])

    def _look_at_rush(self) -> None:
        self._rush_ends = None
        self.seal_when_due()

    def _seal_in_background(self) -> None:
        """Seal all memtables but the one that is appended to."""
        if len(self._memtables) > 1 and not self._closed and not self._sealing_waits:
            self._sealing_waits = True  # one is enough: it seals what is full by the time it runs
            sealing = asyncio.get_running_loop().run_in_executor(self._sealing, self._seal_full_ones)
            sealing.add_done_callback(self._after_sealing)

    def build_ngrams(self) -> None:
        """Make what is missing of the files by which text is ruled out, in the background, once nothing waits."""
        if not self._closed:
            self._ngram_builder.start()

    async def close(self) -> None:
        """Finish what runs, then close all files. What is not sealed stays in its journal."""
        self._closed = True
        if self._rush_ends is not None:
            self._rush_ends.cancel()
        await asyncio.to_thread(self._close)

    async def _room(self) -> None:
        """Let sealing go first when too much waits for it. When that takes long, the writer says that it is behind."""
        for _ in range(int(_ROOM_SECONDS / _LOOK_SECONDS)):
            if sum(memtable.bytes for memtable in self._memtables) <= self._limits.most_recent:
                return
            await asyncio.sleep(_LOOK_SECONDS)

    def _after_sealing(self, _: "asyncio.Future[None]") -> None:
        if self._broken:
            self.broken.set()
        self.build_ngrams()

    def _nothing_waits(self) -> bool:
        """Whether no spans wait for being sealed, and none come in so fast that others had better wait."""
        return len(self._memtables) == 1 and not self._sealing_waits and not self._rush.is_on()

    async def _seal_recent(self, matters: Callable[[Memtable], bool]) -> None:
        """Seal what is in memory, if something there matters."""
        if any(map(matters, self._memtables)):
            await self._run(self._writing, self._rotate)
            await self._run(self._sealing, self._seal_full_ones)

    def _after_removal(self) -> None:
        """After something was removed: free its space in the index file, and remove what was made of it."""
        self._ngram_builder.remove_gone()
        index.give_space_back(self._connection)

    def _take_segment_number(self) -> int:
        self._next_segment += 1
        return self._next_segment - 1

    def _rotate(self, *, waits: bool = False) -> None:
        """Go on in a new journal; in the old one, when the disk has no room for another.

        The spans leave memory when sealing does not take them at once: when they wait for it, or others do.
        """
        last = self._memtables[-1]
        try:
            path = self._folders.journals / f"{last.number + 1:08d}.journal"
            journal = Wal(path, last.wal.give_memory())
        except OSError as fault:
            self.problems.found(_DISK, _DISK_FAILS, fault)
            return
        with self._lock:
            self._memtables = (*self._memtables, Memtable(last.number + 1, last.next_seq, journal))
        last.wal.close()
        in_memory = sum(each.bytes for each in self._memtables[:-1] if each.is_in_memory)
        if waits or in_memory > self._limits.most_in_memory:
            try:
                last.evict()
            except OSError:
                log.warning("the journal cannot be opened, so its spans stay in memory", exc_info=True)

    def _seal_full_ones(self) -> None:
        """Seal the oldest first; one that fails stays in memory and in its journal, and is tried again."""
        self._sealing_waits = False
        try:
            for memtable in self._flusher.sealed(lambda: self._memtables[:-1]):
                # Known before they leave memory, so that a re-sent span is always found in one of the two places.
                self._known_traces.add(memtable.traces)
                self._forget(memtable)
        except (duckdb.FatalException, duckdb.InternalException) as fault:
            self.problems.found(_SEALING, "The span index is broken and being opened again", fault)
            self._broken = True
        except (duckdb.Error, OSError, pa.ArrowException, MemoryError) as fault:
            self.problems.found(_SEALING, "Spans cannot be sealed; they are kept in journals meanwhile", fault)
        else:
            self.problems.solved(_SEALING)

    def _forget(self, memtable: Memtable) -> None:
        """Drop a sealed memtable from memory, then its journal; one that stays is known for what it is at start."""
        self._sealed.refresh(self._connection)
        with self._lock:
            self._memtables = tuple(each for each in self._memtables if each is not memtable)
        memtable.wal.delete()

    def _sealed_keys(self, trace_ids: set[str]) -> set[str]:
        known = [trace_id for trace_id in trace_ids if trace_id in self._known_traces]
        return index.span_keys_of(self._sealed_reader, known) if known else set()

    async def _run(self, executor: Executor | None, work: Callable[..., T], *arguments: object) -> T:
        """Run in a thread of the store."""
        self._demand_open()
        return await self._guarded(asyncio.get_running_loop().run_in_executor(executor, work, *arguments))

    def _demand_open(self) -> None:
        if self._closed:
            raise Unavailable("The span store is restarting")

    async def _guarded(self, work: Awaitable[T]) -> T:
        try:
            return await work
        except (duckdb.FatalException, duckdb.InternalException) as error:
            log.exception("the span database is broken")
            self.broken.set()
            raise Unavailable("The span store is restarting") from error
        except (duckdb.IOException, duckdb.OutOfMemoryException, duckdb.TransactionException, OSError) as error:
            raise self._without_disk(error) from error

    def _without_disk(self, fault: Exception) -> Unavailable:
        log.error("the span store cannot do its work", exc_info=fault)
        if isinstance(fault, OSError | duckdb.IOException):
            self.problems.found(_DISK, _DISK_FAILS)
        return Unavailable("The span store cannot reach its disk or memory", retry_after=5.0)

    def _close(self) -> None:
        self._readers.close()
        self._bulk.close()
        self._writing.shutdown(wait=True)
        self._sealing.shutdown(wait=True)
        self._flusher.close()
        self._ngram_builder.close()
        for memtable in self._memtables:
            memtable.wal.close()
        self._sealed_reader.close()
        self._connection.close()
