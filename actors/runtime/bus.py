"""The bus finds the owner of a message by the message's class."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar, copy_context
from typing import Any, TypeVar

from actors.errors import DeadlineExceeded, StudioError, Unavailable
from actors.runtime.actor import Actor, Way
from actors.runtime.cell import Cell
from actors.runtime.mailbox import Envelope
from actors.runtime.messages import Event, Message, Request, StreamRequest
from actors.runtime.statistics import Statistics

R = TypeVar("R")
T = TypeVar("T")

# Loop time at which whoever stands behind the present work stops waiting. An ask made while answering an ask never
# waits longer than that.
_deadline: ContextVar[float] = ContextVar("deadline")


class Bus:
    """Carries messages between actors and transports. One for a process."""

    def __init__(self) -> None:
        self.statistics = Statistics()
        self._owners: dict[type[Message], type[Actor]] = {}
        self._subscribers: defaultdict[type[Message], list[type[Actor]]] = defaultdict(list)
        self._cells: dict[type[Actor], Cell] = {}

    def register(self, actor_class: type[Actor]) -> None:
        """Make the actor's messages known. Until it is connected, they are answered ``Unavailable``."""
        for route in actor_class.routes:
            if route.way is Way.EVENT:
                self._subscribers[route.message].append(actor_class)
            elif route.message in self._owners:
                raise TypeError(f"{route.message.__name__} has two owners")
            else:
                self._owners[route.message] = actor_class

    def connect(self, actor_class: type[Actor], cell: Cell) -> None:
        """From now on the actor's messages go to this cell."""
        self._cells[actor_class] = cell

    def disconnect(self, actor_class: type[Actor]) -> None:
        """From now on the actor's messages are answered ``Unavailable``."""
        self._cells.pop(actor_class, None)

    async def ask(self, request: Request[R], *, timeout: float = 30.0) -> R:  # noqa: ASYNC109 - sent with the message
        """Send a request to its owner and wait for the reply, for ``timeout`` seconds.

        Raises the ``StudioError`` the owner answers, ``DeadlineExceeded``, ``Overloaded``, or ``Unavailable``.
        Cancelling the caller withdraws the request where it has not been begun, and cancels a concurrent one.
        """
        loop = asyncio.get_running_loop()
        counters = self.statistics.of(type(request))
        reply: asyncio.Future[R] = loop.create_future()
        deadline = min(loop.time() + timeout, _deadline.get(float("inf")))
        context = copy_context()
        context.run(_deadline.set, deadline)
        try:
            self._cell_of(request).post(Envelope(message=request, reply=reply, context=context, posted_at=loop.time()))
        except StudioError:
            counters.refused += 1
            raise
        counters.asked += 1
        try:
            async with asyncio.timeout_at(deadline):
                return await reply
        except TimeoutError:
            counters.late += 1
            raise DeadlineExceeded(f"{type(request).__name__} took too long") from None

    @asynccontextmanager
    async def stream(self, request: StreamRequest[T]) -> AsyncIterator[AsyncIterator[T]]:
        """Subscribe to a stream for the length of the block; leaving it closes the handler's generator.

        ``async with bus.stream(Watch(...)) as items: async for item in items: ...``
        """
        counters = self.statistics.of(type(request))
        try:
            subscription = self._cell_of(request).subscribe(request)
        except StudioError:
            counters.refused += 1
            raise
        counters.asked += 1
        try:
            yield subscription
        finally:
            await subscription.aclose()
            counters.handled += 1

    def publish(self, event: Event) -> None:
        """Tell every subscriber. One whose mailbox is full, or that is away, does not hear it; that is counted."""
        counters = self.statistics.of(type(event))
        posted_at = asyncio.get_running_loop().time()
        for actor_class in self._subscribers[type(event)]:
            cell = self._cells.get(actor_class)
            envelope = Envelope(message=event, reply=None, context=copy_context(), posted_at=posted_at)
            if cell is not None and cell.accepts(envelope):
                counters.asked += 1
            else:
                counters.refused += 1

    def _cell_of(self, request: Request[Any] | StreamRequest[Any]) -> Cell:
        owner = self._owners.get(type(request))
        if owner is None:
            raise TypeError(f"no actor handles {type(request).__name__}")
        cell = self._cells.get(owner)
        if cell is None:
            raise Unavailable(f"{owner.__name__} is not running")
        return cell
