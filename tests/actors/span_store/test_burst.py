"""In a rush spans wait for sealing in their journals, and mostly out of memory; nobody who reads sees a difference."""

import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import attrs
import pyarrow as pa
import pytest

from actors.errors import Unavailable
from actors.runtime.bus import Bus
from actors.span_store.columns.rows import ROWS, SHOWN_COLUMNS, rows_of, span_keys
from actors.span_store.columns.spans import Span, StoredSpan, span_columns
from actors.span_store.embedded.hot.flush_policy import Burst
from actors.span_store.embedded.hot.memtable import Memtable, MemtableSnapshot
from actors.span_store.embedded.hot.wal import Wal
from actors.span_store.embedded.layout import Folders
from actors.span_store.embedded.lifetime import Limits
from actors.span_store.embedded.reads.row_location import locations
from actors.span_store.embedded.upkeep.inspection import inspect
from actors.span_store.messages import (
    DeleteTrace,
    ExportSpans,
    GetSpan,
    GetStoreState,
    GetTraceSpans,
    IngestSummary,
    ListServices,
    SearchSpans,
    SpanFilter,
)
from actors.span_store.query.arrow import ArrowFilter
from actors.span_store.query.expression import equal
from tests.actors.span_store.stage import BY, flip_a_batch, found, ingest, names, running_store, state_when
from tests.spans import START, span

pytestmark = [pytest.mark.integration, pytest.mark.error_recovery]

MB = 1024 * 1024
# A memtable has about a dozen spans, and leaves memory at once.
OUT_OF_MEMORY = Limits(flush_at=20_000, most_in_memory=0)
TRACES = 40


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "traces.duckdb"


@pytest.fixture
def rush(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rush that never ends."""
    monkeypatch.setattr("actors.span_store.embedded.hot.flush_policy._ON", -1)


@pytest.fixture
async def bus(rush: None, path: Path) -> AsyncIterator[Bus]:
    """A store whose spans are nearly all in journals, and none sealed."""
    async with running_store(path, OUT_OF_MEMORY) as bus:
        for trace in range(1, TRACES + 1):
            await ingest(bus, *spans_of(trace))
        state = await bus.ask(GetStoreState())
        assert (state.segments, state.recent_spans) == (0, 3 * TRACES)
        yield bus


def spans_of(trace: int) -> list[Span]:
    """A root, an LLM call and another span, of one of two services."""
    service, start = ("odd" if trace % 2 else "even"), START + trace
    return [
        span(1, trace_id=trace, start=start, service=service, name=f"root {trace}", attributes={"text": "x" * 500}),
        span(2, trace_id=trace, parent=1, start=start + 1, service=service, attributes=llm(trace)),
        span(3, trace_id=trace, parent=1, start=start + 2, service=service, attributes={"quote": f'a "{trace}" b'}),
    ]


def llm(trace: int) -> dict[str, str]:
    return {"openinference.span.kind": "LLM", "llm.model_name": f"model {trace}"}


class Answers(NamedTuple):
    """All that a reader can ask for."""

    lists: list[Sequence[StoredSpan]]
    traces: list[Sequence[StoredSpan]]
    texts: list[Sequence[StoredSpan]]
    services: Sequence[str]
    span: StoredSpan | None
    exported: list[dict[str, Any]]


async def answers(bus: Bus) -> Answers:
    async with bus.stream(ExportSpans()) as parts:
        exported = pa.concat_tables([part async for part in parts]).drop_columns(["seq"]).to_pylist()
    texts = ("model 1", '"17"', "xxx", "root 40", "absent")
    return Answers(
        lists=[
            (await bus.ask(SearchSpans(service_name=service, filter=kind))).spans
            for service in ("odd", "even")
            for kind in SpanFilter
        ],
        traces=[await bus.ask(GetTraceSpans(trace_id=f"{trace:032x}")) for trace in range(TRACES + 2)],
        texts=[await found(bus, text) for text in texts],
        services=await bus.ask(ListServices()),
        span=await bus.ask(GetSpan(trace_id=f"{7:032x}", span_id=f"{2:016x}")),
        exported=sorted(exported, key=lambda row: (row["trace_id"], row["span_id"])),
    )


async def test_every_answer_is_the_same_in_journals_after_a_restart_and_sealed(
    bus: Bus, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = await answers(bus)
    assert len(expected.traces[7]) == 3
    assert [len(found) for found in expected.texts] == [11, 1, TRACES, 1, 0]
    copy = path.with_name("copy") / path.name
    await copy_of(path, copy)
    async with running_store(copy, OUT_OF_MEMORY) as again:
        assert (await again.ask(GetStoreState())).recent_spans == 3 * TRACES
        assert await answers(again) == expected
    monkeypatch.undo()  # the rush is over
    await ingest(bus, *spans_of(TRACES))  # known, and looked at
    await state_when(bus, lambda state: state.recent_spans < 30)
    assert await answers(bus) == expected


async def test_what_waits_for_sealing_is_told(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    [job] = (await bus.ask(GetStoreState())).background
    assert (job.name, job.done) == ("seal", 0)
    assert job.of > 1
    monkeypatch.undo()
    await ingest(bus, *spans_of(TRACES))
    await state_when(bus, lambda state: not state.background)


async def copy_of(path: Path, copy: Path) -> None:
    """As a kill would leave it: the journals with what is acknowledged, and nothing of what is in memory."""
    copy.parent.mkdir()
    for folder in (path.with_suffix(".journals"), path.with_suffix(".segments")):
        target = copy.parent / folder.name
        target.mkdir()
        for file in folder.iterdir():
            (target / file.name).write_bytes(file.read_bytes())


async def test_a_span_that_is_sent_again_counts_once(bus: Bus) -> None:
    for trace in (1, 20, TRACES):
        assert await ingest(bus, *spans_of(trace)) == IngestSummary(stored=0, duplicates=3)
    assert (await bus.ask(GetStoreState())).recent_spans == 3 * TRACES


async def test_a_deletion_reaches_what_waits_in_journals(bus: Bus, path: Path) -> None:
    await bus.ask(DeleteTrace(trace_id=f"{5:032x}", by=BY))
    assert await bus.ask(GetTraceSpans(trace_id=f"{5:032x}")) == ()
    assert len(await bus.ask(GetTraceSpans(trace_id=f"{6:032x}"))) == 3
    assert not list(inspect(Folders(path.with_name("none.duckdb"))))


async def test_what_a_burst_defers_is_bounded(rush: None, path: Path) -> None:
    """A rush that goes on has its files made meanwhile."""
    limits = attrs.evolve(OUT_OF_MEMORY, deferred=100_000)
    async with running_store(path, limits) as bus:
        for trace in range(1, 200):
            await ingest(bus, *spans_of(trace))
        state = await state_when(bus, lambda state: state.recent_bytes <= limits.deferred + limits.flush_at)
        assert state.segments > 1
        assert state.sealed_spans + state.recent_spans == 3 * 199


async def test_a_journal_that_cannot_be_read_costs_its_spans_only(
    bus: Bus, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = min(path.with_suffix(".journals").iterdir())
    flip_a_batch(first)
    with pytest.raises(Unavailable):
        async with bus.stream(ExportSpans()) as parts:
            _ = [part async for part in parts]
    assert len(await bus.ask(GetTraceSpans(trace_id=f"{TRACES:032x}"))) == 3
    monkeypatch.undo()
    await ingest(bus, *spans_of(TRACES))
    state = await state_when(bus, lambda state: "Spans cannot be flushed" in "".join(state.problems))
    assert state.segments == 0
    assert len(await bus.ask(GetTraceSpans(trace_id=f"{TRACES:032x}"))) == 3


async def test_what_a_damaged_journal_still_has_is_sealed_after_a_restart(
    bus: Bus, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = path.with_name("copy") / path.name
    await copy_of(path, copy)
    flip_a_batch(min(copy.with_suffix(".journals").iterdir()))
    monkeypatch.undo()
    async with running_store(copy, OUT_OF_MEMORY) as again:
        state = await state_when(again, lambda state: state.segments > 1)
        assert state.recent_spans + state.sealed_spans == 3 * TRACES - 3


async def test_spans_that_leave_memory_stay_there_when_files_cannot_be_opened(
    rush: None, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_many_open_files(*_: object) -> int:
        raise OSError(24, os.strerror(24))

    monkeypatch.setattr("actors.span_store.embedded.hot.memtable.WalReader", too_many_open_files)
    async with running_store(path, OUT_OF_MEMORY) as bus:
        for number in range(1, 60):
            await ingest(bus, span(number, trace_id=number, attributes={"text": "x" * 500}))
        assert len(await names(bus)) == 59


def test_what_a_reader_looks_at_stays_when_its_journal_goes(tmp_path: Path) -> None:
    memtable = Memtable(1, 100, Wal(tmp_path / "1.wal"))
    for trace in range(1, 700):
        rows = rows_of(span_columns(spans_of(trace)))
        memtable.append([rows], span_keys(rows))
    before = memtable.whole()
    memtable.wal.close()
    memtable.evict()
    recent = MemtableSnapshot([memtable])
    memtable.wal.delete()
    assert not list(tmp_path.iterdir())
    assert memtable.whole().combine_chunks().equals(before.combine_chunks())
    assert len(memtable.parts) > 3
    assert recent.next_seq == 100 + 3 * 699
    found = locations(recent.table, ArrowFilter(equal(trace_id=f"{600:032x}")), None)
    taken = pa.concat_tables(recent.take(sorted(place.seq for place in found), SHOWN_COLUMNS))
    assert taken["span_id"].to_pylist() == [f"{number:016x}" for number in (1, 2, 3)]
    slices = recent.slices(1000)
    assert pa.concat_tables([each.whole() for each in slices]).combine_chunks().equals(before.combine_chunks())
    assert [each.first_seq for each in slices] == [each.whole()["seq"][0].as_py() for each in slices]
    assert sum(each.num_rows for each in slices) == before.num_rows


def test_rows_are_numbered_as_the_store_knows_them(tmp_path: Path) -> None:
    """A start may give other numbers than the journal has: when a journal before it was damaged."""
    journal = Wal(tmp_path / "1.wal")
    memtable = Memtable(1, 100, journal)
    rows = rows_of(span_columns(spans_of(1)))
    memtable.append([rows], span_keys(rows))
    memtable.number_from(70)
    journal.close()
    memtable.evict()
    assert memtable.whole()["seq"].to_pylist() == [70, 71, 72]
    assert memtable.whole().schema == ROWS


def test_a_generation_without_spans_leaves_memory_too(tmp_path: Path) -> None:
    memtable = Memtable(1, 100, Wal(tmp_path / "1.wal"))
    memtable.wal.close()
    memtable.evict()
    assert memtable.whole().num_rows == 0


def test_a_rush_is_more_than_leaks_away() -> None:
    now = [0.0]
    rush = Burst(lambda: now[0])
    assert not rush.is_on()
    for _ in range(50):  # 80 MB a second
        rush.took(4 * MB)
        now[0] += 0.05
        assert not rush.is_on()
    for _ in range(50):  # 160 MB a second
        rush.took(8 * MB)
        now[0] += 0.05
    assert rush.is_on()
    now[0] += 0.3
    assert not rush.is_on()


def test_one_large_request_makes_a_short_rush() -> None:
    now = [0.0]
    rush = Burst(lambda: now[0])
    rush.took(1000 * MB)
    assert rush.is_on()
    now[0] += 0.3
    assert not rush.is_on()
