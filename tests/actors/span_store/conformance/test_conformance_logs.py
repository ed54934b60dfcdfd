"""Any engine: log records belong to a span, come and go with it, and are no spans to anybody."""

import pytest

from actors.errors import NeedsRoom
from actors.span_store.columns.log_rows import stored_rows
from actors.span_store.columns.logs import Logs, log_table
from actors.span_store.columns.rows import TRACE, span_rows
from actors.span_store.messages import (
    Exported,
    ExportSpans,
    GetSpan,
    GetSpanLogs,
    GetTraceSpans,
    IngestSummary,
    SearchSpans,
    SearchText,
    SearchTrace,
    SpanFilter,
)
from actors.span_store.storage import Scope, SpanStorage
from tests.actors.span_store.conformance.steps import NOW, export, pages, search, span_id, trace_id, write_logs
from tests.spans import START, log, span

pytestmark = pytest.mark.integration

OF_FIRST = GetSpanLogs(trace_id=trace_id(1), span_id=span_id(1))


async def names_of(storage: SpanStorage, request: GetSpanLogs = OF_FIRST) -> list[str]:
    return [each.event_name for each in await storage.logs(request)]


async def test_logs_of_a_span_come_back_oldest_first(storage: SpanStorage) -> None:
    await write_logs(storage, log(3), log(1), log(2, span_id=2), log(2, trace_id=2))
    await storage.write([span_rows([span(1)])])
    await write_logs(storage, log(2), log(0, service="other"))
    assert await names_of(storage) == ["log 0", "log 1", "log 2", "log 3"]
    assert await names_of(storage, GetSpanLogs(trace_id=trace_id(1), span_id=span_id(2))) == ["log 2"]
    assert await names_of(storage, GetSpanLogs(trace_id=trace_id(7), span_id=span_id(1))) == []


async def test_a_record_that_is_sent_again_is_stored_once(storage: SpanStorage) -> None:
    assert await write_logs(storage, log(1), log(2), log(1)) == IngestSummary(stored=2, duplicates=1)
    assert await write_logs(storage, log(2), log(3)) == IngestSummary(stored=1, duplicates=1)
    assert await names_of(storage) == ["log 1", "log 2", "log 3"]


async def test_a_commit_counts_spans_only(storage: SpanStorage) -> None:
    committed = await storage.write([stored_rows(Logs([log(1), log(1, trace_id=2)])), span_rows([span(1)])])
    assert committed.outcomes == (IngestSummary(stored=2, duplicates=0), IngestSummary(stored=1, duplicates=0))
    assert (committed.stored, committed.trace_ids) == (1, frozenset({trace_id(1)}))
    state = storage.state()
    assert state.recent_spans + state.sealed_spans >= 1  # both for a moment, while it becomes a segment
    committed = await storage.write([stored_rows(Logs([log(2)]))])
    assert (committed.stored, committed.trace_ids) == (0, frozenset())


async def test_who_has_too_little_room_for_logs_is_told_how_much_they_take(storage: SpanStorage) -> None:
    await write_logs(storage, log(1, body="x" * 5000))
    with pytest.raises(NeedsRoom) as refused:
        await storage.logs(GetSpanLogs(trace_id=trace_id(1), span_id=span_id(1), room=100))
    assert refused.value.bytes > 100


async def test_a_trace_that_has_only_logs_is_in_no_answer_about_spans(storage: SpanStorage) -> None:
    [record] = (key[TRACE:] for key in stored_rows(Logs([log(1, body="needle")])).keys)
    await write_logs(storage, log(1, body="needle"), log(2, attributes={"gen_ai.operation.name": "chat"}))
    for which in SpanFilter:
        assert await pages(storage, SearchSpans(filter=which)) == [[]]
    assert await pages(storage, SearchTrace(trace_id=trace_id(1))) == [[]]
    assert await search(storage, SearchText(text="needle")) == []
    assert await storage.trace(GetTraceSpans(trace_id=trace_id(1))) == ()
    assert await storage.span(GetSpan(trace_id=trace_id(1), span_id=record)) is None
    assert await storage.services() == ()
    assert (await export(storage, ExportSpans())).num_rows == 0
    state = storage.state()
    assert (state.recent_spans, state.sealed_spans) == (0, 0)


async def test_an_export_has_spans_first_and_then_their_logs(storage: SpanStorage) -> None:
    await write_logs(storage, log(1), log(2, trace_id=2, service="other"))
    await storage.write([span_rows([span(1), span(2)])])
    await write_logs(storage, log(3))
    both = await export(storage, ExportSpans(what=Exported.BOTH))
    assert both["name"].to_pylist() == ["span 1", "span 2", "log 1", "log 2", "log 3"]
    for request, found in (
        (ExportSpans(what=Exported.LOGS, service_name="other"), ["log 2"]),
        (ExportSpans(what=Exported.LOGS, trace_id=trace_id(1)), ["log 1", "log 3"]),
        (ExportSpans(what=Exported.LOGS, from_time_unix_nano=START + 2, to_time_unix_nano=START + 3), ["log 2"]),
    ):
        assert log_table(await export(storage, request))["event_name"].to_pylist() == found
    nothing = await export(storage, ExportSpans(what=Exported.LOGS, service_name="none"))
    assert log_table(nothing).num_rows == 0


async def test_logs_are_deleted_with_their_trace_and_service(storage: SpanStorage) -> None:
    await storage.write([span_rows([span(1), span(1, trace_id=2)])])
    await write_logs(storage, log(1), log(2, service="other"), log(1, trace_id=2), log(1, trace_id=3))
    assert await storage.delete(Scope("trace_id", trace_id(2))) == 1
    assert await names_of(storage, GetSpanLogs(trace_id=trace_id(2), span_id=span_id(1))) == []
    assert await storage.has(Scope("service_name", "other"))
    assert await storage.delete(Scope("service_name", "other")) == 0
    assert await names_of(storage) == ["log 1"]
    assert not await storage.has(Scope("service_name", "other"))
    assert await storage.has(Scope("trace_id", trace_id(3)))
    assert await storage.delete(Scope("trace_id", trace_id(3))) == 0
    assert not await storage.has(Scope("trace_id", trace_id(3)))
    assert await write_logs(storage, log(1, trace_id=3)) == IngestSummary(stored=1, duplicates=0)


async def test_logs_that_are_too_old_go(storage: SpanStorage) -> None:
    await write_logs(storage, log(1), log(2, time_unix_nano=NOW))
    await storage.tidy()
    assert await names_of(storage) == ["log 2"]
