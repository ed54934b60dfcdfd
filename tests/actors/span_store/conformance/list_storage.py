"""The smallest engine there can be: plain Python over a list. It says what the contract is by having nothing else."""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs
import pyarrow as pa

from actors.errors import NeedsRoom, Unavailable
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
from actors.span_store.columns.attribute_column import shown, with_keys
from actors.span_store.columns.conventions import MODEL_CALLS
from actors.span_store.columns.logs import StoredLog, stored_log
from actors.span_store.columns.rows import ROWS, TRACE, SpanRows, numbered, stored_spans
from actors.span_store.columns.spans import LOG, StoredSpan
from actors.span_store.messages import (
    Cursor,
    Exported,
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
    SpanFilter,
    SpanPage,
    StoreState,
)
from actors.span_store.pricing.book import PriceBook
from actors.span_store.pricing.costs import priced
from actors.span_store.pricing.current import CurrentPrices
from actors.span_store.pricing.own_price import OwnPrices
from actors.span_store.query.arrow import ArrowFilter
from actors.span_store.query.expression import Expression
from actors.span_store.query.position import Position
from actors.span_store.storage import Abilities, Committed, Scope, TraceColumns
from tests.actors.span_store.conformance.plain_arrivals import arrivals_of, news_of
from tests.actors.span_store.conformance.plain_differences import differences_of
from tests.actors.span_store.conformance.plain_heat_map import heat_map_of
from tests.actors.span_store.conformance.plain_lists import PlainLists
from tests.actors.span_store.conformance.plain_stats import stats_of
from tests.actors.span_store.conformance.plain_values import values_of
from tests.actors.span_store.conformance.session_list import Told, session_outline, session_page
from tests.actors.span_store.plain_counting import filter_among

_POINT_BYTES = 256


@attrs.frozen
class Stored:
    """One span, as it is answered and as it is exported; or a log record in its form."""

    seq: int
    span: StoredSpan
    row: pa.Table

    @property
    def order(self) -> tuple[int, int]:
        return self.span.start_time_unix_nano, self.seq

    @property
    def is_span(self) -> bool:
        return self.span.kind != LOG

    def column(self, name: str) -> str | None:
        value: str | None = self.row[name][0].as_py()
        return value

    def fits(self, where: ArrowFilter | None) -> bool:
        return where is None or where.rows(self.row).num_rows == 1

    def says(self, text: str) -> bool:
        span = self.span
        return any(text in part for part in (span.name, span.status_message, span.attributes_json, span.events_json))


class ListStorage:
    """Keeps everything until it is closed, and nothing for longer."""

    abilities = Abilities(durable=False, backs_up=False)

    def __init__(self, age: timedelta | None = None) -> None:
        self._age = age
        self._prices = CurrentPrices()
        self._stored: list[Stored] = []
        self._next_seq = 0
        self._made: PlainLists | None = None  # of the spans that were stored when somebody asked last

    @property
    def _spans(self) -> list[Stored]:
        return [each for each in self._stored if each.is_span]

    @property
    def _logs(self) -> list[Stored]:
        return [each for each in self._stored if not each.is_span]

    async def write(self, requests: Sequence[SpanRows]) -> Committed:
        known = {each.span.trace_id + each.span.span_id for each in self._stored}
        outcomes, traces, spans = [], set(), len(self._spans)
        for request in requests:
            rows = pa.Table.from_batches([priced(numbered(request.batch, 0), self.prices)])
            before = len(known)
            for row, key in enumerate(request.keys):
                if key not in known:
                    known.add(key)
                    if not request.are_logs:
                        traces.add(key[:TRACE])
                    self._append(rows.slice(row, 1))
            stored = len(known) - before
            outcomes.append(IngestSummary(stored=stored, duplicates=len(request) - stored))
        return Committed(outcomes=tuple(outcomes), trace_ids=frozenset(traces), stored=len(self._spans) - spans)

    def use_prices(self, own: OwnPrices) -> None:
        self._prices.use(own)

    def use_retention(self, rule: RetentionRule) -> None:
        self._age = rule.age

    async def preview_retention(self, rule: RetentionRule) -> RetentionPreview:
        oldest = 0 if rule.age is None else _ago(rule.age)
        kept = [each.span for each in self._spans if each.span.start_time_unix_nano >= oldest]
        return RetentionPreview(
            spans=len(self._spans) - len(kept),
            segments=0,
            bytes=0,
            oldest_start_unix_nano=min((each.start_time_unix_nano for each in kept), default=None),
            waits=None,
        )

    @property
    def price_table(self) -> PriceTable:
        return self._prices.table

    @property
    def prices(self) -> PriceBook:
        return self._prices.book

    async def services(self) -> tuple[str, ...]:
        return tuple(sorted({each.span.service_name for each in self._spans}))

    async def query(self, request: SearchSpans | SearchTrace) -> SpanPage:
        found = self._of_trace(request) if isinstance(request, SearchTrace) else self._of_service(request)
        after = request.after
        behind = [
            each
            for each in sorted(found, key=lambda each: each.order, reverse=True)
            if after is None or each.order < (after.start_time_unix_nano, after.position.number)
        ]
        page = behind[: request.limit]
        _demand_room(page, request.room)
        last = page[-1] if len(behind) > len(page) else None
        return SpanPage(
            spans=tuple(each.span for each in page),
            next=None
            if last is None
            else Cursor(start_time_unix_nano=last.span.start_time_unix_nano, position=Position(last.seq)),
        )

    async def search(self, request: SearchText) -> FoundSpans:
        where = self._filter(request.where)
        found = [
            each
            for each in reversed(self._spans)
            if each.says(request.text)
            and each.fits(where)
            and request.service_name in (None, each.span.service_name)
            and request.trace_id in (None, each.span.trace_id)
            and (request.from_time_unix_nano or 0) <= each.span.start_time_unix_nano
            and (request.to_time_unix_nano is None or each.span.start_time_unix_nano < request.to_time_unix_nano)
            and (request.before is None or each.seq < request.before.number)
        ]
        page = found[: request.limit]
        _demand_room(page, request.room)
        before = Position(page[-1].seq) if len(found) > len(page) else None
        return FoundSpans(spans=tuple(each.span for each in page), before=before)

    async def trace(self, request: GetTraceSpans) -> tuple[StoredSpan, ...]:
        found = [each for each in self._spans if each.span.trace_id == request.trace_id]
        _demand_room(found, request.room)
        return tuple(each.span for each in sorted(found, key=lambda each: each.order, reverse=True))

    async def span(self, request: GetSpan) -> StoredSpan | None:
        identity = request.trace_id, request.span_id
        found = [each for each in self._spans if (each.span.trace_id, each.span.span_id) == identity]
        _demand_room(found, request.room)
        return found[0].span if found else None

    async def logs(self, request: GetSpanLogs) -> tuple[StoredLog, ...]:
        identity = request.trace_id, request.span_id
        found = [each for each in self._logs if (each.span.trace_id, each.span.parent_span_id) == identity]
        _demand_room(found, request.room)
        return tuple(stored_log(each.span._asdict()) for each in sorted(found, key=lambda each: each.order))

    async def list_traces(self, request: ListTraces) -> TracePage:
        return self._lists.trace_page(request)

    async def list_spans(self, request: ListSpans) -> SummaryPage:
        return self._lists.span_page(request)

    def _filter(self, where: Expression) -> ArrowFilter:
        return filter_among(where, self._rows)

    @property
    def _rows(self) -> pa.Table:
        return self._lists.rows

    @property
    def _lists(self) -> PlainLists:
        stored = [each.seq for each in self._spans]
        if self._made is None or stored != self._made.rows["seq"].to_pylist():
            self._made = PlainLists(pa.concat_tables([ROWS.empty_table(), *(each.row for each in self._spans)]))
        return self._made

    async def columns(self, request: TraceColumns) -> pa.Table:
        found = [
            each
            for each in self._spans
            if each.span.trace_id == request.trace_id
            and (request.span_ids is None or each.span.span_id in request.span_ids)
        ]
        rows = with_keys(pa.concat_tables([ROWS.empty_table(), *(each.row for each in found)]))
        rows = rows.select(list(request.columns))
        if request.room is not None and rows.nbytes > request.room:
            raise NeedsRoom(rows.nbytes)
        return rows

    async def stored_traces(self, request: FindStoredTraces) -> frozenset[str]:
        return frozenset(request.trace_ids) & {each.span.trace_id for each in self._spans}

    async def sessions(self, request: ListSessions) -> SessionPage:
        where = self._filter(request.where)
        told = [Told(each.seq, each.row, each.fits(where)) for each in self._spans]
        return session_page(told, self._next_seq, request)

    async def session(self, request: GetSession) -> SessionOutline | None:
        return session_outline([Told(each.seq, each.row) for each in self._spans], self._next_seq, request)

    async def stats(self, request: GetStats) -> Stats:
        found = stats_of(self._rows, request)
        if request.room is not None and (len(found.groups) + 1) * len(found.edges) * _POINT_BYTES > request.room:
            raise NeedsRoom((len(found.groups) + 1) * len(found.edges) * _POINT_BYTES)
        return found

    async def values(self, request: ListValues) -> Values:
        rows = self._rows.filter(filter_among(request.where, self._rows).mask(self._rows))
        return request.within_room(values_of(rows, request))

    def end(self) -> Position:
        return Position(self._next_seq)

    async def arrivals(self, request: ListArrivals) -> Arrivals:
        return arrivals_of(self._numbered, self._next_seq, request)

    async def news(self, request: ListNews) -> Sequence[Arrivals | None]:
        return [news_of(self._numbered, self._next_seq, each) for each in request.watched]

    @property
    def _numbered(self) -> list[tuple[int, pa.Table]]:
        """All rows by their numbers, log records among them."""
        return [(each.seq, each.row) for each in self._stored]

    async def query_sql(self, _: QuerySql) -> SqlAnswer:
        raise Unavailable("This storage answers no SQL")

    async def differences(self, request: GetDifferences) -> Differences:
        return request.within_room(differences_of(self._rows, request))

    async def heat_map(self, request: GetHeatMap) -> HeatMap:
        return heat_map_of(self._rows, request)

    async def export(self, request: ExportSpans) -> AsyncGenerator[pa.Table, None]:
        where = self._filter(request.where)
        spans, logs = request.what is not Exported.LOGS, request.what is not Exported.SPANS
        rows = [
            each.row
            for each in [*(self._spans if spans else ()), *(self._logs if logs else ())]
            if request.service_name in (None, each.span.service_name)
            and request.trace_id in (None, each.span.trace_id)
            and each.fits(where)
            and request.from_time_unix_nano <= each.span.start_time_unix_nano < request.to_time_unix_nano
        ]
        yield shown(pa.concat_tables([ROWS.empty_table(), *rows]))

    async def has(self, scope: Scope) -> bool:
        return any(each.column(scope.column) == scope.value for each in self._stored)

    async def delete(self, scope: Scope) -> int:
        before = len(self._spans)
        self._stored = [each for each in self._stored if each.column(scope.column) != scope.value]
        return before - len(self._spans)

    def freeing(self) -> AbstractAsyncContextManager[None]:
        return nullcontext()

    async def tidy(self) -> None:
        if self._age is not None:
            oldest = _ago(self._age)
            self._stored = [each for each in self._stored if each.span.start_time_unix_nano >= oldest]

    async def tend(self) -> None:
        while True:
            await self.tidy()
            await asyncio.sleep(1)

    def state(self) -> StoreState:
        return StoreState(problems=(), is_open=True, recent_spans=len(self._spans))

    def trusted_time(self) -> datetime | None:
        return datetime.now(UTC)

    async def back_up(self, accounts: Path) -> AsyncGenerator[FilePart, None]:  # noqa: ARG002 - it has none
        parts: Sequence[FilePart] = ()
        if not self.abilities.backs_up:
            raise Unavailable("This storage has no backup")
        for part in parts:
            yield part

    async def close(self) -> None:
        self._stored = []

    def _append(self, row: pa.Table) -> None:
        [span] = stored_spans(row)
        seq = pa.array([self._next_seq], pa.uint64())
        self._stored.append(Stored(self._next_seq, span, row.set_column(0, ROWS.field(0), seq)))
        self._next_seq += 1

    def _of_service(self, request: SearchSpans) -> Iterator[Stored]:
        where = None if request.where is None else self._filter(request.where)
        llm = {each.span.trace_id for each in self._spans if each.column("type") in MODEL_CALLS}
        for each in self._spans:
            is_root = each.span.parent_span_id is None
            fits = {
                SpanFilter.ALL: True,
                SpanFilter.ROOTS: is_root,
                SpanFilter.LLM_ROOTS: is_root and each.span.trace_id in llm,
                SpanFilter.WORKFLOWS: each.column("junjo_span_type") == "workflow",
            }
            is_of_service = request.service_name in (None, each.span.service_name)
            if is_of_service and fits[request.filter] and each.fits(where):
                yield each

    def _of_trace(self, request: SearchTrace) -> Iterator[Stored]:
        for each in self._spans:
            if each.span.trace_id == request.trace_id and (
                not request.only_subflows or each.column("junjo_span_type") == "subflow"
            ):
                yield each


def _demand_room(found: Sequence[Stored], room: int | None) -> None:
    size = sum(each.row.nbytes for each in found)
    if room is not None and size > room:
        raise NeedsRoom(size)


def _ago(age: timedelta) -> float:
    """That time ago, in Unix nanoseconds."""
    return (datetime.now(UTC) - age).timestamp() * 1e9
