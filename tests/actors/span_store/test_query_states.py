"""A search finds the same spans wherever they are: in memory, in the WAL, flushed or compacted, or some of each."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TypeAlias

import attrs
import duckdb
import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from actors.span_store.columns.logs import Log
from actors.span_store.columns.spans import Span
from actors.span_store.embedded.hot.memtable import MemtableSnapshot
from actors.span_store.embedded.maintenance import compaction
from actors.span_store.embedded.reads import queries, walk
from actors.span_store.embedded.reads.queries import SpanReader, View
from actors.span_store.embedded.reads.span_table import SpanTable
from actors.span_store.messages import SearchSpans, SpanFilter
from actors.span_store.query.expression import Expression
from tests.actors.span_store.naive_query import Known, expressions, is_true, known, mixed_lists
from tests.actors.span_store.states import EVICTED, FLUSHED, IN_MEMORY, STATES, Store
from tests.spans import log_like, span

pytestmark = pytest.mark.integration

Items: TypeAlias = Sequence[Span | Log]
THOROUGH = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=40)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One for all examples. A walk looks at two spans at a time, and its time is always up."""
    store = Store(tmp_path_factory.mktemp("states"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compaction, "_FEWEST", 2)
        patch.setattr(queries, "_SOON", 0.0)
        patch.setattr(queries, "_BUDGET", 0.0)
        patch.setattr(walk, "_MOST_ROWS", 2)
        patch.setattr(walk, "_LEAST", 3)
        yield store
    store.connection.close()


def test_sql_sees_all_spans_once_and_leaves_nothing_behind(store: Store) -> None:
    """Also those that are in the index and in memory, as they are for a moment after each flush."""
    store.clear()
    spans = [span(number, attributes={"llm.cost.total": 0.5}) for number in range(1, 7)]
    items: Items = [
        *spans[:3],
        log_like(spans[0]),
        spans[3],
        log_like(spans[3]),
        spans[4],
        log_like(spans[5]),
        spans[5],
    ]
    store.put(FLUSHED, items[:5], 0, with_ngrams=False)
    store.put(EVICTED, items[2:5], 2, with_ngrams=False)
    store.put(IN_MEMORY, items[5:], 5, with_ngrams=False)
    view = View(MemtableSnapshot(store.memtables), store.manifest.segments, store.roots)
    cursor = store.connection.cursor()
    with SpanTable(cursor, view).relation() as everything:
        rows = cursor.execute(f"SELECT count(*), sum(cost), min(seq), max(seq) FROM {everything}").fetchall()
    assert rows == [(6, 3.0, 0, 8)]
    with pytest.raises(ZeroDivisionError), SpanTable(cursor, view).relation():
        raise ZeroDivisionError
    with pytest.raises(duckdb.CatalogException):
        cursor.execute("SELECT * FROM recent_span")
    cursor.close()
    store.forget()


def right_names(items: Items, request: SearchSpans) -> list[str]:
    """Span ids of what a search should find, in order."""
    stored = known(items)
    llm = {each.span.trace_id for each in stored if each.columns["openinference_span_kind"] == "LLM"}

    def fits(each: Known) -> bool:
        is_root = not each.span.parent_span_id
        return (
            request.service_name in (None, each.columns["service_name"])
            and (request.where is None or is_true(request.where, each))
            and {
                SpanFilter.ALL: True,
                SpanFilter.ROOTS: is_root,
                SpanFilter.LLM_ROOTS: is_root and each.span.trace_id in llm,
                SpanFilter.WORKFLOWS: each.columns["junjo_span_type"] == "workflow",
            }[request.filter]
        )

    found = sorted(filter(fits, stored), key=lambda each: (-each.span.start_time_unix_nano, -each.seq))
    return [each.span.span_id for each in found]


def all_pages(reader: SpanReader, request: SearchSpans) -> list[str]:
    names: list[str] = []
    while True:
        page = reader.search(request)
        assert len(page.spans) <= request.limit
        names += [each.span_id for each in page.spans]
        if page.next is None:
            return names
        assert request.after != page.next
        request = attrs.evolve(request, after=page.next)


@given(
    items=mixed_lists(),
    where=st.lists(expressions, min_size=1, max_size=4),
    states=st.sampled_from(STATES),
    with_ngrams=st.booleans(),
    service=st.sampled_from([None, "red", "tests"]),
    which=st.sampled_from(SpanFilter),
    limit=st.integers(1, 5),
)
@THOROUGH
def test_a_search_finds_what_it_should_wherever_the_spans_are(
    store: Store,
    *,
    items: list[Span | Log],
    where: list[Expression],
    states: list[int],
    with_ngrams: bool,
    service: str | None,
    which: SpanFilter,
    limit: int,
) -> None:
    store.clear()
    bounds = [len(items) * step // len(states) for step in range(len(states) + 1)]
    for state, (begin, end) in zip(states, pairwise(bounds), strict=True):
        if begin < end:
            store.put(state, items[begin:end], begin, with_ngrams=with_ngrams)
    reader = store.reader(len(items))
    for expression in (None, *where):
        request = SearchSpans(service_name=service, filter=which, where=expression, limit=limit)
        assert all_pages(reader, request) == right_names(items, request)
    store.forget()
    assert not store.problems.sentences()
