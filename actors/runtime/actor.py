"""Actors: classes whose methods are marked with the messages that they answer."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from enum import Enum
from functools import partial
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import attrs

from actors.errors import StudioError
from actors.runtime.lane import SERIAL, Lane
from actors.runtime.mailbox import Capacity
from actors.runtime.messages import Event, Message, Request, StreamRequest

A = TypeVar("A", bound="Actor")
M = TypeVar("M", bound=Callable[..., Any])
Q_co = TypeVar("Q_co", bound=Message, covariant=True)
R = TypeVar("R")
E = TypeVar("E", bound=Event)

_MARK = "__handles__"


class StartRefused(Exception):
    """Trying again will not help an actor that starts. The text is one line for the operator."""


class DeliveryMode(Enum):
    """How a message is delivered to its handler."""

    SERIAL = "serial"  # one at a time, in order: writes
    CONCURRENT = "concurrent"  # in a lane, several at once, cancelled when the asker leaves: reads
    INLINE = "inline"  # a plain call inside the ask: reads of memory
    BATCHED = "batched"  # all that wait, in one call, one at a time: group commit
    STREAM = "stream"  # an asynchronous generator for each subscriber
    EVENT = "event"  # serial, without a reply


@attrs.frozen(kw_only=True)
class Route:
    """The method that answers a message class, and its delivery mode."""

    message: type[Message]
    mode: DeliveryMode
    method: str = ""
    most_messages: int = 1
    most_bytes: int = 0
    lane: str = ""  # its name, of concurrent messages


@attrs.frozen
class Handling(Generic[Q_co]):
    """Decorator of ``handles``. The method must take that very request and return its reply type."""

    route: Route

    def __call__(
        self: Handling[Request[R]], method: Callable[[A, Q_co], Coroutine[Any, Any, R]]
    ) -> Callable[[A, Q_co], Coroutine[Any, Any, R]]:
        return _mark(method, self.route)


@attrs.frozen
class HandlingInline(Generic[Q_co]):
    """Decorator of ``handles_inline``."""

    route: Route

    def __call__(self: HandlingInline[Request[R]], method: Callable[[A, Q_co], R]) -> Callable[[A, Q_co], R]:
        return _mark(method, self.route)


@attrs.frozen
class HandlingBatched(Generic[Q_co]):
    """Decorator of ``handles_batched``."""

    route: Route

    def __call__(
        self: HandlingBatched[Request[R]],
        method: Callable[[A, Sequence[Q_co]], Coroutine[Any, Any, Sequence[R | StudioError]]],
    ) -> Callable[[A, Sequence[Q_co]], Coroutine[Any, Any, Sequence[R | StudioError]]]:
        return _mark(method, self.route)


@attrs.frozen
class Streaming(Generic[Q_co]):
    """Decorator of ``streams``."""

    route: Route

    def __call__(
        self: Streaming[StreamRequest[R]], method: Callable[[A, Q_co], AsyncGenerator[R, None]]
    ) -> Callable[[A, Q_co], AsyncGenerator[R, None]]:
        return _mark(method, self.route)


def handles(request: type[Q_co], *, lane: str = "") -> Handling[Q_co]:
    """Answer ``request`` with the method's result.

    A message without a ``lane`` is serial: one at a time, in order, never interrupted when its asker leaves. With the
    name of one of the actor's ``lanes`` it is concurrent: it runs beside the serial messages and those of other lanes,
    as many at once as the lane says, and is cancelled when its asker leaves.
    """
    return Handling(Route(message=request, mode=DeliveryMode.CONCURRENT if lane else DeliveryMode.SERIAL, lane=lane))


def handles_inline(request: type[Q_co]) -> HandlingInline[Q_co]:
    """Answer ``request`` with the result of a plain method, inside the very ``ask``: no mailbox, no task, no waiting.

    The method must take microseconds and touch memory only. It is called between two steps of any other handler of
    the actor, and its asker's deadline does not matter to it.
    """
    return HandlingInline(Route(message=request, mode=DeliveryMode.INLINE))


def handles_batched(request: type[Q_co], *, messages: int, weight: int) -> HandlingBatched[Q_co]:
    """Answer all requests of one class that wait together, at most ``messages`` of them or ``weight`` bytes.

    The method returns one reply for each, in order. An error among the replies is raised at its asker, and an error of
    the method at all askers. Batches are serial. A batch has many askers, so none's context variables are set in it.
    """
    return HandlingBatched(Route(message=request, mode=DeliveryMode.BATCHED, most_messages=messages, most_bytes=weight))


def streams(request: type[Q_co]) -> Streaming[Q_co]:
    """Answer ``request`` with the items of an asynchronous generator, closed when its reader leaves.

    The generator must itself close another one that it reads from, with ``contextlib.aclosing``.
    """
    return Streaming(Route(message=request, mode=DeliveryMode.STREAM))


def subscribes(
    event: type[E],
) -> Callable[[Callable[[A, E], Coroutine[Any, Any, None]]], Callable[[A, E], Coroutine[Any, Any, None]]]:
    """Call the method with each ``event``, in order with the serial messages."""
    return partial(_mark, route=Route(message=event, mode=DeliveryMode.EVENT))


def _mark(method: M, route: Route) -> M:
    named: Any = method
    setattr(method, _MARK, attrs.evolve(route, method=named.__name__))
    return method


class ActorBus(Protocol):
    """The bus as actors see it. ``Bus`` says what each method promises."""

    async def ask(self, request: Request[R], *, timeout: float = ...) -> R:  # noqa: ASYNC109 - sent with the message
        """Send a request to its owner and wait for the reply."""

    def stream(self, request: StreamRequest[R]) -> AbstractAsyncContextManager[AsyncIterator[R]]:
        """Subscribe to a stream for the length of the block."""

    def publish(self, event: Event) -> None:
        """Tell every subscriber."""


class Actor:
    """An actor owns state, and messages are the only way to reach it.

    Subclasses mark methods with ``handles`` and its siblings. Files and threads are opened before the actor is made, by
    an async context manager that yields it complete, ``running`` by convention::

        @classmethod
        @asynccontextmanager
        async def running(cls, bus: ActorBus, path: Path) -> AsyncIterator[Self]:
            store = await Store.open(path)
            async with on_exit(store.close):
                yield cls(bus, store)

    An exception in a handler is answered and logged; one in ``running`` or ``work`` crashes the actor, and the
    supervisor enters a new context manager.
    """

    capacity: ClassVar[Capacity] = Capacity()  # of the serial messages
    lanes: ClassVar[Mapping[str, Lane]] = {}  # of the concurrent ones, by name
    most_streams: ClassVar[int] = 256
    stream_buffer: ClassVar[int] = 64  # items between a stream's handler and its reader
    routes: ClassVar[tuple[Route, ...]] = ()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        marked = (getattr(getattr(cls, name), _MARK, None) for name in dir(cls))
        cls.routes = tuple(route for route in marked if isinstance(route, Route))
        messages = [route.message for route in cls.routes]
        twice = {message.__name__ for message in messages if messages.count(message) > 1}
        if twice:
            raise TypeError(f"{cls.__name__} has two methods for {', '.join(sorted(twice))}")
        if SERIAL in cls.lanes:
            raise TypeError(f"{cls.__name__} has a lane {SERIAL}, which is the name of that without one")
        unknown = {route.lane for route in cls.routes} - {"", *cls.lanes}
        if unknown:
            raise TypeError(f"{cls.__name__} has no lane {', '.join(sorted(unknown))}")

    def __init__(self, bus: ActorBus) -> None:
        self.bus = bus

    async def work(self) -> None:
        """Run beside the handlers, for an actor with an activity of its own. Cancelled at stop."""
