"""Stored spans are priced anew: those in memory and in segments, after a crash half-way, and of earlier versions."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from threading import Event

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from actors.runtime.bus import Bus
from actors.runtime.supervisor import Supervisor
from actors.span_store.actor import SpanStoreActor
from actors.span_store.columns.rows import ROWS
from actors.span_store.embedded.durable import DISK, Disk
from actors.span_store.embedded.hot.wal import Wal, recover
from actors.span_store.embedded.layout import Folders
from actors.span_store.embedded.lifetime import Limits
from actors.span_store.embedded.maintenance.compaction import Compaction
from actors.span_store.embedded.sealed.index import open_index, outdated_costs, outdated_segments, sealed_up_to
from actors.span_store.embedded.sealed.segment_file import checksum
from actors.span_store.embedded.sealed.segments import Segments
from actors.span_store.embedded.upkeep.inspection import inspect
from actors.span_store.embedded.upkeep.repair import repair
from actors.span_store.messages import ExportSpans, GetStoreState, Job, SearchSpans, UsePrices
from actors.span_store.pricing.current import CurrentPrices
from actors.span_store.pricing.own_price import OwnPrice, OwnPrices, PerMillion, Restatement
from actors.span_store.query.expression import Equals, Promoted
from scripts.load.faulty_disk import Fault, FaultyDisk, Operation
from tests.actors.span_store.stage import DERIVED, SEALED_AT_ONCE, all_sealed, ingest, state_when
from tests.embedded_store import embedded_store
from tests.spans import START, span

pytestmark = pytest.mark.integration

CALL = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "ours", "gen_ai.usage.input_tokens": 1_000_000}
REPORTED = CALL | {"gen_ai.usage.cost": 0.5}
COUNT = 6


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "traces.duckdb"


def own(amount: float, *restatements: Restatement, valid_from: int = 0) -> OwnPrices:
    per_million = PerMillion(input=amount, output=amount)
    price = OwnPrice(id="p", model="ours", provider=None, valid_from=valid_from, per_million=per_million, created_at=0)
    return OwnPrices(prices=(price,), restatements=restatements)


@asynccontextmanager
async def running(
    path: Path, prices: OwnPrices | None = None, limits: Limits = SEALED_AT_ONCE, disk: Disk = DISK
) -> AsyncIterator[Bus]:
    bus = Bus()
    supervisor = Supervisor(bus)
    accounts = path.with_name("junjo.db")
    supervisor.add(
        SpanStoreActor,
        lambda bus: embedded_store(bus, path, accounts=accounts, limits=limits, interval=0.01, disk=disk),
    )
    await supervisor.start()
    try:
        if prices is not None:
            await bus.ask(UsePrices(own=prices))
        yield bus
    finally:
        await supervisor.stop()


async def fill(path: Path, prices: OwnPrices | None = None, limits: Limits = SEALED_AT_ONCE) -> None:
    """A segment for each call, which start one after the other."""
    async with running(path, prices, limits) as bus:
        for number in range(COUNT):
            await ingest(bus, span(number + 1, trace_id=number + 1, start=START + number, attributes=CALL))
        if limits is SEALED_AT_ONCE:
            await state_when(bus, all_sealed)


async def costs(bus: Bus) -> list[float | None]:
    """In the order of their ids, as the files have them."""
    async with bus.stream(ExportSpans()) as tables:
        found = {
            row["span_id"]: row["cost_usd"]
            async for table in tables
            for row in table.select(["span_id", "cost_usd"]).to_pylist()
        }
    return [found[each] for each in sorted(found)]


async def costs_become(bus: Bus, expected: list[float | None]) -> None:
    """Wait for them; asking gives the store time."""
    while await costs(bus) != expected:
        pass


@contextmanager
def at_rest(path: Path, prices: OwnPrices) -> Iterator[tuple[Segments, Compaction]]:
    """The segments of a store that nobody has open."""
    current = CurrentPrices()
    current.use(prices)
    connection = open_index(path)
    segments = Segments(connection, Folders(path), sealed_up_to(connection).next_segment)
    try:
        yield segments, Compaction(segments, current)
    finally:
        segments.close()


def revisions(path: Path) -> list[int]:
    with open_index(path) as index:
        return [number for (number,) in index.execute("SELECT coalesce(restated, 0) FROM segment").fetchall()]


async def test_stored_spans_are_priced_anew_from_a_time_on(path: Path) -> None:
    await fill(path, own(1))
    async with running(path, own(2, Restatement(1, START + 2))) as bus:
        await costs_become(bus, [1, 1, 2, 2, 2, 2])
        page = await bus.ask(SearchSpans(where=Equals(Promoted("cost_usd"), 2.0)))
        assert len(page.spans) == 4
    assert inspect(Folders(path)) == []


async def test_nothing_is_priced_anew_without_the_wish(path: Path) -> None:
    await fill(path, own(1))
    async with running(path, own(2)) as bus:
        await ingest(bus, span(COUNT + 1, attributes=CALL))
        await state_when(bus, all_sealed)
        assert await costs(bus) == [1] * COUNT + [2]


async def test_spans_in_memory_are_priced_anew(path: Path) -> None:
    async with running(path, own(1), Limits()) as bus:
        await ingest(bus, span(1, attributes=CALL), span(2, attributes=REPORTED))
        await bus.ask(UsePrices(own=own(2, Restatement(1, 0))))
        await costs_become(bus, [2, 0.5])
        await ingest(bus, span(3, attributes=CALL))
        assert await costs(bus) == [2, 0.5, 2]


async def test_spans_that_a_price_is_too_late_for_stay_in_memory(path: Path) -> None:
    async with running(path, own(1), Limits()) as bus:
        await ingest(bus, span(1, attributes=CALL))
        await bus.ask(UsePrices(own=own(2, Restatement(1, START + 1), valid_from=START + 1)))
        await ingest(bus, span(2, start=START + 1, attributes=CALL))
        assert await costs(bus) == [1, 2]
        assert (await bus.ask(GetStoreState())).recent_spans == 2


@pytest.mark.error_recovery
async def test_what_was_cut_short_half_way_goes_on_after_a_restart(path: Path) -> None:
    await fill(path, own(1))
    prices = own(2, Restatement(1, 0))
    with at_rest(path, prices) as (segments, compaction):
        for outdated in outdated_costs(segments.connection, prices)[: COUNT // 2]:
            compaction.restate(outdated)
        assert len(outdated_costs(segments.connection, prices)) == COUNT // 2
    async with running(path) as bus:
        assert await costs(bus) == [1, 1, 1, 2, 2, 2]
    kept = {file.name for file in Folders(path).segments.iterdir()}
    async with running(path, prices) as bus:
        await costs_become(bus, [2] * COUNT)
    # Those that were done are not done again.
    assert len(kept & {file.name for file in Folders(path).segments.iterdir()}) == COUNT // 2
    assert revisions(path) == [1] * COUNT
    assert inspect(Folders(path)) == []


@pytest.mark.error_recovery
@pytest.mark.parametrize("first", [1, 3, COUNT])
async def test_a_disk_that_fails_in_the_middle_costs_nothing_but_time(path: Path, first: int) -> None:
    await fill(path, own(1))
    prices = own(2, Restatement(1, 0))
    disk = FaultyDisk()
    with disk.failing(Operation.RENAME, "*.parquet") as fault:
        fault.first = first
        async with running(path, prices, disk=disk) as bus:
            await state_when(bus, lambda _: fault.met >= first)
            assert set(await costs(bus)) <= {1, 2}
    async with running(path, prices) as bus:
        await costs_become(bus, [2] * COUNT)
    assert revisions(path) == [1] * COUNT
    assert inspect(Folders(path)) == []


async def test_how_far_it_is_stands_among_the_jobs(path: Path) -> None:
    await fill(path, own(1))
    disk, goes_on = FaultyDisk(), Event()
    third = Fault(Operation.RENAME, "*.parquet", 3, before=lambda: waited_for(goes_on))
    with disk.having(third):
        async with running(path, own(2, Restatement(1, 0)), disk=disk) as bus:
            state = await state_when(bus, lambda _: third.met == 3)
            assert Job(name="costs", done=2, of=COUNT) in state.background
            goes_on.set()
            await state_when(bus, lambda state: not state.background)
            assert await costs(bus) == [2] * COUNT


def waited_for(event: Event) -> None:
    assert event.wait(60)


async def test_a_segment_whose_costs_stay_the_same_stays(path: Path) -> None:
    await fill(path, own(1))
    before = sorted(file.name for file in Folders(path).segments.iterdir())
    prices = own(1, Restatement(1, 0))
    with at_rest(path, prices) as (segments, compaction):
        for outdated in outdated_costs(segments.connection, prices):
            compaction.restate(outdated)
    assert revisions(path) == [1] * COUNT
    assert sorted(file.name for file in Folders(path).segments.iterdir()) == before


def make_older(path: Path) -> None:
    """As the version before costs left it: without their columns, in the files and in the index."""
    with open_index(path) as index:
        for number, name in index.execute("SELECT segment, file FROM segment").fetchall():
            file = Folders(path).segments / name
            pq.write_table(pq.read_table(file, partitioning=None).drop_columns(DERIVED), file)
            index.execute(
                "UPDATE segment SET bytes = ?, checksum = ?, conventions = NULL, restated = NULL WHERE segment = ?",
                [file.stat().st_size, checksum(file), number],
            )
        index.execute("UPDATE span SET cost_usd = NULL, cost_source = NULL")


async def test_segments_of_an_earlier_version_get_the_costs_of_their_time(path: Path) -> None:
    await fill(path)
    make_older(path)
    async with running(path, own(3, valid_from=START + 3)) as bus:
        await costs_become(bus, [None, None, None, 3, 3, 3])


async def test_conventions_that_are_derived_anew_change_no_cost_that_was_computed(path: Path) -> None:
    await fill(path, own(1))
    with at_rest(path, own(2)) as (segments, compaction):
        segments.connection.execute("UPDATE segment SET conventions = NULL")
        for segment in outdated_segments(segments.connection):
            compaction.remap(segment)
        assert outdated_segments(segments.connection) == []
    async with running(path) as bus:
        assert await costs(bus) == [1] * COUNT


async def test_a_wal_of_an_earlier_version_gets_costs_when_it_is_flushed(path: Path) -> None:
    await fill(path, limits=Limits())
    for file in Folders(path).journals.iterdir():
        as_earlier(file)
    async with running(path, own(3), Limits()) as bus:
        assert set(await costs(bus)) == {None}
        await bus.ask(UsePrices(own=own(3, Restatement(1, 0))))
        await costs_become(bus, [3] * COUNT)


def as_earlier(file: Path) -> None:
    """The same spans, as a version wrote them that had no costs."""
    batches, _ = recover(file, file.parent / "damaged")
    file.unlink()
    names = [name for name in ROWS.names if name not in ("cost_usd", "cost_source")]
    wal = Wal(file)
    wal.close()
    file.write_bytes(b"")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("actors.span_store.embedded.hot.wal.ROWS", pa.schema([ROWS.field(name) for name in names]))
        older = Wal(file)
        for batch in batches:
            older.append(batch.select(names))
        older.close()


def repaired(path: Path) -> list[str]:
    """Without its index; what the repair says."""
    path.unlink()
    return list(repair(Folders(path)))


@pytest.mark.error_recovery
@pytest.mark.parametrize("is_older", [False, True])
async def test_a_repair_keeps_costs_and_has_missing_ones_made(path: Path, is_older: bool) -> None:
    await fill(path, own(1))
    if is_older:
        make_older(path)
    assert repaired(path)
    async with running(path, own(3)) as bus:
        await costs_become(bus, [3 if is_older else 1] * COUNT)
    assert inspect(Folders(path)) == []
