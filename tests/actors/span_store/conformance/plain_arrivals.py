"""Spans in the order of their arrival, in plain Python."""

from collections.abc import Sequence
from typing import TypeAlias

import pyarrow as pa

from actors.errors import NeedsRoom, NotFound
from actors.span_store.asked.arrivals import Arrivals, ArrivedSpan, ArrivedTrace, ListArrivals, Watched
from actors.span_store.asked.lists import ListSpans
from actors.span_store.columns.rows import ROWS
from actors.span_store.columns.spans import LOG
from actors.span_store.query.arrow import ArrowFilter
from actors.span_store.query.expression import Expression
from actors.span_store.query.position import Position
from actors.span_store.traces.summary import SpanSummary
from tests.actors.span_store.conformance.plain_lists import PlainLists

Numbered: TypeAlias = Sequence[tuple[int, pa.Table]]


def arrivals_of(stored: Numbered, end: int, request: ListArrivals) -> Arrivals:
    first = stored[0][0] if stored else end
    if not first <= request.after.number <= end:
        raise NotFound("no such position")
    found = [(seq, row) for seq, row in _behind(stored, request.after) if _fits(row, request.where)]
    page = found[: request.limit]
    if request.room is not None and sum(row.nbytes for _, row in page) > request.room:
        raise NeedsRoom(page[0][1].nbytes)
    is_last = len(page) == len(found)
    behind = Position(end if is_last else page[-1][0] + 1)
    if request.traces:
        return Arrivals(traces=_traces(page), end=behind, is_last=is_last)
    return Arrivals(spans=_spans(stored, page), end=behind, is_last=is_last)


def news_of(stored: Numbered, end: int, watched: Watched) -> Arrivals | None:
    first = stored[0][0] if stored else end
    if not first <= watched.after.number <= end:
        return None
    among = watched.traces or frozenset()
    found = [
        (seq, row)
        for seq, row in _behind(stored, watched.after)
        if _fits(row, watched.where) or row["trace_id"][0].as_py() in among
    ]
    if watched.traces is None:
        spans, skipped = _spans(stored, found[: watched.limit]), max(0, len(found) - watched.limit)
        return Arrivals(spans=spans, skipped=skipped, end=Position(end), is_last=True)
    traces = _traces(found)
    skipped = max(0, len(traces) - watched.limit)
    return Arrivals(traces=traces[: watched.limit], skipped=skipped, end=Position(end), is_last=True)


def _behind(stored: Numbered, after: Position) -> Numbered:
    return [(seq, row) for seq, row in stored if seq >= after.number and row["kind"][0].as_py() != LOG]


def _fits(row: pa.Table, where: Expression) -> bool:
    return ArrowFilter(where).rows(row).num_rows == 1


def _spans(stored: Numbered, some: Numbered) -> tuple[ArrivedSpan, ...]:
    spans = pa.concat_tables([ROWS.empty_table(), *(row for _, row in stored if row["kind"][0].as_py() != LOG)])
    known = {_key(each): each for each in PlainLists(spans).span_page(ListSpans(limit=max(1, spans.num_rows))).spans}
    return tuple(
        ArrivedSpan(span=known[row["trace_id"][0].as_py(), row["span_id"][0].as_py()], position=Position(seq + 1))
        for seq, row in some
    )


def _key(span: SpanSummary) -> tuple[str, str]:
    return span.trace_id, span.span_id


def _traces(some: Numbered) -> tuple[ArrivedTrace, ...]:
    first: dict[str, int] = {}
    for seq, row in some:
        first.setdefault(row["trace_id"][0].as_py(), seq)
    return tuple(ArrivedTrace(trace_id=trace, position=Position(seq + 1)) for trace, seq in first.items())
