"""Full generations become segments, the oldest first."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import duckdb

from actors.span_store.embedded.hot.memtable import Generation
from actors.span_store.embedded.sealed import index
from actors.span_store.embedded.sealed.root_cache import SealedRoots
from actors.span_store.embedded.sealed.segment_file import Encoded, encoded, segment_path
from actors.span_store.embedded.text.ngram_builder import GramMaker


class Sealing:
    """Used by the sealing thread. While that puts a file away, a second thread makes the next one.

    The writers wait for those who seal, and half of the time of a file is waiting for disks.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        folder: Path,
        take_number: Callable[[], int],
        roots: SealedRoots,
        *,
        grams: GramMaker,
        has_time: Callable[[], bool],
        arrival: Callable[[int], int],
    ) -> None:
        """``has_time`` says whether more may be done than what must be done; ``arrival`` see ``TrustedClock``."""
        self._connection = connection
        self._folder = folder
        self._take_number = take_number
        self._roots = roots
        self._grams = grams
        self._has_time = has_time
        self._arrival = arrival
        self._encoder = ThreadPoolExecutor(1, thread_name_prefix="span-encoder")
        self._making: tuple[Generation, Future[Encoded]] | None = None  # what is next
        self._attempt: Path | None = None  # the file of a sealing that failed; it counts, or it goes

    def sealed(self, full: Callable[[], Sequence[Generation]]) -> Iterator[Generation]:
        """Each of those that are full now, when its spans are in the index. Raises what keeps one from being sealed.

        The caller takes each out of ``full`` before it goes on.
        """
        for generation in full():
            if generation.rows:
                new = self._made(generation)
                for following in full()[1:2]:
                    self._making = following, self._make(following)
                self._put_away(generation, new)
            yield generation

    def close(self) -> None:
        """Wait for the other thread."""
        self._encoder.shutdown(wait=True)

    def _made(self, generation: Generation) -> Encoded:
        making, self._making = self._making, None
        if making is not None and making[0] is generation:
            return making[1].result()
        return self._make(generation).result()

    def _make(self, generation: Generation) -> "Future[Encoded]":
        return self._encoder.submit(lambda: encoded(generation.whole(), self._has_time))

    def _put_away(self, generation: Generation, new: Encoded) -> None:
        # A commit that fails when it is done is reported like one that fails before, and what comes after it may fail.
        if index.is_sealed(self._connection, generation.number, generation.first_seq):
            self._attempt = None
            return
        if self._attempt is not None:
            self._attempt.unlink(missing_ok=True)
        number = self._take_number()
        self._attempt = segment_path(self._folder, number)
        arrived_before = self._arrival(generation.journal.written_at)
        index.seal(
            self._connection, number, self._folder, new, arrived_before=arrived_before, journal=generation.number
        )
        self._attempt = None
        self._roots.add(number, new.index_rows)
        if new.grams is not None:
            self._grams.offer(number, new.grams)
