"""What tests of the contract do with a storage."""

import time
from contextlib import aclosing

import attrs
import pyarrow as pa

from actors.span_store.asked.lists import ListSpans, ListTraces
from actors.span_store.columns.log_rows import stored_rows
from actors.span_store.columns.logs import Log, Logs
from actors.span_store.columns.rows import span_rows
from actors.span_store.columns.spans import Span, StoredSpan
from actors.span_store.messages import ExportSpans, IngestSummary, SearchSpans, SearchText, SearchTrace
from actors.span_store.storage import SpanStorage
from actors.span_store.traces.summary import SpanSummary, TraceSummary
from tests.spans import log_like

NOW = time.time_ns()  # spans that retention keeps


def trace_id(number: int) -> str:
    return f"{number:032x}"


def span_id(number: int) -> str:
    return f"{number:016x}"


async def write(storage: SpanStorage, *spans: Span) -> IngestSummary:
    """Write spans, and with each a log record that says the same: no test of spans may notice any."""
    logs = stored_rows(Logs([log_like(each) for each in spans]))
    outcome, _ = (await storage.write([span_rows(spans), logs])).outcomes
    return outcome


async def write_logs(storage: SpanStorage, *logs: Log) -> IngestSummary:
    [outcome] = (await storage.write([stored_rows(Logs(logs))])).outcomes
    return outcome


async def pages(storage: SpanStorage, request: SearchSpans | SearchTrace) -> list[list[str]]:
    """The names of the spans of each page."""
    found = []
    after = None
    while True:
        page = await storage.query(attrs.evolve(request, after=after))
        found.append([span.name for span in page.spans])
        after = page.next
        if after is None:
            return found


async def all_traces(storage: SpanStorage, request: ListTraces) -> list[TraceSummary]:
    """Those of all pages; costs as near as whoever adds them up comes."""
    found: list[TraceSummary] = []
    after = request.after
    while True:
        page = await storage.list_traces(attrs.evolve(request, after=after))
        assert len(page.traces) <= request.limit
        found += page.traces
        after = page.next
        if after is None:
            return found


async def all_spans(storage: SpanStorage, request: ListSpans) -> list[SpanSummary]:
    found: list[SpanSummary] = []
    after = request.after
    while True:
        page = await storage.list_spans(attrs.evolve(request, after=after))
        assert len(page.spans) <= request.limit
        found += page.spans
        after = page.next
        if after is None:
            return found


async def names(storage: SpanStorage, service: str = "tests") -> list[str]:
    """All spans of a service, sorted."""
    return sorted(name for page in await pages(storage, SearchSpans(service_name=service)) for name in page)


async def search(storage: SpanStorage, request: SearchText) -> list[StoredSpan]:
    """The spans of all pages; an engine may give up a page before it is full, or has any."""
    spans: list[StoredSpan] = []
    before = None
    while True:
        page = await storage.search(
            SearchText(
                text=request.text,
                service_name=request.service_name,
                trace_id=request.trace_id,
                from_time_unix_nano=request.from_time_unix_nano,
                to_time_unix_nano=request.to_time_unix_nano,
                limit=request.limit,
                before=before,
            )
        )
        assert len(page.spans) <= request.limit
        spans += page.spans
        before = page.before
        if before is None:
            return spans


async def export(storage: SpanStorage, request: ExportSpans) -> pa.Table:
    async with aclosing(storage.export(request)) as parts:
        return pa.concat_tables([part async for part in parts])
