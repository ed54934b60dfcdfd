"""PricesActor: prices that admins set."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import ClassVar, Self

from actors.clock import Clock, utc_now
from actors.errors import StudioError
from actors.prices.messages import AddPrice, DeletePrice, ListPrices
from actors.prices.store import PriceStore
from actors.runtime.actor import Actor, ActorBus, handles
from actors.runtime.closing import on_exit
from actors.runtime.lane import Lane
from actors.span_store.messages import UsePrices
from actors.span_store.pricing.own_price import OwnPrice, is_of

_BETWEEN_ATTEMPTS = 1.0  # seconds


class PricesActor(Actor):
    """Keeps the prices, and tells the span store of each change before it is answered.

    While the span store is away, it is told again and again.
    """

    lanes: ClassVar[Mapping[str, Lane]] = {"reads": Lane(at_once=4)}

    def __init__(self, bus: ActorBus, store: PriceStore) -> None:
        super().__init__(bus)
        self._store = store
        self._is_untold = asyncio.Event()

    @classmethod
    @asynccontextmanager
    async def running(cls, bus: ActorBus, path: Path, *, clock: Clock = utc_now) -> AsyncIterator[Self]:
        """Open the SQLite file at ``path``, which may be shared with other actors."""
        store = await PriceStore.open(path, clock)
        async with on_exit(store.close):
            actor = cls(bus, store)
            await actor._tell()
            yield actor

    async def work(self) -> None:
        while True:
            await self._is_untold.wait()
            await asyncio.sleep(_BETWEEN_ATTEMPTS)
            await self._tell()

    @handles(ListPrices, lane="reads")
    async def prices(self, request: ListPrices) -> tuple[OwnPrice, ...]:
        found = (price for price in self._store.own.prices if is_of(price, request.provider, request.model))
        return tuple(found)[::-1]

    @handles(AddPrice)
    async def add(self, request: AddPrice) -> OwnPrice:
        price = await self._store.add(request)
        await self._tell()
        return price

    @handles(DeletePrice)
    async def delete(self, request: DeletePrice) -> None:
        await self._store.delete(request)
        await self._tell()

    async def _tell(self) -> None:
        """Tell the span store of all prices, which is done whole or later."""
        own = self._store.own
        self._is_untold.set()
        with suppress(StudioError):
            await self.bus.ask(UsePrices(own=own))
            if own is self._store.own:
                self._is_untold.clear()
