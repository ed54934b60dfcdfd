"""The span store on a real file: durable, deduplicated, queryable."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import duckdb
import orjson
import pytest

from actors.errors import DeadlineExceeded, InternalError
from actors.runtime.bus import Bus
from actors.runtime.supervisor import Supervisor
from actors.span_store.actor import SpanStoreActor
from actors.span_store.columns.spans import Resource, Span, SpanEvent, SpanLink, StoredSpan
from actors.span_store.embedded.lifetime import Limits
from actors.span_store.embedded.sealed.index import open_index
from actors.span_store.messages import (
    GetSpan,
    GetTraceSpans,
    IngestSpans,
    IngestSummary,
    ListServices,
    SearchSpans,
    SearchText,
    SpanFilter,
)
from tests.actors.span_store.stage import all_sealed, state_when
from tests.embedded_store import embedded_store
from tests.spans import START, span

pytestmark = pytest.mark.integration


KEPT_RECENT = Limits()
SEALED_AT_ONCE = Limits(flush_at=1)


@asynccontextmanager
async def running_store(path: Path, limits: Limits = KEPT_RECENT) -> AsyncIterator[Bus]:
    bus = Bus()
    supervisor = Supervisor(bus)
    supervisor.add(
        SpanStoreActor,
        lambda bus: embedded_store(bus, path, accounts=path.with_name("junjo.db"), limits=limits),
    )
    await supervisor.start()
    try:
        yield bus
    finally:
        await supervisor.stop()


@pytest.fixture(params=[KEPT_RECENT, SEALED_AT_ONCE], ids=["recent", "sealed"])
def limits(request: pytest.FixtureRequest) -> Limits:
    """Everything is true of spans in memory, of sealed ones, and of those that are being sealed at this moment."""
    limits: Limits = request.param
    return limits


@pytest.fixture
async def bus(tmp_path: Path, limits: Limits) -> AsyncIterator[Bus]:
    async with running_store(tmp_path / "traces.duckdb", limits) as bus:
        yield bus


async def ingest(bus: Bus, *spans: Span) -> IngestSummary:
    return await bus.ask(IngestSpans(spans=spans, size=1000))


async def names(bus: Bus, **search: object) -> list[str]:
    page = await bus.ask(SearchSpans(service_name="tests", **search))  # type: ignore[arg-type] # varies by test
    return [stored.name for stored in page.spans]


async def test_a_span_comes_back_whole(bus: Bus) -> None:
    sent = span(
        2,
        parent=1,
        attributes={"text": "é", "big": 2**63 - 1, "whole": 3.0, "nested": {"a": [1, [True]]}},
        events=[SpanEvent(5, "e", {"k": "v"}, 1)],
        links=[SpanLink("0a" * 16, "0b" * 8, "s=1", {"l": 1}, 2, 3)],
        flags=0x301,
        trace_state="v=1",
        status_code=2,
        status_message="no",
        kind=3,
        dropped_attributes_count=1,
        dropped_events_count=2,
        dropped_links_count=3,
        resource=Resource({"service.name": "tests", "host": "h"}, 4, "url"),
    )
    await ingest(bus, sent)
    stored = await bus.ask(GetSpan(trace_id=sent.trace_id, span_id=sent.span_id))
    assert stored == StoredSpan(
        trace_id=sent.trace_id,
        span_id=sent.span_id,
        parent_span_id=sent.parent_span_id,
        service_name="tests",
        name="span 2",
        kind=3,
        start_time_unix_nano=START,
        end_time_unix_nano=START + 1000,
        status_code=2,
        status_message="no",
        trace_state="v=1",
        flags=0x301,
        attributes_json='{"text":"é","big":9223372036854775807,"whole":3.0,"nested":{"a":[1,[true]]}}',
        events_json='[{"name":"e","timeUnixNano":5,"droppedAttributesCount":1,"attributes":{"k":"v"}}]',
        links_json=(
            '[{"traceId":"' + "0a" * 16 + '","spanId":"' + "0b" * 8 + '","traceState":"s=1",'
            '"attributes":{"l":1},"droppedAttributesCount":2,"flags":3}]'
        ),
        dropped_attributes_count=1,
        dropped_events_count=2,
        dropped_links_count=3,
        resource_json=(
            '{"attributes":{"service.name":"tests","host":"h"},"droppedAttributesCount":4,'
            '"schemaUrl":"url","entityRefs":[]}'
        ),
        scope_json='{"name":"tests","version":"1","attributes":{},"droppedAttributesCount":0,"schemaUrl":""}',
        exact_json=None,
    )


async def test_what_plain_json_loses_is_kept_exactly(bus: Bus) -> None:
    values = {"bytes": b"\xde\xad", "nan": float("nan"), "inf": float("-inf"), "list": [None, b"\0"], "text": "null"}
    await ingest(bus, span(1, attributes=values), span(2, attributes={"text": "null"}))
    lossy = await bus.ask(GetSpan(trace_id=f"{1:032x}", span_id=f"{1:016x}"))
    plain = await bus.ask(GetSpan(trace_id=f"{1:032x}", span_id=f"{2:016x}"))
    assert lossy is not None
    assert lossy.attributes_json == '{"bytes":"dead","nan":null,"inf":null,"list":[null,"00"],"text":"null"}'
    assert orjson.loads(lossy.exact_json or "")["attributes"] == [
        {"key": "bytes", "value": {"bytesValue": "3q0="}},
        {"key": "nan", "value": {"doubleValue": "NaN"}},
        {"key": "inf", "value": {"doubleValue": "-Infinity"}},
        {"key": "list", "value": {"arrayValue": {"values": [{}, {"bytesValue": "AA=="}]}}},
        {"key": "text", "value": {"stringValue": "null"}},
    ]
    assert plain is not None
    assert plain.exact_json is None


async def test_times_up_to_the_last_nanosecond_of_64_bits(bus: Bus) -> None:
    await ingest(bus, span(1, start=2**64 - 2000), span(2, start=0, end_time_unix_nano=0))
    assert await names(bus) == ["span 1", "span 2"]


async def test_a_span_sent_again_changes_nothing(bus: Bus) -> None:
    first = await ingest(bus, span(1, name="first"), span(2), span(2, name="twice in one request"))
    again = await ingest(bus, span(1, name="second", start=START + 5_000_000_000), span(3))
    assert (first, again) == (IngestSummary(stored=2, duplicates=1), IngestSummary(stored=1, duplicates=1))
    assert sorted(await names(bus)) == ["first", "span 2", "span 3"]


async def test_a_span_sent_again_at_once_is_stored_once(bus: Bus) -> None:
    summaries = await asyncio.gather(*(ingest(bus, span(1), span(2)) for _ in range(20)))
    assert sum(summary.stored for summary in summaries) == 2
    assert sum(summary.duplicates for summary in summaries) == 38


async def test_a_request_that_cannot_be_stored_costs_the_others_nothing(bus: Bus) -> None:
    bad = span(9, attributes={"text": "lone surrogate \ud800"})
    replies = await asyncio.gather(ingest(bus, span(1)), ingest(bus, bad), ingest(bus, span(2)), return_exceptions=True)
    assert [type(reply) for reply in replies] == [IngestSummary, InternalError, IngestSummary]
    assert sorted(await names(bus)) == ["span 1", "span 2"]


async def test_everything_survives_a_restart_and_stays_single(tmp_path: Path, limits: Limits) -> None:
    path = tmp_path / "traces.duckdb"
    async with running_store(path, limits) as bus:
        await ingest(bus, span(1), span(2, parent=1))
        await ingest(bus, span(4))
    for _ in range(2):
        async with running_store(path, limits) as bus:
            assert (await ingest(bus, span(1), span(3), span(4))).duplicates >= 2
            assert sorted(await names(bus)) == ["span 1", "span 2", "span 3", "span 4"]


async def test_the_same_span_id_in_another_trace_is_another_span(bus: Bus) -> None:
    await ingest(bus, span(1, trace_id=1), span(1, trace_id=2))
    assert len(await names(bus)) == 2


async def test_services_are_distinct_and_ascending(bus: Bus) -> None:
    await ingest(bus, span(1, service="b"), span(2, service="a"), span(3, service="b"))
    await ingest(bus, span(4, resource=Resource({"service.name": 5})))
    assert await bus.ask(ListServices()) == ("NO_SERVICE_NAME", "a", "b")


async def test_filters(bus: Bus) -> None:
    await ingest(
        bus,
        span(1, trace_id=1),
        span(2, trace_id=1, parent=1, service="other", attributes={"openinference.span.kind": "LLM"}),
        span(3, trace_id=2, attributes={"openinference.span.kind": "TOOL"}),
        span(4, trace_id=3, parent=9, attributes={"junjo.span_type": "workflow"}),
        span(5, trace_id=3, parent=9, attributes={"junjo.span_type": "subflow"}),
    )
    assert sorted(await names(bus, filter=SpanFilter.ROOTS)) == ["span 1", "span 3"]
    assert await names(bus, filter=SpanFilter.LLM_ROOTS) == ["span 1"]
    assert await names(bus, filter=SpanFilter.WORKFLOWS) == ["span 4"]
    assert len(await names(bus, filter=SpanFilter.ALL)) == 4


async def test_an_llm_span_is_found_wherever_its_trace_has_it(bus: Bus) -> None:
    """The root may be sealed long before it, or after it."""
    llm = {"openinference.span.kind": "LLM"}
    await ingest(bus, span(1, trace_id=1))
    await ingest(bus, span(2, trace_id=2, parent=3, attributes=llm), span(4, trace_id=4))
    await ingest(bus, span(3, trace_id=2))
    await ingest(bus, span(5, trace_id=1, parent=1, attributes=llm))
    assert sorted(await names(bus, filter=SpanFilter.LLM_ROOTS)) == ["span 1", "span 3"]


async def test_pages_join_without_gap_or_overlap_while_spans_arrive(bus: Bus) -> None:
    await ingest(bus, *(span(n, start=START + n // 3) for n in range(1, 21)))  # three start together each time
    seen: list[str] = []
    after = None
    for late in itertools.count(100):
        page = await bus.ask(SearchSpans(service_name="tests", limit=4, after=after))
        seen += [stored.name for stored in page.spans]
        after = page.next
        if after is None:
            break
        await ingest(bus, span(late, start=START + 1_000_000))
    assert seen == [f"span {n}" for n in range(20, 0, -1)]


async def test_a_trace_is_newest_first_and_unknown_ids_give_nothing(bus: Bus) -> None:
    await ingest(bus, span(1), span(2, start=START + 1), span(3, trace_id=2))
    trace = await bus.ask(GetTraceSpans(trace_id=f"{1:032x}"))
    assert [stored.name for stored in trace] == ["span 2", "span 1"]
    assert await bus.ask(GetTraceSpans(trace_id="xyz")) == ()
    assert await bus.ask(GetSpan(trace_id=f"{1:032x}", span_id=f"{9:016x}")) is None


async def found(bus: Bus, text: str, **search: object) -> list[list[str]]:
    """Names of the spans of each page."""
    pages = []
    before = None
    while True:
        page = await bus.ask(SearchText(text=text, before=before, **search))  # type: ignore[arg-type] # varies by test
        pages.append([stored.name for stored in page.spans])
        before = page.before
        if before is None:
            return pages


async def test_text_is_found_in_every_part_latest_arrival_first(bus: Bus) -> None:
    await ingest(bus, span(1, attributes={"a": "a needle"}), span(2, name="needle 2"), span(3))
    await ingest(bus, span(4, status_message="needle"), span(5, start=START - 1, attributes={"needle": 1}))
    await ingest(bus, span(6, events=[SpanEvent(1, "needle", {})]), span(7, service="needle"))
    everything = [name for page in await found(bus, "needle") for name in page]
    assert everything == ["span 6", "span 5", "span 4", "needle 2", "span 1"]


@pytest.mark.parametrize("text", ["a.b", "\\E(", "[z]$", "{2}|x", "\\", 'say "hi"\n\x00', "^é*"])
async def test_text_means_itself(bus: Bus, text: str) -> None:
    near = span(1, attributes={"t": "acb E( z {22} x say e"})
    inside: dict[str, dict[str, Any]] = {
        "key": {text: 1},
        "list": {"l": ["other", text]},
        "text": {"t": f"before {text} after"},
    }
    await ingest(bus, near, *(span(n, name=where, attributes=inside[where]) for n, where in enumerate(inside, 2)))
    assert await found(bus, text) == [["text", "list", "key"]]


async def test_pages_of_a_text_search_join_while_spans_arrive(bus: Bus) -> None:
    for number in range(1, 8):
        await ingest(bus, *(span(number * 10 + n, trace_id=number, attributes={"t": "needle"}) for n in range(3)))
    pages = []
    before = None
    for late in itertools.count(1000):
        page = await bus.ask(SearchText(text="needle", limit=4, before=before))
        pages.append([stored.name for stored in page.spans])
        before = page.before
        if before is None:
            break
        await ingest(bus, span(late, attributes={"t": "needle"}))
    names = [name for page in pages for name in page]
    assert names == [f"span {number * 10 + n}" for number in range(7, 0, -1) for n in (2, 1, 0)]
    assert max(map(len, pages)) <= 4


async def test_names_are_data_and_not_sql(bus: Bus) -> None:
    name = "x' OR '1'='1"
    await ingest(bus, span(1, service=name), span(2))
    page = await bus.ask(SearchSpans(service_name=name))
    assert [stored.service_name for stored in page.spans] == [name]


async def test_trace_summaries_are_right_when_the_root_comes_last(tmp_path: Path) -> None:
    path = tmp_path / "traces.duckdb"
    tokens = {"gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 2, "gen_ai.usage.cost": 0.5}
    llm = {"openinference.span.kind": "LLM", **tokens}
    async with running_store(path, SEALED_AT_ONCE) as bus:
        await ingest(bus, span(2, parent=1, start=START + 10, status_code=2, attributes=llm))
        await ingest(bus, span(3, parent=1, start=START + 20, service="other", attributes=llm))
        await ingest(bus, span(2, parent=1, start=START + 10, status_code=2, attributes=llm))
        await ingest(bus, span(1, name="root", end_time_unix_nano=START + 9999))
        await state_when(bus, all_sealed)
    with duckdb.connect(path, read_only=True) as connection:
        rows = connection.execute("SELECT * FROM trace").fetchall()
    assert rows == [(f"{1:032x}", START, START + 9999, 3, 1, True, 20, 4, 1.0, f"{1:016x}", "root", "tests")]


async def test_a_crash_right_after_the_answer_loses_nothing(tmp_path: Path, limits: Limits) -> None:
    """The files as they are at that moment, copied while the store is open, have what was answered."""
    here, there = tmp_path / "here", tmp_path / "there"
    async with running_store(here / "traces.duckdb", limits) as bus:
        for number in range(1, 20):
            await ingest(bus, span(number, trace_id=number))
        copy_while_in_use(here, there)
    async with running_store(there / "traces.duckdb", limits) as bus:
        await ingest(bus, span(1, trace_id=1), span(19, trace_id=19))
        assert sorted(await names(bus)) == sorted(f"span {number}" for number in range(1, 20))


def copy_while_in_use(here: Path, there: Path) -> None:
    """As a crash leaves it: the journals first, because what leaves them is in the index by then."""
    for pattern in ("traces.journals/*", "traces.segments/*", "traces.duckdb*"):
        for file in here.glob(pattern):
            if file.is_file():
                target = there / file.relative_to(here)
                target.parent.mkdir(parents=True, exist_ok=True)
                with suppress(FileNotFoundError):  # sealed in this moment
                    target.write_bytes(file.read_bytes())


async def test_a_read_that_is_late_is_interrupted_and_its_thread_free_again(bus: Bus) -> None:
    await ingest(bus, *(span(n) for n in range(1, 2000)))
    for _ in range(20):
        with pytest.raises(DeadlineExceeded):
            await bus.ask(SearchSpans(service_name="tests", limit=10000), timeout=0.0)
    assert len(await names(bus, limit=10000)) == 1999


def test_a_newer_schema_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "traces.duckdb"
    open_index(path).execute("INSERT INTO schema_version VALUES (999)").close()
    with pytest.raises(Exception, match=r"newer version of the studio: it has schema 999, this version knows \d+"):
        open_index(path)
