"""AuditTrailActor: the audit trail is read and swept, and added to by actors without a transaction of their own."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import ClassVar, Self

import attrs
import structlog

from actors.audit import AuditEntry
from actors.audit_trail.messages import AuditPage, ListAudit, RecordAudit, RecordRefusal
from actors.audit_trail.refusals import Refusals
from actors.audit_trail.settings import Setting
from actors.audit_trail.trail import AuditTrail
from actors.clock import Clock, Steady, steady_seconds, utc_now
from actors.errors import Unavailable
from actors.runtime.actor import Actor, ActorBus, handles
from actors.runtime.closing import on_exit
from actors.runtime.lane import Lane
from actors.span_store.messages import GetTrustedTime

__all__ = ["AuditTrailActor", "Setting"]

log = structlog.get_logger(__name__)

_YEAR = timedelta(days=365)
_INTERVAL = 300.0


class AuditTrailActor(Actor):
    """Keeps the trail, in a SQLite file in which other actors write entries, too, in transactions of their own.

    ``settings`` are those of this start: changes since the last one are recorded. Entries older than ``age`` are
    deleted every ``interval`` seconds, once it is certain what time it is.
    """

    lanes: ClassVar[Mapping[str, Lane]] = {"reads": Lane(at_once=8)}

    def __init__(
        self,
        bus: ActorBus,
        trail: AuditTrail,
        *,
        settings: Sequence[Setting],
        age: timedelta,
        interval: float,
        steady: Steady,
    ) -> None:
        super().__init__(bus)
        self._trail = trail
        self._settings = settings
        self._settings_recorded = False
        self._age = age
        self._interval = interval
        self._refusals = Refusals(steady)

    @classmethod
    @asynccontextmanager
    async def running(
        cls,
        bus: ActorBus,
        path: Path,
        *,
        settings: Sequence[Setting] = (),
        age: timedelta = _YEAR,
        interval: float = _INTERVAL,
        clock: Clock = utc_now,
        steady: Steady = steady_seconds,
    ) -> AsyncIterator[Self]:
        """Open the trail in the SQLite file at ``path``, and record the settings."""
        trail = await AuditTrail.open(path, clock)
        async with on_exit(trail.close):
            actor = cls(bus, trail, settings=settings, age=age, interval=interval, steady=steady)
            await actor._record_settings()
            yield actor

    async def work(self) -> None:
        while True:
            await self._record_settings()
            await self._sweep()
            await asyncio.sleep(self._interval)

    @handles(ListAudit, lane="reads")
    async def entries(self, request: ListAudit) -> AuditPage:
        return await self._trail.page(request)

    @handles(RecordAudit)
    async def record(self, request: RecordAudit) -> None:
        await self._trail.record(request.entry)

    @handles(RecordRefusal)
    async def record_refusal(self, request: RecordRefusal) -> bool:
        entry = request.entry
        by = entry.by
        kind = by.user_id, entry.action, entry.resource, entry.details.get("route")
        if not self._refusals.passes(kind):
            return False
        left_out = self._refusals.left_out()
        try:
            await self._trail.record(_with_count(entry, left_out))
        except Unavailable:
            self._refusals.not_recorded(kind, left_out)
            raise
        return True

    async def _record_settings(self) -> None:
        """Record the settings once. A file that cannot be written now is tried again, and is no reason not to run."""
        if self._settings_recorded or not self._settings:
            return
        try:
            await self._trail.record_settings(self._settings)
        except Unavailable as fault:
            log.warning("settings not recorded in the audit trail", fault=fault.detail)
        else:
            self._settings_recorded = True

    async def _sweep(self) -> None:
        """Delete old entries, but never by a clock that jumped. The next sweep catches up."""
        try:
            now = await self.bus.ask(GetTrustedTime())
            swept = 0 if now is None else await self._trail.sweep(self._age, now)
        except Unavailable as fault:
            log.warning("audit trail not swept", fault=fault.detail)
            return
        if swept:
            log.info("audit trail swept of what is too old", entries=swept)


def _with_count(entry: AuditEntry, left_out: int) -> AuditEntry:
    if not left_out:
        return entry
    return attrs.evolve(entry, details={**entry.details, "not_recorded_before": str(left_out)})
