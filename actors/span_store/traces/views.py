"""Answers what is asked of one trace, from whatever engine has its spans."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

import attrs
import pyarrow as pa

from actors.errors import NotFound
from actors.span_store.columns.conventions import MODEL_CALLS
from actors.span_store.columns.rows import SHOWN_COLUMNS, stored_spans
from actors.span_store.columns.spans import StoredSpan
from actors.span_store.columns.types import Untold
from actors.span_store.messages import GetAttributeValue, GetOutline, GetSpanDetail, GetTrace
from actors.span_store.storage import SpanStorage, TraceColumns
from actors.span_store.traces import content, counting, outlines, summaries
from actors.span_store.traces.counting import Calls
from actors.span_store.traces.detail import AttributeValue, SpanDetail
from actors.span_store.traces.details import attribute_value, span_detail
from actors.span_store.traces.outline import Outline
from actors.span_store.traces.outlines import outline
from actors.span_store.traces.summaries import in_order, span_summaries, trace_spans
from actors.span_store.traces.summary import TraceSpans

T = TypeVar("T")

_NO_TRACE, _NO_SPAN = "Trace not found", "Span not found"


@attrs.frozen
class TraceViews:
    """Each answer is of the spans that are stored when it is asked for. What takes long runs in a thread."""

    _storage: SpanStorage

    async def trace(self, request: GetTrace) -> TraceSpans:
        return await self._of_all(request, summaries.COLUMNS, trace_spans)

    async def outline(self, request: GetOutline) -> Outline:
        return await self._of_all(request, outlines.COLUMNS, outline)

    async def detail(self, request: GetSpanDetail) -> SpanDetail:
        ids = frozenset([request.span_id])
        columns = tuple(dict.fromkeys((*SHOWN_COLUMNS, *summaries.COLUMNS)))
        wanted = TraceColumns(trace_id=request.trace_id, columns=columns, span_ids=ids, room=request.room)
        row = await self._storage.columns(wanted)
        if not row.num_rows:
            raise NotFound(_NO_SPAN)
        is_call = row["type"][0].as_py() in MODEL_CALLS
        is_counted = is_call and await self._is_counted(request)
        return await asyncio.to_thread(_detail, row, is_counted=is_counted)

    async def value(self, request: GetAttributeValue) -> AttributeValue:
        span = await self._span(request)
        return await asyncio.to_thread(attribute_value, span, request.within, request.key)

    async def _of_all(
        self, request: GetTrace | GetOutline, columns: tuple[str, ...], made: Callable[[pa.Table, set[int]], T]
    ) -> T:
        wanted = TraceColumns(trace_id=request.trace_id, columns=columns, room=request.room)
        found = await self._storage.columns(wanted)
        if not found.num_rows:
            raise NotFound(_NO_TRACE)
        spans, calls = await asyncio.to_thread(_with_calls, found)
        counted = await self._counted(request, spans, calls)
        return await asyncio.to_thread(made, spans, counted)

    async def _is_counted(self, request: GetSpanDetail) -> bool:
        wanted = TraceColumns(trace_id=request.trace_id, columns=counting.COLUMNS, room=request.room)
        spans, calls = await asyncio.to_thread(_with_calls, await self._storage.columns(wanted))
        counted = await self._counted(request, spans, calls)
        return request.span_id in spans["span_id"].take(pa.array(counted, pa.int64())).to_pylist()

    async def _counted(self, request: GetTrace | GetOutline | GetSpanDetail, spans: pa.Table, calls: Calls) -> set[int]:
        """The rows that count. Whether spans have content is looked at only where several describe one call."""
        if not calls.disputed:
            return calls.counted()
        ids: list[Untold] = spans["span_id"].take(pa.array(calls.disputed, pa.int64())).to_pylist()
        wanted = TraceColumns(
            trace_id=request.trace_id, columns=content.COLUMNS, span_ids=frozenset(ids), room=request.room
        )
        found = content.with_content(await self._storage.columns(wanted))
        return calls.counted({row for row, span_id in zip(calls.disputed, ids, strict=True) if span_id in found})

    async def _span(self, request: GetAttributeValue) -> StoredSpan:
        ids = frozenset([request.span_id])
        wanted = TraceColumns(trace_id=request.trace_id, columns=tuple(SHOWN_COLUMNS), span_ids=ids, room=request.room)
        row = await self._storage.columns(wanted)
        if not row.num_rows:
            raise NotFound(_NO_SPAN)
        [span] = stored_spans(row)
        return span


def _with_calls(spans: pa.Table) -> tuple[pa.Table, Calls]:
    ordered = in_order(spans)
    return ordered, Calls.of(ordered)


def _detail(row: pa.Table, *, is_counted: bool) -> SpanDetail:
    [span] = stored_spans(row)
    [summary] = span_summaries(row, [0], {0} if is_counted else ())
    return span_detail(span, summary)
