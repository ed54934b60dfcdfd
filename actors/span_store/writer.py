"""Takes spans in: many requests, one durable batch."""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain

import attrs
import pyarrow as pa
import structlog

from actors.errors import InternalError, Overloaded, StudioError
from actors.span_store.messages import IngestSummary
from actors.span_store.recent import Generation, span_keys
from actors.span_store.rows import rows_of
from actors.span_store.spans import SpanColumns

log = structlog.get_logger(__name__)

_TRACE = 32  # characters of a key that are the trace id
_ALONE = 256  # rows that are a batch by themselves


@attrs.frozen(kw_only=True)
class Committed:
    """What one batch stored: an outcome for each request, and the traces that have new spans."""

    outcomes: tuple[IngestSummary | StudioError, ...]
    trace_ids: frozenset[str]
    stored: int


@attrs.frozen
class _Request:
    """The rows of one request, and their keys."""

    rows: pa.Table
    keys: list[str]


class SpanWriter:
    """The one writer. Its methods block; they are called from one thread.

    ``generations`` gives those in memory, the last of which is appended to; ``sealed_keys`` those of given traces that
    are sealed.
    """

    def __init__(
        self,
        generations: Callable[[], Sequence[Generation]],
        sealed_keys: Callable[[set[str]], set[str]],
        *,
        most_bytes: int,
    ) -> None:
        self._generations = generations
        self._sealed_keys = sealed_keys
        self._most_bytes = most_bytes

    def write(self, requests: Sequence[SpanColumns]) -> Committed:
        """Store the spans of all requests in one batch; when this returns they are durable and visible.

        A span whose (trace id, span id) is stored already, or came earlier in the same call, is left out: the first
        version is kept. A request that cannot be stored gets an error of its own. ``OSError`` when the disk fails,
        ``Overloaded`` when too much waits for sealing; nothing is stored then.
        """
        generations = self._generations()
        if sum(generation.bytes for generation in generations) > self._most_bytes:
            raise Overloaded("The span store is behind with sealing", retry_after=2.0)
        prepared = [_prepare(spans) for spans in requests]
        known = self._known([request for request in prepared if isinstance(request, _Request)], generations)
        outcomes: list[IngestSummary | StudioError] = []
        fresh: list[_Request] = []
        for request in prepared:
            if isinstance(request, _Request):
                new = _without(request, known)
                fresh.append(new)
                outcomes.append(IngestSummary(stored=len(new.keys), duplicates=len(request.keys) - len(new.keys)))
            else:
                outcomes.append(request)
        keys = list(chain.from_iterable(request.keys for request in fresh))
        if keys:
            generations[-1].append(_joined([request.rows for request in fresh]), keys)
        return Committed(outcomes=tuple(outcomes), trace_ids=frozenset(key[:_TRACE] for key in keys), stored=len(keys))

    def _known(self, requests: list[_Request], generations: Sequence[Generation]) -> set[str]:
        """Keys among the requests' that are stored already."""
        keys = {key for request in requests for key in request.keys}
        recent = [keys & generation.ids for generation in generations if not generation.ids.isdisjoint(keys)]
        return self._sealed_keys({key[:_TRACE] for key in keys}).union(*recent)


def _prepare(spans: SpanColumns) -> _Request | StudioError:
    try:
        rows = rows_of(spans)
        return _Request(rows, span_keys(rows))
    except (TypeError, ValueError, OverflowError):  # what orjson and Arrow raise for a value that they cannot hold
        log.exception("spans cannot be stored", spans=len(spans))
        return InternalError("Internal Server Error")


def _without(request: _Request, known: set[str]) -> _Request:
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
    return _Request(request.rows.take(pa.array(fresh, pa.int64())), [request.keys[row] for row in fresh])


def _joined(tables: Sequence[pa.Table]) -> Iterator[pa.Table]:
    """The large ones as they are, and one of all small ones: a batch has its price, and joining costs each row."""
    small = []
    for table in tables:
        if table.num_rows >= _ALONE:
            yield table
        elif table.num_rows:
            small.append(table)
    if small:
        yield pa.concat_tables(small)
