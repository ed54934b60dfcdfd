"""Pages end before they would be too large, and go on without gap or repetition."""

import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from actors.errors import NeedsRoom
from actors.runtime.bus import Bus
from actors.span_store.columns.spans import Span, StoredSpan
from actors.span_store.embedded.lifetime import Limits
from actors.span_store.embedded.reads.gathered import PAGE_BYTES
from actors.span_store.messages import (
    FoundSpans,
    GetSpan,
    GetTraceSpans,
    SearchSpans,
    SearchText,
    SearchTrace,
    SpanPage,
)
from actors.span_store.query.position import Position
from tests.actors.span_store.stage import SEALED_AT_ONCE, all_sealed, ingest, running_store, state_when
from tests.spans import START, span

pytestmark = [pytest.mark.integration, pytest.mark.security]

MEGABYTE = 1024 * 1024
ROOM = 256 * 1024
TRACE = f"{1:032x}"
IN_JOURNALS = Limits(flush_at=MEGABYTE // 8, most_in_memory=0)  # until they are sealed, that is


@pytest.fixture(params=[Limits(), IN_JOURNALS, SEALED_AT_ONCE], ids=["recent", "journals", "sealed"])
async def bus(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bus]:
    async with running_store(tmp_path / "traces.duckdb", request.param) as bus:
        yield bus


def sized(number: int, size: int, **others: Any) -> Span:
    others = {"start": START + number} | others
    return span(number, attributes={"text": "needle " + "x" * size}, **others)


async def fill(bus: Bus) -> list[Span]:
    """Spans of very different sizes, some of which start together, in several requests; as a list has them."""
    chance = random.Random(5)
    made = [sized(number, chance.choice([10, 1000, 30_000]), start=START + number // 3) for number in range(1, 301)]
    chance.shuffle(made)
    for begin in range(0, 300, 50):
        await ingest(bus, *made[begin : begin + 50])
    arrival = {each.span_id: place for place, each in enumerate(made)}
    return sorted(made, key=lambda each: (-each.start_time_unix_nano, -arrival[each.span_id]))


def size_of(spans: tuple[StoredSpan, ...]) -> int:
    return sum(len(each.attributes_json) for each in spans)


async def trace_pages(bus: Bus, request: SearchTrace) -> list[SpanPage]:
    """All pages. Between two of them spans come in that start later than all, and what is there is sealed."""
    pages: list[SpanPage] = []
    while True:
        page = await bus.ask(request)
        pages.append(page)
        if page.next is None:
            return pages
        await ingest(bus, sized(1000 + len(pages), 200_000))
        request = attrs.evolve(request, after=page.next)


async def test_pages_of_a_trace_are_cut_by_bytes_and_join(bus: Bus) -> None:
    made = await fill(bus)
    pages = await trace_pages(bus, SearchTrace(trace_id=TRACE, limit=100, room=ROOM))
    assert [each.span_id for page in pages for each in page.spans] == [each.span_id for each in made]
    assert all(size_of(page.spans) <= ROOM for page in pages)
    assert len({len(page.spans) for page in pages}) > 2
    assert max(len(page.spans) for page in pages) <= 100


async def test_pages_of_a_search_are_cut_by_bytes_and_join(bus: Bus) -> None:
    made = await fill(bus)
    pages: list[FoundSpans] = []
    request = SearchText(text="needle", limit=100, room=ROOM)
    while True:
        page = await bus.ask(request)
        pages.append(page)
        if page.before is None:
            break
        await ingest(bus, sized(1000 + len(pages), 200_000))
        request = attrs.evolve(request, before=page.before)
    found = [each.span_id for page in pages for each in page.spans]
    assert sorted(found) == sorted(each.span_id for each in made)
    assert all(size_of(page.spans) <= ROOM for page in pages)


async def test_a_page_of_a_list_ends_before_it_would_be_too_large(bus: Bus) -> None:
    for number in range(1, 6):
        await ingest(bus, sized(number, PAGE_BYTES // 3))
    pages: list[list[str]] = []
    after = None
    while True:
        page = await bus.ask(SearchSpans(service_name="tests", limit=10_000, after=after, room=PAGE_BYTES))
        assert size_of(page.spans) <= PAGE_BYTES
        pages.append([each.name for each in page.spans])
        after = page.next
        if after is None:
            break
        await ingest(bus, sized(1000 + len(pages), 200_000))
    assert [name for page in pages for name in page] == [f"span {number}" for number in range(5, 0, -1)]
    assert len(pages) > 2


async def test_one_span_is_given_however_large_it_is(bus: Bus) -> None:
    await ingest(bus, sized(1, 10), sized(2, PAGE_BYTES + MEGABYTE), sized(3, 10))
    page = await bus.ask(SearchSpans(service_name="tests"))
    assert [each.name for each in page.spans] == ["span 3"]
    page = await bus.ask(SearchSpans(service_name="tests", after=page.next))
    assert [each.name for each in page.spans] == ["span 2"]
    page = await bus.ask(SearchSpans(service_name="tests", after=page.next))
    assert ([each.name for each in page.spans], page.next) == (["span 1"], None)
    assert [each.name for each in (await bus.ask(SearchText(text="needle", before=Position(2)))).spans] == ["span 2"]


@pytest.mark.parametrize(
    "request_for",
    [
        GetTraceSpans(trace_id=TRACE),
        GetSpan(trace_id=TRACE, span_id=f"{1:016x}"),
        SearchTrace(trace_id=TRACE),
        SearchSpans(service_name="tests", limit=1),
        SearchText(text="needle"),
    ],
    ids=lambda each: type(each).__name__,
)
async def test_who_has_too_little_room_is_told_how_much_it_takes(bus: Bus, request_for: Any) -> None:
    await ingest(bus, sized(1, MEGABYTE))
    with pytest.raises(NeedsRoom) as refusal:
        await bus.ask(attrs.evolve(request_for, room=ROOM))
    assert MEGABYTE < refusal.value.bytes < 2 * MEGABYTE
    assert await bus.ask(attrs.evolve(request_for, room=refusal.value.bytes)) == await bus.ask(request_for)


async def test_a_small_span_among_large_ones_is_read_with_the_room_that_is_asked_for(bus: Bus) -> None:
    """What a file says of its rows is how large they are together."""
    await ingest(bus, *(sized(number, 10 if number == 2 else 6 * MEGABYTE) for number in range(1, 5)))
    small = GetSpan(trace_id=TRACE, span_id=f"{2:016x}", room=ROOM)
    try:
        found = await bus.ask(small)
    except NeedsRoom as need:
        found = await bus.ask(attrs.evolve(small, room=need.bytes))
    assert found is not None
    assert found.name == "span 2"
    page = await bus.ask(SearchSpans(service_name="tests", limit=2, room=PAGE_BYTES))
    assert [each.name for each in page.spans] == ["span 4", "span 3"]


async def test_a_long_list_asks_for_room_before_all_of_it_is_read(bus: Bus) -> None:
    await fill(bus)
    with pytest.raises(NeedsRoom) as refusal:
        await bus.ask(SearchSpans(service_name="tests", limit=10_000, room=ROOM))
    assert ROOM < refusal.value.bytes <= PAGE_BYTES


async def test_pages_go_on_after_everything_was_sealed_and_joined(tmp_path: Path) -> None:
    path = tmp_path / "traces.duckdb"
    async with running_store(path) as bus:
        made = await fill(bus)
        first = await bus.ask(SearchTrace(trace_id=TRACE, room=ROOM))
    async with running_store(path, SEALED_AT_ONCE) as bus:
        await ingest(bus, sized(1000, 10))
        await state_when(bus, all_sealed)
        others = await trace_pages(bus, SearchTrace(trace_id=TRACE, room=ROOM, after=first.next))
    found = [each.span_id for page in (first, *others) for each in page.spans]
    assert found == [each.span_id for each in made]


async def test_subflows_alone(bus: Bus) -> None:
    kinds = ["subflow", "node", "subflow", "workflow"]
    await ingest(bus, *(span(number, attributes={"junjo.span_type": kind}) for number, kind in enumerate(kinds, 1)))
    page = await bus.ask(SearchTrace(trace_id=TRACE, only_subflows=True))
    assert [each.name for each in page.spans] == ["span 3", "span 1"]
