"""The bus finds the owner of a message by the message's class."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from contextvars import Context, ContextVar, copy_context
from typing import Any, TypeVar

from actors.errors import DeadlineExceeded, StudioError, Unavailable
from actors.runtime.actor import Actor, DeliveryMode
from actors.runtime.cell import Cell
from actors.runtime.mailbox import Envelope
from actors.runtime.messages import Event, Message, Request, StreamRequest
from actors.runtime.statistics import Statistics

R = TypeVar("R")
T = TypeVar("T")

_NEVER = float("inf")
# Loop time at which whoever stands behind the present work stops waiting. An ask made while answering an ask never
# waits longer than that.
_deadline: ContextVar[float] = ContextVar("deadline", default=_NEVER)


def context_until(deadline: float = _NEVER) -> Context:
    """A copy of the present context in which asks wait until ``deadline`` (loop time) at most.

    Without an argument it is for work that outlives the ask it began in: ``create_task(..., context=context_until())``.
    """
    context = copy_context()
    context.run(_deadline.set, deadline)
    return context


class Bus:
    """Carries messages between actors and transports. One for a process, used from its event loop only."""

    def __init__(self) -> None:
        self.statistics = Statistics()
        self._owners: dict[type[Message], type[Actor]] = {}
        self._at_once: dict[type[Message], Callable[[Any], Any]] = {}  # what answers now
        self._subscribers: defaultdict[type[Message], list[type[Actor]]] = defaultdict(list)
        self._cells: dict[type[Actor], Cell | None] = {}  # None while the actor is away

    def register(self, actor_class: type[Actor]) -> None:
        """Make the actor's messages known. Until it is connected, they are answered ``Unavailable``.

        Raises ``TypeError`` when the actor is known already, or another one owns one of its requests.
        """
        if actor_class in self._cells:
            raise TypeError(f"{actor_class.__name__} is registered already")
        requests = [route.message for route in actor_class.routes if route.mode is not DeliveryMode.EVENT]
        twice = {request.__name__ for request in requests if request in self._owners}
        if twice:
            raise TypeError(f"two owners for {', '.join(sorted(twice))}")
        self._cells[actor_class] = None
        self._owners.update(dict.fromkeys(requests, actor_class))
        for route in actor_class.routes:
            if route.mode is DeliveryMode.EVENT:
                self._subscribers[route.message].append(actor_class)
        self._answer_by(actor_class, self._refuse_inline)

    def connect(self, actor_class: type[Actor], cell: Cell) -> None:
        """From now on the actor's messages go to this cell."""
        self._cells[actor_class] = cell
        self._answer_by(actor_class, cell.answer_inline)

    def disconnect(self, actor_class: type[Actor]) -> None:
        """From now on the actor's messages are answered ``Unavailable``."""
        self._cells[actor_class] = None
        self._answer_by(actor_class, self._refuse_inline)

    async def ask(self, request: Request[R], *, timeout: float = 30.0) -> R:  # noqa: ASYNC109 - sent with the message
        """Send a request to its owner and wait for the reply, for ``timeout`` seconds.

        Raises the ``StudioError`` the owner answers, ``DeadlineExceeded``, ``Overloaded``, or ``Unavailable``.
        Cancelling the caller withdraws the request where it has not been begun, and cancels a concurrent one. What is
        handled at once is answered without a turn of the loop, so it is never late.
        """
        at_once = self._at_once.get(type(request))
        if at_once is not None:
            reply_at_once: R = at_once(request)
            return reply_at_once
        loop = asyncio.get_running_loop()
        deadline = min(loop.time() + timeout, _deadline.get())
        reply: asyncio.Future[R] = loop.create_future()
        self._send(request, reply, deadline)
        # Not asyncio.timeout, which costs more and may drop a reply that comes in the same turn of the loop.
        timer = loop.call_at(deadline, self._expire, type(request), reply)
        try:
            return await reply
        except asyncio.CancelledError:
            self.statistics.of(type(request)).abandoned += 1
            raise
        finally:
            timer.cancel()
            reply.cancel()
            del reply  # an error holds this frame, the frame would hold the future, and that holds the error

    @asynccontextmanager
    async def stream(self, request: StreamRequest[T]) -> AsyncIterator[AsyncIterator[T]]:
        """Subscribe to a stream for the length of the block; leaving it closes the handler's generator.

        ``async with bus.stream(Watch(...)) as items: async for item in items: ...``. Reading raises the ``StudioError``
        with which the stream ends, ``Unavailable`` when its actor does; entering raises ``Overloaded`` too.
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

    def publish(self, event: Event) -> None:
        """Tell every subscriber. One whose mailbox is full, or that is away, does not hear it; that is counted."""
        counters = self.statistics.of(type(event))
        posted_at = asyncio.get_running_loop().time()
        for actor_class in self._subscribers.get(type(event), ()):
            cell = self._cells[actor_class]
            envelope = Envelope(message=event, reply=None, context=context_until(), posted_at=posted_at)
            if cell is not None and cell.accepts(envelope):
                counters.asked += 1
            else:
                counters.refused += 1

    def _answer_by(self, actor_class: type[Actor], answer: Callable[[Any], Any]) -> None:
        """From now on this answers what the actor handles at once. Looking it up for each message takes longer."""
        messages = (route.message for route in actor_class.routes if route.mode is DeliveryMode.INLINE)
        self._at_once.update(dict.fromkeys(messages, answer))

    def _refuse_inline(self, request: Request[Any]) -> None:
        self.statistics.of(type(request)).refused += 1
        self._cell_of(request)  # raises, because the actor is away

    def _send(self, request: Request[R], reply: "asyncio.Future[R]", deadline: float) -> None:
        counters = self.statistics.of(type(request))
        now = asyncio.get_running_loop().time()
        if deadline <= now:
            counters.late += 1
            raise _too_late(type(request))
        envelope = Envelope(message=request, reply=reply, context=context_until(deadline), posted_at=now)
        try:
            self._cell_of(request).post(envelope)
        except StudioError:
            counters.refused += 1
            raise
        counters.asked += 1

    def _expire(self, request_class: type[Message], reply: "asyncio.Future[Any]") -> None:
        if not reply.done():
            self.statistics.of(request_class).late += 1
            reply.set_exception(_too_late(request_class))

    def _cell_of(self, request: Request[Any] | StreamRequest[Any]) -> Cell:
        owner = self._owners.get(type(request))
        if owner is None:
            raise TypeError(f"no actor handles {type(request).__name__}")
        cell = self._cells[owner]
        if cell is None:
            raise Unavailable(f"{owner.__name__} is not running")
        return cell


def _too_late(request_class: type[Message]) -> DeadlineExceeded:
    return DeadlineExceeded(f"{request_class.__name__} took too long")
