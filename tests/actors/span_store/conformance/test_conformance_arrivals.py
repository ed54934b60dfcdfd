"""Any engine: what is behind a position, in the order of arrival, without gap and without repeat."""

from itertools import product
from pathlib import Path

import attrs
import pytest

from actors.errors import NeedsRoom, NotFound
from actors.span_store.asked.arrivals import Arrivals, ListArrivals, ListNews, Watched
from actors.span_store.asked.lists import ListSpans
from actors.span_store.query.expression import EVERYTHING, Attribute, Equals, Expression, Promoted
from actors.span_store.query.position import Position
from actors.span_store.storage import Scope, SpanStorage
from tests.actors.span_store.conformance.conftest import Engine
from tests.actors.span_store.conformance.steps import NOW, all_spans, trace_id, write
from tests.spans import START, span

pytestmark = pytest.mark.integration

_NAMED = Equals(Promoted("name"), "wanted")
_VALUED = Equals(Attribute("color"), "red")


async def all_behind(storage: SpanStorage, request: ListArrivals) -> tuple[list[str], Position]:
    """The ids of all spans behind a position, page by page, and where that ends."""
    found: list[str] = []
    while True:
        page = await storage.arrivals(request)
        assert len(page.spans) <= request.limit
        found += [each.span.span_id for each in page.spans]
        for each in page.spans:
            assert request.after < each.position <= page.end
        if page.is_last:
            return found, page.end
        request = attrs.evolve(request, after=page.end)


async def new_for(storage: SpanStorage, *watched: Watched) -> list[Arrivals]:
    """What is new for each filter, whether the engine has it at hand or not."""
    found = []
    for each, news in zip(watched, await storage.news(ListNews(watched=watched)), strict=True):
        page = news or await storage.arrivals(
            ListArrivals(where=each.where, after=each.after, traces=each.traces is not None)
        )
        found.append(page)
    return found


async def test_pages_have_each_span_once_in_the_order_of_arrival(storage: SpanStorage) -> None:
    begin = storage.end()
    numbers = [5, 3, 9, 1, 7, 2]
    red = {"color": "red"}
    for number in numbers:
        await write(storage, span(number, trace_id=number % 3, name="wanted", start=NOW + number, attributes=red))
        await write(storage, span(number + 100, trace_id=number, start=NOW - number))
    some = [f"{number:016x}" for number in numbers]
    every = [f"{each:016x}" for number in numbers for each in (number, number + 100)]
    expected: list[tuple[Expression, list[str]]] = [(EVERYTHING, every), (_NAMED, some), (_VALUED, some)]
    for (where, ids), limit in product(expected, (1, 2, 1000)):
        found, end = await all_behind(storage, ListArrivals(where=where, after=begin, limit=limit))
        assert found == ids
        assert end == storage.end()
        assert await all_behind(storage, ListArrivals(where=where, after=end)) == ([], end)


async def test_a_position_says_what_is_behind_it(storage: SpanStorage) -> None:
    begin = storage.end()
    await write(storage, *(span(number) for number in range(1, 6)))
    page = await storage.arrivals(ListArrivals(after=begin))
    for number, each in enumerate(page.spans, start=1):
        rest, _ = await all_behind(storage, ListArrivals(after=each.position))
        assert rest == [f"{other:016x}" for other in range(number + 1, 6)]


async def test_an_arrived_span_is_what_lists_say_of_it(storage: SpanStorage) -> None:
    begin = storage.end()
    await write(
        storage,
        span(1, attributes={"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"}),
        span(2, trace_id=2, status_message="what\nwent wrong"),
    )
    listed = {each.span_id: each for each in await all_spans(storage, ListSpans())}
    page = await storage.arrivals(ListArrivals(after=begin))
    [news] = await new_for(storage, Watched(where=EVERYTHING, after=begin, limit=10))
    assert [each.span for each in page.spans] == [listed[each.span.span_id] for each in page.spans]
    assert len(news.spans) == 2
    assert {each.span.span_id: each.span for each in news.spans} == listed


async def test_news_are_of_each_filter_what_it_is_true_of_and_the_rest_is_counted(storage: SpanStorage) -> None:
    begin = storage.end()
    for number in range(1, 9):
        await write(storage, span(number, trace_id=number % 2 + 1, name="wanted" if number % 2 else "other"))
    watched = [Watched(where=where, after=begin, limit=3) for where in (EVERYTHING, _NAMED, _VALUED)]
    found = await storage.news(ListNews(watched=tuple(watched)))
    for news, (spans, skipped) in zip(found, [([1, 2, 3], 5), ([1, 3, 5], 1), ([], 0)], strict=True):
        if news is not None:
            assert [each.span.span_id for each in news.spans] == [f"{number:016x}" for number in spans]
            assert (news.skipped, news.end, news.is_last) == (skipped, storage.end(), True)


async def test_traces_are_told_of_once_with_the_first_of_their_new_spans(storage: SpanStorage) -> None:
    begin = storage.end()
    for number in range(1, 9):
        await write(storage, span(number, trace_id=number % 4 + 1, name="wanted" if number % 4 == 1 else "other"))
    [matching] = await new_for(storage, Watched(where=_NAMED, after=begin, limit=9, traces=frozenset()))
    assert [each.trace_id for each in matching.traces] == [trace_id(2)]
    page = await storage.arrivals(ListArrivals(after=begin, traces=True))
    firsts = [each.trace_id for each in page.traces]
    assert firsts[0] == trace_id(2)
    assert len(set(firsts)) == len(firsts)
    news = (
        await storage.news(
            ListNews(watched=(Watched(where=_NAMED, after=begin, limit=1, traces=frozenset([trace_id(1)])),))
        )
    )[0]
    if news is not None:
        assert [each.trace_id for each in news.traces] == [trace_id(2)]
        assert news.skipped == 1


async def test_a_position_that_never_was_is_none(storage: SpanStorage) -> None:
    await write(storage, span(1))
    behind = Position(storage.end().number + 1)
    with pytest.raises(NotFound):
        await storage.arrivals(ListArrivals(after=behind))
    assert await storage.news(ListNews(watched=(Watched(where=EVERYTHING, after=behind, limit=1),))) == [None]


async def test_what_was_deleted_behind_a_position_makes_it_none(storage: SpanStorage) -> None:
    begin = storage.end()
    await write(storage, span(1, trace_id=1))
    await write(storage, span(2, trace_id=2))
    await storage.delete(Scope("trace_id", trace_id(1)))
    with pytest.raises(NotFound):
        await storage.arrivals(ListArrivals(after=begin))
    assert await all_behind(storage, ListArrivals(after=storage.end())) == ([], storage.end())
    end = storage.end()
    await write(storage, span(3, trace_id=3))
    assert (await all_behind(storage, ListArrivals(after=end)))[0] == [f"{3:016x}"]


async def test_what_was_too_old_to_be_kept_makes_positions_before_it_none(storage: SpanStorage) -> None:
    begin = storage.end()
    await write(storage, span(1, start=START))
    await storage.tidy()
    await write(storage, span(2, trace_id=2, start=NOW))
    with pytest.raises(NotFound):
        await storage.arrivals(ListArrivals(after=begin))


async def test_a_page_keeps_to_its_room(storage: SpanStorage) -> None:
    begin = storage.end()
    await write(storage, *(span(number, status_message="x" * 10_000) for number in range(1, 5)))
    with pytest.raises(NeedsRoom):
        await storage.arrivals(ListArrivals(after=begin, limit=1, room=100))


async def test_positions_outlive_the_storage(engine: Engine, tmp_path: Path) -> None:
    storage = await engine.open(tmp_path)
    if not storage.abilities.durable:
        await storage.close()
        return
    begin = storage.end()
    await write(storage, *(span(number, start=NOW) for number in range(1, 4)))
    middle = (await storage.arrivals(ListArrivals(after=begin, limit=2))).end
    await storage.close()
    storage = await engine.open(tmp_path)
    await write(storage, span(4, start=NOW))
    assert (await all_behind(storage, ListArrivals(after=middle)))[0] == [f"{number:016x}" for number in (3, 4)]
    await storage.close()
