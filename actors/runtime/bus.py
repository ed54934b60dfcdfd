"""The bus: finds the owner of a message by the message's class."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from contextvars import Context, ContextVar, copy_context
from typing import Any, Protocol, TypeVar

from actors.errors import DeadlineExceeded, StudioError, Unavailable
from actors.runtime.actor import Actor, DeliveryMode
from actors.runtime.mailbox import Envelope
from actors.runtime.messages import Event, Message, Request, StreamRequest
from actors.runtime.statistics import LaneLoad, Statistics
from actors.runtime.subscription import Subscription

R = TypeVar("R")
T = TypeVar("T")

_NEVER = float("inf")
# Deadline of the present work, in loop time. An ask made while answering an ask never waits longer than that.
_deadline: ContextVar[float] = ContextVar("deadline", default=_NEVER)


def context_until(deadline: float = _NEVER) -> Context:
    """A copy of the present context in which asks wait until ``deadline`` (loop time) at most.

    Without an argument there is no deadline, for work that outlives the ask it began in:
    ``create_task(..., context=context_until())``.
    """
    context = copy_context()
    context.run(_deadline.set, deadline)
    return context


class Recipient(Protocol):
    """The taker of one actor's messages while the actor runs. ``Cell`` says what each method promises."""

    def post(self, envelope: Envelope) -> None:
        """Queue the envelope, or raise ``Overloaded`` or ``Unavailable``."""

    def accepts(self, envelope: Envelope) -> bool:
        """Queue the envelope if there is room; whether there was."""

    def answer_inline(self, request: Message) -> Any:  # noqa: ANN401 - the reply of the request
        """Call the handler here and now."""

    def subscribe(self, request: Message) -> Subscription[Any]:
        """Start a stream's handler, or raise ``Overloaded`` or ``Unavailable``."""

    def loads(self) -> Mapping[str, LaneLoad]:
        """How full each lane is, by name."""

    def streams(self) -> Mapping[str, int]:
        """How many streams are open, by the names of their messages."""


class Bus:
    """Carries messages between actors and transports. One for a process, used from its event loop only."""

    def __init__(self) -> None:
        self.statistics = Statistics()
        self._owners: dict[type[Message], type[Actor]] = {}
        self._inline: dict[type[Message], Callable[[Any], Any]] = {}  # answers here and now
        self._subscribers: defaultdict[type[Message], list[type[Actor]]] = defaultdict(list)
        self._recipients: dict[type[Actor], Recipient | None] = {}  # None while the actor is away

    def register(self, actor_class: type[Actor]) -> None:
        """Make the actor's messages known. Until it is connected, they are answered ``Unavailable``.

        Raises ``TypeError`` when the actor is known already, or another one owns one of its requests.
        """
        if actor_class in self._recipients:
            raise TypeError(f"{actor_class.__name__} is registered already")
        requests = [route.message for route in actor_class.routes if route.mode is not DeliveryMode.EVENT]
        twice = {request.__name__ for request in requests if request in self._owners}
        if twice:
            raise TypeError(f"two owners for {', '.join(sorted(twice))}")
        self._recipients[actor_class] = None
        self._owners.update(dict.fromkeys(requests, actor_class))
        for route in actor_class.routes:
            if route.mode is DeliveryMode.EVENT:
                self._subscribers[route.message].append(actor_class)
        self._answer_by(actor_class, self._refuse_inline)

    def connect(self, actor_class: type[Actor], recipient: Recipient) -> None:
        """Send the actor's messages to this recipient from now on."""
        self._recipients[actor_class] = recipient
        self._answer_by(actor_class, recipient.answer_inline)

    def disconnect(self, actor_class: type[Actor]) -> None:
        """Answer the actor's messages ``Unavailable`` from now on."""
        self._recipients[actor_class] = None
        self._answer_by(actor_class, self._refuse_inline)

    async def ask(self, request: Request[R], *, timeout: float = 30.0) -> R:  # noqa: ASYNC109 - sent with the message
        """Send a request to its owner and wait for the reply, for ``timeout`` seconds.

        Raises the ``StudioError`` the owner answers, ``DeadlineExceeded``, ``Overloaded``, or ``Unavailable``.
        Cancelling the caller withdraws the request where it has not been begun, and cancels a concurrent one. A
        request that is handled inline is answered without a turn of the loop, so it is never late.
        """
        inline = self._inline.get(type(request))
        if inline is not None:
            inline_reply: R = inline(request)
            return inline_reply
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
            subscription = self._recipient_of(request).subscribe(request)
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
            recipient = self._recipients[actor_class]
            envelope = Envelope(message=event, reply=None, context=context_until(), posted_at=posted_at)
            if recipient is not None and recipient.accepts(envelope):
                counters.asked += 1
            else:
                counters.refused += 1

    def loads(self) -> dict[tuple[str, str], LaneLoad]:
        """How full the lanes are, by the names of actor and lane, for ``/metrics``. An actor that is away has none."""
        return {
            (actor_class.__name__, lane): load
            for actor_class, recipient in self._recipients.items()
            if recipient is not None
            for lane, load in recipient.loads().items()
        }

    def streams(self) -> dict[tuple[str, str], int]:
        """How many streams are open, by the names of actor and message, for ``/metrics``."""
        return {
            (actor_class.__name__, message): count
            for actor_class, recipient in self._recipients.items()
            if recipient is not None
            for message, count in recipient.streams().items()
        }

    def _answer_by(self, actor_class: type[Actor], answer: Callable[[Any], Any]) -> None:
        """Let ``answer`` take the actor's inline messages. To look up the recipient for each would take longer."""
        messages = (route.message for route in actor_class.routes if route.mode is DeliveryMode.INLINE)
        self._inline.update(dict.fromkeys(messages, answer))

    def _refuse_inline(self, request: Request[Any]) -> None:
        self.statistics.of(type(request)).refused += 1
        self._recipient_of(request)  # raises, because the actor is away

    def _send(self, request: Request[R], reply: "asyncio.Future[R]", deadline: float) -> None:
        counters = self.statistics.of(type(request))
        now = asyncio.get_running_loop().time()
        if deadline <= now:
            counters.late += 1
            raise _too_late(type(request))
        envelope = Envelope(message=request, reply=reply, context=context_until(deadline), posted_at=now)
        try:
            self._recipient_of(request).post(envelope)
        except StudioError:
            counters.refused += 1
            raise
        counters.asked += 1

    def _expire(self, request_class: type[Message], reply: "asyncio.Future[Any]") -> None:
        if not reply.done():
            self.statistics.of(request_class).late += 1
            reply.set_exception(_too_late(request_class))

    def _recipient_of(self, request: Request[Any] | StreamRequest[Any]) -> Recipient:
        owner = self._owners.get(type(request))
        if owner is None:
            raise TypeError(f"no actor handles {type(request).__name__}")
        recipient = self._recipients[owner]
        if recipient is None:
            raise Unavailable(f"{owner.__name__} is not running")
        return recipient


def _too_late(request_class: type[Message]) -> DeadlineExceeded:
    return DeadlineExceeded(f"{request_class.__name__} took too long")
