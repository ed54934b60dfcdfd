"""SpanStoreActor: the messages of the span store, each handed to the function that answers it."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from actors.errors import StudioError
from actors.runtime.actor import Actor, handles, handles_together
from actors.runtime.mailbox import Capacity
from actors.span_store.messages import (
    FoundSpans,
    GetSpan,
    GetTraceSpans,
    IngestSpans,
    IngestSummary,
    ListServices,
    SearchSpans,
    SearchText,
    SpanPage,
    SpansStored,
)
from actors.span_store.queries import SpanReader
from actors.span_store.spans import StoredSpan
from actors.span_store.store import Limits, SpanStore

_READERS = 4
_SEAL_AGAIN = 5.0  # seconds until what could not be sealed is tried again


class SpanStoreActor(Actor):
    """Owns the span database. Writes that wait together share a commit; reads run beside them."""

    # Bytes are those of the encoded requests; in memory spans take about four times as much.
    capacity = Capacity(messages=512, bytes=64 * 1024 * 1024)
    readers = _READERS

    def __init__(self, path: Path, *, limits: Limits | None = None) -> None:
        self._path = path
        self._limits = limits or Limits()
        self._store: SpanStore | None = None

    async def start(self) -> None:
        self._store = await SpanStore.open(self._path, threads=_READERS, limits=self._limits)

    async def work(self) -> None:
        """Try again what could not be sealed; end, to be started anew, when the database is broken."""
        while not self._opened.broken.is_set():
            self._opened.seal_in_background()
            with suppress(TimeoutError):
                async with asyncio.timeout(_SEAL_AGAIN):
                    await self._opened.broken.wait()
        raise RuntimeError("the span database has to be opened again")

    async def stop(self) -> None:
        if self._store is not None:
            await self._store.close()

    @handles_together(IngestSpans, messages=64, weight=8 * 1024 * 1024)
    async def ingest(self, requests: Sequence[IngestSpans]) -> Sequence[IngestSummary | StudioError]:
        committed = await self._opened.write([request.spans for request in requests])
        if committed.stored:
            self.bus.publish(SpansStored(count=committed.stored, trace_ids=committed.trace_ids))
        return committed.outcomes

    @handles(ListServices, concurrent=True)
    async def list_services(self, _: ListServices) -> tuple[str, ...]:
        return await self._opened.read(SpanReader.services)

    @handles(SearchSpans, concurrent=True)
    async def search_spans(self, request: SearchSpans) -> SpanPage:
        return await self._opened.read(lambda reader: reader.search(request))

    @handles(SearchText, concurrent=True)
    async def search_text(self, request: SearchText) -> FoundSpans:
        return await self._opened.read(lambda reader: reader.text(request))

    @handles(GetTraceSpans, concurrent=True)
    async def get_trace_spans(self, request: GetTraceSpans) -> tuple[StoredSpan, ...]:
        return await self._opened.read(lambda reader: reader.trace(request))

    @handles(GetSpan, concurrent=True)
    async def get_span(self, request: GetSpan) -> StoredSpan | None:
        return await self._opened.read(lambda reader: reader.span(request))

    @property
    def _opened(self) -> SpanStore:
        if self._store is None:
            raise RuntimeError("messages come after start")
        return self._store
