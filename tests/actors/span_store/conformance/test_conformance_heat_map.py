"""Any engine: a heat map has every span that has a value in its cell, and no other."""

import random
from itertools import pairwise
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.errors import NeedsRoom
from actors.span_store.asked.heat_map import Extent, GetHeatMap, Measured, grid_of
from actors.span_store.columns.spans import Span
from actors.span_store.query.expression import Attribute, Equals, equal
from actors.span_store.storage import Scope, SpanStorage
from tests.actors.span_store.conformance.plain_heat_map import heat_map_of
from tests.actors.span_store.conformance.steps import trace_id, write
from tests.actors.span_store.conformance.whole import all_rows
from tests.spans import START, span

pytestmark = pytest.mark.integration

SECOND = 10**9
NOW = START + 1000 * SECOND


def asked(**what: Any) -> GetHeatMap:
    return GetHeatMap(**{"now": NOW, **what})


def lasting(number: int, nanoseconds: int, *, at: int = 0, **others: Any) -> Span:
    """A span that begins ``at`` seconds."""
    start = START + at * SECOND
    return span(number, start=start, end_time_unix_nano=start + nanoseconds, **others)


async def test_spans_are_counted_by_when_they_started_and_how_long_they_took(storage: SpanStorage) -> None:
    await write(
        storage,
        lasting(1, 10),
        lasting(2, 10, status_code=2),
        lasting(3, 999, at=1),
        lasting(4, 1000, at=9),
        lasting(5, 0, at=9),
        span(6, end_time_unix_nano=0),
    )
    found = await storage.heat_map(asked(columns=5, rows=3, since=START, until=START + 10 * SECOND))
    assert (found.begin, found.step, found.edges) == (START, 2 * SECOND, (0, 10, 101, 1001))
    assert found.counts == ((0, 2, 1), (0, 0, 0), (0, 0, 0), (0, 0, 0), (1, 0, 1))
    assert found.errors == ((0, 1, 0), (0, 0, 0), (0, 0, 0), (0, 0, 0), (0, 0, 0))


async def test_costs_and_tokens_are_those_of_model_calls_alone(storage: SpanStorage) -> None:
    said = {"gen_ai.usage.input_tokens": 7, "gen_ai.usage.output_tokens": 5, "llm.cost.total": 0.25}
    call = {"gen_ai.operation.name": "chat"}
    await write(storage, span(1, attributes=said), span(2, trace_id=2, attributes=call | said), span(3, trace_id=3))
    tokens = await storage.heat_map(asked(y=Measured.TOKENS, columns=1))
    assert (tokens.edges, tokens.counts) == ((12, 13), ((1,),))
    cost = await storage.heat_map(asked(y=Measured.COST, columns=1, rows=1))
    assert (cost.edges, cost.counts) == ((0.25, 0.5), ((1,),))


async def test_of_nothing_there_is_no_cell(storage: SpanStorage) -> None:
    for y in Measured:
        nothing = await storage.heat_map(asked(y=y))
        assert (nothing.begin, nothing.step, nothing.edges, nothing.counts, nothing.errors) == (None, None, (), (), ())
    some = await storage.heat_map(asked(since=START, until=START + 10, columns=20))
    assert (some.step, some.edges, some.counts) == (1, (), ((),) * 10)
    assert (await storage.heat_map(asked(since=START, until=START))).counts == ()
    await write(storage, span(1, end_time_unix_nano=START))
    zeros = await storage.heat_map(asked(columns=1, until=START + 1))
    assert (zeros.edges, zeros.counts) == ((0, 1), ((1,),))


async def test_an_answer_without_room_says_so(storage: SpanStorage) -> None:
    with pytest.raises(NeedsRoom):
        await storage.heat_map(asked(columns=200, rows=100, room=100_000))


QUESTIONS: list[dict[str, Any]] = [
    {},
    {"columns": 3, "rows": 2},
    {"columns": 1, "rows": 1},
    {"where": equal(service_name="shop"), "columns": 7},
    {"where": Equals(Attribute("plan"), "pro"), "y": Measured.TOKENS},
    {"y": Measured.COST, "rows": 11},
    {"y": Measured.TOKENS, "since": START + 7, "until": START + 100 * SECOND},
]


async def test_cells_are_those_of_a_plain_evaluation(storage: SpanStorage) -> None:
    draw = random.Random(11)
    for _ in range(3):
        await write(storage, *(made(draw, number) for number in draw.sample(range(1, 200), 40)))
    await storage.delete(Scope("trace_id", trace_id(3)))
    rows = await all_rows(storage, range(1, 13))
    for question in QUESTIONS:
        request = asked(**question)
        expected = heat_map_of(rows, request)
        assert await storage.heat_map(request) == expected
        assert sum(map(sum, expected.counts)) > 10


def made(draw: random.Random, number: int) -> Span:
    attributes: dict[str, Any] = {"plan": draw.choice(["pro", "free"])}
    if draw.random() < 0.7:
        attributes |= {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": draw.choice([0, 1, 9, 10**6])}
        attributes |= {"llm.cost.total": draw.choice([0.0, 0.1, draw.random(), 1e-12])}
    start = START + draw.randrange(200 * SECOND)
    return span(
        number,
        trace_id=number % 12 + 1,
        service=draw.choice(["shop", "desk"]),
        start=start,
        status_code=draw.randrange(3),
        end_time_unix_nano=draw.choice([0, start - 5, start + draw.randrange(100), start + 2 ** draw.randrange(62)]),
        attributes=attributes,
    )


_whole = st.integers(0, 2**64 - 1)
_money = st.floats(-1e300, 1e308, allow_subnormal=False)


@given(
    values=st.one_of(st.lists(_whole, min_size=1), st.lists(_money, min_size=1)),
    starts=st.tuples(_whole, _whole).map(sorted),
    columns=st.integers(1, 200),
    rows=st.integers(1, 100),
)
def test_edges_ascend_and_hold_every_value(values: list[float], starts: list[int], columns: int, rows: int) -> None:
    y = Measured.DURATION if isinstance(values[0], int) else Measured.COST
    first, last = starts
    extent = Extent(first, last, min(values), min((each for each in values if each > 0), default=None), max(values))
    grid = grid_of(asked(y=y, columns=columns, rows=rows), extent)
    assert 1 <= grid.rows <= rows
    assert all(low < high for low, high in pairwise(grid.edges))
    assert grid.edges[0] <= min(values)
    assert grid.edges[-1] >= max(values)
    assert grid.begin == starts[0]
    assert grid.step is not None
    assert 1 <= grid.columns <= columns
    assert starts[1] < starts[0] + grid.columns * grid.step or starts[1] < NOW
    assert attrs.astuple(grid_of(asked(y=y, since=5, until=5), extent))[:3] == (5, None, 0)
