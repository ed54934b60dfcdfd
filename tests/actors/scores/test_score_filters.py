"""Filters on scores become filters on traces: of which one score of the name is compared truly."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

from actors.errors import InvalidRequest
from actors.principal import SYSTEM
from actors.runtime.bus import Bus
from actors.runtime.supervisor import Supervisor
from actors.scores.actor import ScoresActor
from actors.scores.messages import AddScore, ReplaceScores, Source
from actors.span_store.actor import SpanStoreActor
from actors.span_store.messages import IngestSpans, SearchSpans
from actors.span_store.query.expression import (
    EVERYTHING,
    NOTHING,
    And,
    Between,
    Contains,
    Equals,
    Expression,
    IsNull,
    Matches,
    Not,
    OneOf,
    Or,
    Promoted,
    Score,
    equal,
)
from tests.embedded_store import embedded_store
from tests.spans import span

pytestmark = pytest.mark.integration

HELPFUL = Score("helpful")
GIVEN: dict[int, list[float | str]] = {1: [0.2], 2: [0.5, "good"], 3: [1], 4: ["good"], 5: ["bad"], 6: []}


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Bus]:
    bus = Bus()
    supervisor = Supervisor(bus)
    accounts = folder / "junjo.db"
    supervisor.add(SpanStoreActor, lambda bus: embedded_store(bus, folder / "traces.duckdb", accounts=accounts))
    supervisor.add(ScoresActor, lambda bus: ScoresActor.running(bus, accounts))
    await supervisor.start()
    try:
        yield bus
    finally:
        await supervisor.stop()


def trace(number: int) -> str:
    return f"{number:032x}"


async def give(bus: Bus) -> None:
    await bus.ask(IngestSpans(spans=[span(number, trace_id=number) for number in GIVEN], size=100))
    for number, values in GIVEN.items():
        for value in values:
            for name in ("helpful", "other"):
                given: dict[str, Any] = {"name": name, "value": value if name == "helpful" else "other"}
                await bus.ask(AddScore(trace_id=trace(number), source=Source.CODE, by=SYSTEM, **given))


async def found(bus: Bus, where: Expression) -> list[int]:
    replaced = await bus.ask(ReplaceScores(where=where))
    page = await bus.ask(SearchSpans(where=replaced))
    return sorted(int(each.trace_id, 16) for each in page.spans)


@pytest.mark.parametrize(
    ("where", "traces"),
    [
        (Equals(HELPFUL, 1), [3]),
        (Equals(HELPFUL, True), []),
        (Equals(HELPFUL, "good"), [2, 4]),
        (Equals(HELPFUL, "Good"), []),
        (OneOf(HELPFUL, [0.2, "bad", 7]), [1, 5]),
        (OneOf(HELPFUL, []), []),
        (Between(HELPFUL, high=0.5), [1]),
        (Between(HELPFUL, high=0.5, high_included=True), [1, 2]),
        (Between(HELPFUL, 0.5, low_included=False), [3]),
        (Between(HELPFUL, 0.2, 1), [1, 2]),
        (Between(HELPFUL, "bad", "good"), [5]),
        (Between(HELPFUL, "bad", low_included=False), [2, 4]),
        (Between(HELPFUL, high=2**70), [1, 2, 3]),
        (Between(HELPFUL, -(10**300)), [1, 2, 3]),
        (Equals(HELPFUL, 10**300), []),
        (Contains(HELPFUL, "oo"), [2, 4]),
        (Contains(HELPFUL, "%"), []),
        (Matches(HELPFUL, "^(g|b).*d$"), [2, 4, 5]),
        (Matches(HELPFUL, "x"), []),
        (IsNull(HELPFUL), [6]),
        (Not(IsNull(HELPFUL)), [1, 2, 3, 4, 5]),
        (Not(Between(HELPFUL, high=0.5)), [2, 3, 4, 5, 6]),
        (Equals(Score("none"), 1), []),
        (Equals(Score("'; --"), "'"), []),
        (And([Equals(HELPFUL, "good"), Between(HELPFUL, 0)]), [2]),
        (Or([Equals(HELPFUL, 1), equal(name="span 6"), Equals(HELPFUL, True)]), [3, 6]),
        (equal(name="span 6"), [6]),
        (EVERYTHING, [1, 2, 3, 4, 5, 6]),
        (NOTHING, []),
    ],
    ids=str,
)
async def test_a_comparison_is_true_of_the_spans_of_traces_with_such_a_score(
    tmp_path: Path, where: Expression, traces: Sequence[int]
) -> None:
    async with running(tmp_path) as bus:
        await give(bus)
        assert await found(bus, where) == traces


def fill(path: Path, traces: int) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany(
            "INSERT INTO scores (id, trace_id, name, number, source, created_at, by_id, by_email)"
            " VALUES (?1, ?1, 'many', 1.0, 'code', 0, 'u', 'e')",
            [(trace(number),) for number in range(1, traces + 1)],
        )


async def test_ten_thousand_traces_are_found_and_not_one_more(tmp_path: Path) -> None:
    """The sweep at the start would drop them: nothing of them is stored."""
    async with running(tmp_path) as bus:
        await bus.ask(IngestSpans(spans=[span(1), span(2, trace_id=20_000)], size=100))
        await bus.ask(AddScore(trace_id=trace(1), name="few", value=1, source=Source.CODE, by=SYSTEM))
        await asyncio.to_thread(fill, tmp_path / "junjo.db", 10_000)
        many, few = Equals(Score("many"), 1), Equals(Score("few"), 1)
        assert await found(bus, many) == [1]
        assert await found(bus, Not(many)) == [20_000]
        with pytest.raises(InvalidRequest, match="more than 10000 traces"):
            await found(bus, Or([many, few]))


async def test_traces_of_a_filter_come_in_order(tmp_path: Path) -> None:
    async with running(tmp_path) as bus:
        await give(bus)
        where = await bus.ask(ReplaceScores(where=Not(IsNull(HELPFUL))))
        assert where == Not(Not(OneOf(Promoted("trace_id"), [trace(number) for number in (1, 2, 3, 4, 5)])))
