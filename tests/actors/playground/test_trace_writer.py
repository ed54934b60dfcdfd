"""The times at which traces of runs are stored."""

from collections.abc import Callable
from contextlib import nullcontext

import pytest

from actors.playground.trace_writer import TraceWriter
from actors.runtime.actor import Actor, ActorBus, handles
from actors.runtime.bus import Bus
from actors.runtime.supervisor import Supervisor
from actors.span_store.masking.reading import read_masking
from actors.span_store.messages import IngestSpans, IngestSummary
from tests.spans import span

pytestmark = pytest.mark.unit


class SpanTaker(Actor):
    """Stands where the span store does, and lets a run end while it stores."""

    def __init__(self, bus: ActorBus) -> None:
        super().__init__(bus)
        self.meanwhile: Callable[[], None] | None = None
        self.stored: list[int] = []
        self.names: list[str | None] = []

    @handles(IngestSpans)
    async def take(self, request: IngestSpans) -> IngestSummary:
        if self.meanwhile is not None:
            self.meanwhile()
        self.stored.append(len(request.spans))
        self.names += request.spans.batch["name"].to_pylist()
        return IngestSummary(stored=len(request.spans), duplicates=0)


async def test_what_ends_while_traces_are_stored_waits_for_the_next_commit() -> None:
    bus = Bus()
    store = SpanTaker(bus)
    supervisor = Supervisor(bus)
    supervisor.add(SpanTaker, lambda _: nullcontext(store))
    await supervisor.start()
    try:
        writer = TraceWriter(bus)
        store.meanwhile = lambda: writer.add(span(9), 100)
        for number in (1, 2):
            writer.add(span(number), 100)
        await writer.flush()
        assert store.stored == [2]
        await writer.flush()
        assert store.stored == [2, 1]
    finally:
        await supervisor.stop()


async def test_traces_of_runs_are_masked_like_all_others() -> None:
    bus = Bus()
    store = SpanTaker(bus)
    supervisor = Supervisor(bus)
    supervisor.add(SpanTaker, lambda _: nullcontext(store))
    await supervisor.start()
    try:
        writer = TraceWriter(bus, read_masking("email"))
        writer.add(span(1, name="ask a@b.co"), 100)
        await writer.flush()
        assert store.names == ["ask [email]"]
    finally:
        await supervisor.stop()
