"""Log records through the life of a store: restarts, backups, deletions, repair, and a store of an earlier version."""

import asyncio
from pathlib import Path

import pytest

from actors.errors import NotFound
from actors.runtime.bus import Bus
from actors.span_store.columns.logs import Log, Logs
from actors.span_store.embedded.layout import Folders
from actors.span_store.embedded.lifetime import Limits
from actors.span_store.embedded.sealed.index import open_index
from actors.span_store.embedded.upkeep.inspection import inspect
from actors.span_store.embedded.upkeep.repair import repair
from actors.span_store.messages import (
    Deleted,
    DeleteService,
    DeleteTrace,
    GetSpanLogs,
    GetStoreState,
    IngestSpans,
    IngestSummary,
    ListServices,
    SearchSpans,
)
from tests.actors.span_store.stage import (
    BY,
    KEPT_RECENT,
    SEALED_AT_ONCE,
    all_sealed,
    back_up,
    ingest,
    names,
    running_store,
    state_when,
    store_in,
)
from tests.spans import log, span

pytestmark = pytest.mark.integration

FIRST = f"{1:032x}"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "traces.duckdb"


async def send(bus: Bus, *logs: Log) -> IngestSummary:
    return await bus.ask(IngestSpans(spans=Logs(logs), size=1000))


async def logs_of(bus: Bus, trace: int = 1, span_id: int = 1) -> list[str]:
    found = await bus.ask(GetSpanLogs(trace_id=f"{trace:032x}", span_id=f"{span_id:016x}"))
    return [each.event_name for each in found]


both = pytest.mark.parametrize("limits", [KEPT_RECENT, SEALED_AT_ONCE], ids=["recent", "sealed"])


@both
async def test_a_store_that_is_opened_again_has_its_logs_once(path: Path, limits: Limits) -> None:
    async with running_store(path, limits) as bus:
        assert await send(bus, log(1), log(2)) == IngestSummary(stored=2, duplicates=0)
        await ingest(bus, span(1))
    async with running_store(path, limits) as bus:
        assert await logs_of(bus) == ["log 1", "log 2"]
        assert await send(bus, log(2), log(3)) == IngestSummary(stored=1, duplicates=1)
        assert await logs_of(bus) == ["log 1", "log 2", "log 3"]
        assert await names(bus) == ["span 1"]
        state = await bus.ask(GetStoreState())
        assert (state.recent_spans + state.sealed_spans, state.problems) == (1, ())


@both
async def test_a_copy_has_the_logs(tmp_path: Path, limits: Limits) -> None:
    async with store_in(tmp_path / "original", limits) as bus:
        await send(bus, log(1), log(1, trace_id=2))
        copy = await back_up(bus, tmp_path / "copy")
    async with store_in(copy) as bus:
        assert (await logs_of(bus), await logs_of(bus, 2)) == (["log 1"], ["log 1"])


async def test_a_deletion_takes_the_logs_and_says_how_many_spans_it_took(path: Path) -> None:
    async with running_store(path) as bus:
        await ingest(bus, span(1), span(2, parent=1), span(1, trace_id=2))
        await send(bus, log(1), log(2), log(1, trace_id=2), log(1, trace_id=3, service="only-logs"))
        assert await bus.ask(DeleteTrace(trace_id=FIRST, by=BY)) == Deleted(spans=2)
        assert (await logs_of(bus), await logs_of(bus, 2)) == ([], ["log 1"])
        assert await bus.ask(ListServices()) == ("tests",)
        assert await bus.ask(DeleteService(service_name="only-logs", by=BY)) == Deleted(spans=0)
        assert await logs_of(bus, 3) == []
        with pytest.raises(NotFound):
            await bus.ask(DeleteService(service_name="only-logs", by=BY))


async def test_a_store_with_logs_is_whole_and_is_indexed_again(path: Path) -> None:
    async with running_store(path, SEALED_AT_ONCE) as bus:
        await send(bus, log(1), log(1, trace_id=2, service="only-logs"))
        await ingest(bus, span(1), span(2, parent=1))
        await state_when(bus, lambda state: state.sealed_spans == 2 and state.recent_spans == 0)
    assert inspect(Folders(path)) == []
    Folders(path).index.unlink()
    assert inspect(Folders(path)) != []
    assert list(repair(Folders(path)))
    assert inspect(Folders(path)) == []
    async with running_store(path) as bus:
        assert (await logs_of(bus), await logs_of(bus, 2)) == (["log 1"], ["log 1"])
        assert await names(bus) == ["span 1", "span 2"]
        assert await bus.ask(ListServices()) == ("tests",)


async def test_a_wrong_count_in_the_index_is_found(path: Path) -> None:
    async with running_store(path, SEALED_AT_ONCE) as bus:
        await ingest(bus, span(1))
        await send(bus, log(1))
        await state_when(bus, lambda state: all_sealed(state) and state.segments == 2)
    with open_index(path) as index:
        index.execute("UPDATE trace_part SET span_count = span_count + 1")
    assert sorted(line.partition(": ")[2] for line in inspect(Folders(path))) == [
        "has 0 spans, trace_part says 1",
        "has 1 spans, trace_part says 2",
    ]


async def test_logs_of_many_senders_at_once_are_stored_once(path: Path) -> None:
    async with running_store(path, SEALED_AT_ONCE) as bus:
        sent = [send(bus, *(log(number) for number in range(20))) for _ in range(8)]
        outcomes = await asyncio.gather(*sent, ingest(bus, span(1)))
        assert sum(outcome.stored for outcome in outcomes) == 21
        assert len(await logs_of(bus)) == 20


async def test_nobody_sees_what_is_no_span_in_pages_of_one(path: Path) -> None:
    """Pages are cut by spans: log records between them make none shorter."""
    async with running_store(path) as bus:
        for number in range(1, 6):
            await send(bus, *(log(each, span_id=number) for each in range(3)))
            await ingest(bus, span(number))
        after, found = None, []
        while True:
            page = await bus.ask(SearchSpans(service_name="tests", limit=1, after=after))
            found += [each.name for each in page.spans]
            after = page.next
            if after is None:
                break
            assert len(page.spans) == 1
        assert found == [f"span {number}" for number in range(5, 0, -1)]
