"""Differences of many spans: what is looked at is a sample of both sides, and the answer says of how many."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import hypothesis.strategies as st
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import HealthCheck, given, settings

from actors.errors import DeadlineExceeded
from actors.runtime.bus import Bus
from actors.span_store.asked.differences import Differences, GetDifferences, ValueShares
from actors.span_store.asked.heat_map import GetHeatMap, Measured
from actors.span_store.columns.logs import Log
from actors.span_store.columns.rows import ROWS, numbered
from actors.span_store.columns.spans import LOG, Span
from actors.span_store.embedded.lifetime import Limits
from actors.span_store.embedded.maintenance import compaction
from actors.span_store.embedded.reads import walk
from actors.span_store.embedded.reads.aggregates import differences
from actors.span_store.query.expression import Equals, Expression, Promoted
from tests.actors.span_store.conformance.plain_differences import differences_of
from tests.actors.span_store.conformance.plain_heat_map import heat_map_of
from tests.actors.span_store.naive_query import expressions, mixed_lists
from tests.actors.span_store.stage import KEPT_RECENT, SEALED_AT_ONCE, all_sealed, ingest, state_when, store_in
from tests.actors.span_store.states import IN_MEMORY, STATES, Store, mixed_rows
from tests.spans import START, span

pytestmark = pytest.mark.integration

ASKED = GetDifferences(where=Equals(Promoted("status_code"), 2))
SPANS = 300


async def filled(bus: Bus, size: int = 1) -> None:
    """A third of the spans failed, all of them in the same region."""
    for part in range(3):
        numbers = range(part * SPANS // 3 + 1, (part + 1) * SPANS // 3 + 1)
        spans = [
            span(
                number,
                trace_id=number,
                name="work",
                start=START + number,
                status_code=2 if number % 3 == 0 else 0,
                attributes={"region": "west" if number % 3 == 0 else "east", "text": f"{number} " * size},
            )
            for number in numbers
        ]
        await ingest(bus, *spans)


def regions(found: Differences) -> tuple[ValueShares, ...]:
    [values] = [each.values for each in found.fields if each.field == "attr.region"]
    return values


@pytest.mark.parametrize("limits", [KEPT_RECENT, SEALED_AT_ONCE], ids=["in memory", "sealed"])
async def test_of_many_spans_some_are_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limits: Limits
) -> None:
    async with store_in(tmp_path, limits) as bus:
        await filled(bus)
        if limits is SEALED_AT_ONCE:
            await state_when(bus, all_sealed)
        everything = await bus.ask(ASKED)
        assert (everything.count, everything.than_count) == (100, 200)
        monkeypatch.setattr(differences, "MOST_LOOKED_AT", 30)
        some = await bus.ask(ASKED)
        assert (some.count, some.than_count) == (30, 30)
        assert regions(some) == regions(everything)
        monkeypatch.setattr(differences, "_STRETCH", 10)
        monkeypatch.setattr(differences, "_STRETCHES", 5)
        few = await bus.ask(ASKED)
        assert 5 <= few.count <= few.than_count <= 30
        assert few == await bus.ask(ASKED)


async def test_what_is_said_has_a_bound_in_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(differences, "_MOST_BYTES", 20_000)
    monkeypatch.setattr(walk, "_MOST_ROWS", 20)
    async with store_in(tmp_path, KEPT_RECENT) as bus:
        await filled(bus, size=30)
        found = await bus.ask(ASKED)
        assert 0 < found.count <= 100
        assert 0 < found.than_count <= 200
        assert found.count + found.than_count < SPANS


async def test_of_long_values_the_beginning_is_shown(tmp_path: Path) -> None:
    """They differ where they differ behind it, and are of any kind."""
    async with store_in(tmp_path, KEPT_RECENT) as bus:
        for number in range(1, 41):
            end = "b" if number % 2 else "a"
            said = {"text": "x" * 300 + end, "list": ["x" * 300, end], "bytes": b"x" * 300 + end.encode()}
            await ingest(bus, span(number, name="work", attributes=said, status_code=0 if number % 2 else 2))
        found = await bus.ask(ASKED)
    shown = {each.field: {value.value for value in each.values} for each in found.fields}
    assert shown == {
        "attr.text": {"x" * 200 + "…"},
        "attr.list": {'["' + "x" * 198 + "…"},
        "attr.bytes": {("78" * 100)[:199] + "…"},
    }
    assert [each.score for each in found.fields] == [1.0] * 3


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = Store(tmp_path_factory.mktemp("differences"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compaction, "_FEWEST", 2)
        yield store
    store.connection.close()


@given(
    items=mixed_lists(),
    where=expressions,
    than=st.one_of(st.none(), expressions),
    states=st.sampled_from(STATES),
    y=st.sampled_from(Measured),
)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=20)
def test_they_and_heat_maps_are_the_same_wherever_the_spans_are(
    store: Store,
    *,
    items: list[Span | Log],
    where: Expression,
    than: Expression | None,
    states: list[int],
    y: Measured,
) -> None:
    store.clear()
    bounds = [len(items) * step // len(states) for step in range(len(states) + 1)]
    for state, (begin, end) in zip(states, pairwise(bounds), strict=True):
        if begin < end:
            store.put(state, items[begin:end], begin, with_ngrams=False)
    rows = stored_rows_of(items)
    reader, request = store.reader(len(items)), GetDifferences(where=where, than=than)
    expected = differences_of(rows, request)
    found = reader.differences(request, lambda: False)
    assert (found.count, found.than_count) == (expected.count, expected.than_count)
    assert [(each.field, each.values) for each in found.fields] == [
        (each.field, each.values) for each in expected.fields
    ]
    heat_map = GetHeatMap(where=where, y=y, now=START, columns=4, rows=3)
    assert reader.heat_map(heat_map, lambda: False) == heat_map_of(rows, heat_map)
    store.forget()


def stored_rows_of(items: Sequence[Span | Log]) -> pa.Table:
    """The spans, numbered as they arrived."""
    rows = pa.Table.from_batches([numbered(mixed_rows(items), 0)], ROWS)
    return rows.filter(pc.not_equal(rows["kind"], pa.scalar(LOG, pa.int32())))


def test_nothing_is_read_for_whoever_has_left(store: Store) -> None:
    store.clear()
    store.put(IN_MEMORY, [span(1), span(2, status_code=2)], 0, with_ngrams=False)
    with pytest.raises(DeadlineExceeded):
        store.reader(2).differences(ASKED, lambda: True)
    store.forget()
