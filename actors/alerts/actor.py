"""AlertsActor: tells when what goes on is too much, or too little."""

import asyncio
import math
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar, Self

import structlog
from aiohttp.abc import AbstractResolver

from actors.alerts.deliveries import Deliveries
from actors.alerts.messages import (
    MOST_FILTER,
    MOST_NAME,
    MOST_THRESHOLD,
    Alert,
    AlertChangePage,
    AlertCounts,
    ChangeAlert,
    CountAlerts,
    CreateAlert,
    CreatedAlert,
    DeleteAlert,
    GetAlert,
    ListAlertChanges,
    ListAlerts,
)
from actors.alerts.rounds import Rounds
from actors.alerts.steps import ClockSteps
from actors.alerts.store import AlertStore
from actors.alerts.webhook import Webhooks
from actors.alerts.webhook_url import demand_callable
from actors.clock import Clock, Steady, steady_seconds, utc_now
from actors.errors import InvalidRequest, StudioError
from actors.runtime.actor import Actor, ActorBus, handles
from actors.runtime.closing import on_exit
from actors.runtime.lane import Lane
from actors.sealing import Seal
from actors.span_store.query.language.filter_text import FilterFault, expression_of

log = structlog.get_logger(__name__)

_INTERVAL = 60.0  # seconds
_LEAST_PAUSE = 0.1  # of the interval, also when a round takes longer
_USE = b"junjo webhook secrets 1"


class AlertsActor(Actor):
    """Keeps the alerts, checks all of them every ``interval`` seconds, and sends what changes to their webhooks."""

    lanes: ClassVar[Mapping[str, Lane]] = {"reads": Lane(at_once=4)}

    def __init__(
        self,
        bus: ActorBus,
        store: AlertStore,
        rounds: Rounds,
        deliveries: Deliveries,
        *,
        interval: float,
        allow_private: bool,
    ) -> None:
        super().__init__(bus)
        self._store = store
        self._rounds = rounds
        self._deliveries = deliveries
        self._interval = interval
        self._allow_private = allow_private

    @classmethod
    @asynccontextmanager
    async def running(
        cls,
        bus: ActorBus,
        path: Path,
        *,
        cookie_key: bytes,
        allow_private: bool = False,
        interval: float = _INTERVAL,
        first_wait: float | None = None,
        clock: Clock = utc_now,
        steady: Steady = steady_seconds,
        resolver: AbstractResolver | None = None,
    ) -> AsyncIterator[Self]:
        """Open the SQLite file at ``path``, which may be shared with other actors.

        Secrets are kept under a key that is derived of ``cookie_key``. With ``allow_private`` webhooks may be anywhere.
        """
        store = await AlertStore.open(path, clock, Seal.derived(cookie_key, _USE))
        async with (
            on_exit(store.close),
            Webhooks.opened(allow_private=allow_private, clock=clock, resolver=resolver) as webhooks,
        ):
            waits = {} if first_wait is None else {"first_wait": first_wait}
            yield cls(
                bus,
                store,
                Rounds(bus, store, ClockSteps(steady), interval),
                Deliveries(store.outbox, webhooks, **waits),
                interval=interval,
                allow_private=allow_private,
            )

    async def work(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._deliveries.run())
            tasks.create_task(self._check())

    @handles(CreateAlert)
    async def create(self, request: CreateAlert) -> CreatedAlert:
        condition = request.condition
        self._demand(request.name, condition.q, condition.threshold, request.webhook)
        return await self._store.create(request)

    @handles(ChangeAlert)
    async def change(self, request: ChangeAlert) -> Alert:
        webhook = None if request.webhook is None else request.webhook.url
        self._demand(request.name, request.q, request.threshold, webhook)
        changed = await self._store.change(request)
        self._deliveries.wake(changed.id)
        return changed

    @handles(DeleteAlert)
    async def delete(self, request: DeleteAlert) -> None:
        await self._store.delete(request)

    @handles(ListAlerts, lane="reads")
    async def alerts(self, _: ListAlerts) -> tuple[Alert, ...]:
        return await self._store.all()

    @handles(GetAlert, lane="reads")
    async def alert(self, request: GetAlert) -> Alert:
        return await self._store.get(request.id)

    @handles(ListAlertChanges, lane="reads")
    async def history(self, request: ListAlertChanges) -> AlertChangePage:
        return await self._store.history(request.id, request.limit, request.after)

    @handles(CountAlerts, lane="reads")
    async def counts(self, _: CountAlerts) -> AlertCounts:
        return AlertCounts(
            states=await self._store.states(),
            waiting=await self._store.outbox.count(),
            checks_failed=self._rounds.failed,
            sent=self._deliveries.sent,
            not_sent=self._deliveries.not_sent,
        )

    async def _check(self) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            begun = clock()
            await self._check_once()
            await asyncio.sleep(max(begun + self._interval - clock(), self._interval * _LEAST_PAUSE))

    async def _check_once(self) -> None:
        try:
            if await self._rounds.check_all():
                self._deliveries.wake()
        except StudioError as fault:
            log.warning("alerts not checked", fault=fault.detail)

    def _demand(self, name: str | None, q: str | None, threshold: float | None, webhook: str | None) -> None:
        """Raise ``InvalidRequest`` for what is given and beyond the bounds."""
        if name is not None and (not name.strip() or len(name) > MOST_NAME):
            raise InvalidRequest(f"A name has 1 to {MOST_NAME} characters")
        if threshold is not None and not (math.isfinite(threshold) and 0 <= threshold <= MOST_THRESHOLD):
            raise InvalidRequest(f"A threshold is a number from 0 to {MOST_THRESHOLD:g}")
        if q is not None:
            _demand_filter(q)
        if webhook is not None:
            demand_callable(webhook, allow_private=self._allow_private)


def _demand_filter(q: str) -> None:
    try:
        if len(q) > MOST_FILTER:
            raise InvalidRequest(f"A filter has {MOST_FILTER} characters at most")
        expression_of(q)
    except FilterFault as fault:
        raise InvalidRequest(fault.message) from None
