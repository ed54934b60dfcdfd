"""Full memtables become segments, the oldest first."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import duckdb

from actors.span_store.embedded.durable import DISK, Disk
from actors.span_store.embedded.hot.memtable import Memtable
from actors.span_store.embedded.sealed import index
from actors.span_store.embedded.sealed.root_cache import RootCache
from actors.span_store.embedded.sealed.segment_file import Encoded, encoded, segment_path
from actors.span_store.embedded.text.ngram_builder import NgramBuilder


class Flusher:
    """Used by the sealing thread. While that puts a file away, a second thread makes the next one.

    The writers wait for those who seal, and half of the time of a file is waiting for disks.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        folder: Path,
        take_number: Callable[[], int],
        roots: RootCache,
        *,
        grams: NgramBuilder,
        has_time: Callable[[], bool],
        arrival: Callable[[int], int],
        disk: Disk = DISK,
    ) -> None:
        """``has_time`` says whether more may be done than what must be done; ``arrival`` see ``TrustedClock``."""
        self._connection = connection
        self._folder = folder
        self._take_number = take_number
        self._roots = roots
        self._ngrams = grams
        self._has_time = has_time
        self._arrival = arrival
        self._disk = disk
        self._encoder = ThreadPoolExecutor(1, thread_name_prefix="span-encoder")
        self._making: tuple[Memtable, Future[Encoded]] | None = None  # what is next
        self._attempt: Path | None = None  # the file of a sealing that failed; it counts, or it goes

    def sealed(self, full: Callable[[], Sequence[Memtable]]) -> Iterator[Memtable]:
        """Each of those that are full now, when its spans are in the index. Raises what keeps one from being sealed.

        The caller takes each out of ``full`` before it goes on.
        """
        for memtable in full():
            if memtable.rows:
                new = self._made(memtable)
                for following in full()[1:2]:
                    self._making = following, self._make(following)
                self._put_away(memtable, new)
            yield memtable

    def close(self) -> None:
        """Wait for the other thread."""
        self._encoder.shutdown(wait=True)

    def _made(self, memtable: Memtable) -> Encoded:
        making, self._making = self._making, None
        if making is not None and making[0] is memtable:
            return making[1].result()
        return self._make(memtable).result()

    def _make(self, memtable: Memtable) -> "Future[Encoded]":
        return self._encoder.submit(lambda: encoded(memtable.whole(), self._has_time))

    def _put_away(self, memtable: Memtable, new: Encoded) -> None:
        # A commit that fails when it is done is reported like one that fails before, and what comes after it may fail.
        if not index.is_sealed(self._connection, memtable.number, memtable.first_seq):
            self._seal(memtable, new)
        # DuckDB syncs what it writes, and not the name of a new file.
        self._disk.sync_folder(self._folder.parent)
        self._attempt = None

    def _seal(self, memtable: Memtable, new: Encoded) -> None:
        if self._attempt is not None:
            self._disk.unlink(self._attempt, missing_ok=True)
        number = self._take_number()
        self._attempt = segment_path(self._folder, number)
        arrived_before = self._arrival(memtable.wal.written_at)
        seal = partial(index.seal, self._connection, number, self._folder, new, disk=self._disk)
        seal(arrived_before=arrived_before, journal=memtable.number)
        self._roots.add(number, new.index_rows)
        if new.grams is not None:
            self._ngrams.offer(number, new.grams)
