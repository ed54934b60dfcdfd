"""SpanStoreActor: the messages of the span store, each handed to the function that answers it."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Self

import pyarrow as pa

from actors.audit import Action, Resource
from actors.clock import Clock, utc_now
from actors.runtime.actor import Actor, ActorBus, handles, handles_batched, handles_inline, streams
from actors.runtime.closing import on_exit
from actors.runtime.lane import Lane
from actors.runtime.mailbox import Capacity
from actors.span_store.asked.arrivals import Arrivals, GetEnd, ListArrivals, ListNews
from actors.span_store.asked.differences import Differences, GetDifferences
from actors.span_store.asked.evidence import (
    AgentRunPage,
    FindExecution,
    FoundExecutions,
    GetTraceEvidence,
    ListAgentRuns,
    TraceEvidence,
)
from actors.span_store.asked.heat_map import GetHeatMap, HeatMap
from actors.span_store.asked.lists import ListSpans, ListTraces, RankSpans, RankTraces, SummaryPage, TracePage
from actors.span_store.asked.retention import PreviewRetention, RetentionPreview, UseRetention
from actors.span_store.asked.sessions import GetSession, ListSessions, SessionPage, SessionTurns
from actors.span_store.asked.sql import QuerySql, SqlAnswer
from actors.span_store.asked.stats import GetStats, Stats
from actors.span_store.asked.stored_traces import FindStoredTraces
from actors.span_store.asked.values import ListValues, Values
from actors.span_store.asked.workflows import (
    BlameStep,
    CompareRuns,
    GetRun,
    GetRunState,
    GetStateDifference,
    ListRunSteps,
    RunComparison,
)
from actors.span_store.audit_log import AuditLog
from actors.span_store.audited_deletion import AuditedDeletion
from actors.span_store.columns.logs import StoredLog
from actors.span_store.columns.spans import StoredSpan
from actors.span_store.masking.masking import Masking
from actors.span_store.masking.stored import masked_rows
from actors.span_store.messages import (
    BackUp,
    Deleted,
    DeleteService,
    DeleteTrace,
    ExportSpans,
    FilePart,
    FoundSpans,
    GetAttributeValue,
    GetOutline,
    GetPriceTable,
    GetSpan,
    GetSpanDetail,
    GetSpanLogs,
    GetStoreState,
    GetTrace,
    GetTraceSpans,
    GetTrustedTime,
    IngestSpans,
    IngestSummary,
    ListServices,
    PriceTable,
    SearchSpans,
    SearchText,
    SearchTrace,
    SpanPage,
    SpansStored,
    StoreState,
    UsePrices,
)
from actors.span_store.query.position import Position
from actors.span_store.storage import SpanStorage
from actors.span_store.traces.detail import AttributeValue, SpanDetail
from actors.span_store.traces.evidence_views import EvidenceViews
from actors.span_store.traces.outline import Outline
from actors.span_store.traces.run_views import RunViews
from actors.span_store.traces.session_views import SessionViews
from actors.span_store.traces.summary import TraceSpans
from actors.span_store.traces.views import TraceViews
from actors.workflows.form import Blame, Run, RunState, RunStep, StateDifference

_READERS, _SEARCHERS, _SUMMERS, _STATEMENTS, _FOLDERS = 4, 2, 2, 2, 2
_FOLLOWERS = 2  # that read what came long before


class SpanStoreActor(Actor):
    """Owns the span database. Writes that wait together share a commit; reads run beside them."""

    # Bytes are those of the encoded requests; in memory they take 1.8 times as much with 1.2 MB each, 2.8 with 150 KB.
    capacity = Capacity(messages=512, bytes=64 * 1024 * 1024)
    # Searches and deletions take seconds or minutes, and must not keep pages waiting.
    lanes: ClassVar[Mapping[str, Lane]] = {
        "reads": Lane(at_once=_READERS, capacity=Capacity(messages=512)),
        "searches": Lane(at_once=_SEARCHERS, capacity=Capacity(messages=64, retry_after=1.0)),
        "sums": Lane(at_once=_SUMMERS, capacity=Capacity(messages=32, retry_after=1.0)),
        "arrivals": Lane(at_once=_FOLLOWERS, capacity=Capacity(messages=1024, retry_after=1.0)),
        "news": Lane(at_once=1, capacity=Capacity(messages=4, retry_after=1.0)),
        "sql": Lane(at_once=_STATEMENTS, capacity=Capacity(messages=16, retry_after=5.0)),
        "runs": Lane(at_once=_FOLDERS, capacity=Capacity(messages=32, retry_after=1.0)),
        "deletions": Lane(at_once=1, capacity=Capacity(messages=8, retry_after=5.0)),
    }
    # Each item of a stream has megabytes.
    most_streams = 8
    stream_buffer = 1

    def __init__(self, bus: ActorBus, storage: SpanStorage, audit_log: AuditLog, *, accounts: Path) -> None:
        super().__init__(bus)
        self._storage = storage
        self._views = TraceViews(storage)
        self._sessions = SessionViews(storage, self._views)
        self._evidence = EvidenceViews(storage)
        self._runs = RunViews(storage, self._views)
        self._audit_log = audit_log
        self._deletions = AuditedDeletion(audit_log)
        self._accounts = accounts
        self._masking = asyncio.Lock()  # of one part of an export at a time: spans that come in need the CPU, too

    @classmethod
    @asynccontextmanager
    async def running(
        cls,
        bus: ActorBus,
        open_storage: Callable[[], Awaitable[SpanStorage]],
        *,
        accounts: Path,
        clock: Clock = utc_now,
    ) -> AsyncIterator[Self]:
        """Open the audit log and the storage. ``open_storage`` may raise ``StartRefused``.

        ``accounts`` is the SQLite file with the audit log, which is shared with other actors.
        """
        audit_log = await AuditLog.open(accounts, clock)
        async with on_exit(audit_log.close):
            storage = await open_storage()
            async with on_exit(storage.close):
                yield cls(bus, storage, audit_log, accounts=accounts)

    async def work(self) -> None:
        await self._storage.tend()

    @handles_inline(GetStoreState)
    def state(self, _: GetStoreState) -> StoreState:
        return self._storage.state()

    @handles_inline(GetTrustedTime)
    def trusted_time(self, _: GetTrustedTime) -> datetime | None:
        return self._storage.trusted_time()

    @handles_inline(GetPriceTable)
    def price_table(self, _: GetPriceTable) -> PriceTable:
        return self._storage.price_table

    @handles_inline(GetEnd)
    def end(self, _: GetEnd) -> Position:
        return self._storage.end()

    @handles(ListArrivals, lane="arrivals")
    async def list_arrivals(self, request: ListArrivals) -> Arrivals:
        return await self._storage.arrivals(request)

    @handles(ListNews, lane="news")
    async def list_news(self, request: ListNews) -> Sequence[Arrivals | None]:
        return await self._storage.news(request)

    @handles(UsePrices)
    async def use_prices(self, request: UsePrices) -> None:
        self._storage.use_prices(request.own)

    @handles(UseRetention)
    async def use_retention(self, request: UseRetention) -> None:
        self._storage.use_retention(request.rule)

    @handles(PreviewRetention, lane="sums")
    async def preview_retention(self, request: PreviewRetention) -> RetentionPreview:
        return await self._storage.preview_retention(request.rule)

    @handles_batched(IngestSpans, messages=64, weight=8 * 1024 * 1024)
    async def ingest(self, requests: Sequence[IngestSpans]) -> Sequence[IngestSummary]:
        committed = await self._storage.write([request.spans for request in requests])
        if committed.stored:
            self.bus.publish(SpansStored(count=committed.stored, trace_ids=committed.trace_ids))
        return committed.outcomes

    @streams(ExportSpans)
    async def export(self, request: ExportSpans) -> AsyncGenerator[pa.Table, None]:
        async with aclosing(self._storage.export(request)) as parts:
            async for part in parts:
                yield part if request.mask is None else await self._masked(part, request.mask)

    async def _masked(self, part: pa.Table, mask: Masking) -> pa.Table:
        async with self._masking:
            return await asyncio.to_thread(masked_rows, part, mask)

    @streams(BackUp)
    async def back_up(self, request: BackUp) -> AsyncGenerator[FilePart, None]:
        await self._audit_log.record(Action.READ, Resource.BACKUP, None, request.by)
        async with aclosing(self._storage.back_up(self._accounts)) as parts:
            async for part in parts:
                yield part

    @handles(DeleteTrace, lane="deletions")
    async def delete_trace(self, request: DeleteTrace) -> Deleted:
        return await self._deletions.trace(self._storage, request)

    @handles(DeleteService, lane="deletions")
    async def delete_service(self, request: DeleteService) -> Deleted:
        return await self._deletions.service(self._storage, request)

    @handles(ListServices, lane="reads")
    async def list_services(self, _: ListServices) -> tuple[str, ...]:
        return await self._storage.services()

    @handles(SearchSpans, lane="reads")
    async def search_spans(self, request: SearchSpans) -> SpanPage:
        return await self._storage.query(request)

    @handles(SearchText, lane="searches")
    async def search_text(self, request: SearchText) -> FoundSpans:
        return await self._storage.search(request)

    @handles(GetTraceSpans, lane="reads")
    async def get_trace_spans(self, request: GetTraceSpans) -> tuple[StoredSpan, ...]:
        return await self._storage.trace(request)

    @handles(SearchTrace, lane="reads")
    async def search_trace(self, request: SearchTrace) -> SpanPage:
        return await self._storage.query(request)

    @handles(GetSpan, lane="reads")
    async def get_span(self, request: GetSpan) -> StoredSpan | None:
        return await self._storage.span(request)

    @handles(GetSpanLogs, lane="reads")
    async def get_span_logs(self, request: GetSpanLogs) -> tuple[StoredLog, ...]:
        return await self._storage.logs(request)

    @handles(ListTraces, lane="reads")
    async def list_traces(self, request: ListTraces) -> TracePage:
        return await self._storage.list_traces(request)

    @handles(RankTraces, lane="sums")
    async def rank_traces(self, request: RankTraces) -> TracePage:
        return await self._storage.list_traces(request)

    @handles(RankSpans, lane="sums")
    async def rank_spans(self, request: RankSpans) -> SummaryPage:
        return await self._storage.list_spans(request)

    @handles(ListSpans, lane="reads")
    async def list_spans(self, request: ListSpans) -> SummaryPage:
        return await self._storage.list_spans(request)

    @handles(GetTrace, lane="reads")
    async def get_trace(self, request: GetTrace) -> TraceSpans:
        return await self._views.trace(request)

    @handles(GetOutline, lane="reads")
    async def get_outline(self, request: GetOutline) -> Outline:
        return await self._views.outline(request)

    @handles(GetSpanDetail, lane="reads")
    async def get_span_detail(self, request: GetSpanDetail) -> SpanDetail:
        return await self._views.detail(request)

    @handles(GetAttributeValue, lane="reads")
    async def get_attribute_value(self, request: GetAttributeValue) -> AttributeValue:
        return await self._views.value(request)

    @handles(FindStoredTraces, lane="reads")
    async def find_stored_traces(self, request: FindStoredTraces) -> frozenset[str]:
        return await self._storage.stored_traces(request)

    @handles(ListSessions, lane="sums")
    async def list_sessions(self, request: ListSessions) -> SessionPage:
        return await self._sessions.page(request)

    @handles(GetSession, lane="sums")
    async def get_session(self, request: GetSession) -> SessionTurns:
        return await self._sessions.turns(request)

    @handles(ListValues, lane="sums")
    async def list_values(self, request: ListValues) -> Values:
        return await self._storage.values(request)

    @handles(GetStats, lane="sums")
    async def get_stats(self, request: GetStats) -> Stats:
        return await self._storage.stats(request)

    @handles(QuerySql, lane="sql")
    async def query_sql(self, request: QuerySql) -> SqlAnswer:
        return await self._storage.query_sql(request)

    @handles(FindExecution, lane="reads")
    async def find_execution(self, request: FindExecution) -> FoundExecutions:
        return await self._evidence.find(request)

    @handles(GetTraceEvidence, lane="runs")
    async def get_trace_evidence(self, request: GetTraceEvidence) -> TraceEvidence:
        return await self._evidence.evidence(request)

    @handles(ListAgentRuns, lane="sums")
    async def list_agent_runs(self, request: ListAgentRuns) -> AgentRunPage:
        return await self._evidence.runs(request)

    @handles(GetRun, lane="runs")
    async def get_run(self, request: GetRun) -> Run:
        return await self._runs.run(request)

    @handles(ListRunSteps, lane="runs")
    async def list_run_steps(self, request: ListRunSteps) -> tuple[RunStep, ...]:
        return await self._runs.steps(request)

    @handles(GetRunState, lane="runs")
    async def get_run_state(self, request: GetRunState) -> RunState:
        return await self._runs.state(request)

    @handles(GetStateDifference, lane="runs")
    async def get_state_difference(self, request: GetStateDifference) -> StateDifference:
        return await self._runs.difference(request)

    @handles(BlameStep, lane="runs")
    async def blame_step(self, request: BlameStep) -> Blame:
        return await self._runs.blame(request)

    @handles(CompareRuns, lane="runs")
    async def compare_runs(self, request: CompareRuns) -> RunComparison:
        return await self._runs.compare(request)

    @handles(GetHeatMap, lane="sums")
    async def get_heat_map(self, request: GetHeatMap) -> HeatMap:
        return await self._storage.heat_map(request)

    @handles(GetDifferences, lane="sums")
    async def get_differences(self, request: GetDifferences) -> Differences:
        return await self._storage.differences(request)
