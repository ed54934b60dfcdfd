"""Values that the index does not have are counted in the newest spans, wherever these are."""

from pathlib import Path

import pytest

from actors.span_store.asked.values import ListValues, ValueCount
from actors.span_store.embedded.lifetime import Limits
from actors.span_store.embedded.reads import queries
from actors.span_store.embedded.reads.aggregates import values
from actors.span_store.query.language.filter_text import expression_of
from tests.actors.span_store.stage import KEPT_RECENT, SEALED_AT_ONCE, all_sealed, ingest, state_when, store_in
from tests.spans import START, span

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three spans are looked at; what names many values is gone through in parts."""
    for module in (queries, values):
        monkeypatch.setattr(module, "MOST_LOOKED_AT", 3)
    monkeypatch.setattr(values, "_IN_A_PART", 2)


@pytest.mark.parametrize("limits", [KEPT_RECENT, SEALED_AT_ONCE], ids=["in memory", "sealed"])
async def test_the_newest_are_looked_at(tmp_path: Path, limits: Limits) -> None:
    async with store_in(tmp_path, limits) as bus:
        for number in range(1, 11):
            said = {"plan": "new" if number > 8 else "old", "odd" if number % 2 else "even": number}
            await ingest(bus, span(number, start=START + number, attributes=said, service=f"s{number % 5}"))
        if limits is SEALED_AT_ONCE:
            await state_when(bus, all_sealed)
        plans = await bus.ask(ListValues(field="attr.plan"))
        assert plans.values == (ValueCount("new", 2), ValueCount("old", 1))
        assert plans.more
        keys = await bus.ask(ListValues(field="attr"))
        assert keys.values == (ValueCount("plan", 3), ValueCount("even", 2), ValueCount("odd", 1))
        odd = await bus.ask(ListValues(field="attr.odd", where=expression_of("attr.odd:<7")))
        assert (odd.values, odd.more) == (tuple(ValueCount(value, 1) for value in (1, 3, 5)), False)
        services = await bus.ask(ListValues(field="service", limit=4))
        assert services.values == tuple(ValueCount(f"s{number}", 2) for number in range(4))
        assert services.more
