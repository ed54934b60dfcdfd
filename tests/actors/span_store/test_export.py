"""Exports: each span once, whole, whatever happens to the files meanwhile."""

from collections.abc import AsyncIterator
from pathlib import Path

import pyarrow as pa
import pytest

from actors.errors import Overloaded
from actors.runtime.bus import Bus
from actors.span_store.actor import SpanStoreActor
from actors.span_store.columns.attribute_column import shown
from actors.span_store.columns.rows import ROWS
from actors.span_store.columns.types import Untold
from actors.span_store.embedded.lifetime import Limits
from actors.span_store.messages import DeleteTrace, ExportSpans, IngestSpans
from tests.actors.span_store.stage import BY, KEPT_RECENT, SEALED_AT_ONCE, store_in
from tests.spans import START, span

pytestmark = pytest.mark.integration

COLUMNS = shown(ROWS.empty_table()).schema


@pytest.fixture(params=[KEPT_RECENT, SEALED_AT_ONCE, Limits(flush_at=20_000)], ids=["recent", "sealed", "both"])
async def bus(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bus]:
    async with store_in(tmp_path, request.param) as bus:
        yield bus


async def ingest(bus: Bus, trace: int, *, spans: int = 10, service: str = "tests") -> None:
    made = [
        span(number, trace_id=trace, start=START + trace, service=service, attributes={"text": "x" * 100})
        for number in range(spans)
    ]
    await bus.ask(IngestSpans(spans=made, size=1000))


async def exported(bus: Bus, **which: object) -> pa.Table:
    async with bus.stream(ExportSpans(**which)) as parts:  # type: ignore[arg-type] # varies by test
        return pa.concat_tables([part async for part in parts])


def trace_numbers(rows: pa.Table) -> list[int]:
    trace_ids: Untold = rows["trace_id"]
    return [int(trace_id, 16) for trace_id in trace_ids.to_pylist()]


async def test_every_span_comes_once_in_the_order_of_arrival_of_its_file(bus: Bus) -> None:
    for trace in range(1, 30):
        await ingest(bus, trace)
    rows = await exported(bus)
    assert rows.schema == COLUMNS
    assert trace_numbers(rows) == [trace for trace in range(1, 30) for _ in range(10)]
    assert len(set(rows["seq"].to_pylist())) == 290


async def test_service_and_times_choose(bus: Bus) -> None:
    for trace in range(1, 10):
        await ingest(bus, trace, service="even" if trace % 2 == 0 else "odd")
    assert set(trace_numbers(await exported(bus, service_name="even"))) == {2, 4, 6, 8}
    bounds = {"from_time_unix_nano": START + 3, "to_time_unix_nano": START + 6}
    assert set(trace_numbers(await exported(bus, **bounds))) == {3, 4, 5}
    assert set(trace_numbers(await exported(bus, service_name="odd", **bounds))) == {3, 5}


async def test_without_spans_the_columns_are_said(bus: Bus) -> None:
    assert (await exported(bus)).schema == COLUMNS
    await ingest(bus, 1)
    nothing = await exported(bus, service_name="unknown")
    assert (nothing.schema, nothing.num_rows) == (COLUMNS, 0)


async def test_what_happens_meanwhile_doubles_nothing(tmp_path: Path) -> None:
    """The parts are large, so an export of many files is still at its beginning when the first one comes."""
    async with store_in(tmp_path, Limits(flush_at=3_000_000)) as bus:
        for trace in range(1, 30):
            await ingest(bus, trace, spans=2000)
        seen: list[int] = []
        async with bus.stream(ExportSpans()) as parts:
            seen += trace_numbers(await anext(parts))
            assert (await bus.ask(DeleteTrace(trace_id=f"{29:032x}", by=BY))).spans == 2000
            await ingest(bus, 50)
            async for part in parts:
                seen += trace_numbers(part)
        assert {trace: seen.count(trace) for trace in set(seen)} == dict.fromkeys(range(1, 29), 2000)


async def test_too_many_exports_are_refused(tmp_path: Path) -> None:
    async with store_in(tmp_path) as bus:
        for trace in range(1, 10):
            await ingest(bus, trace, spans=2000)
        streams = [bus.stream(ExportSpans()) for _ in range(SpanStoreActor.most_streams)]
        for stream in streams:
            await anext(await stream.__aenter__())
        with pytest.raises(Overloaded):
            await exported(bus)
        for stream in streams:
            await stream.__aexit__(None, None, None)
        assert (await exported(bus)).num_rows == 18_000
