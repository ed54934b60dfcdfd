"""Arrivals say the same wherever spans are: in segments, in the WAL, in memory."""

import random
from collections.abc import Iterator
from itertools import pairwise

import attrs
import hypothesis.strategies as st
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings

from actors.errors import NeedsRoom, NotFound
from actors.span_store.asked.arrivals import Arrivals, ArrivedSpan, ListArrivals, Watched
from actors.span_store.columns.logs import Log
from actors.span_store.columns.rows import ROWS, numbered
from actors.span_store.columns.spans import Span
from actors.span_store.embedded.maintenance import compaction
from actors.span_store.embedded.reads import news as reading
from actors.span_store.embedded.reads import walk
from actors.span_store.embedded.reads.aggregates import arrivals as sealed
from actors.span_store.embedded.reads.many_spans import ManySpansReader
from actors.span_store.embedded.reads.news import Filters, PreviewAllowance, news, recent_page
from actors.span_store.query import row_sets
from actors.span_store.query.expression import EVERYTHING, Equals, Expression, Promoted
from actors.span_store.query.language.filter_text import expression_of
from actors.span_store.query.position import Position
from tests.actors.span_store.conformance.plain_arrivals import Numbered, arrivals_of, news_of
from tests.actors.span_store.doubled_calls import doubled
from tests.actors.span_store.naive_query import expressions, mixed_lists
from tests.actors.span_store.states import FLUSHED, IN_MEMORY, STATES, Store, mixed_rows
from tests.spans import span

pytestmark = pytest.mark.integration

THOROUGH = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=8)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One for all examples, with bounds so small that they are reached."""
    store = Store(tmp_path_factory.mktemp("arrivals"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compaction, "_FEWEST", 2)
        patch.setattr(walk, "_MOST_ROWS", 2)
        patch.setattr(sealed, "_MOST", 2)
        patch.setattr(row_sets, "_FEW", row_sets._FEW)
        patch.setattr(reading, "_MOST_ROWS", 3)
        yield store
    store.connection.close()


@given(
    items=mixed_lists(),
    where=st.lists(expressions, min_size=1, max_size=2),
    states=st.sampled_from(STATES),
    with_ngrams=st.booleans(),
    limit=st.integers(1, 5),
    seconds=st.sampled_from([0.0, 60.0]),
    traces=st.booleans(),
)
@THOROUGH
def test_what_is_behind_a_position_is_the_same_wherever_it_is(
    store: Store,
    *,
    items: list[Span | Log],
    where: list[Expression],
    states: list[int],
    with_ngrams: bool,
    limit: int,
    seconds: float,
    traces: bool,
) -> None:
    sealed._BUDGET = seconds
    reader, rows = filled(store, items, states, with_ngrams=with_ngrams), numbered_rows(items)
    first = rows[0][0] if rows else 0
    for expression in (EVERYTHING, *where):
        for after in {first, first + len(rows) // 2, first + len(rows)}:
            request = ListArrivals(where=expression, after=Position(after), limit=limit, traces=traces)
            expected = arrivals_of(rows, first + len(rows), attrs.evolve(request, limit=1000))
            found = pages(store, reader, request)
            assert [uncounted(each) for page in found for each in page.spans] == [*map(uncounted, expected.spans)]
            told = {each.trace_id: each.position for page in reversed(found) for each in page.traces}
            assert told == {each.trace_id: each.position for each in expected.traces}
            assert found[-1].end == expected.end
    store.forget()
    assert not store.problems.sentences()


@given(
    items=mixed_lists(),
    where=st.lists(expressions, min_size=1, max_size=3),
    states=st.sampled_from(STATES),
    limit=st.integers(0, 5),
    among=st.sets(st.integers(0, 3)),
    few=st.sampled_from([0, 32]),
)
@THOROUGH
def test_news_are_what_is_behind_a_position_in_memory(
    store: Store,
    *,
    items: list[Span | Log],
    where: list[Expression],
    states: list[int],
    limit: int,
    among: set[int],
    few: int,
) -> None:
    """``few`` rows are looked at by themselves where a comparison takes long."""
    row_sets._FEW = few
    filled(store, items, states, with_ngrams=False)
    rows, filters = numbered_rows(items), Filters()
    some = frozenset(f"{each:032x}" for each in among)
    for after in range(len(items) + 2):
        watched = [
            Watched(where=each, after=Position(after), limit=limit, traces=traces)
            for each in where
            for traces in (None, some)
        ]
        for each, found in zip(watched, news(store.memtables, watched, filters, PreviewAllowance()), strict=True):
            if after < store.memtables[0].first_seq or after > len(items):
                assert found is None
                continue
            assert found is not None
            behind = [(seq, row) for seq, row in rows if seq < found.end.number]
            expected = news_of(behind, found.end.number, each)
            assert expected is not None
            assert [uncounted(one) for one in found.spans] == [*map(uncounted, expected.spans)]
            assert (found.traces, found.skipped) == (expected.traces, expected.skipped)
            assert found.is_last == (found.end.number == len(items))
            assert found.is_last or found.end.number > after
    store.forget()


def test_a_position_before_what_is_stored_is_none(store: Store) -> None:
    for state in (0, IN_MEMORY):
        store.clear()
        store.put(state, [span(1), span(2)], 5, with_ngrams=False)
        reader = store.reader(7)
        for after in (4, 8):
            with pytest.raises(NotFound):
                page(store, reader, ListArrivals(after=Position(after)))
        assert len(page(store, reader, ListArrivals(after=Position(5))).spans) == 2
        store.forget()


def test_a_page_of_large_spans_has_as_many_as_there_is_room_for(store: Store) -> None:
    large = [span(number, status_message="x" * 10_000) for number in range(1, 9)]
    for state in (0, IN_MEMORY):
        store.clear()
        store.put(state, large, 0, with_ngrams=False)
        reader = store.reader(len(large))
        found = pages(store, reader, ListArrivals(after=Position(0), room=50_000))
        assert [each.position.number for each_page in found for each in each_page.spans] == list(range(1, 9))
        assert len(found) > 1
        with pytest.raises(NeedsRoom):
            page(store, reader, ListArrivals(after=Position(0), room=100))
        store.forget()


def test_a_large_span_has_no_preview_and_others_have(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_PREVIEW_BYTES", 20_000)
    said = [{"openinference.span.kind": "CHAIN", "input.value": text} for text in ("small", "x" * 30_000, "small")]
    store.clear()
    store.put(IN_MEMORY, [span(number, attributes=each) for number, each in enumerate(said, 1)], 0, with_ngrams=False)
    store.reader(3)
    [found] = news(
        store.memtables, [Watched(where=EVERYTHING, after=Position(0), limit=9)], Filters(), PreviewAllowance()
    )
    assert found is not None
    assert [each.span.input_preview for each in found.spans] == ["small", None, "small"]
    store.forget()


def test_previews_are_bounded_and_come_first_where_a_filter_is_true_of_few(store: Store) -> None:
    times = iter((0.0, 0.0, 0.25, 0.25))
    allowance = PreviewAllowance(lambda: next(times))
    said = {"openinference.span.kind": "CHAIN", "input.value": "small"}
    store.clear()
    many = [span(number, name="rare" if number == 299 else "many", attributes=said) for number in range(1, 301)]
    store.put(IN_MEMORY, many, 0, with_ngrams=False)
    store.reader(300)
    rare = Watched(where=Equals(Promoted("name"), "rare"), after=Position(0), limit=999)
    told = []
    for _ in range(3):
        found, few = news(store.memtables, [attrs.evolve(rare, where=EVERYTHING), rare], Filters(), allowance)
        assert found is not None
        assert few is not None
        told.append(sum(each.span.input_preview is not None for each in found.spans))
        assert all(each.span.input_preview == "small" for each in few.spans) is (told[-1] > 0)
    assert told == [256, 32, 0]
    store.forget()


@pytest.mark.parametrize("state", [FLUSHED, IN_MEMORY], ids=["flushed", "in memory"])
@pytest.mark.parametrize("text", ["counted:true", "counted:true attr.gen_ai.operation.name:c*"], ids=["index", "rows"])
def test_a_filter_for_what_counts_tells_calls_from_what_is_around_them(store: Store, text: str, state: int) -> None:
    store.clear()
    both = [doubled(random.Random(1), number, kind="chat", parent=number - 1 or None, trace=1) for number in (1, 2)]
    store.put(state, both, 0, with_ngrams=True)
    reader, where = store.reader(2), expression_of(text)
    ids: list[str] = []
    for each in (where, EVERYTHING):
        if state == FLUSHED:
            found = page(store, reader, ListArrivals(where=each, after=Position(0)))
        else:
            [told] = news(
                store.memtables, [Watched(where=each, after=Position(0), limit=9)], Filters(), PreviewAllowance()
            )
            assert told is not None
            found = told
        ids.append(",".join(arrived.span.span_id for arrived in found.spans if arrived.span.counted))
        assert len(found.spans) == (1 if each is where else 2)
    assert ids[0] == ids[1] != ""
    store.forget()


def filled(store: Store, items: list[Span | Log], states: list[int], *, with_ngrams: bool) -> ManySpansReader:
    store.clear()
    bounds = [len(items) * step // len(states) for step in range(len(states) + 1)]
    for state, (begin, end) in zip(states, pairwise(bounds), strict=True):
        if begin < end:
            store.put(state, items[begin:end], begin, with_ngrams=with_ngrams)
    return store.reader(len(items))


def numbered_rows(items: list[Span | Log]) -> Numbered:
    if not items:
        return []
    rows = pa.Table.from_batches([numbered(mixed_rows(items), 0)], ROWS)
    return [(seq, rows.slice(seq, 1)) for seq in range(len(items))]


def pages(store: Store, reader: ManySpansReader, request: ListArrivals) -> list[Arrivals]:
    found = [page(store, reader, request)]
    while not found[-1].is_last:
        assert found[-1].end > request.after
        request = attrs.evolve(request, after=found[-1].end)
        found.append(page(store, reader, request))
    return found


def page(store: Store, reader: ManySpansReader, request: ListArrivals) -> Arrivals:
    found = recent_page(store.memtables, request) or reader.arrivals(request)
    assert len(found.spans) <= request.limit
    return found


def uncounted(each: ArrivedSpan) -> ArrivedSpan:
    """Without what its siblings say of it, which may be elsewhere when it has just come."""
    return attrs.evolve(each, span=attrs.evolve(each.span, counted=False))
