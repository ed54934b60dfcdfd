"""Takes spans in: many requests, one durable batch."""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain

import attrs
import pyarrow as pa

from actors.errors import Overloaded
from actors.span_store.columns.rows import TRACE, SpanRows
from actors.span_store.embedded.hot.memtable import Memtable
from actors.span_store.messages import IngestSummary

_ALONE = 256  # rows that are a batch by themselves


@attrs.frozen(kw_only=True)
class Committed:
    """What one batch stored: an outcome for each request, the traces that have new spans, and how many bytes in all."""

    outcomes: tuple[IngestSummary, ...]
    trace_ids: frozenset[str]
    stored: int
    bytes: int


class SpanWriter:
    """The one writer. Its methods block; they are called from one thread.

    ``memtables`` gives those in memory, the last of which is appended to; ``sealed_keys`` those of given traces that
    are sealed.
    """

    def __init__(
        self,
        memtables: Callable[[], Sequence[Memtable]],
        sealed_keys: Callable[[set[str]], set[str]],
        *,
        most_bytes: int,
    ) -> None:
        self._memtables = memtables
        self._sealed_keys = sealed_keys
        self._most_bytes = most_bytes

    def write(self, requests: Sequence[SpanRows]) -> Committed:
        """Store the spans of all requests in one batch; when this returns they are durable and visible.

        A span whose (trace id, span id) is stored already, or came earlier in the same call, is left out: the first
        version is kept. ``OSError`` when the disk fails, ``Overloaded`` when too much waits for sealing; nothing is
        stored then.
        """
        memtables = self._memtables()
        if sum(memtable.bytes for memtable in memtables) > self._most_bytes:
            raise Overloaded("The span store is behind with flushing", retry_after=2.0)
        known = self._known(requests, memtables)
        fresh = [_without(request, known) for request in requests]
        keys = list(chain.from_iterable(new.keys for new in fresh))
        before = memtables[-1].bytes
        if keys:
            memtables[-1].append(_joined([new.batch for new in fresh]), keys)
        return Committed(
            outcomes=tuple(
                IngestSummary(stored=len(new), duplicates=len(request) - len(new))
                for request, new in zip(requests, fresh, strict=True)
            ),
            trace_ids=frozenset(key[:TRACE] for key in keys),
            stored=len(keys),
            bytes=memtables[-1].bytes - before,
        )

    def _known(self, requests: Sequence[SpanRows], memtables: Sequence[Memtable]) -> set[str]:
        """Keys among the requests' that are stored already."""
        keys = {key for request in requests for key in request.keys}
        traces = {key[:TRACE] for key in keys}
        return self._sealed_keys(traces).union(*(memtable.known(keys, traces) for memtable in memtables))


def _without(request: SpanRows, known: set[str]) -> SpanRows:
    """What is new of it; its keys are known from now on."""
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
    return SpanRows(request.batch.take(pa.array(fresh, pa.int64())), [request.keys[row] for row in fresh])


def _joined(batches: Sequence[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The large ones as they are, and one of all small ones: a batch has its price, and joining costs each row."""
    small = []
    for batch in batches:
        if batch.num_rows >= _ALONE:
            yield batch
        elif batch.num_rows:
            small.append(batch)
    if small:
        yield small[0] if len(small) == 1 else pa.concat_batches(small)  # type: ignore[attr-defined] # as in memtable
