"""Lists of traces and of spans say the same wherever spans are, and go on right while these move, come and go."""

import asyncio
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

import attrs
import hypothesis.strategies as st
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings

from actors.span_store.asked.lists import ListSpans, ListTraces, Sort
from actors.span_store.columns.logs import Log
from actors.span_store.columns.rows import ROWS, numbered, span_rows
from actors.span_store.columns.spans import LOG, Span
from actors.span_store.embedded.lifetime import EmbeddedStorage, Limits
from actors.span_store.embedded.maintenance import compaction
from actors.span_store.embedded.reads import walk
from actors.span_store.embedded.reads.aggregates import matching, rare, span_list, trace_list, trace_places, trace_sums
from actors.span_store.embedded.reads.many_spans import ManySpansReader
from actors.span_store.query.expression import EVERYTHING, Attribute, Equals, Expression, equal
from actors.span_store.storage import Scope
from actors.span_store.traces.summary import SpanSummary, TraceSummary
from tests.actors.span_store.conformance.plain_lists import PlainLists
from tests.actors.span_store.naive_query import expressions, mixed_lists
from tests.actors.span_store.states import FLUSHED, IN_MEMORY, STATES, Store, mixed_rows
from tests.spans import START, span

pytestmark = pytest.mark.integration

Items: TypeAlias = Sequence[Span | Log]
THOROUGH = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=40)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One for all examples. All bounds are so small that they are reached, and the time of a search is always up."""
    store = Store(tmp_path_factory.mktemp("lists"))
    with pytest.MonkeyPatch.context() as patch:
        make_small(patch)
        yield store
    store.connection.close()


def make_small(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(compaction, "_FEWEST", 2)
    patch.setattr(walk, "_MOST_ROWS", 2)
    for module in (trace_list, span_list):
        patch.setattr(module, "_SOON", 0.0)
        patch.setattr(module, "_BUDGET", 0.0)
        patch.setattr(module, "_LEAST", 2)
    for module in (trace_places, span_list):
        patch.setattr(module, "_FIRST_SEGMENTS", 1)
    patch.setattr(trace_places, "_MORE", 0)
    patch.setattr(trace_list, "_SIZES", (1, 2))
    patch.setattr(matching, "_TOGETHER", 2)
    patch.setattr(trace_sums, "MOST_SUMMED_HERE", 3)
    patch.setattr(rare, "_FEW_GROUPS", rare._FEW_GROUPS)


@given(
    items=mixed_lists(),
    where=st.lists(expressions, min_size=1, max_size=2),
    states=st.sampled_from(STATES),
    with_ngrams=st.booleans(),
    service=st.sampled_from([None, "red", "tests"]),
    sort=st.sampled_from(Sort),
    limit=st.integers(1, 5),
    summed_here=st.sampled_from([0, 3, 1000]),
    seconds=st.sampled_from([0.0, 60.0]),
    few_groups=st.sampled_from([0, 96]),
)
@THOROUGH
def test_a_list_says_the_same_wherever_the_spans_are(
    store: Store,
    *,
    items: list[Span | Log],
    where: list[Expression],
    states: list[int],
    with_ngrams: bool,
    service: str | None,
    sort: Sort,
    limit: int,
    summed_here: int,
    seconds: float,
    few_groups: int,
) -> None:
    """``summed_here`` is the number of spans up to which a page is summed up in Python, and not in SQL."""
    trace_list._SOON = trace_list._BUDGET = span_list._SOON = span_list._BUDGET = seconds
    trace_sums.MOST_SUMMED_HERE, rare._FEW_GROUPS = summed_here, few_groups
    store.clear()
    bounds = [len(items) * step // len(states) for step in range(len(states) + 1)]
    for state, (begin, end) in zip(states, pairwise(bounds), strict=True):
        if begin < end:
            store.put(state, items[begin:end], begin, with_ngrams=with_ngrams)
    reader, plain = store.reader(len(items)), PlainLists(spans_of(items))
    for expression in (EVERYTHING, *where):
        asked: dict[str, Any] = {"service_name": service, "where": expression, "sort": sort, "limit": limit}
        right = list(plain.trace_page(ListTraces(**asked | {"limit": 1000})).traces)
        assert all_traces(reader, ListTraces(**asked)) == right
        found = list(plain.span_page(ListSpans(**asked | {"limit": 1000})).spans)
        assert all_spans(reader, ListSpans(**asked)) == found
    store.forget()
    assert not store.problems.sentences()


def test_a_trace_stands_where_its_earliest_span_is_whatever_segment_has_that(store: Store) -> None:
    """Late spans of an early trace are in the first segments that are looked into, and its beginning is in the last."""
    store.clear()
    starts = [(1, 1), (2, 10), (3, 11), (4, 12), (5, 13), (6, 14), (1, 20)]
    for number, (trace, start) in enumerate(starts):
        made = span(number + 1, trace_id=trace, start=START + start)
        store.put(FLUSHED, [made], number, with_ngrams=False)
    reader = store.reader(len(starts))
    for sort, right in ((Sort.NEWEST, [6, 5, 4, 3, 2, 1]), (Sort.OLDEST, [1, 2, 3, 4, 5, 6])):
        found = all_traces(reader, ListTraces(sort=sort, limit=2))
        assert [each.trace_id for each in found] == [f"{trace:032x}" for trace in right]
    store.forget()


def test_what_stands_behind_late_spans_of_early_traces_is_not_left_out(store: Store) -> None:
    """The first look, into memory, ends at late spans: its three rows are traces that began long before."""
    store.clear()
    sealed, recent = [(5, 40), (8, 12), (6, 1), (9, 0)], [(8, 21), (6, 18), (9, 17), (7, 16)]
    for number, (trace, start) in enumerate([*sealed, *recent]):
        made = span(number + 1, trace_id=trace, start=START + start)
        store.put(FLUSHED if number < len(sealed) else IN_MEMORY, [made], number, with_ngrams=False)
    reader = store.reader(len(sealed) + len(recent))
    for sort, right in ((Sort.NEWEST, [5, 7, 8, 6, 9]), (Sort.OLDEST, [9, 6, 8, 7, 5])):
        found = all_traces(reader, ListTraces(sort=sort, limit=2))
        assert [each.trace_id for each in found] == [f"{trace:032x}" for trace in right]
    store.forget()


def spans_of(items: Items) -> pa.Table:
    rows = pa.Table.from_batches([numbered(mixed_rows(items), 0)], ROWS)
    return rows.filter(pa.array([kind != LOG for kind in rows["kind"].to_pylist()], pa.bool_()))


def all_traces(reader: ManySpansReader, request: ListTraces) -> list[TraceSummary]:
    found: list[TraceSummary] = []
    while True:
        page = reader.list_traces(request)
        assert len(page.traces) <= request.limit
        found += page.traces
        if page.next is None:
            return found
        assert request.after != page.next
        request = attrs.evolve(request, after=page.next)


def all_spans(reader: ManySpansReader, request: ListSpans) -> list[SpanSummary]:
    found: list[SpanSummary] = []
    while True:
        page = reader.list_spans(request)
        assert len(page.spans) <= request.limit
        found += page.spans
        if page.next is None:
            return found
        assert request.after != page.next
        request = attrs.evolve(request, after=page.next)


@attrs.frozen
class Step:
    """What happens between two pages."""

    kind: str
    trace: int
    start: int


steps = st.builds(
    Step, st.sampled_from(["new", "late", "delete", "tidy", "wait"]), st.integers(1, 9), st.integers(0, 40)
)
FILTERS: list[Expression] = [EVERYTHING, equal(service_name="red"), Equals(Attribute("n"), 1)]


@given(
    first=st.lists(st.tuples(st.integers(1, 9), st.integers(0, 40), st.booleans()), min_size=3, max_size=12),
    between=st.lists(steps, max_size=8),
    where=st.sampled_from(FILTERS),
    sort=st.sampled_from([Sort.NEWEST, Sort.OLDEST, Sort.LONGEST, Sort.MOST_TOKENS, Sort.MOST_ERRORS]),
    flushes=st.booleans(),
)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=25)
def test_pages_go_on_right_while_spans_come_are_flushed_compacted_and_deleted(
    first: list[tuple[int, int, bool]], between: list[Step], where: Expression, sort: Sort, *, flushes: bool
) -> None:
    """Nothing that was there at the first page, and still is under the same key, is repeated or left out."""
    with pytest.MonkeyPatch.context() as patch, TemporaryDirectory() as folder:
        make_small(patch)
        asyncio.run(
            go_through(Path(folder), first, between, ListTraces(where=where, sort=sort, limit=2), flushes=flushes)
        )


async def go_through(
    folder: Path, first: list[tuple[int, int, bool]], between: list[Step], request: ListTraces, *, flushes: bool
) -> None:
    limits = Limits(flush_at=1, deferred=0) if flushes else Limits()
    storage = await EmbeddedStorage.open(folder / "traces.duckdb", limits=limits)
    story = Story(storage, request.sort)
    for trace, start, is_red in first:
        await story.add(trace, start, service="red" if is_red else "tests")
    at_first = {each.trace_id for each in await listed(storage, attrs.evolve(request, limit=1000), [], story)}
    story.touched.clear()
    found = await listed(storage, request, between, story)
    ids = [each.trace_id for each in found if each.trace_id not in story.touched]
    assert len(ids) == len(set(ids))
    assert set(ids) >= at_first - story.touched
    await storage.close()


async def listed(
    storage: EmbeddedStorage, request: ListTraces, between: Sequence[Step], story: "Story"
) -> list[TraceSummary]:
    found: list[TraceSummary] = []
    waiting = list(between)
    while True:
        page = await storage.list_traces(request)
        found += page.traces
        if page.next is None:
            return found
        request = attrs.evolve(request, after=page.next)
        if waiting:
            await story.tell(waiting.pop())


class Story:
    """What becomes of the traces of a store. ``touched`` are those whose place in the list may have changed."""

    def __init__(self, storage: EmbeddedStorage, sort: Sort) -> None:
        self._storage = storage
        self._sort = sort
        self._next_span = 1
        self.touched: set[str] = set()

    async def add(self, trace: int, start: int, service: str = "red") -> None:
        number, self._next_span = self._next_span, self._next_span + 1
        kind = {"openinference.span.kind": "LLM", "llm.token_count.prompt": start} if number % 2 else {}
        made = span(
            number,
            trace_id=trace,
            parent=number + 77,
            start=START + start,
            service=service,
            attributes={"n": number % 3, **kind},
            status_code=number % 4,
        )
        await self._storage.write([span_rows([made])])

    async def tell(self, step: Step) -> None:
        match step.kind:
            case "new":
                self.touched.add(f"{step.trace + 100:032x}")
                await self.add(step.trace + 100, step.start)
            case "late":
                if self._sort not in (Sort.NEWEST, Sort.OLDEST):
                    self.touched.add(f"{step.trace:032x}")
                await self.add(step.trace, 41 + step.start, "tests")
            case "delete":
                self.touched.add(f"{step.trace:032x}")
                await self._storage.delete(Scope("trace_id", f"{step.trace:032x}"))
            case "tidy":
                await self._storage.tidy()
            case _:
                await asyncio.sleep(0)
