"""Lists of spans come out of few segments, and right all the same."""

import random
from pathlib import Path

import pytest

from actors.runtime.bus import Bus
from actors.span_store.columns.spans import Span
from actors.span_store.messages import GetTraceSpans, SearchSpans, SpanFilter
from tests.actors.span_store.stage import SEALED_AT_ONCE, all_sealed, ingest, running_store, state_when
from tests.spans import START, span

pytestmark = pytest.mark.integration

SERVICES = ("often", "seldom")


async def listed(bus: Bus, service: str, which: SpanFilter) -> list[str]:
    """Names of all spans, from pages of seven."""
    names: list[str] = []
    after = None
    while True:
        page = await bus.ask(SearchSpans(service_name=service, filter=which, limit=7, after=after))
        names += [stored.name for stored in page.spans]
        after = page.next
        if after is None:
            return names


@pytest.mark.parametrize("which", [SpanFilter.ALL, SpanFilter.ROOTS, SpanFilter.WORKFLOWS])
async def test_a_list_is_in_order_however_the_times_of_segments_overlap(tmp_path: Path, which: SpanFilter) -> None:
    chance = random.Random(7)
    made = [
        span(
            number,
            trace_id=number,
            parent=chance.choice([None, 1]),
            service=SERVICES[chance.random() < 0.1],
            start=START + chance.randrange(60),
            attributes={"junjo.span_type": chance.choice(["workflow", "node"])},
        )
        for number in range(1, 301)
    ]
    async with running_store(tmp_path / "traces.duckdb", SEALED_AT_ONCE) as bus:
        for begin in range(0, 300, 15):
            await ingest(bus, *made[begin : begin + 15])
            if begin < 270:
                await state_when(bus, all_sealed)
        newest_first = sorted(made, key=lambda each: (-each.start_time_unix_nano, -int(each.span_id, 16)))
        for service in SERVICES:
            assert await listed(bus, service, which) == [
                each.name
                for each in newest_first
                if each.resource.attributes["service.name"] == service
                and (which is not SpanFilter.ROOTS or not each.parent_span_id)
                and (which is not SpanFilter.WORKFLOWS or each.attributes["junjo.span_type"] == "workflow")
            ]


async def test_it_is_the_same_whether_roots_come_from_memory_or_from_the_index(tmp_path: Path) -> None:
    """Those of segments that this process has sealed are in memory; an earlier one sealed the others."""
    chance = random.Random(11)
    made = [
        span(
            number,
            trace_id=chance.randrange(1, 120),
            parent=chance.choice([None, None, 1]),
            service=SERVICES[chance.random() < 0.2],
            start=START + chance.randrange(40),
            attributes={"openinference.span.kind": chance.choice(["LLM", "CHAIN", "CHAIN", "TOOL"])},
        )
        for number in range(1, 301)
    ]
    path = tmp_path / "traces.duckdb"
    for half in (made[:150], made[150:]):
        async with running_store(path, SEALED_AT_ONCE) as bus:
            for begin in range(0, 150, 15):
                await ingest(bus, *half[begin : begin + 15])
                await state_when(bus, all_sealed)
            await demand_right_lists(bus, made[: made.index(half[-1]) + 1])
    async with running_store(path) as bus:
        await demand_right_lists(bus, made)


async def demand_right_lists(bus: Bus, stored: list[Span]) -> None:
    """Of roots, of roots with an LLM span somewhere in their trace, and of each trace."""
    newest_first = sorted(stored, key=lambda each: (-each.start_time_unix_nano, -int(each.span_id, 16)))
    llm = {each.trace_id for each in stored if each.attributes["openinference.span.kind"] == "LLM"}
    for service in SERVICES:
        roots = [
            each
            for each in newest_first
            if each.resource.attributes["service.name"] == service and not each.parent_span_id
        ]
        assert await listed(bus, service, SpanFilter.ROOTS) == [each.name for each in roots]
        with_llm = [each.name for each in roots if each.trace_id in llm]
        assert 0 < len(with_llm) < len(roots)
        assert await listed(bus, service, SpanFilter.LLM_ROOTS) == with_llm
    for trace_id in {each.trace_id for each in stored}:
        found = await bus.ask(GetTraceSpans(trace_id=trace_id))
        assert [each.name for each in found] == [each.name for each in newest_first if each.trace_id == trace_id]
