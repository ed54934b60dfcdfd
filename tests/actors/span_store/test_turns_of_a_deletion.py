"""A deletion, while more memtables wait for their flush than can be flushed soon."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from actors.span_store.embedded.sealed import index
from actors.span_store.messages import DeleteTrace, GetStoreState
from tests.actors.span_store.stage import BY, SEALED_AT_ONCE, all_sealed, ingest, running_store, state_when
from tests.spans import span

pytestmark = [pytest.mark.integration, pytest.mark.concurrency]

WAITING = 60  # memtables
PATIENCE = 200.0  # seconds


class Gate:
    """Lets one flush after the other into the index, each when it is told to."""

    def __init__(self) -> None:
        self._open = threading.Semaphore(0)
        self.passed = 0

    def let_pass(self, count: int) -> None:
        self._open.release(count)

    def wait(self) -> None:
        assert self._open.acquire(timeout=PATIENCE)
        self.passed += 1


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    gate, seal = Gate(), index.seal

    def gated(*arguments: Any, **named: Any) -> Any:
        gate.wait()
        return seal(*arguments, **named)

    monkeypatch.setattr(index, "seal", gated)
    return gate


async def test_a_deletion_has_its_turns_between_the_flushes_that_wait(tmp_path: Path, gate: Gate) -> None:
    async with running_store(tmp_path / "traces.duckdb", SEALED_AT_ONCE) as bus:
        gate.let_pass(1)
        await ingest(bus, span(1, trace_id=1))
        await state_when(bus, all_sealed)
        for number in range(WAITING):
            await ingest(bus, span(100 + number, trace_id=2))
        deletion = asyncio.create_task(bus.ask(DeleteTrace(trace_id=f"{1:032x}", by=BY), timeout=PATIENCE))
        while not deletion.done():
            gate.let_pass(1)
            await asyncio.wait([deletion], timeout=0.05)
        flushed = gate.passed
        gate.let_pass(WAITING)
        assert (await deletion).spans == 1
        await state_when(bus, all_sealed)
        assert (await bus.ask(GetStoreState())).recent_spans == 0
    assert flushed < WAITING
