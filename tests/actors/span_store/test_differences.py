"""Differences of many spans: what is looked at is a sample of both sides, and the answer says of how many."""

from pathlib import Path

import pytest

from actors.errors import DeadlineExceeded
from actors.runtime.bus import Bus
from actors.span_store.asked.differences import Differences, GetDifferences, ValueShares
from actors.span_store.embedded.lifetime import Limits
from actors.span_store.embedded.reads.aggregates import differences
from actors.span_store.query.differences import said_in
from actors.span_store.query.expression import Equals, Promoted
from tests.actors.span_store.stage import KEPT_RECENT, SEALED_AT_ONCE, all_sealed, ingest, state_when, store_in
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
    async with store_in(tmp_path, KEPT_RECENT) as bus:
        await filled(bus, size=30)
        found = await bus.ask(ASKED)
        assert 0 < found.count <= 100
        assert 0 < found.than_count <= 200
        assert found.count + found.than_count < SPANS


async def test_nothing_is_read_for_whoever_has_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    with monkeypatch.context() as patch:
        real = differences.read_differences
        patch.setattr(differences, "said_in", lambda rows: (read.append(rows.num_rows), said_in(rows))[1])
        patch.setattr(
            "actors.span_store.embedded.reads.many_spans.read_differences",
            lambda stored, request, _: real(stored, request, lambda: True),
        )
        async with store_in(tmp_path, KEPT_RECENT) as bus:
            await filled(bus)
            with pytest.raises(DeadlineExceeded):
                await bus.ask(ASKED)
    assert not read
