"""Requests are answered: each in a reader's thread, from a view of one moment."""

import threading
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, suppress
from functools import partial
from typing import TypeVar

import duckdb
import pyarrow as pa

from actors.errors import NeedsRoom
from actors.span_store.asked.arrivals import Arrivals, ListArrivals, ListNews
from actors.span_store.asked.differences import Differences, GetDifferences
from actors.span_store.asked.heat_map import GetHeatMap, HeatMap
from actors.span_store.asked.lists import ListSpans, ListTraces, SummaryPage, TracePage, looks_at_many
from actors.span_store.asked.sessions import GetSession, ListSessions, SessionOutline, SessionPage
from actors.span_store.asked.sql import QuerySql, SqlAnswer
from actors.span_store.asked.stats import GetStats, Stats
from actors.span_store.asked.stored_traces import FindStoredTraces
from actors.span_store.asked.values import ListValues, Values
from actors.span_store.columns.logs import StoredLog
from actors.span_store.columns.spans import StoredSpan
from actors.span_store.columns.types import AnyColumn
from actors.span_store.embedded.damage import Damage
from actors.span_store.embedded.hot.memtables import Memtables
from actors.span_store.embedded.reads.export import SpanExport
from actors.span_store.embedded.reads.many_spans import ManySpansReader
from actors.span_store.embedded.reads.news import Filters, PreviewAllowance, news, recent_page
from actors.span_store.embedded.reads.queries import View
from actors.span_store.embedded.reads.recent_calls import RecentCalls
from actors.span_store.embedded.reads.span_table import SpanTable
from actors.span_store.embedded.reads.sql.answer import answer_sql, new_watch
from actors.span_store.embedded.sealed.segments import Segments
from actors.span_store.embedded.text.ngram_files import NgramFiles
from actors.span_store.embedded.threads import Threads
from actors.span_store.messages import (
    ExportSpans,
    FoundSpans,
    GetSpan,
    GetSpanLogs,
    GetTraceSpans,
    SearchSpans,
    SearchText,
    SearchTrace,
    SpanPage,
)
from actors.span_store.query.position import Position
from actors.span_store.storage import Scope, TraceColumns

T = TypeVar("T")

_MOST_MISSES = 4  # reads that a deletion made miss a segment, until a miss is taken for what it is


class SpanReads:
    """All reads. A method returns what ``ManySpansReader``'s method of that name finds."""

    def __init__(
        self, memtables: Memtables, segments: Segments, ngrams: NgramFiles, damage: Damage, threads: Threads
    ) -> None:
        self._memtables = memtables
        self._segments = segments
        self._ngrams = ngrams
        self._damage = damage
        self._threads = threads
        self._calls = RecentCalls()
        self._filters = Filters()
        self._previews = PreviewAllowance()

    async def services(self) -> tuple[str, ...]:
        return await self._ask(lambda reader: reader.services())

    async def query(self, request: SearchSpans | SearchTrace) -> SpanPage:
        if isinstance(request, SearchTrace):
            return await self._ask(lambda reader: reader.search_trace(request))
        return await self._ask(lambda reader: reader.search(request))

    async def search(self, request: SearchText) -> FoundSpans:
        return await self._ask(lambda reader: reader.text(request))

    async def trace(self, request: GetTraceSpans) -> tuple[StoredSpan, ...]:
        return await self._ask(lambda reader: reader.trace(request))

    async def span(self, request: GetSpan) -> StoredSpan | None:
        return await self._ask(lambda reader: reader.span(request))

    async def logs(self, request: GetSpanLogs) -> tuple[StoredLog, ...]:
        return await self._ask(lambda reader: reader.logs(request))

    async def list_traces(self, request: ListTraces) -> TracePage:
        if looks_at_many(request.sort, request.where):
            return await self._sum(lambda reader: reader.list_traces(request), _no_matter)
        return await self._ask(lambda reader: reader.list_traces(request))

    async def list_spans(self, request: ListSpans) -> SummaryPage:
        if looks_at_many(request.sort, request.where):
            return await self._sum(lambda reader: reader.list_spans(request), _no_matter)
        return await self._ask(lambda reader: reader.list_spans(request))

    async def columns(self, request: TraceColumns) -> pa.Table:
        return await self._ask(lambda reader: reader.columns(request))

    async def stored_traces(self, request: FindStoredTraces) -> frozenset[str]:
        return await self._ask(lambda reader: reader.stored_traces(request))

    async def sessions(self, request: ListSessions) -> SessionPage:
        left = threading.Event()
        return await self._sum(lambda reader: reader.sessions(request, left.is_set), left.set)

    async def session(self, request: GetSession) -> SessionOutline | None:
        return await self._sum(lambda reader: reader.session(request), threading.Event().set)

    async def stats(self, request: GetStats) -> Stats:
        left = threading.Event()
        return await self._sum(lambda reader: reader.stats(request, left.is_set), left.set)

    async def values(self, request: ListValues) -> Values:
        left = threading.Event()
        return request.within_room(await self._sum(lambda reader: reader.values(request, left.is_set), left.set))

    def end(self) -> Position:
        return Position(self._memtables.active.next_seq)

    async def arrivals(self, request: ListArrivals) -> Arrivals:
        """From memory, as long as it has what is asked for."""
        found: Arrivals | None = await self._threads.aside(recent_page, self._memtables.all, request)
        return found if found is not None else await self._ask(lambda reader: reader.arrivals(request))

    async def news(self, request: ListNews) -> Sequence[Arrivals | None]:
        memtables = self._memtables.all
        return await self._threads.in_news(news, memtables, request.watched, self._filters, self._previews)

    async def query_sql(self, request: QuerySql) -> SqlAnswer:
        watch = new_watch()

        def answered(reader: ManySpansReader) -> SqlAnswer:
            return answer_sql(reader.stored, request, watch)

        asked = self._threads.in_statements(lambda cursor: self._answer(cursor, answered), watch.leave)
        return _found(await asked)

    async def differences(self, request: GetDifferences) -> Differences:
        left = threading.Event()
        found = await self._sum(lambda reader: reader.differences(request, left.is_set), left.set)
        return request.within_room(found)

    async def heat_map(self, request: GetHeatMap) -> HeatMap:
        left = threading.Event()
        return await self._sum(lambda reader: reader.heat_map(request, left.is_set), left.set)

    async def has(self, scope: Scope) -> bool:
        return await self._ask(lambda reader: reader.has(scope.column, scope.value))

    async def export(self, request: ExportSpans) -> AsyncGenerator[pa.Table, None]:
        """Read many spans, a part after the other."""
        with self._threads.translated():
            cursor = self._segments.connection.cursor()
        counted_of = partial(self._counted, cursor)
        export = SpanExport(request, cursor, self._memtables.snapshot, self._segments.folder, counted_of)
        try:
            async with aclosing(self._threads.in_long_reads(export.parts())) as parts:
                async for part in parts:
                    yield part
        finally:
            cursor.close()

    async def _ask(self, query: Callable[[ManySpansReader], T]) -> T:
        return _found(await self._threads.in_reader(lambda cursor: self._answer(cursor, query)))

    async def _sum(self, query: Callable[[ManySpansReader], T], leave: Callable[[], None]) -> T:
        """As ``_ask``, for what goes through many spans. ``leave`` is called when nobody waits for it any more."""
        return _found(await self._threads.in_sums(lambda cursor: self._answer(cursor, query), leave))

    def _answer(self, cursor: duckdb.DuckDBPyConnection, query: Callable[[ManySpansReader], T]) -> T | NeedsRoom:
        try:
            return self._try_again(cursor, query)
        except NeedsRoom as need:
            return NeedsRoom(need.bytes)  # without the frames that hold what was too large

    def _try_again(self, cursor: duckdb.DuckDBPyConnection, query: Callable[[ManySpansReader], T]) -> T:
        """Ask again where a segment was replaced between two looks."""
        for _ in range(_MOST_MISSES):
            with suppress(FileNotFoundError):
                return query(self._reader(cursor))
            self._segments.manifest.refresh(cursor)
        return query(self._reader(cursor))

    def _reader(self, cursor: duckdb.DuckDBPyConnection) -> ManySpansReader:
        return ManySpansReader(cursor, self._view(), self._segments.folder, self._damage, self._ngrams)

    def _view(self) -> View:
        recent = self._memtables.snapshot()  # before the manifest: a span that is flushed meanwhile is in one of them
        return View(recent, self._segments.manifest.segments, self._segments.root_cache, self._calls)

    def _counted(self, cursor: duckdb.DuckDBPyConnection, rows: pa.Table) -> AnyColumn:
        """As it is now: an export takes long, and keeps no view meanwhile."""
        return SpanTable(cursor, self._view()).counted(rows)


def _no_matter() -> None:
    """What has a budget of its own need not be told that nobody waits."""


def _found(answer: T | NeedsRoom) -> T:
    if isinstance(answer, NeedsRoom):
        raise answer
    return answer
