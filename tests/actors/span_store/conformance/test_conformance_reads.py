"""Any engine: lists, traces, single spans, text search and export say what ``messages`` promises."""

from collections import Counter
from collections.abc import Sequence

import pytest

from actors.errors import NeedsRoom
from actors.span_store.columns.rows import ROWS
from actors.span_store.columns.spans import Span
from actors.span_store.columns.types import Untold
from actors.span_store.messages import (
    ExportSpans,
    GetSpan,
    GetTraceSpans,
    SearchSpans,
    SearchText,
    SearchTrace,
    SpanFilter,
)
from actors.span_store.query.expression import (
    And,
    Attribute,
    Between,
    Contains,
    Equals,
    Expression,
    IsNull,
    Not,
    Or,
    Promoted,
    Resource,
    Text,
    equal,
)
from actors.span_store.storage import Scope, SpanStorage, TraceColumns
from tests.actors.span_store.conformance.steps import export, names, pages, search, span_id, trace_id, write
from tests.spans import START, span

pytestmark = pytest.mark.integration

LLM = {"openinference.span.kind": "LLM"}


def kind(junjo: str) -> dict[str, str]:
    return {"junjo.span_type": junjo}


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
async def test_pages_have_each_span_once_newest_start_first(storage: SpanStorage, limit: int) -> None:
    starts = [5, 1, 1, 1, 3, 2, 4]  # three start together: the latest arrival comes first
    for number, start in enumerate(starts):
        await write(storage, span(number + 1, trace_id=number + 1, start=START + start))
    found = await pages(storage, SearchSpans(service_name="tests", limit=limit))
    assert [name for page in found for name in page] == [f"span {each}" for each in (1, 7, 5, 6, 4, 3, 2)]
    assert all(len(page) == limit for page in found[:-1])


@pytest.mark.parametrize(
    ("where", "found"),
    [
        (equal(type="llm"), [1, 3, 5]),
        (Not(equal(type="llm")), [2, 4, 6]),
        (And([equal(type="llm"), Between(Promoted("input_tokens"), 2, 5)]), [3]),
        (Equals(Attribute("plan"), "pro"), [2, 3]),
        (Or([Equals(Attribute("plan"), "free"), equal(service_name="other")]), [4, 6]),
        (And([Equals(Attribute("plan"), "pro"), IsNull(Promoted("input_tokens"))]), [2]),
        (Equals(Resource("service.name"), "other"), [6]),
        (Contains(Text(), "needle"), [5]),
        (equal(type="nothing"), []),
    ],
    ids=str,
)
async def test_any_attribute_can_be_asked_for_across_services(
    storage: SpanStorage, where: Expression, found: list[int]
) -> None:
    call = {"gen_ai.operation.name": "chat"}
    await write(storage, span(1, attributes=call | {"gen_ai.usage.input_tokens": 1}))
    await write(storage, span(2, attributes={"plan": "pro"}))
    await write(storage, span(3, attributes=call | {"gen_ai.usage.input_tokens": 3, "plan": "pro"}))
    await write(storage, span(4, attributes={"plan": "free"}))
    await write(storage, span(5, attributes=call | {"gen_ai.usage.input_tokens": 5, "said": "a needle"}))
    await write(storage, span(6, service="other"))
    walked = await pages(storage, SearchSpans(where=where, limit=2))
    assert sorted(name for page in walked for name in page) == [f"span {number}" for number in found]


async def test_what_comes_in_between_two_pages_repeats_nothing(storage: SpanStorage) -> None:
    await write(storage, *(span(number, start=START + number) for number in range(1, 7)))
    first = await storage.query(SearchSpans(service_name="tests", limit=3))
    await write(storage, span(50, start=START + 50))
    second = await storage.query(SearchSpans(service_name="tests", limit=3, after=first.next))
    assert [each.name for each in (*first.spans, *second.spans)] == [f"span {each}" for each in (6, 5, 4, 3, 2, 1)]
    assert second.next is None


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (SpanFilter.ALL, [1, 2, 3, 4, 5]),
        (SpanFilter.ROOTS, [1, 3, 5]),
        (SpanFilter.LLM_ROOTS, [1]),
        (SpanFilter.WORKFLOWS, [3]),
    ],
)
async def test_a_list_has_the_spans_of_its_filter(
    storage: SpanStorage, wanted: SpanFilter, found: Sequence[int]
) -> None:
    await write(storage, span(1, trace_id=1, start=START + 1), span(3, trace_id=2, attributes=kind("workflow")))
    await write(storage, span(2, trace_id=1, parent=1, attributes=kind("node")), span(9, service="other"))
    await write(storage, span(4, trace_id=2, parent=3), span(5, trace_id=3))
    await write(storage, span(10, trace_id=1, parent=2, service="other", attributes=LLM))
    page = await storage.query(SearchSpans(service_name="tests", filter=wanted))
    assert sorted(each.name for each in page.spans) == [f"span {each}" for each in found]


async def test_a_trace_is_whole_and_newest_first(storage: SpanStorage) -> None:
    await write(storage, span(1), span(2, parent=1, start=START + 2, service="other"), span(3, trace_id=2))
    await write(storage, span(4, parent=1, start=START + 1, attributes=kind("subflow")))
    found = await storage.trace(GetTraceSpans(trace_id=trace_id(1)))
    assert [each.name for each in found] == ["span 2", "span 4", "span 1"]
    assert await storage.trace(GetTraceSpans(trace_id=trace_id(7))) == ()
    walked = await pages(storage, SearchTrace(trace_id=trace_id(1), limit=2))
    assert walked == [["span 2", "span 4"], ["span 1"]]
    assert await pages(storage, SearchTrace(trace_id=trace_id(1), only_subflows=True)) == [["span 4"]]


async def test_a_span_comes_back_as_it_was_sent(storage: SpanStorage) -> None:
    sent: Span = span(
        2, parent=1, attributes={"text": "Zürich", "number": 7}, status_code=2, status_message="no", trace_state="a=b"
    )
    await write(storage, span(1), sent)
    found = await storage.span(GetSpan(trace_id=sent.trace_id, span_id=sent.span_id))
    assert found is not None
    assert found[:5] == (sent.trace_id, sent.span_id, span_id(1), "tests", "span 2")
    assert (found.status_code, found.status_message, found.trace_state) == (2, "no", "a=b")
    assert found.attributes_json == '{"text":"Zürich","number":7}'
    assert await storage.span(GetSpan(trace_id=sent.trace_id, span_id=span_id(3))) is None


async def test_who_has_too_little_room_is_told_how_much_it_takes(storage: SpanStorage) -> None:
    await write(storage, span(1, attributes={"text": "x" * 5000}))
    with pytest.raises(NeedsRoom) as refused:
        await storage.trace(GetTraceSpans(trace_id=trace_id(1), room=100))
    assert refused.value.bytes > 100
    assert len(await storage.trace(GetTraceSpans(trace_id=trace_id(1), room=1_000_000))) == 1


async def test_text_is_found_latest_arrival_first(storage: SpanStorage) -> None:
    await write(storage, span(1, name="a needle"), span(2, attributes={"text": "needles"}))
    await write(storage, span(3, trace_id=2, service="other", status_message="needle"), span(4, attributes={"a": "b"}))
    for limit in (1, 2, 100):
        found = await search(storage, SearchText(text="needle", limit=limit))
        assert [each.span_id for each in found] == [span_id(each) for each in (3, 2, 1)]
    assert await search(storage, SearchText(text="Needle")) == []


@pytest.mark.parametrize(
    ("bounds", "found"),
    [
        ({"service_name": "other"}, [3]),
        ({"trace_id": trace_id(1)}, [2, 1]),
        ({"from_time_unix_nano": START + 2}, [3, 2]),
        ({"to_time_unix_nano": START + 2}, [1]),
    ],
)
async def test_text_is_found_within_bounds(
    storage: SpanStorage, bounds: dict[str, str | int], found: Sequence[int]
) -> None:
    await write(storage, *(span(number, name=f"text {number}", start=START + number) for number in (1, 2)))
    await write(storage, span(3, trace_id=2, service="other", name="text 3", start=START + 3))
    spans = await search(storage, SearchText(text="text", **bounds))  # type: ignore[arg-type] # of their own types
    assert [each.span_id for each in spans] == [span_id(each) for each in found]


async def test_an_export_has_everything_once_in_the_order_of_arrival(storage: SpanStorage) -> None:
    for number in (3, 1, 2):
        await write(storage, span(number, trace_id=number, start=START + number))
    await write(storage, span(4, trace_id=4, service="other"))
    everything: Untold = await export(storage, ExportSpans())
    assert [int(each, 16) for each in everything["span_id"].to_pylist()] == [3, 1, 2, 4]
    assert everything["seq"].to_pylist() == sorted(everything["seq"].to_pylist())
    for request, numbers in (
        (ExportSpans(service_name="other"), [4]),
        (ExportSpans(trace_id=trace_id(1)), [1]),
        (ExportSpans(service_name="tests", from_time_unix_nano=START + 2), [3, 2]),
        (ExportSpans(service_name="tests", to_time_unix_nano=START + 2), [1]),
    ):
        some: Untold = await export(storage, request)
        assert [int(each, 16) for each in some["span_id"].to_pylist()] == numbers


async def test_an_export_of_nothing_says_the_columns(storage: SpanStorage) -> None:
    nothing = await export(storage, ExportSpans(service_name="none"))
    assert nothing.num_rows == 0
    assert "attributes_json" in nothing.column_names
    assert set(ROWS.names) - set(nothing.column_names) <= {"attributes"}


async def test_reads_find_nothing_in_an_empty_storage(storage: SpanStorage) -> None:
    assert await names(storage) == []
    assert await storage.services() == ()
    assert await search(storage, SearchText(text="x")) == []
    assert not await storage.has(Scope("trace_id", trace_id(1)))


async def test_columns_of_a_trace_have_a_row_for_each_of_its_spans(storage: SpanStorage) -> None:
    await write(storage, span(1, attributes={"b": 1, "a": "x"}), span(2, parent=1), span(3, trace_id=2))
    await write(storage, span(4, attributes=LLM))
    wanted = TraceColumns(trace_id=trace_id(1), columns=("span_id", "type", "attribute_keys", "scope_json"))
    found = await storage.columns(wanted)
    rows = {row["span_id"]: row for row in found.to_pylist()}
    assert set(rows) == {span_id(1), span_id(2), span_id(4)}
    assert [sorted(rows[span_id(number)]["attribute_keys"]) for number in (1, 2, 4)] == [["a", "b"], [], list(LLM)]
    assert [rows[span_id(number)]["type"] for number in (1, 2, 4)] == [None, None, "llm"]
    assert found.column_names == list(wanted.columns)


async def test_columns_are_those_of_the_spans_that_are_wanted(storage: SpanStorage) -> None:
    for number in range(1, 6):
        await write(storage, span(number), span(number, trace_id=2))
    some = frozenset((span_id(2), span_id(4), span_id(99)))
    every = TraceColumns(trace_id=trace_id(1), columns=tuple(ROWS.names), span_ids=some)
    found = await storage.columns(every)
    assert found.schema.equals(ROWS)
    assert Counter(found["span_id"].to_pylist()) == {span_id(2): 1, span_id(4): 1}
    assert set(found["trace_id"].to_pylist()) == {trace_id(1)}


@pytest.mark.parametrize("unknown", [trace_id(2), "", "no id", trace_id(1).upper() + "x"])
async def test_columns_of_what_is_unknown_have_no_rows(storage: SpanStorage, unknown: str) -> None:
    await write(storage, span(1))
    columns = ("span_id", "attribute_keys", "cost")
    for found in (
        await storage.columns(TraceColumns(trace_id=unknown, columns=columns)),
        await storage.columns(TraceColumns(trace_id=trace_id(1), columns=columns, span_ids=frozenset())),
    ):
        assert (found.num_rows, found.column_names) == (0, list(columns))


async def test_columns_are_given_where_there_is_room_for_them(storage: SpanStorage) -> None:
    await write(storage, span(1, attributes={"text": "x" * 100_000}), span(2))
    narrow = TraceColumns(trace_id=trace_id(1), columns=("span_id",), room=50_000)
    assert (await storage.columns(narrow)).num_rows == 2
    whole = TraceColumns(trace_id=trace_id(1), columns=("span_id", "attributes"), room=50_000)
    with pytest.raises(NeedsRoom):
        await storage.columns(whole)
