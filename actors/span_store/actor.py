"""SpanStoreActor: the messages of the span store, each handed to the function that answers it."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from pathlib import Path
from typing import ClassVar

import pyarrow as pa

from actors.audit import Action, Resource
from actors.clock import Clock, Steady, steady_seconds, utc_now
from actors.runtime.actor import Actor, SideLane, handles, handles_batched, handles_inline, streams
from actors.runtime.mailbox import Capacity
from actors.span_store.audit_log import AuditLog
from actors.span_store.audited_deletion import AuditedDeletion
from actors.span_store.columns.spans import StoredSpan
from actors.span_store.embedded.durable import DISK, Disk
from actors.span_store.embedded.lifetime import StoreLifetime
from actors.span_store.embedded.maintenance.retention import Retention
from actors.span_store.embedded.reads.queries import SpanReader
from actors.span_store.embedded.store import Limits, SpanStore
from actors.span_store.messages import (
    BackUp,
    Deleted,
    DeleteService,
    DeleteTrace,
    ExportSpans,
    FilePart,
    FoundSpans,
    GetSpan,
    GetStoreState,
    GetTraceSpans,
    GetTrustedTime,
    IngestSpans,
    IngestSummary,
    ListServices,
    SearchSpans,
    SearchText,
    SearchTrace,
    SpanPage,
    SpansStored,
    StoreState,
)

__all__ = ["Limits", "Retention", "SpanStoreActor"]

_READERS, _SEARCHERS = 4, 2
_DELETIONS, _SEARCHES = "deletions", "searches"
_INTERVAL = 5.0


class SpanStoreActor(Actor):
    """Owns the span database. Writes that wait together share a commit; reads run beside them."""

    # Bytes are those of the encoded requests; in memory they take 1.8 times as much with 1.2 MB each, 2.8 with 150 KB.
    capacity = Capacity(messages=512, bytes=64 * 1024 * 1024)
    readers = _READERS
    # What takes seconds or minutes must not keep pages waiting.
    lanes: ClassVar[Mapping[str, SideLane]] = {
        _DELETIONS: SideLane(at_once=1, capacity=Capacity(messages=8, retry_after=5.0)),
        _SEARCHES: SideLane(at_once=_SEARCHERS, capacity=Capacity(messages=64, retry_after=1.0)),
    }
    # Each item of a stream has megabytes.
    most_streams = 8
    stream_buffer = 1

    def __init__(
        self,
        path: Path,
        *,
        accounts: Path,
        limits: Limits | None = None,
        interval: float = _INTERVAL,
        clock: Clock = utc_now,
        steady: Steady = steady_seconds,
        disk: Disk = DISK,
    ) -> None:
        """``interval`` is the number of seconds after which what the disk has refused is tried again.

        ``accounts`` is the SQLite file with the audit trail, which is shared with other actors.
        """
        self._accounts = accounts
        self._audit_log = AuditLog(accounts, clock)
        self._deletions = AuditedDeletion(self._audit_log)
        self._life = StoreLifetime(
            path,
            threads=_READERS + _SEARCHERS + 1,
            limits=limits or Limits(),
            interval=interval,
            wall=clock,
            steady=steady,
            disk=disk,
        )

    async def start(self) -> None:
        await self._audit_log.open()
        await self._life.open()

    async def work(self) -> None:
        await self._life.tend()

    async def stop(self) -> None:
        await self._life.close()
        await self._audit_log.close()

    @handles_inline(GetStoreState)
    def state(self, _: GetStoreState) -> StoreState:
        return self._life.state()

    @handles_inline(GetTrustedTime)
    def trusted_time(self, _: GetTrustedTime) -> datetime | None:
        return self._life.trusted_time()

    @handles_batched(IngestSpans, messages=64, weight=8 * 1024 * 1024)
    async def ingest(self, requests: Sequence[IngestSpans]) -> Sequence[IngestSummary]:
        committed = await self._life.store_to_write.write([request.spans for request in requests])
        if committed.stored:
            self.bus.publish(SpansStored(count=committed.stored, trace_ids=committed.trace_ids))
        return committed.outcomes

    @streams(ExportSpans)
    async def export(self, request: ExportSpans) -> AsyncGenerator[pa.Table, None]:
        async with aclosing(self._opened.export(request)) as parts:
            async for part in parts:
                yield part

    @streams(BackUp)
    async def back_up(self, request: BackUp) -> AsyncGenerator[FilePart, None]:
        await self._audit_log.record(Action.READ, Resource.BACKUP, None, request.by)
        async with aclosing(self._opened.back_up(self._accounts)) as parts:
            async for part in parts:
                yield part

    @handles(DeleteTrace, lane=_DELETIONS)
    async def delete_trace(self, request: DeleteTrace) -> Deleted:
        async with self._life.freeing():
            return await self._deletions.trace(self._opened, request)

    @handles(DeleteService, lane=_DELETIONS)
    async def delete_service(self, request: DeleteService) -> Deleted:
        async with self._life.freeing():
            return await self._deletions.service(self._opened, request)

    @handles(ListServices, concurrent=True)
    async def list_services(self, _: ListServices) -> tuple[str, ...]:
        return await self._opened.read(SpanReader.services)

    @handles(SearchSpans, concurrent=True)
    async def search_spans(self, request: SearchSpans) -> SpanPage:
        return await self._opened.read(lambda reader: reader.search(request))

    @handles(SearchText, lane=_SEARCHES)
    async def search_text(self, request: SearchText) -> FoundSpans:
        return await self._opened.read(lambda reader: reader.text(request))

    @handles(GetTraceSpans, concurrent=True)
    async def get_trace_spans(self, request: GetTraceSpans) -> tuple[StoredSpan, ...]:
        return await self._opened.read(lambda reader: reader.trace(request))

    @handles(SearchTrace, concurrent=True)
    async def search_trace(self, request: SearchTrace) -> SpanPage:
        return await self._opened.read(lambda reader: reader.search_trace(request))

    @handles(GetSpan, concurrent=True)
    async def get_span(self, request: GetSpan) -> StoredSpan | None:
        return await self._opened.read(lambda reader: reader.span(request))

    @property
    def _opened(self) -> SpanStore:
        return self._life.store
