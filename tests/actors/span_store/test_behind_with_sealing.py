"""Spans come faster than they are sealed: writers wait, are refused when that takes long, and go on afterwards."""

import threading
from pathlib import Path
from typing import Any

import attrs
import pytest

from actors.errors import Overloaded
from actors.span_store.embedded.lifetime import Limits
from actors.span_store.embedded.sealed import index
from actors.span_store.messages import GetStoreState, IngestSummary
from tests.actors.span_store.stage import all_sealed, ingest, names, running_store, state_when
from tests.spans import span

pytestmark = [pytest.mark.integration, pytest.mark.error_recovery]

LIMITS = Limits(flush_at=1, most_recent=6500)
STORED = IngestSummary(stored=1, duplicates=0)


@pytest.fixture
def sealing(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Sealing waits until this is set."""
    go_on = threading.Event()
    seal = index.seal

    def slow(*arguments: Any, **named: Any) -> Any:
        go_on.wait(timeout=200)
        return seal(*arguments, **named)

    monkeypatch.setattr(index, "seal", slow)
    return go_on


async def test_a_writer_waits_for_sealing_and_goes_on(tmp_path: Path, sealing: threading.Event) -> None:
    limits = attrs.evolve(LIMITS, wait_seconds=200.0)  # a slow machine has the time that it needs
    async with running_store(tmp_path / "traces.duckdb", limits) as bus:
        for number in (1, 2, 3):
            assert await ingest(bus, span(number, attributes={"text": "x" * 2000})) == STORED
        assert (await bus.ask(GetStoreState())).recent_bytes > LIMITS.most_recent
        threading.Timer(0.2, sealing.set).start()
        assert await ingest(bus, span(4)) == STORED
        await state_when(bus, all_sealed)
        assert await names(bus) == ["span 1", "span 2", "span 3", "span 4"]


async def test_a_writer_that_waits_in_vain_is_told_when_to_come_back(tmp_path: Path, sealing: threading.Event) -> None:
    limits = attrs.evolve(LIMITS, wait_seconds=0.05)
    async with running_store(tmp_path / "traces.duckdb", limits) as bus:
        for number in (1, 2, 3):
            assert await ingest(bus, span(number, attributes={"text": "x" * 2000})) == STORED
        with pytest.raises(Overloaded) as refused:
            await ingest(bus, span(4))
        assert refused.value.retry_after == 2.0
        sealing.set()
        await state_when(bus, all_sealed)
        assert await ingest(bus, span(4)) == STORED
        await state_when(bus, all_sealed)
        assert await names(bus) == ["span 1", "span 2", "span 3", "span 4"]
