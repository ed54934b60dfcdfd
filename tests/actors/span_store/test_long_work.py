"""What takes long keeps no page waiting: deletions, text searches, exports."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from actors.errors import NotFound, Overloaded
from actors.principal import Principal
from actors.runtime.bus import Bus
from actors.span_store.embedded.maintenance.compaction import Compaction, Step
from actors.span_store.embedded.reads.text_search import TextSearch
from actors.span_store.messages import (
    BackUp,
    DeleteTrace,
    ExportSpans,
    FoundSpans,
    GetSpan,
    GetTraceSpans,
    ListServices,
    SearchSpans,
    SearchText,
)
from tests.actors.span_store.stage import SEALED_AT_ONCE, all_sealed, ingest, running_store, state_when
from tests.spans import span

pytestmark = pytest.mark.integration

BY = Principal(user_id="u1", email="admin@example.com", session_id="s1")
TRACES = range(1, 21)
MOST_DELETIONS = 8  # in work and waiting


@pytest.fixture
async def bus(tmp_path: Path) -> AsyncIterator[Bus]:
    async with running_store(tmp_path / "traces.duckdb", SEALED_AT_ONCE) as bus:
        await ingest(bus, *(span(1, trace_id=trace, attributes={"t": "needle"}) for trace in TRACES))
        await state_when(bus, all_sealed)
        yield bus


@contextmanager
def held(monkeypatch: pytest.MonkeyPatch, kind: type, method: str) -> Iterator[threading.Semaphore]:
    """Calls of the method go on at the end of the block, and each counts when it is begun."""
    begun, go_on = threading.Semaphore(0), threading.Event()
    real = getattr(kind, method)

    def waiting(*arguments: Any) -> Step | FoundSpans | None:
        begun.release()
        assert go_on.wait(60)
        result: Step | FoundSpans | None = real(*arguments)
        return result

    with monkeypatch.context() as patch:
        patch.setattr(kind, method, waiting)
        try:
            yield begun
        finally:
            go_on.set()


async def pages_answer(bus: Bus, traces: int = len(TRACES)) -> None:
    """All kinds of reads, more of them at once than there are threads."""
    for _ in range(2):
        lists = [bus.ask(SearchSpans(service_name="tests")) for _ in range(6)]
        whole = [bus.ask(GetTraceSpans(trace_id=f"{20:032x}")) for _ in range(6)]
        assert {len(page.spans) for page in await asyncio.gather(*lists)} == {traces}
        assert {len(spans) for spans in await asyncio.gather(*whole)} == {1}
        assert await bus.ask(ListServices()) == ("tests",)
        assert await bus.ask(GetSpan(trace_id=f"{20:032x}", span_id=f"{1:016x}")) is not None


def deletion(bus: Bus, trace: int) -> "asyncio.Task[Any]":
    return asyncio.create_task(bus.ask(DeleteTrace(trace_id=f"{trace:032x}", by=BY), timeout=60))


async def test_pages_answer_while_deletions_are_in_progress(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    with held(monkeypatch, Compaction, "delete") as begun:
        deletions = [deletion(bus, trace) for trace in range(1, 5)]
        assert await asyncio.to_thread(begun.acquire, timeout=30)
        await pages_answer(bus)
        assert len((await bus.ask(SearchText(text="needle"))).spans) == len(TRACES)
        await ingest(bus, span(1, trace_id=99))
        await pages_answer(bus, len(TRACES) + 1)
        assert not any(each.done() for each in deletions)
    assert [deleted.spans for deleted in await asyncio.gather(*deletions)] == [1] * 4
    await pages_answer(bus, len(TRACES) + 1 - 4)


async def test_more_deletions_than_can_wait_are_told_when_to_come_again(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    with held(monkeypatch, Compaction, "delete") as begun:
        deletions = [deletion(bus, trace) for trace in range(1, 1 + MOST_DELETIONS)]
        assert await asyncio.to_thread(begun.acquire, timeout=30)
        with pytest.raises(Overloaded) as refused:
            await deletion(bus, 20)
        assert refused.value.retry_after is not None
        assert refused.value.retry_after >= 5
        deletions[-1].cancel()  # its asker has left, so it is not begun
    await asyncio.gather(*deletions[:-1])
    await pages_answer(bus, len(TRACES) - MOST_DELETIONS + 1)
    assert (await deletion(bus, MOST_DELETIONS)).spans == 1


async def test_a_deletion_of_nothing_is_answered_in_its_turn(bus: Bus) -> None:
    for _ in range(3):
        with pytest.raises(NotFound):
            await deletion(bus, 77)


async def test_pages_answer_while_text_is_searched(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    with held(monkeypatch, TextSearch, "run") as begun:
        searches = [asyncio.create_task(bus.ask(SearchText(text="needle"), timeout=60)) for _ in range(8)]
        for _ in range(2):
            assert await asyncio.to_thread(begun.acquire, timeout=30)
        await pages_answer(bus)
        assert (await deletion(bus, 1)).spans == 1
        assert not any(each.done() for each in searches)
    assert all(page.spans for page in await asyncio.gather(*searches))


async def test_pages_answer_while_exports_and_backups_wait_for_their_readers(bus: Bus) -> None:
    async with AsyncExitStack() as stack:
        for request in (*[ExportSpans()] * 4, *[BackUp(by=BY)] * 3):
            parts = await stack.enter_async_context(bus.stream(request))
            await anext(aiter(parts))
        await pages_answer(bus)
        assert (await bus.ask(SearchText(text="needle"))).spans
        assert (await deletion(bus, 1)).spans == 1
