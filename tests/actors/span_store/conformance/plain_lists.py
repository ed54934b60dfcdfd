"""Lists of traces and of spans in plain Python: what they are, and not how they are found."""

import math
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import Any, TypeVar

import attrs
import pyarrow as pa

from actors.span_store.asked.lists import ListSpans, ListTraces, Place, Sort, SummaryPage, TracePage, wanted
from actors.span_store.columns.attribute_column import with_keys
from actors.span_store.columns.types import AnyColumn
from actors.span_store.traces.content import with_content
from actors.span_store.traces.counting import Calls
from actors.span_store.traces.previews import PREVIEWS
from actors.span_store.traces.summaries import in_order, span_summaries, trace_summary
from actors.span_store.traces.summary import SpanSummary, TraceSummary, duration
from tests.actors.span_store.plain_counting import filter_among

T = TypeVar("T")


class PlainLists:
    """The lists of some spans, with all columns. These do not change, so nothing is worked out twice."""

    def __init__(self, rows: pa.Table) -> None:
        self.rows = rows
        self._ids = _values(rows["trace_id"])

    def trace_page(self, request: ListTraces) -> TracePage:
        traces = sorted({self._ids[row] for row in self._fitting(request)})
        summaries = [self._summaries[trace] for trace in traces]
        some = [(self._place(each, request.sort), each) for each in summaries if _is_in(each, request)]
        page, place = _page(some, request)
        return TracePage(traces=tuple(page), next=place)

    def span_page(self, request: ListSpans) -> SummaryPage:
        spans = [self._spans[row] for row in self._fitting(request)]
        some = [(_of_span(each, request.sort), each) for each in spans if _is_in(each, request)]
        page, place = _page(some, request)
        return SummaryPage(spans=tuple(page), next=place)

    def _fitting(self, request: ListTraces | ListSpans) -> list[int]:
        fits = filter_among(wanted(request), self.rows).mask(self.rows).to_pylist()
        return [row for row, is_wanted in enumerate(fits) if is_wanted]

    @cached_property
    def _summaries(self) -> dict[str, TraceSummary]:
        """Each as ``TraceViews`` makes it of what each span says by itself."""
        return {trace: self._summary(_in_trace(self.rows, trace)) for trace in set(self._ids)}

    def _summary(self, spans: pa.Table) -> TraceSummary:
        known = spans.filter(spans["type"].is_valid())
        previews = dict(zip(_values(known["span_id"]), PREVIEWS.read(known), strict=True))
        return trace_summary(spans, _rows_of(spans, self._counted), previews)

    @cached_property
    def _spans(self) -> list[SpanSummary]:
        rows = self.rows
        spans = list(span_summaries(rows, range(rows.num_rows), _rows_of(rows, self._counted), {}))
        lines = PREVIEWS.read(rows) if rows.num_rows else ()
        return [
            span if span.type is None else attrs.evolve(span, input_preview=asked, output_preview=answered)
            for span, (asked, answered) in zip(spans, lines, strict=True)
        ]

    @cached_property
    def _counted(self) -> set[tuple[str, str]]:
        """Trace and span of each that counts."""
        found = set()
        for trace_id in set(self._ids):
            spans = _in_trace(self.rows, trace_id)
            ids = _values(spans["span_id"])
            with_any = with_content(with_keys(spans))
            rows_with_any = {row for row, span_id in enumerate(ids) if span_id in with_any}
            found |= {(trace_id, ids[row]) for row in Calls.of(spans).counted(rows_with_any)}
        return found

    def _place(self, trace: TraceSummary, sort: Sort) -> Place:
        spans = [span for span in self._spans if span.trace_id == trace.trace_id and span.counted]
        values: dict[Sort, Callable[[], int | None]] = {
            Sort.NEWEST: lambda: trace.start_time_unix_nano,
            Sort.OLDEST: lambda: trace.start_time_unix_nano,
            Sort.LONGEST: lambda: trace.duration_ns,
            Sort.DEAREST: lambda: _sum(map(_cost, spans)),
            Sort.MOST_TOKENS: lambda: _sum(map(_tokens, spans)),
            Sort.MOST_ERRORS: lambda: trace.error_count,
        }
        return Place(value=values[sort](), trace_id=trace.trace_id)


def _is_in(each: TraceSummary | SpanSummary, request: ListTraces | ListSpans) -> bool:
    first, end = request.from_time_unix_nano, request.to_time_unix_nano
    return (first or 0) <= each.start_time_unix_nano and (end is None or each.start_time_unix_nano < end)


def _page(some: Iterable[tuple[Place, T]], request: ListTraces | ListSpans) -> tuple[list[T], Place | None]:
    def key(place: Place) -> tuple[bool, int, str, str]:
        sign = 1 if request.sort is Sort.OLDEST else -1
        return place.value is None, sign * (place.value or 0), place.trace_id, place.span_id

    after = request.after
    behind = sorted(
        ((place, each) for place, each in some if after is None or key(place) > key(after)),
        key=lambda entry: key(entry[0]),
    )
    page = behind[: request.limit]
    return [each for _, each in page], page[-1][0] if len(behind) > len(page) else None


def _in_trace(rows: pa.Table, trace_id: str) -> pa.Table:
    mask = [each == trace_id for each in _values(rows["trace_id"])]
    return in_order(rows.filter(pa.array(mask, pa.bool_())))


def _rows_of(rows: pa.Table, counted: set[tuple[str, str]]) -> set[int]:
    keys = zip(_values(rows["trace_id"]), _values(rows["span_id"]), strict=True)
    return {row for row, key in enumerate(keys) if key in counted}


def _of_span(span: SpanSummary, sort: Sort) -> Place:
    values = {
        Sort.NEWEST: span.start_time_unix_nano,
        Sort.OLDEST: span.start_time_unix_nano,
        Sort.LONGEST: duration(span.start_time_unix_nano, span.end_time_unix_nano),
        Sort.DEAREST: _cost(span),
        Sort.MOST_TOKENS: _tokens(span),
        Sort.MOST_ERRORS: int(span.status == "error"),
    }
    return Place(value=values[sort], trace_id=span.trace_id, span_id=span.span_id)


def _sum(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _cost(span: SpanSummary) -> int | None:
    """In picodollars."""
    return None if span.cost_usd is None else math.floor(min(max(span.cost_usd, -1e15), 1e15) * 1e12)


def _tokens(span: SpanSummary) -> int | None:
    sent: Sequence[int | None] = (span.tokens.input, span.tokens.output) if span.tokens else ()
    return _sum(sent)


def _values(column: AnyColumn) -> list[Any]:
    values: list[Any] = column.to_pylist()
    return values
