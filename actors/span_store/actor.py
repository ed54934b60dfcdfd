"""SpanStoreActor: the messages of the span store, each handed to the function that answers it."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import structlog

from actors.errors import InternalError, StudioError
from actors.runtime.actor import Actor, handles, handles_together
from actors.runtime.mailbox import Capacity
from actors.span_store import queries
from actors.span_store.messages import (
    GetSpan,
    GetTraceSpans,
    IngestSpans,
    IngestSummary,
    ListServices,
    SearchSpans,
    SpanPage,
    SpansStored,
)
from actors.span_store.spans import StoredSpan
from actors.span_store.store import SpanStore

log = structlog.get_logger(__name__)

_READERS = 4


class SpanStoreActor(Actor):
    """Owns the span database. Writes that wait together share a commit; reads run beside them."""

    # Bytes are those of the encoded requests; in memory spans take about four times as much.
    capacity = Capacity(messages=512, bytes=64 * 1024 * 1024)
    readers = _READERS

    def __init__(self, path: Path) -> None:
        self._path = path
        self._store: SpanStore | None = None

    async def start(self) -> None:
        self._store = await SpanStore.open(self._path, threads=_READERS)

    async def work(self) -> None:
        await self._opened.broken.wait()
        raise RuntimeError("the span database has to be opened again")

    async def stop(self) -> None:
        if self._store is not None:
            await self._store.close()

    @handles_together(IngestSpans, messages=64, weight=8 * 1024 * 1024)
    async def ingest(self, requests: Sequence[IngestSpans]) -> Sequence[IngestSummary | StudioError]:
        try:
            return await self._commit(requests)
        except StudioError:
            raise
        except Exception:
            if len(requests) == 1:
                raise
            # One request's spans cannot be stored. That must not cost the others theirs: each by itself.
            log.exception("a group of requests failed", requests=len(requests))
            return [await self._commit_alone(request) for request in requests]

    async def _commit(self, requests: Sequence[IngestSpans]) -> Sequence[IngestSummary]:
        committed = await self._opened.write([request.spans for request in requests])
        if committed.trace_ids:
            stored = sum(summary.stored for summary in committed.summaries)
            self.bus.publish(SpansStored(count=stored, trace_ids=committed.trace_ids))
        return committed.summaries

    async def _commit_alone(self, request: IngestSpans) -> IngestSummary | StudioError:
        try:
            [summary] = await self._commit([request])
        except StudioError as error:
            return error
        except Exception:
            log.exception("a request failed", spans=len(request.spans))
            return InternalError("Internal Server Error")
        return summary

    @handles(ListServices, concurrent=True)
    async def list_services(self, _: ListServices) -> tuple[str, ...]:
        return await self._opened.read(queries.list_services)

    @handles(SearchSpans, concurrent=True)
    async def search_spans(self, request: SearchSpans) -> SpanPage:
        return await self._opened.read(partial(queries.search_spans, request=request))

    @handles(GetTraceSpans, concurrent=True)
    async def get_trace_spans(self, request: GetTraceSpans) -> tuple[StoredSpan, ...]:
        return await self._opened.read(partial(queries.get_trace_spans, request=request))

    @handles(GetSpan, concurrent=True)
    async def get_span(self, request: GetSpan) -> StoredSpan | None:
        return await self._opened.read(partial(queries.get_span, request=request))

    @property
    def _opened(self) -> SpanStore:
        if self._store is None:
            raise RuntimeError("messages come after start")
        return self._store
