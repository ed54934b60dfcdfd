"""ViewsActor: saved views."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar, Self

from actors.clock import Clock, utc_now
from actors.runtime.actor import Actor, ActorBus, handles
from actors.runtime.closing import on_exit
from actors.runtime.lane import Lane
from actors.views.messages import DeleteView, ListViews, SaveView, View
from actors.views.store import ViewStore


class ViewsActor(Actor):
    """Keeps the views that people save."""

    lanes: ClassVar[Mapping[str, Lane]] = {"reads": Lane(at_once=4)}

    def __init__(self, bus: ActorBus, store: ViewStore) -> None:
        super().__init__(bus)
        self._store = store

    @classmethod
    @asynccontextmanager
    async def running(cls, bus: ActorBus, path: Path, *, clock: Clock = utc_now) -> AsyncIterator[Self]:
        """Open the SQLite file at ``path``, which may be shared with other actors."""
        store = await ViewStore.open(path, clock)
        async with on_exit(store.close):
            yield cls(bus, store)

    @handles(ListViews, lane="reads")
    async def views(self, request: ListViews) -> tuple[View, ...]:
        return await self._store.visible(request)

    @handles(SaveView)
    async def save(self, request: SaveView) -> View:
        return await self._store.save(request)

    @handles(DeleteView)
    async def delete(self, request: DeleteView) -> None:
        await self._store.delete(request)
