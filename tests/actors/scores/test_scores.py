"""Scores: kept, bounded, audited where they are dropped, and dropped with their traces."""

import asyncio
import math
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from actors.errors import Conflict, InvalidRequest, NotFound, StudioError
from actors.principal import SYSTEM
from actors.runtime.bus import Bus
from actors.runtime.supervisor import Supervisor
from actors.scores import store
from actors.scores.actor import ScoresActor
from actors.scores.messages import (
    AddedScore,
    AddScore,
    DeleteScore,
    ListScores,
    ScoreSummary,
    Source,
    SummarizeScores,
    SumScores,
    SweepScores,
)
from actors.span_store.actor import SpanStoreActor
from actors.span_store.embedded.lifetime import Limits, Retention
from actors.span_store.messages import DeleteService, DeleteTrace, IngestSpans
from tests.embedded_store import embedded_store
from tests.spans import span

pytestmark = pytest.mark.integration


@asynccontextmanager
async def running(folder: Path, limits: Limits | None = None) -> AsyncIterator[Bus]:
    """With limits, what is due is done at once."""
    bus = Bus()
    supervisor = Supervisor(bus)
    accounts = folder / "junjo.db"
    interval = 300.0 if limits is None else 0.01
    supervisor.add(
        SpanStoreActor,
        lambda bus: embedded_store(bus, folder / "traces.duckdb", accounts=accounts, limits=limits, interval=0.01),
    )
    supervisor.add(ScoresActor, lambda bus: ScoresActor.running(bus, accounts, interval=interval))
    await supervisor.start()
    try:
        yield bus
    finally:
        await supervisor.stop()


def trace(number: int) -> str:
    return f"{number:032x}"


async def ingest(bus: Bus, *traces: int) -> None:
    await bus.ask(IngestSpans(spans=[span(number, trace_id=number) for number in traces], size=100))


async def add(bus: Bus, number: int = 1, **others: Any) -> AddedScore:
    members: dict[str, Any] = {"name": "helpful", "value": 1, "source": Source.HUMAN, "by": SYSTEM} | others
    return await bus.ask(AddScore(trace_id=trace(number), **members))


def rows(folder: Path, sql: str) -> list[Any]:
    with closing(sqlite3.connect(folder / "junjo.db")) as connection:
        return connection.execute(sql).fetchall()


async def test_scores_are_there_again_after_a_restart(tmp_path: Path) -> None:
    async with running(tmp_path) as bus:
        await ingest(bus, 1)
        added = [await add(bus), await add(bus, value="fine", span_id=f"{1:016x}", comment="because")]
    async with running(tmp_path) as bus:
        assert await bus.ask(ListScores(trace_id=trace(1))) == tuple(each.score for each in added)


async def test_many_at_once_each_hear_what_became_of_theirs(tmp_path: Path) -> None:
    async with running(tmp_path) as bus:
        await ingest(bus, 1)
        wanted: list[dict[str, Any]] = [{"number": number % 3, "id": str(number % 10)} for number in range(100)]
        found = await asyncio.gather(*(add(bus, **each) for each in wanted), return_exceptions=True)
        kinds = {type(each) for each in found}
        assert kinds == {AddedScore, NotFound}
        made = [each for each in found if isinstance(each, AddedScore) and each.is_new]
        assert sorted(each.score.id for each in made) == sorted({each["id"] for each in wanted if each["number"] == 1})
        assert len(await bus.ask(ListScores(trace_id=trace(1)))) == len(made)


@pytest.mark.security
@pytest.mark.parametrize(
    "hostile",
    [
        {"name": ""},
        {"name": "x" * 101},
        {"name": "\ud800"},
        {"value": math.nan},
        {"value": -math.inf},
        {"value": 1e308},
        {"value": 10**400},
        {"value": True},
        {"value": ""},
        {"value": "x" * 1001},
        {"value": "\udfff"},
        {"comment": "x" * 4001},
        {"id": "x" * 101},
    ],
    ids=str,
)
async def test_hostile_scores_are_refused_and_no_others_with_them(tmp_path: Path, hostile: dict[str, Any]) -> None:
    async with running(tmp_path) as bus:
        await ingest(bus, 1)
        bad, good = await asyncio.gather(add(bus, **hostile), add(bus), return_exceptions=True)
        assert isinstance(bad, InvalidRequest)
        assert isinstance(good, AddedScore)


@pytest.mark.security
async def test_a_trace_has_so_many_scores_at_most(tmp_path: Path) -> None:
    async with running(tmp_path) as bus:
        await ingest(bus, 1, 2)
        await asyncio.gather(*(add(bus, id=str(number)) for number in range(500)))
        with pytest.raises(Conflict):
            await add(bus)
        assert not (await add(bus, id="7")).is_new
        await add(bus, 2)
        await bus.ask(DeleteScore(id="7", by=SYSTEM))
        await add(bus)


async def test_a_score_that_is_dropped_is_audited(tmp_path: Path) -> None:
    async with running(tmp_path) as bus:
        await ingest(bus, 1)
        score = (await add(bus, value="rude")).score
        await bus.ask(DeleteScore(id=score.id, by=SYSTEM))
        with pytest.raises(NotFound):
            await bus.ask(DeleteScore(id=score.id, by=SYSTEM))
    trail = rows(tmp_path, "SELECT action, resource_id, details FROM audit_trail WHERE resource_type = 'score'")
    assert trail == [("delete", score.id, f'{{"trace_id":"{trace(1)}","name":"helpful","value":"rude"}}')]


async def test_scores_are_summarized_by_trace_and_name(tmp_path: Path) -> None:
    async with running(tmp_path) as bus:
        await ingest(bus, 1, 2, 3)
        for number in (1, 0.5, 0):
            await add(bus, value=number)
        for value in ("b", "a", "c", "b", "a"):
            await add(bus, 2, name="word", value=value)
        await add(bus, 2, name="word", value=7)
        found = await bus.ask(SummarizeScores(trace_ids=(trace(1), trace(2), trace(3), "none")))
    assert found == {
        trace(1): (ScoreSummary(name="helpful", value=0.5, count=3),),
        trace(2): (ScoreSummary(name="word", value=7.0, count=1), ScoreSummary(name="word", value="a", count=5)),
    }


async def test_numbers_are_summed_up_by_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(tmp_path) as bus:
        await ingest(bus, 1, 2, 3)
        for number, value in ((1, 0.5), (1, 1), (2, -2), (2, "word"), (3, "word")):
            await add(bus, number, value=value)
            await add(bus, number, value=value, name="other")
        sums = await bus.ask(SumScores(name="helpful"))
        assert sums.sort_by("trace_id").to_pylist() == [
            {"trace_id": trace(1), "count": 2, "total": 1.5},
            {"trace_id": trace(2), "count": 1, "total": -2.0},
        ]
        assert (await bus.ask(SumScores(name="none"))).schema == sums.schema
        monkeypatch.setattr(store, "MOST_SUMMED", 1)
        with pytest.raises(InvalidRequest):
            await bus.ask(SumScores(name="helpful"))


async def test_a_summary_is_bounded_and_a_number(tmp_path: Path) -> None:
    async with running(tmp_path) as bus:
        await ingest(bus, 1)
        await asyncio.gather(*(add(bus, name=f"{number:03}", value=1e300) for number in range(250)))
        await asyncio.gather(*(add(bus, name="000", value=1e300) for _ in range(250)))
        summaries = (await bus.ask(SummarizeScores(trace_ids=(trace(1),))))[trace(1)]
    assert [each.name for each in summaries] == [f"{number:03}" for number in range(20)]
    assert summaries[0].value == pytest.approx(1e300)


async def test_scores_of_a_trace_that_is_gone_are_dropped_also_after_a_restart(tmp_path: Path) -> None:
    async with running(tmp_path) as bus:
        await ingest(bus, 1, 2, 3)
        for number in (1, 2, 3):
            await add(bus, number)
        for number in (1, 2):
            await bus.ask(DeleteTrace(trace_id=trace(number), by=SYSTEM))
        assert await bus.ask(SweepScores(trace_id=trace(3))) == 0
        assert await bus.ask(SweepScores(trace_id=trace(1))) == 1
    async with running(tmp_path) as bus:
        while len(rows(tmp_path, "SELECT id FROM scores")) > 1:  # noqa: ASYNC110 - nothing tells when it is done
            await asyncio.sleep(0)
        assert await bus.ask(SweepScores()) == 0
        await ingest(bus, 1, 2)
        for number, count in ((1, 0), (2, 0), (3, 1)):
            assert len(await bus.ask(ListScores(trace_id=trace(number)))) == count


async def test_scores_go_with_traces_that_are_not_kept_any_longer(tmp_path: Path) -> None:
    async with running(tmp_path) as bus:
        await bus.ask(IngestSpans(spans=[span(1, trace_id=1), span(2, trace_id=2, start=time.time_ns())], size=100))
        old, new = await add(bus, 1), await add(bus, 2)
        assert old.is_new
    retention = Retention(age=timedelta(days=2), every=timedelta())
    async with running(tmp_path, Limits(flush_at=1, retention=retention)) as bus:
        while len(rows(tmp_path, "SELECT id FROM scores")) > 1:  # noqa: ASYNC110 - nothing tells when it is done
            await asyncio.sleep(0.01)
        assert await bus.ask(ListScores(trace_id=trace(2))) == (new.score,)


async def test_scores_stay_as_long_as_a_span_of_the_trace_does(tmp_path: Path) -> None:
    async with running(tmp_path) as bus:
        await bus.ask(IngestSpans(spans=[span(1), span(2, service="other")], size=100))
        await add(bus)
        await bus.ask(DeleteService(service_name="other", by=SYSTEM))
        assert await bus.ask(SweepScores()) == 0
        await bus.ask(DeleteService(service_name="tests", by=SYSTEM))
        assert await bus.ask(SweepScores()) == 1


async def test_while_spans_cannot_be_asked_for_no_score_is_dropped(tmp_path: Path) -> None:
    async with running(tmp_path) as bus:
        await ingest(bus, 1)
        await add(bus)
    (tmp_path / "traces.duckdb").write_bytes(b"no database")
    async with running(tmp_path) as bus:
        with pytest.raises(StudioError):
            await bus.ask(SweepScores())
    assert len(rows(tmp_path, "SELECT id FROM scores")) == 1
