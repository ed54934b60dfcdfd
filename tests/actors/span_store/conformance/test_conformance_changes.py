"""Any engine: what is deleted is gone for good and nothing else is, and what is too old is not kept."""

from datetime import timedelta

import pytest

from actors.span_store.asked.retention import RetentionRule
from actors.span_store.messages import ExportSpans, GetTraceSpans, IngestSummary, SearchText
from actors.span_store.storage import Scope, SpanStorage
from tests.actors.span_store.conformance.steps import NOW, export, names, search, trace_id, write
from tests.spans import START, span

pytestmark = pytest.mark.integration


async def test_a_deleted_trace_is_found_by_nobody(storage: SpanStorage) -> None:
    for trace in (1, 2, 3):
        await write(storage, span(1, trace_id=trace), span(2, trace_id=trace, service="other", name="needle"))
    scope = Scope("trace_id", trace_id(2))
    assert await storage.has(scope)
    async with storage.freeing():
        assert await storage.delete(scope) == 2
    assert not await storage.has(scope)
    assert await storage.trace(GetTraceSpans(trace_id=trace_id(2))) == ()
    assert await names(storage) == ["span 1", "span 1"]
    assert {each.trace_id for each in await search(storage, SearchText(text="needle"))} == {trace_id(1), trace_id(3)}
    assert (await export(storage, ExportSpans())).num_rows == 4
    assert await storage.delete(scope) == 0


async def test_a_deleted_service_goes_from_all_traces(storage: SpanStorage) -> None:
    for trace in (1, 2):
        await write(storage, span(1, trace_id=trace), span(2, trace_id=trace, service="other"))
    assert await storage.delete(Scope("service_name", "other")) == 2
    assert await storage.services() == ("tests",)
    assert [each.name for each in await storage.trace(GetTraceSpans(trace_id=trace_id(1)))] == ["span 1"]


async def test_a_deleted_span_that_is_sent_again_is_stored_again(storage: SpanStorage) -> None:
    await write(storage, span(1))
    assert await storage.delete(Scope("trace_id", trace_id(1))) == 1
    assert await write(storage, span(1)) == IngestSummary(stored=1, duplicates=0)
    assert await names(storage) == ["span 1"]


async def test_what_is_too_old_goes_and_the_rest_stays(storage: SpanStorage) -> None:
    await write(storage, span(1, start=START), span(2, start=NOW))
    await write(storage, span(3, trace_id=3, start=START))
    await storage.tidy()
    assert await names(storage) == ["span 2"]
    assert await write(storage, span(4, start=NOW)) == IngestSummary(stored=1, duplicates=0)
    await storage.tidy()
    assert await names(storage) == ["span 2", "span 4"]
    assert storage.trusted_time() is not None


async def test_a_rule_says_what_it_would_delete_and_deletes_that_once_it_counts(storage: SpanStorage) -> None:
    """Of spans that are not in files yet an engine may say nothing."""
    storage.use_retention(RetentionRule())
    await write(storage, span(1, start=START))
    await write(storage, span(2, start=NOW))
    await storage.tidy()
    assert await names(storage) == ["span 1", "span 2"]
    rule = RetentionRule(age=timedelta(days=1))
    assert (await storage.preview_retention(rule)).spans in (0, 1)
    assert await names(storage) == ["span 1", "span 2"]
    storage.use_retention(rule)
    await storage.tidy()
    assert await names(storage) == ["span 2"]
    assert (await storage.preview_retention(rule)).spans == 0
