"""Answers what is asked of one trace, from whatever engine has its spans."""

import asyncio
from collections.abc import Sequence

import attrs
import pyarrow as pa

from actors.errors import NeedsRoom, NotFound, TooLarge
from actors.span_store.columns.conventions import MODEL_CALLS
from actors.span_store.columns.logs import StoredLog
from actors.span_store.columns.rows import SHOWN_COLUMNS, stored_spans
from actors.span_store.columns.spans import StoredSpan
from actors.span_store.columns.types import Untold
from actors.span_store.messages import (
    MOST_LOG_BYTES,
    GetAttributeValue,
    GetOutline,
    GetSpanDetail,
    GetSpanLogs,
    GetTrace,
)
from actors.span_store.storage import SpanStorage, TraceColumns
from actors.span_store.traces import content, counting, outlines, summaries
from actors.span_store.traces.counting import Calls
from actors.span_store.traces.detail import AttributeValue, SpanDetail
from actors.span_store.traces.details import attribute_value, span_detail
from actors.span_store.traces.outline import Outline
from actors.span_store.traces.outlines import outline
from actors.span_store.traces.previews import NOTHING, PREVIEWS, Preview, Previews
from actors.span_store.traces.summaries import in_order, root_of, span_summaries, trace_spans, trace_summary
from actors.span_store.traces.summary import MOST_SPANS, TraceSpans, TraceSummary

MOST_BYTES = 128 * 1024 * 1024  # of some columns of all spans of a trace: a quarter of a million spans
_PREVIEW_BYTES = 4 * 1024 * 1024  # of spans that are read at once for their previews
_MOST_TOO_LARGE = 32  # readings that found more
_MOST_PREVIEWS = 2000  # spans of a trace that have any: each takes a third of a millisecond
_TOGETHER = 500  # spans whose conversations are read at once
_FEW = 500  # spans that are looked for by their ids
_NO_TRACE, _NO_SPAN = "Trace not found", "Span not found"


@attrs.frozen
class TraceViews:
    """Each answer is of the spans that are stored when it is asked for. What takes long runs in a thread."""

    _storage: SpanStorage
    _previews: Previews = PREVIEWS

    async def trace(self, request: GetTrace) -> TraceSpans:
        spans, counted = await self._counted_spans(request, summaries.COLUMNS)
        previews = await self._read_previews(request, _with_previews(spans))
        return await asyncio.to_thread(trace_spans, spans, counted, previews)

    async def outline(self, request: GetOutline) -> Outline:
        spans, counted = await self._counted_spans(request, outlines.COLUMNS)
        return await asyncio.to_thread(outline, spans, counted, await self._preview_of_root(request, spans))

    async def summary(self, trace_id: str, room: int | None) -> TraceSummary:
        """That of a trace. ``NotFound``, ``TooLarge`` and ``NeedsRoom`` as with ``trace``."""
        request = GetTrace(trace_id=trace_id, room=room)
        spans, counted = await self._counted_spans(request, summaries.COLUMNS)
        return await asyncio.to_thread(trace_summary, spans, counted, await self._preview_of_root(request, spans))

    async def calls(self, trace_id: str, room: int | None) -> pa.Table:
        """The model calls of a trace that count, each once. ``NotFound``, ``TooLarge``, ``NeedsRoom`` as ``trace``."""
        spans, counted = await self._counted_spans(GetTrace(trace_id=trace_id, room=room), summaries.COLUMNS)
        return spans.take(pa.array(sorted(counted), pa.int64()))

    async def preview(self, trace_id: str, span_id: str) -> Preview:
        """The lines of one span."""
        return (await self._read_previews(GetTrace(trace_id=trace_id), [span_id])).get(span_id, NOTHING)

    async def detail(self, request: GetSpanDetail) -> SpanDetail:
        ids = frozenset([request.span_id])
        columns = tuple(dict.fromkeys((*SHOWN_COLUMNS, *summaries.COLUMNS, *self._previews.columns)))
        wanted = TraceColumns(trace_id=request.trace_id, columns=columns, span_ids=ids, room=request.room)
        row = await self._storage.columns(wanted)
        if not row.num_rows:
            raise NotFound(_NO_SPAN)
        is_call = row["type"][0].as_py() in MODEL_CALLS
        is_counted = is_call and await self._is_counted(request)
        return await asyncio.to_thread(self._detail, row, await self._logs(request), is_counted=is_counted)

    async def _logs(self, request: GetSpanDetail) -> tuple[StoredLog, ...] | None:
        """The log records of a span; ``None`` when they are more than ``MOST_LOG_BYTES``, which any number may be."""
        room = MOST_LOG_BYTES if request.room is None else min(request.room, MOST_LOG_BYTES)
        try:
            return await self._storage.logs(GetSpanLogs(trace_id=request.trace_id, span_id=request.span_id, room=room))
        except NeedsRoom:
            if room < MOST_LOG_BYTES:
                raise
            return None

    async def value(self, request: GetAttributeValue) -> AttributeValue:
        span = await self._span(request)
        return await asyncio.to_thread(attribute_value, span, request.within, request.key)

    async def _counted_spans(
        self, request: GetTrace | GetOutline, columns: tuple[str, ...]
    ) -> tuple[pa.Table, set[int]]:
        """All spans of the trace in order, and the rows of those that count."""
        found = await self._of_all(TraceColumns(trace_id=request.trace_id, columns=columns, room=request.room))
        if not found.num_rows:
            raise NotFound(_NO_TRACE)
        spans, calls = await asyncio.to_thread(_with_calls, found)
        return spans, await self._counted(request, spans, calls)

    async def _preview_of_root(self, request: GetTrace | GetOutline, spans: pa.Table) -> dict[str, Preview]:
        root = root_of(spans)
        ids: list[Untold] = [] if root is None else [spans["span_id"][root].as_py()]
        return await self._read_previews(request, ids)

    async def _read_previews(self, request: GetTrace | GetOutline, span_ids: Sequence[str]) -> dict[str, Preview]:
        """Those of the spans, some at a time: nine tenths of what is stored of them is read for it.

        What is large has none, and nothing has any more after too much was: no answer fails for a preview.
        """
        found: dict[str, Preview] = {}
        begin, together, too_large = 0, _TOGETHER, 0
        while begin < len(span_ids) and too_large < _MOST_TOO_LARGE:
            some = span_ids[begin : begin + together]
            try:
                found |= await self._previews_read(request.trace_id, some)
            except NeedsRoom:
                too_large += 1
                together = len(some) // 2
                begin += 0 if together else 1
            else:
                begin += len(some)
            together = max(1, together)
        return found

    async def _previews_read(self, trace_id: str, span_ids: Sequence[str]) -> dict[str, Preview]:
        columns = tuple(dict.fromkeys(("span_id", *self._previews.columns)))
        ids = frozenset(span_ids)
        wanted = TraceColumns(trace_id=trace_id, columns=columns, span_ids=ids, room=_PREVIEW_BYTES)
        return await asyncio.to_thread(self._previews_of, await self._storage.columns(wanted))

    def _previews_of(self, spans: pa.Table) -> dict[str, Preview]:
        ids: Untold = spans["span_id"].to_pylist()
        return dict(zip(ids, self._previews.read(spans), strict=True))

    async def _is_counted(self, request: GetSpanDetail) -> bool:
        """A call of a trace with too many spans counts by itself."""
        wanted = TraceColumns(trace_id=request.trace_id, columns=counting.COLUMNS, room=request.room)
        try:
            spans, calls = await asyncio.to_thread(_with_calls, await self._of_all(wanted))
        except TooLarge:
            return True
        counted = await self._counted(request, spans, calls)
        return request.span_id in spans["span_id"].take(pa.array(counted, pa.int64())).to_pylist()

    async def _counted(self, request: GetTrace | GetOutline | GetSpanDetail, spans: pa.Table, calls: Calls) -> set[int]:
        """The rows that count. Whether spans have content is looked at where several describe one call, if it fits."""
        if not calls.disputed:
            return await asyncio.to_thread(calls.counted)
        ids: list[Untold] = spans["span_id"].take(pa.array(calls.disputed, pa.int64())).to_pylist()
        chosen = frozenset(ids) if len(ids) < _FEW else None  # it takes longer to look for many than to read all
        wanted = TraceColumns(trace_id=request.trace_id, columns=content.COLUMNS, span_ids=chosen, room=request.room)
        try:
            contents = await self._of_all(wanted)
        except TooLarge:
            return await asyncio.to_thread(calls.counted)
        return await asyncio.to_thread(_decided, calls, ids, contents)

    async def _of_all(self, wanted: TraceColumns) -> pa.Table:
        """Columns of many spans. ``TooLarge`` for more than ``MOST_BYTES``: any number may have one trace id."""
        room = MOST_BYTES if wanted.room is None else min(wanted.room, MOST_BYTES)
        try:
            return await self._storage.columns(attrs.evolve(wanted, room=room))
        except NeedsRoom:
            if room < MOST_BYTES:
                raise
        raise TooLarge("The trace has too many spans to be answered as a whole: its spans come in pages")

    def _detail(self, row: pa.Table, logs: Sequence[StoredLog] | None, *, is_counted: bool) -> SpanDetail:
        [span] = stored_spans(row)
        [summary] = span_summaries(row, [0], {0} if is_counted else (), self._previews_of(row))
        return span_detail(span, summary, logs, self._storage.prices)

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


def _decided(calls: Calls, disputed: Sequence[str], contents: pa.Table) -> set[int]:
    """The rows that count. ``disputed`` are the ids of the spans whose contents were read."""
    found = content.with_content(contents)
    return calls.counted({row for row, span_id in zip(calls.disputed, disputed, strict=True) if span_id in found})


def _with_previews(spans: pa.Table) -> list[str]:
    """The ids of those that may say something: the first ones of a known type, as far as they are shown."""
    shown = spans.slice(0, MOST_SPANS)
    ids: list[Untold] = shown["span_id"].filter(shown["type"].is_valid()).slice(0, _MOST_PREVIEWS).to_pylist()
    return ids
