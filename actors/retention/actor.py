"""RetentionActor: the rule which spans are kept."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Self

from actors.clock import Clock, utc_now
from actors.errors import Conflict, StudioError
from actors.retention.messages import CountingRule, GetRetention, SetRetention
from actors.retention.store import RetentionStore
from actors.runtime.actor import Actor, ActorBus, handles
from actors.runtime.closing import on_exit
from actors.span_store.asked.retention import RetentionRule, UseRetention

_BETWEEN_ATTEMPTS = 1.0  # seconds


class RetentionActor(Actor):
    """Keeps the rule that admins set, and tells the span store of it; the environment's parts go before.

    While the span store is away, it is told again and again.
    """

    def __init__(self, bus: ActorBus, store: RetentionStore, fixed: RetentionRule) -> None:
        super().__init__(bus)
        self._store = store
        self._fixed = fixed
        self._is_untold = asyncio.Event()

    @classmethod
    @asynccontextmanager
    async def running(
        cls, bus: ActorBus, path: Path, *, fixed: RetentionRule, clock: Clock = utc_now
    ) -> AsyncIterator[Self]:
        """Open the SQLite file at ``path``, which may be shared with other actors. ``fixed`` cannot be changed."""
        store = await RetentionStore.open(path, clock)
        async with on_exit(store.close):
            actor = cls(bus, store, fixed)
            await actor._tell()
            yield actor

    async def work(self) -> None:
        while True:
            await self._is_untold.wait()
            await asyncio.sleep(_BETWEEN_ATTEMPTS)
            await self._tell()

    @handles(GetRetention)
    async def kept(self, _: GetRetention) -> CountingRule:
        return self._kept()

    @handles(SetRetention)
    async def set(self, request: SetRetention) -> CountingRule:
        self._demand_unfixed(request.rule)
        await self._store.set(self._settable(request.rule), request.by)
        await self._tell()
        return self._kept()

    def _kept(self) -> CountingRule:
        own, fixed = self._store.rule, self._fixed
        rule = RetentionRule(age=fixed.age or own.age, size=fixed.size or own.size)
        return CountingRule(rule=rule, fixed=fixed)

    def _settable(self, rule: RetentionRule) -> RetentionRule:
        """What of a rule is kept: where the environment sets a part, what was kept before it did."""
        own, fixed = self._store.rule, self._fixed
        return RetentionRule(
            age=rule.age if fixed.age is None else own.age, size=rule.size if fixed.size is None else own.size
        )

    def _demand_unfixed(self, rule: RetentionRule) -> None:
        if self._fixed.age not in (None, rule.age):
            raise Conflict("JUNJO_RETENTION_DAYS says how long spans are kept: change it there")
        if self._fixed.size not in (None, rule.size):
            raise Conflict("JUNJO_RETENTION_GB says how much space spans may take: change it there")

    async def _tell(self) -> None:
        rule = self._kept().rule
        self._is_untold.set()
        with suppress(StudioError):
            await self.bus.ask(UseRetention(rule=rule))
            if rule == self._kept().rule:
                self._is_untold.clear()
