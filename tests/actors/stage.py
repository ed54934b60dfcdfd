"""What tests of actors share: actors on a bus, a clock to move, an ear for events, and a look into the file."""

import sqlite3
from asyncio import Queue
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias

from argon2 import PasswordHasher

from actors.key_registry.messages import KeyRevoked, ScopesWithdrawn
from actors.runtime.actor import Actor, ActorBus, subscribes
from actors.runtime.bus import Bus
from actors.runtime.messages import Event
from actors.runtime.supervisor import ActorFactory, Supervisor
from actors.session.messages import SessionsEnded

Part: TypeAlias = tuple[type[Actor], ActorFactory]
# The same algorithm with less work, which would be a third of that of a short test.
QUICK = PasswordHasher(memory_cost=64, time_cost=1, parallelism=1)


class HandClock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, 20, 0, 0, 250_000, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)


class Ear(Actor):
    """Keeps the events that it hears."""

    def __init__(self, bus: ActorBus, heard: "Queue[Event]") -> None:
        super().__init__(bus)
        self._heard = heard

    @subscribes(KeyRevoked)
    async def key_revoked(self, event: KeyRevoked) -> None:
        self._heard.put_nowait(event)

    @subscribes(ScopesWithdrawn)
    async def scopes_withdrawn(self, event: ScopesWithdrawn) -> None:
        self._heard.put_nowait(event)

    @subscribes(SessionsEnded)
    async def sessions_ended(self, event: SessionsEnded) -> None:
        self._heard.put_nowait(event)


class Stage:
    """A bus with some actors, and the events that they have published."""

    def __init__(self) -> None:
        self.bus = Bus()
        self.events: Queue[Event] = Queue()


@asynccontextmanager
async def staged(*parts: Part) -> AsyncIterator[Stage]:
    """Actors, each before those that ask it: supervised for the length of the block."""
    stage = Stage()
    supervisor = Supervisor(stage.bus, backoff=0.001)
    supervisor.add(Ear, lambda bus: nullcontext(Ear(bus, stage.events)))
    for actor_class, factory in parts:
        supervisor.add(actor_class, factory)
    await supervisor.start()
    try:
        yield stage
    finally:
        await supervisor.stop()


def rows(path: Path, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """What another program sees in the SQLite file."""
    with closing(sqlite3.connect(path)) as connection, connection:
        return connection.execute(sql, parameters).fetchall()


def file_bytes(path: Path) -> bytes:
    """Everything on disk: the file and its write-ahead log."""
    return b"".join(file.read_bytes() for file in sorted(path.parent.iterdir()) if file.name.startswith(path.name))


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another program holds the write lock."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")
