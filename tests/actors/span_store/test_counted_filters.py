"""Filters by ``counted`` find what a look at each whole trace has, by every way to ask, wherever the spans are."""

import random
from collections.abc import Iterator
from itertools import pairwise
from typing import TypeAlias

import attrs
import pyarrow as pa
import pytest

from actors.span_store.asked.lists import ListSpans, ListTraces
from actors.span_store.asked.stats import GetStats, Subject
from actors.span_store.asked.values import ListValues
from actors.span_store.columns.rows import numbered, rows_of
from actors.span_store.columns.spans import Span, span_columns
from actors.span_store.columns.types import Untold
from actors.span_store.embedded.hot.memtable import MemtableSnapshot
from actors.span_store.embedded.maintenance import compaction
from actors.span_store.embedded.reads import walk
from actors.span_store.embedded.reads.export import SpanExport
from actors.span_store.embedded.reads.many_spans import ManySpansReader
from actors.span_store.embedded.reads.queries import View
from actors.span_store.embedded.reads.span_table import SpanTable
from actors.span_store.messages import ExportSpans, SearchSpans, SearchText
from actors.span_store.query.arrow import ArrowFilter
from actors.span_store.query.expression import Expression
from actors.span_store.query.language.filter_text import expression_of
from tests.actors.span_store.doubled_calls import doubled
from tests.actors.span_store.plain_counting import filter_among
from tests.actors.span_store.states import STATES, Store
from tests.spans import START

pytestmark = pytest.mark.integration

Right: TypeAlias = list[tuple[str, str]]
FILTERS = [
    "counted:true",
    "counted:false",
    "-counted:true type:llm",
    "counted:true attr.gen_ai.usage.input_tokens:>3",
    "counted:false OR attr.gen_ai.response.id:a",
    "service:one (counted:true OR has:attr.gen_ai.input.messages)",
    "has:counted status:error",
]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = Store(tmp_path_factory.mktemp("counted"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compaction, "_FEWEST", 2)
        patch.setattr(walk, "_MOST_ROWS", 3)
        yield store
    store.connection.close()


@pytest.mark.parametrize("text", FILTERS)
def test_every_way_to_ask_finds_those_that_count(store: Store, text: str) -> None:
    """In all states at once, and all in another one for each filter."""
    for states in (max(STATES, key=len), STATES[FILTERS.index(text) % len(STATES)]):
        draw = random.Random(f"{text} {states}")
        spans = [doubled(draw, number) for number in range(1, draw.randrange(8, 30))]
        compare(store, spans, states, expression_of(text))


def compare(store: Store, spans: list[Span], states: list[int], where: Expression) -> None:
    store.clear()
    bounds = [len(spans) * step // len(states) for step in range(len(states) + 1)]
    for state, (begin, end) in zip(states, pairwise(bounds), strict=True):
        if begin < end:
            store.put(state, spans[begin:end], begin, with_ngrams=len(spans) % 2 == 0)
    right = truth_of(spans, where)
    for ask in (searched, listed, found_by_text, exported, counted_in_stats, in_traces, valued):
        ask(store, store.reader(len(spans)), where, right)
    store.forget()


def truth_of(spans: list[Span], where: Expression) -> Right:
    rows = pa.Table.from_batches([numbered(rows_of(span_columns(spans)), 0)])
    return ids_of(filter_among(where, rows).rows(rows))


def ids_of(rows: pa.Table) -> Right:
    columns: list[Untold] = [rows["trace_id"], rows["span_id"]]
    return sorted(zip(*(column.to_pylist() for column in columns), strict=True))


def searched(_: Store, reader: ManySpansReader, where: Expression, right: Right) -> None:
    request, found = SearchSpans(where=where, limit=4), []
    while True:
        page = reader.search(request)
        found += [(each.trace_id, each.span_id) for each in page.spans]
        if page.next is None:
            break
        request = attrs.evolve(request, after=page.next)
    assert sorted(found) == right


def listed(_: Store, reader: ManySpansReader, where: Expression, right: Right) -> None:
    request, found = ListSpans(where=where, limit=4), []
    while True:
        page = reader.list_spans(request)
        found += [(each.trace_id, each.span_id) for each in page.spans]
        if page.next is None:
            break
        request = attrs.evolve(request, after=page.next)
    assert sorted(found) == right


def in_traces(_: Store, reader: ManySpansReader, where: Expression, right: Right) -> None:
    page = reader.list_traces(ListTraces(where=where))
    assert {each.trace_id for each in page.traces} == {trace_id for trace_id, _ in right}


def found_by_text(_: Store, reader: ManySpansReader, where: Expression, right: Right) -> None:
    request, found = SearchText(text="span", where=where), []
    while True:
        page = reader.text(request)
        found += [(each.trace_id, each.span_id) for each in page.spans]
        if page.before is None:
            break
        request = attrs.evolve(request, before=page.before)
    assert sorted(found) == right


def exported(store: Store, _: ManySpansReader, where: Expression, right: Right) -> None:
    cursor, recent = store.connection.cursor(), MemtableSnapshot(store.memtables)
    counted_of = SpanTable(cursor, View(recent, store.manifest.segments, store.roots)).counted
    parts = SpanExport(ExportSpans(where=where), cursor, lambda: recent, store.folders.segments, counted_of).parts()
    assert ids_of(pa.concat_tables(parts)) == right


def counted_in_stats(_: Store, reader: ManySpansReader, where: Expression, right: Right) -> None:
    request = GetStats(of=Subject.SPANS, group_by=("trace_id", "span_id"), where=where, now=START, limit=200)
    assert sorted(group.key for group in reader.stats(request, lambda: False).groups) == right


def valued(_: Store, reader: ManySpansReader, where: Expression, right: Right) -> None:
    found = reader.values(ListValues(field="name", where=where), lambda: False)
    assert sum(each.count for each in found.values) == len(right)


def test_what_no_other_span_is_known_of_counts_as_its_type_says() -> None:
    spans = [doubled(random.Random(1), number, kind=kind) for number, kind in enumerate(("chat", "TOOL", ""), start=1)]
    rows = pa.Table.from_batches([numbered(rows_of(span_columns(spans)), 0)])
    assert ArrowFilter(expression_of("counted:true")).rows(rows)["seq"].to_pylist() == [0]
