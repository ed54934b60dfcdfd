"""Export and text search of a single trace: it is found by the index, and nothing else is read."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from actors.errors import NeedsRoom
from actors.runtime.bus import Bus
from actors.span_store.columns.spans import Span
from actors.span_store.embedded.layout import Folders
from actors.span_store.embedded.lifetime import Limits
from actors.span_store.messages import ExportSpans, GetOutline, GetStoreState, SearchText
from actors.span_store.query.position import Position
from tests.actors.span_store.stage import SEALED_AT_ONCE, all_sealed, ingest, running_store, state_when
from tests.spans import START, span

pytestmark = pytest.mark.integration

_TRACES = range(1, 40)
_LIMITS = {"recent": Limits(), "sealed": SEALED_AT_ONCE, "both": Limits(flush_at=20_000)}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "traces.duckdb"


@pytest.fixture(params=list(_LIMITS.values()), ids=list(_LIMITS))
async def bus(request: pytest.FixtureRequest, path: Path) -> AsyncIterator[Bus]:
    """Traces of ten spans each, which came in two halves, and of two services."""
    async with running_store(path, request.param) as bus:
        for half in (0, 1):
            for trace in _TRACES:
                await ingest(bus, *(made(trace, number) for number in range(5 * half + 1, 5 * half + 6)))
        yield bus


def made(trace: int, number: int) -> Span:
    return span(
        number,
        trace_id=trace,
        parent=None if number == 1 else 1,
        start=START + 1000 * trace + number,
        service="even" if number % 2 == 0 else "odd",
        attributes={"text": f"needle {number % 3} {'x' * 100}"},
    )


def an_id(trace: int) -> str:
    return f"{trace:032x}"


async def exported(bus: Bus, **which: object) -> list[tuple[str, int]]:
    """Trace and span id of each."""
    async with bus.stream(ExportSpans(**which)) as parts:  # type: ignore[arg-type] # varies by test
        rows = [row async for part in parts for row in part.select(["trace_id", "span_id"]).to_pylist()]
    return [(row["trace_id"], int(row["span_id"], 16)) for row in rows]


async def found(bus: Bus, text: str, **which: object) -> list[tuple[str, int]]:
    """The same of all pages of a search."""
    spans: list[tuple[str, int]] = []
    before: Position | None = None
    while True:
        page = await bus.ask(SearchText(text=text, before=before, limit=2, **which))  # type: ignore[arg-type] # varies
        spans += [(each.trace_id, int(each.span_id, 16)) for each in page.spans]
        before = page.before
        if before is None:
            return spans


@pytest.mark.parametrize("trace", [1, 20, 39])
async def test_an_export_has_the_trace_and_no_other(bus: Bus, trace: int) -> None:
    assert sorted(await exported(bus, trace_id=an_id(trace))) == [(an_id(trace), number) for number in range(1, 11)]
    of_service = await exported(bus, trace_id=an_id(trace), service_name="even")
    assert sorted(of_service) == [(an_id(trace), number) for number in range(2, 11, 2)]
    bounds = {"from_time_unix_nano": START + 1000 * trace + 4, "to_time_unix_nano": START + 1000 * trace + 6}
    assert sorted(await exported(bus, trace_id=an_id(trace), **bounds)) == [(an_id(trace), 4), (an_id(trace), 5)]


@pytest.mark.parametrize("trace", [1, 20, 39])
async def test_a_search_has_the_trace_and_no_other(bus: Bus, trace: int) -> None:
    assert await found(bus, "needle 1", trace_id=an_id(trace)) == [(an_id(trace), number) for number in (10, 7, 4, 1)]
    assert await found(bus, "needle 1", trace_id=an_id(trace), service_name="odd") == [
        (an_id(trace), number) for number in (7, 1)
    ]
    assert await found(bus, "needle 4", trace_id=an_id(trace)) == []


async def test_a_trace_that_is_unknown_is_empty(bus: Bus) -> None:
    same_half = f"{1:016x}{1:016x}"  # the index looks up traces by the lower half of their ids
    for unknown in (an_id(4711), same_half):
        assert await exported(bus, trace_id=unknown) == []
        assert await found(bus, "needle", trace_id=unknown) == []


async def test_files_without_the_trace_are_not_read(path: Path) -> None:
    async with running_store(path, SEALED_AT_ONCE) as bus:
        for trace in (1, 2, 3):
            await ingest(bus, *(made(trace, number) for number in range(1, 4)))
            await state_when(bus, all_sealed)
        first, second, third = sorted(Folders(path).segments.iterdir())
        for file in (first, third):
            file.write_bytes(bytes(file.stat().st_size))  # to read anything of it is to find it damaged
        assert len(await exported(bus, trace_id=an_id(2))) == 3
        assert len(await found(bus, "needle", trace_id=an_id(2))) == 3
        assert (await bus.ask(GetStoreState())).problems == ()
        assert second.exists()


async def test_both_go_on_after_a_restart(path: Path) -> None:
    for limits in (Limits(), SEALED_AT_ONCE):
        async with running_store(path, limits) as bus:
            await ingest(bus, *(made(7, number) for number in range(1, 4)))
            assert len(await exported(bus, trace_id=an_id(7))) == 3
    async with running_store(path, Limits()) as bus:
        assert len(await exported(bus, trace_id=an_id(7))) == 3
        assert len(await found(bus, "needle", trace_id=an_id(7))) == 3


@pytest.mark.parametrize("limits", [Limits(), SEALED_AT_ONCE], ids=["recent", "sealed"])
async def test_what_a_trace_needs_is_known_after_one_look(path: Path, limits: Limits) -> None:
    """However many places its spans are in: who asks with as much room as was named need not ask a third time.

    A flush between the two may change it a little, so that none is under way here.
    """
    async with running_store(path, limits) as bus:
        for part in range(12):
            await ingest(bus, *(made(1, number) for number in range(50 * part + 1, 50 * part + 51)))
        if limits is SEALED_AT_ONCE:
            await state_when(bus, all_sealed)
        with pytest.raises(NeedsRoom) as need:
            await bus.ask(GetOutline(trace_id=an_id(1), room=1000))
        outline = await bus.ask(GetOutline(trace_id=an_id(1), room=need.value.bytes))
        assert outline.count == 600
