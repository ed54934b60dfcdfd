"""The seam between the actor and the engine that stores spans: what every engine can do, in values."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

import attrs
import pyarrow as pa

from actors.span_store.asked.arrivals import Arrivals, ListArrivals, ListNews
from actors.span_store.asked.differences import Differences, GetDifferences
from actors.span_store.asked.heat_map import GetHeatMap, HeatMap
from actors.span_store.asked.lists import ListSpans, ListTraces, SummaryPage, TracePage
from actors.span_store.asked.retention import RetentionPreview, RetentionRule
from actors.span_store.asked.sessions import GetSession, ListSessions, SessionOutline, SessionPage
from actors.span_store.asked.sql import QuerySql, SqlAnswer
from actors.span_store.asked.stats import GetStats, Stats
from actors.span_store.asked.stored_traces import FindStoredTraces
from actors.span_store.asked.values import ListValues, Values
from actors.span_store.columns.logs import StoredLog
from actors.span_store.columns.rows import SpanRows
from actors.span_store.columns.spans import StoredSpan
from actors.span_store.messages import (
    ExportSpans,
    FilePart,
    FoundSpans,
    GetSpan,
    GetSpanLogs,
    GetTraceSpans,
    IngestSummary,
    PriceTable,
    SearchSpans,
    SearchText,
    SearchTrace,
    SpanPage,
    StoreState,
)
from actors.span_store.pricing.book import PriceBook
from actors.span_store.pricing.own_price import OwnPrices
from actors.span_store.query.position import Position

ScopeColumn: TypeAlias = Literal["trace_id", "service_name"]


@attrs.frozen(kw_only=True)
class Committed:
    """The outcome of one batch: a summary for each request, the traces that have new spans, and how many are new.

    Log records count in the summaries only.
    """

    outcomes: tuple[IngestSummary, ...]
    trace_ids: frozenset[str]
    stored: int


@attrs.frozen
class Scope:
    """What a deletion is about: all spans with a value in a column."""

    column: ScopeColumn
    value: str


@attrs.frozen(kw_only=True)
class TraceColumns:
    """Some columns of the spans of a trace: those of ``rows.ROWS``, and ``attribute_keys``, a list for each span.

    ``span_ids`` are those of the spans that are wanted, ``None`` for all. ``NeedsRoom`` when they take more bytes than
    ``room``.
    """

    trace_id: str
    columns: tuple[str, ...]
    span_ids: frozenset[str] | None = None
    room: int | None = None


@attrs.frozen(kw_only=True)
class Abilities:
    """What an engine may or may not be able to do."""

    durable: bool  # what is acknowledged is there when the storage is opened again, also after a crash
    answers_sql: bool = False  # ``query_sql`` does; without it, the method raises ``Unavailable``
    backs_up: bool  # ``back_up`` gives a copy; without it, the method raises ``Unavailable``


class SpanStorage(Protocol):
    """An engine, open. Its methods are called from one event loop, as many at once as the actor's lanes let through.

    Requests and replies are those of ``messages``, which say what each means. What is stored are spans and log records
    of spans; log records go where the spans of their trace and service go, and no question about spans sees them, nor
    does any number of spans count them. ``Unavailable`` when the engine cannot
    reach what it stores in; it may be able to later. ``tests/actors/span_store/conformance`` holds engines to this.
    """

    @property
    def abilities(self) -> Abilities: ...

    async def write(self, requests: Sequence[SpanRows]) -> Committed:
        """Store all requests or none; when this returns they are durable and every query finds them.

        A span whose trace id and span id are stored already, or came earlier in the call, counts as duplicate.
        ``Overloaded`` when too much is waiting.
        """

    async def services(self) -> tuple[str, ...]: ...

    async def query(self, request: SearchSpans | SearchTrace) -> SpanPage: ...

    async def search(self, request: SearchText) -> FoundSpans: ...

    async def trace(self, request: GetTraceSpans) -> tuple[StoredSpan, ...]: ...

    async def span(self, request: GetSpan) -> StoredSpan | None: ...

    async def logs(self, request: GetSpanLogs) -> tuple[StoredLog, ...]: ...

    async def list_traces(self, request: ListTraces) -> TracePage: ...

    async def list_spans(self, request: ListSpans) -> SummaryPage: ...

    async def columns(self, request: TraceColumns) -> pa.Table:
        """A row for each span that is wanted, in any order. Without any it has no rows."""

    async def stored_traces(self, request: FindStoredTraces) -> frozenset[str]: ...

    async def sessions(self, request: ListSessions) -> SessionPage:
        """Without previews."""

    async def session(self, request: GetSession) -> SessionOutline | None:
        """``None`` when no trace belongs to it."""

    async def stats(self, request: GetStats) -> Stats: ...

    async def values(self, request: ListValues) -> Values: ...

    def end(self) -> Position:
        """The position behind all that is committed, from memory."""

    async def arrivals(self, request: ListArrivals) -> Arrivals: ...

    async def news(self, request: ListNews) -> Sequence[Arrivals | None]: ...

    async def query_sql(self, request: QuerySql) -> SqlAnswer: ...

    async def differences(self, request: GetDifferences) -> Differences: ...

    async def heat_map(self, request: GetHeatMap) -> HeatMap: ...

    def export(self, request: ExportSpans) -> AsyncGenerator[pa.Table, None]: ...

    async def has(self, scope: Scope) -> bool:
        """Whether there is anything to delete, be it log records alone."""

    async def delete(self, scope: Scope) -> int:
        """Delete the spans that are stored now, for good, with their log records; the number of spans.

        A span that is sent again is stored again.
        """

    def freeing(self) -> AbstractAsyncContextManager[None]:
        """Around a deletion and the record of it: an engine may keep room for what a deletion has to write."""

    async def tidy(self) -> None:
        """Do now what is due: drop what is not kept any longer, finish what was cut short, try again what failed."""

    async def tend(self) -> None:
        """Until cancelled: ``tidy`` whenever that makes sense."""

    def state(self) -> StoreState:
        """The state, from memory."""

    def trusted_time(self) -> datetime | None:
        """The time, if the machine's clock is to be believed."""

    def use_prices(self, own: OwnPrices) -> None:
        """Price what is written from now on with these; price stored spans anew that restatements are about."""

    def use_retention(self, rule: RetentionRule) -> None:
        """Keep from now on what this rule keeps; ``tend`` looks for what it does not as soon as it can."""

    async def preview_retention(self, rule: RetentionRule) -> RetentionPreview:
        """What ``tidy`` would delete now under a rule; of spans that are not in files yet an engine may say nothing."""

    @property
    def price_table(self) -> PriceTable: ...

    @property
    def prices(self) -> PriceBook:
        """The prices that count now, to explain costs with."""

    def back_up(self, accounts: Path) -> AsyncGenerator[FilePart, None]:
        """All files at one moment, with a copy of the SQLite file of the accounts."""

    async def close(self) -> None:
        """Finish what runs and let go of everything. Nothing is called afterwards."""
