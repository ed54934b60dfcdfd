"""ScoresActor: scores of traces."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar, Self

import pyarrow as pa
import structlog

from actors.clock import Clock, utc_now
from actors.errors import NotFound, StudioError
from actors.runtime.actor import Actor, ActorBus, handles, handles_batched
from actors.runtime.closing import on_exit
from actors.runtime.lane import Lane
from actors.scores.messages import (
    AddedScore,
    AddScore,
    DeleteScore,
    ListScores,
    ReplaceScores,
    Score,
    ScoreSummary,
    SummarizeScores,
    SumScores,
    SweepScores,
    TableScores,
)
from actors.scores.replacing import without_scores
from actors.scores.store import ScoreStore
from actors.span_store.asked.stored_traces import MOST_TRACES, FindStoredTraces
from actors.span_store.query.expression import Expression

log = structlog.get_logger(__name__)

_INTERVAL = 300.0  # seconds
_TOGETHER = 64  # scores that are committed at once


class ScoresActor(Actor):
    """Keeps the scores, which go with their trace.

    Those of traces that are gone are dropped every ``interval`` seconds; whoever deletes spans need not wait for that:
    see ``SweepScores``.
    """

    lanes: ClassVar[Mapping[str, Lane]] = {"reads": Lane(at_once=4), "sweeps": Lane(at_once=1)}

    def __init__(self, bus: ActorBus, store: ScoreStore, interval: float) -> None:
        super().__init__(bus)
        self._store = store
        self._interval = interval

    @classmethod
    @asynccontextmanager
    async def running(
        cls, bus: ActorBus, path: Path, *, interval: float = _INTERVAL, clock: Clock = utc_now
    ) -> AsyncIterator[Self]:
        """Open the SQLite file at ``path``, which may be shared with other actors."""
        store = await ScoreStore.open(path, clock)
        async with on_exit(store.close):
            yield cls(bus, store, interval)

    async def work(self) -> None:
        while True:
            await self._sweep_in_background()
            await asyncio.sleep(self._interval)

    @handles_batched(AddScore, messages=_TOGETHER, weight=0)
    async def add(self, requests: Sequence[AddScore]) -> Sequence[AddedScore | StudioError]:
        return await self._store.add(requests, await self._stored(*{request.trace_id for request in requests}))

    @handles(DeleteScore)
    async def delete(self, request: DeleteScore) -> None:
        await self._store.delete(request)

    @handles(ListScores, lane="reads")
    async def list_scores(self, request: ListScores) -> tuple[Score, ...]:
        if not await self._stored(request.trace_id):
            raise NotFound("Trace not found")
        return await self._store.of_trace(request.trace_id)

    @handles(SummarizeScores, lane="reads")
    async def summarize(self, request: SummarizeScores) -> Mapping[str, tuple[ScoreSummary, ...]]:
        return await self._store.summaries(request.trace_ids)

    @handles(SumScores, lane="reads")
    async def sums(self, request: SumScores) -> pa.Table:
        return await self._store.sums(request.name)

    @handles(TableScores, lane="reads")
    async def table(self, _: TableScores) -> pa.Table:
        return await self._store.table()

    @handles(ReplaceScores, lane="reads")
    async def replace(self, request: ReplaceScores) -> Expression:
        return await without_scores(self._store, request.where)

    @handles(SweepScores, lane="sweeps")
    async def sweep(self, request: SweepScores) -> int:
        latest = await self._store.latest()
        if request.trace_id is not None:
            return await self._drop_gone([request.trace_id], latest)
        dropped, traces = 0, await self._store.scored_traces("", MOST_TRACES)
        while traces:
            dropped += await self._drop_gone(traces, latest)
            traces = await self._store.scored_traces(traces[-1], MOST_TRACES)
        return dropped

    async def _drop_gone(self, traces: Sequence[str], latest: int) -> int:
        """Scores that came after ``latest`` are of traces that were stored later than this looks."""
        gone = set(traces) - await self._stored(*traces)
        return await self._store.drop(gone, latest) if gone else 0

    async def _stored(self, *trace_ids: str) -> frozenset[str]:
        return await self.bus.ask(FindStoredTraces(trace_ids=trace_ids))

    async def _sweep_in_background(self) -> None:
        try:
            dropped = await self.sweep(SweepScores())
        except StudioError as fault:
            log.warning("scores not swept", fault=fault.detail)
            return
        if dropped:
            log.info("scores of traces dropped that are gone", scores=dropped)
