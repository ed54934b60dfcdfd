"""IngestionActor: pulls spans from an external ingestion service and stores them like everybody's."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import ClassVar, Self

import attrs
import structlog

from actors.errors import InternalError, RetryableError, StudioError
from actors.ingestion.messages import GetIngestionState, IngestionState
from actors.ingestion.source import PulledBatch, SpanSource
from actors.runtime.actor import Actor, ActorBus, handles
from actors.runtime.closing import on_exit
from actors.runtime.lane import Lane
from actors.span_store.columns.spans import Span
from actors.span_store.messages import IngestSpans
from actors.sqlite import Component, Database

log = structlog.get_logger(__name__)

_INGESTION = Component(name="ingestion", package="actors.ingestion")
_FIRST_WAIT = 0.5  # seconds; doubled for each failure in a row
_LONGEST_WAIT = 30.0
_NEVER_ASKED = IngestionState(connected=False, fault="not asked yet", stored=0, corrupt=0, remaining=None)


class IngestionActor(Actor):
    """Pulls spans, stores them, and only then remembers how far it came.

    A stop or crash between the two pulls the same spans again, which the span store knows as duplicates; so nothing is
    lost and nothing doubled. ``interval`` is the pause after a pull that found no full batch. Failures are tried again
    with a growing wait, at most ``longest_wait`` seconds.
    """

    lanes: ClassVar[Mapping[str, Lane]] = {"reads": Lane(at_once=8)}

    def __init__(
        self,
        bus: ActorBus,
        database: Database,
        source: SpanSource,
        *,
        interval: timedelta,
        batch_size: int,
        longest_wait: float,
    ) -> None:
        super().__init__(bus)
        self._database = database
        self._source = source
        self._interval = interval.total_seconds()
        self._batch_size = batch_size
        self._longest_wait = longest_wait
        self._state = _NEVER_ASKED

    @classmethod
    @asynccontextmanager
    async def running(
        cls,
        bus: ActorBus,
        path: Path,
        connect: Callable[[], SpanSource],
        *,
        interval: timedelta,
        batch_size: int,
        longest_wait: float = _LONGEST_WAIT,
    ) -> AsyncIterator[Self]:
        """Open the SQLite file at ``path``, which remembers how far the actor came, and connect to the service."""
        database = await Database.open(path, _INGESTION)
        async with on_exit(database.close):
            source = connect()
            async with on_exit(source.close):
                yield cls(bus, database, source, interval=interval, batch_size=batch_size, longest_wait=longest_wait)

    @handles(GetIngestionState, lane="reads")
    async def state(self, _: GetIngestionState) -> IngestionState:
        return self._state

    async def work(self) -> None:
        """Pull until stopped: at once again while batches come back full, else after the interval."""
        failures = 0
        while True:
            try:
                more = await self._pull()
            except StudioError as fault:
                failures += 1
                self._state = attrs.evolve(self._state, connected=False, fault=fault.detail)
                wait = self._wait_after(fault, failures)
                log.warning("pull failed", fault=fault.detail, failures=failures, next_in_seconds=round(wait, 1))
                await asyncio.sleep(wait)
            else:
                failures = 0
                if not more:
                    await asyncio.sleep(self._interval)

    async def _pull(self) -> bool:
        """Read one batch, store it, and remember its last key. Returns whether there is more."""
        [row] = await self._database.rows("SELECT last_key FROM poller_state WHERE id = 1")
        batch = await self._source.read(row[0] or b"", self._batch_size)
        unstorable = await self._store(batch)
        if batch.last_key is not None:
            async with self._database.transaction() as transaction:
                await transaction.rows("UPDATE poller_state SET last_key = ? WHERE id = 1", batch.last_key)
        self._note(batch, batch.corrupt + unstorable)
        return batch.more

    async def _store(self, batch: PulledBatch) -> int:
        """Store the batch. Returns how many of its spans cannot be stored, which must not hold up the others."""
        if not batch.spans:
            return 0
        try:
            await self.bus.ask(IngestSpans(spans=batch.spans, size=batch.size))
        except InternalError:
            outcomes = [await self._store_alone(span, batch.size // len(batch.spans)) for span in batch.spans]
            return outcomes.count(False)
        return 0

    async def _store_alone(self, span: Span, size: int) -> bool:
        try:
            await self.bus.ask(IngestSpans(spans=(span,), size=size))
        except InternalError:
            return False
        return True

    def _note(self, batch: PulledBatch, corrupt: int) -> None:
        if corrupt:
            log.error("corrupt rows passed", rows=corrupt)
        self._state = IngestionState(
            connected=True,
            fault="",
            stored=self._state.stored + len(batch.spans) + batch.corrupt - corrupt,
            corrupt=self._state.corrupt + corrupt,
            remaining=batch.remaining,
        )

    def _wait_after(self, fault: StudioError, failures: int) -> float:
        """Seconds to wait: doubled each time, capped, and spread, so that many studios do not call in step."""
        wait = min(_FIRST_WAIT * 2 ** min(failures - 1, 16), self._longest_wait)
        if isinstance(fault, RetryableError) and fault.retry_after is not None:
            wait = min(max(wait, fault.retry_after), self._longest_wait)
        return float(wait * random.uniform(0.8, 1.0))  # noqa: S311 - not for secrets
