"""Full memtables become segments, the oldest first."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import attrs
import duckdb
import pyarrow as pa

from actors.span_store.embedded.hot.flush_policy import FlushPolicy
from actors.span_store.embedded.hot.memtable import Memtable
from actors.span_store.embedded.hot.memtables import Memtables
from actors.span_store.embedded.hot.writer import SpanWriter
from actors.span_store.embedded.maintenance.trusted_clock import TrustedClock
from actors.span_store.embedded.problems import FLUSH, Problems
from actors.span_store.embedded.sealed import index
from actors.span_store.embedded.sealed.segment_file import Encoded, encoded
from actors.span_store.embedded.sealed.segments import Segments
from actors.span_store.embedded.text.ngram_builder import NgramBuilder
from actors.span_store.embedded.threads import Threads
from actors.span_store.pricing.costs import in_batches, priced
from actors.span_store.pricing.current import CurrentPrices


class Flusher:
    """Flushes in a thread of its own. While that puts a segment into the index, a second thread encodes the next one.

    Writers wait for the flusher when there is no room, and half of the time of a segment is waiting for disks. One
    memtable is one turn: whatever else changes the index has its own between two, however many are full.
    """

    def __init__(
        self,
        memtables: Memtables,
        policy: FlushPolicy,
        writer: SpanWriter,
        segments: Segments,
        *,
        ngrams: NgramBuilder,
        clock: TrustedClock,
        prices: CurrentPrices,
        threads: Threads,
        problems: Problems,
    ) -> None:
        self._memtables = memtables
        self._policy = policy
        self._writer = writer
        self._segments = segments
        self._ngrams = ngrams
        self._clock = clock
        self._prices = prices
        self._threads = threads
        self._problems = problems
        self._encoder = ThreadPoolExecutor(1, thread_name_prefix="span-encoder")
        self._encoding: tuple[Memtable, Future[Encoded]] | None = None  # the next one
        self._attempt: Path | None = None  # the file of a flush that failed; it counts, or it goes
        self._is_queued = False  # a turn is waited for, or taken
        self._due = -1  # the number of the last memtable whose flush was begun, with those before it
        self._is_broken = False  # DuckDB has given the connection up
        self._burst_ends: asyncio.TimerHandle | None = None

    def flush_when_due(self) -> None:
        """Flush what is full in the background; what a burst defers, when that is over. From the event loop."""
        if not self._policy.defers():
            self._start()
        elif self._burst_ends is None and not self._threads.is_closed:
            loop = asyncio.get_running_loop()
            self._burst_ends = loop.call_later(self._policy.seconds_deferred(), self._after_burst)

    async def flush_if(self, concerns: Callable[[Memtable], bool]) -> None:
        """Flush everything, when any memtable is concerned. What cannot be flushed stays, and is a problem then."""
        if any(map(concerns, self._memtables.all)):
            await self._threads.in_writer(self._writer.rotate)
            last = self._memtables.active.number - 1  # what comes in meanwhile is not waited for
            while self._has_full(last) and await self._threads.in_flusher(self._flush_next):
                pass
            self._report()

    def stop(self) -> None:
        """Begin nothing more. From the event loop."""
        if self._burst_ends is not None:
            self._burst_ends.cancel()

    def close(self) -> None:
        """Wait for the encoder. Blocks."""
        self._encoder.shutdown(wait=True)

    def _start(self) -> None:
        if (full := self._memtables.full) and not self._threads.is_closed:
            self._due = full[-1].number
            self._take_turn()

    def _take_turn(self) -> None:
        if not self._is_queued:
            self._is_queued = True
            self._threads.start_in_flusher(self._flush_next, self._after_flush)

    def _has_full(self, last: int) -> bool:
        """Whether a memtable up to this number waits for its flush."""
        return any(memtable.number <= last for memtable in self._memtables.full[:1])

    def _after_burst(self) -> None:
        self._burst_ends = None
        self.flush_when_due()

    def _after_flush(self, has_flushed: bool) -> None:
        self._is_queued = False
        self._report()
        if not self._threads.is_closed:
            self._ngrams.start()
            if has_flushed and self._has_full(self._due):
                self._take_turn()

    def _report(self) -> None:
        if self._is_broken:
            self._threads.broken.set()

    def _flush_next(self) -> bool:
        """Flush the oldest, in the flusher's thread. False when it fails: it stays as it is, and is tried again."""
        try:
            for memtable in self._memtables.full[:1]:
                self._flush(memtable)
        except (duckdb.FatalException, duckdb.InternalException) as fault:
            self._problems.found(FLUSH, "The span index is broken and being opened again", fault)
            self._is_broken = True
        except (duckdb.Error, OSError, pa.ArrowException, MemoryError) as fault:
            self._problems.found(FLUSH, "Spans cannot be flushed; they are kept in the WAL meanwhile", fault)
        else:
            self._problems.solved(FLUSH)
            return True
        return False

    def _flush(self, memtable: Memtable) -> None:
        if memtable.rows:
            segment = self._encoded(memtable)
            for following in self._memtables.full[1:2]:
                self._encoding = following, self._encode(following)
            self._add(memtable, segment)
        # Known before they leave memory, so that a re-sent span is always found in one of the two places.
        self._segments.know_traces(memtable.traces)
        self._segments.manifest.refresh(self._segments.connection)
        self._memtables.forget(memtable)

    def _encoded(self, memtable: Memtable) -> Encoded:
        encoding, self._encoding = self._encoding, None
        if encoding is not None and encoding[0] is memtable:
            return encoding[1].result()
        return self._encode(memtable).result()

    def _encode(self, memtable: Memtable) -> "Future[Encoded]":
        return self._encoder.submit(self._made, memtable)

    def _made(self, memtable: Memtable) -> Encoded:
        """The segment. Spans that an earlier run has left are priced: it may have been of a version without prices."""
        rows = memtable.whole()
        if memtable.restated is None:
            rows = in_batches(rows, partial(priced, book=self._prices.book))
        return attrs.evolve(encoded(rows, self._policy.has_time), restated=memtable.restated or 0)

    def _add(self, memtable: Memtable, segment: Encoded) -> None:
        # A commit that fails when it is done is reported like one that fails before, and what comes after it may fail.
        if not index.is_sealed(self._segments.connection, memtable.number, memtable.first_seq):
            self._seal(memtable, segment)
        # DuckDB syncs what it writes, and not the name of a new file.
        self._segments.disk.sync_folder(self._segments.folder.parent)
        self._attempt = None

    def _seal(self, memtable: Memtable, segment: Encoded) -> None:
        segments = self._segments
        if self._attempt is not None:
            segments.disk.unlink(self._attempt, missing_ok=True)
        number = segments.take_number()
        self._attempt = segments.path(number)
        arrived_before = self._clock.arrival(memtable.wal.written_at)
        seal = partial(index.seal, segments.connection, number, segments.folder, segment, disk=segments.disk)
        seal(arrived_before=arrived_before, journal=memtable.number)
        segments.root_cache.add(number, segment.index_rows)
        if segment.grams is not None:
            self._ngrams.offer(number, segment.grams)
