"""Takes spans in: many requests, one durable batch."""

from collections.abc import Iterator, Sequence
from itertools import chain

import pyarrow as pa
import structlog

from actors.errors import Overloaded
from actors.span_store.columns.rows import TRACE, SpanRows
from actors.span_store.embedded.hot.flush_policy import FlushPolicy
from actors.span_store.embedded.hot.memtables import Memtables
from actors.span_store.embedded.maintenance.trusted_clock import TrustedClock
from actors.span_store.embedded.problems import DISK, Problems
from actors.span_store.embedded.sealed.segments import Segments
from actors.span_store.messages import IngestSummary
from actors.span_store.pricing.costs import priced
from actors.span_store.pricing.current import CurrentPrices
from actors.span_store.storage import Committed

log = structlog.get_logger(__name__)

_ALONE = 256  # rows that are a batch by themselves


class SpanWriter:
    """The one writer of the WAL. Its methods block; they are called from the writer's thread."""

    def __init__(
        self,
        memtables: Memtables,
        segments: Segments,
        policy: FlushPolicy,
        problems: Problems,
        prices: CurrentPrices,
    ) -> None:
        self._memtables = memtables
        self._segments = segments
        self._policy = policy
        self._problems = problems
        self._prices = prices

    def write(self, requests: Sequence[SpanRows]) -> Committed:
        """Store the spans of all requests in one batch; when this returns they are durable and visible.

        A span whose (trace id, span id) is stored already, or came earlier in the same call, is left out: the first
        version is kept. ``OSError`` when the disk fails, ``Overloaded`` when too much waits for the flusher; nothing
        is stored then.
        """
        if self._policy.is_behind():
            raise Overloaded("The span store is behind with flushing", retry_after=2.0)
        known = self._known(requests)
        fresh = [_without(request, known) for request in requests]
        keys = list(chain.from_iterable(new.keys for new in fresh))
        if keys:
            self._append([new.batch for new in fresh], keys)
        return Committed(
            outcomes=tuple(
                IngestSummary(stored=len(new), duplicates=len(request) - len(new))
                for request, new in zip(requests, fresh, strict=True)
            ),
            trace_ids=frozenset(key[:TRACE] for new in fresh if not new.are_logs for key in new.keys),
            stored=sum(len(new) for new in fresh if not new.are_logs),
        )

    def rotate(self) -> None:
        """Go on in a new memtable; in the old one, when the disk has no room for another WAL file.

        The full one is evicted when it is not flushed at once: when its flush is deferred, or others wait for theirs.
        """
        deferred = self._policy.defers()
        try:
            full = self._memtables.rotate(self._prices.book.own.revision)
        except OSError as fault:
            self._problems.disk_fails(fault)
            return
        if deferred or self._policy.must_evict():
            try:
                full.evict()
            except FileNotFoundError:
                log.debug("a memtable was flushed before it was evicted")
            except OSError:
                log.warning("the WAL file cannot be opened, so its spans stay in memory", exc_info=True)

    def try_disk(self) -> None:
        """Find out whether a disk that has failed takes anything again."""
        if self._memtables.folders.disk.takes_data(self._memtables.folders.journals):
            self._problems.solved(DISK)

    def put_arrivals(self, clock: TrustedClock) -> None:
        """Let what is in the WAL have arrived when it did, whatever the machine's clock says."""
        for memtable in self._memtables.all:
            memtable.wal.put_arrival(clock.arrival)

    def _append(self, batches: Sequence[pa.RecordBatch], keys: Sequence[str]) -> None:
        active = self._memtables.active
        before = active.bytes
        # Here and not where rows are made: so no span has the price of before that comes after a change.
        book = self._prices.book
        active.append((priced(batch, book) for batch in _joined(batches)), keys)
        self._problems.solved(DISK)
        self._policy.took(active.bytes - before)

    def _known(self, requests: Sequence[SpanRows]) -> set[str]:
        """Keys among the requests' that are stored already."""
        # Before the segments: what is flushed meanwhile is in one of the two.
        memtables = self._memtables.all
        keys = {key for request in requests for key in request.keys}
        traces = {key[:TRACE] for key in keys}
        return self._segments.keys_of(traces).union(*(memtable.known(keys, traces) for memtable in memtables))


def _without(request: SpanRows, known: set[str]) -> SpanRows:
    """The new spans of a request; their keys are known from now on."""
    before = len(known)
    if known.isdisjoint(request.keys):
        known.update(request.keys)
        if len(known) - before == len(request.keys):
            return request
        known.difference_update(request.keys)
    fresh = []
    for row, key in enumerate(request.keys):
        if key not in known:
            known.add(key)
            fresh.append(row)
    batch = request.batch.take(pa.array(fresh, pa.int64()))
    return SpanRows(batch, [request.keys[row] for row in fresh], are_logs=request.are_logs)


def _joined(batches: Sequence[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The large ones as they are, and one of all small ones: a batch has its price, and joining costs each row."""
    small = []
    for batch in batches:
        if batch.num_rows >= _ALONE:
            yield batch
        elif batch.num_rows:
            small.append(batch)
    if small:
        yield small[0] if len(small) == 1 else pa.concat_batches(small)  # type: ignore[attr-defined] # newer than stubs
