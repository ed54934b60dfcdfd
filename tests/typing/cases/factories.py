"""A supervisor takes what makes an actor: a context manager that yields one, given the bus."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Self

from actors.runtime.actor import Actor, ActorBus
from actors.runtime.bus import Bus
from actors.runtime.supervisor import Supervisor


class Store(Actor):
    @classmethod
    @asynccontextmanager
    async def running(cls, bus: ActorBus, _: Path) -> AsyncIterator[Self]:
        yield cls(bus)


supervisor = Supervisor(Bus())
supervisor.add(Store, lambda bus: Store.running(bus, Path("spans")))
supervisor.add(Store, lambda bus: nullcontext(Store(bus)))
supervisor.add(Store, Store)  # E: arg-type
supervisor.add(Store, nullcontext)  # E: arg-type
supervisor.add(Store, Store.running)  # E: arg-type
