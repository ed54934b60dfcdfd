"""Cells: the mailboxes of a running actor, and the tasks that empty them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from time import perf_counter
from typing import Any

import attrs
import structlog

from actors.errors import InternalError, Overloaded, StudioError, Unavailable
from actors.runtime.actor import Actor, DeliveryMode, Route
from actors.runtime.cancellation import is_own_cancellation
from actors.runtime.lane import SERIAL, RunningLane
from actors.runtime.mailbox import Envelope, Mailbox
from actors.runtime.messages import Message
from actors.runtime.statistics import LaneLoad, Statistics
from actors.runtime.subscription import Subscription

_MASKED = "Internal Server Error"

log = structlog.get_logger(__name__)


@attrs.frozen
class _Handler:
    """A route with the method of this very actor."""

    route: Route
    method: Callable[..., Any]


class Cell:
    """Serves one instance of an actor, until it is closed or the actor crashes."""

    def __init__(self, actor: Actor, statistics: Statistics) -> None:
        self.name = type(actor).__name__
        self._actor = actor
        self._statistics = statistics
        self._handlers = {route.message: _Handler(route, getattr(actor, route.method)) for route in actor.routes}
        self._serial = Mailbox(self.name, actor.capacity)
        self._lanes = {
            name: RunningLane(f"{self.name} ({name})", lane, self._answer_concurrent, self._turn_away)
            for name, lane in actor.lanes.items()
        }
        self._put = {
            route.message: self._lanes[route.lane].put if route.mode is DeliveryMode.CONCURRENT else self._serial.put
            for route in actor.routes
        }
        self._subscriptions: set[Subscription[Any]] = set()
        self._closed = False
        self._clock = asyncio.get_running_loop().time

    async def run(self, on_ended: Callable[[], None]) -> None:
        """Serve until ``close`` or a crash, which is raised.

        ``on_ended`` is called as soon as no more messages are taken. After ``close`` handlers in work may finish;
        cancel ``run`` to cut them short, as a crash does. No handler runs any more when it returns.
        """
        crashed = True
        try:
            await self._serve()
            crashed = False
        finally:
            on_ended()
            self.close()
            await self._end_concurrent(cut_short=crashed)

    def close(self) -> None:
        """Take no more messages and answer the unread ones ``Unavailable``. ``run`` then returns."""
        self._closed = True
        self._turn_away(self._serial.close())
        for lane in self._lanes.values():
            self._turn_away(lane.close())

    def post(self, envelope: Envelope) -> None:
        """Put the envelope into the mailbox of its message, or raise ``Overloaded`` or ``Unavailable``."""
        self._put[type(envelope.message)](envelope)

    def answer_inline(self, request: Message) -> Any:  # noqa: ANN401 - the reply of the request
        """Call the handler here and now. Raises the error that the asker is to have."""
        counters = self._statistics.of(type(request))
        if self._closed:
            counters.refused += 1
            raise self._away()
        counters.asked += 1
        begun = perf_counter()
        try:
            return self._handlers[type(request)].method(request)
        except StudioError:
            raise
        except (Exception, asyncio.CancelledError):  # nobody can cancel a plain call
            counters.failed += 1
            log.exception("handler failed", actor=self.name, message=type(request).__name__)
        finally:
            counters.handled += 1
            counters.seconds_in_handler += perf_counter() - begun
        raise InternalError(_MASKED)  # out here, so that it does not carry its cause to the asker

    def loads(self) -> Mapping[str, LaneLoad]:
        """How full each lane is, by name."""
        return {SERIAL: self._serial.load(), **{name: lane.load() for name, lane in self._lanes.items()}}

    def streams(self) -> Mapping[str, int]:
        """How many streams are open, by the names of their messages, those without any too."""
        names = (route.message.__name__ for route in self._actor.routes if route.mode is DeliveryMode.STREAM)
        open_ = Counter(subscription.message for subscription in self._subscriptions)
        return {name: open_[name] for name in names}

    def accepts(self, envelope: Envelope) -> bool:
        """Put the envelope into its mailbox if there is room; whether there was."""
        try:
            self.post(envelope)
        except StudioError:
            return False
        return True

    def subscribe(self, request: Message) -> Subscription[Any]:
        """Start a stream's handler. Raises ``Overloaded`` when too many are open, or ``Unavailable``."""
        if self._closed:
            raise self._away()
        if len(self._subscriptions) >= self._actor.most_streams:
            raise Overloaded(f"{self.name} has no room for another stream")
        subscription = Subscription(
            self._handlers[type(request)].method(request),
            self._actor.stream_buffer,
            owner=self.name,
            message=type(request).__name__,
            counters=self._statistics.of(type(request)),
            on_ended=self._subscriptions.discard,
        )
        self._subscriptions.add(subscription)
        return subscription

    async def _serve(self) -> None:
        """Empty the serial mailbox beside the actor's own work, until it is closed or either of them crashes."""
        try:
            async with asyncio.TaskGroup() as tasks:
                work = tasks.create_task(self._actor.work(), name=f"{self.name} work")
                mailbox = tasks.create_task(self._empty_mailbox(), name=f"{self.name} mailbox")
                mailbox.add_done_callback(lambda _: work.cancel())
                work.add_done_callback(lambda _: mailbox.cancel() if work.cancelled() else None)
        except BaseExceptionGroup as crash:
            raise crash.exceptions[0] from None
        if not self._closed:
            raise RuntimeError(f"{self.name} was cancelled from inside")

    async def _empty_mailbox(self) -> None:
        while group := await self._next_group():
            handler = self._handlers[type(group[0].message)]
            begun = self._clock()
            try:
                await self._handle_serially(handler, [envelope for envelope in group if not envelope.abandoned])
            finally:
                self._serial.done(group, self._clock() - begun)
                self._turn_away(group)
                group.clear()  # not to keep the last messages while the mailbox is empty

    async def _next_group(self) -> list[Envelope]:
        """The messages to handle next; none once the mailbox is closed."""
        first = await self._serial.take()
        if first is None:
            return []
        route = self._handlers[type(first.message)].route
        if route.mode is DeliveryMode.BATCHED:
            return self._serial.take_alike(first, messages=route.most_messages, weight=route.most_bytes)
        return [first]

    async def _handle_serially(self, handler: _Handler, wanted: list[Envelope]) -> None:
        if not wanted:
            return
        if handler.route.mode is DeliveryMode.BATCHED:
            await self._answer(handler, wanted)
        else:
            # A task of its own, because only a task can run in the asker's context.
            await asyncio.create_task(self._answer(handler, wanted), context=wanted[0].context)

    async def _answer_concurrent(self, envelope: Envelope) -> None:
        await self._answer(self._handlers[type(envelope.message)], [envelope])

    async def _answer(self, handler: _Handler, group: list[Envelope]) -> None:
        """Run a handler for the messages of the group and answer their askers. Never raises, except when cancelled."""
        counters = self._statistics.of(handler.route.message)
        begun = self._clock()
        counters.seconds_in_mailbox += sum(begun - envelope.posted_at for envelope in group)
        try:
            replies = await self._replies(handler, group)
        finally:
            counters.handled += len(group)
            counters.seconds_in_handler += self._clock() - begun
        for envelope, reply in zip(group, replies, strict=True):
            envelope.answer(reply)

    async def _replies(self, handler: _Handler, group: list[Envelope]) -> Sequence[object]:
        """The handler's reply to each message. An error that it raises is the reply to all of them."""
        name = handler.route.message.__name__
        try:
            if handler.route.mode is not DeliveryMode.BATCHED:
                return [await handler.method(group[0].message)]
            replies: Sequence[object] = await handler.method([envelope.message for envelope in group])
            if len(replies) != len(group):
                raise RuntimeError(f"{len(replies)} replies to {len(group)} messages")  # noqa: TRY301 - answered below
        except StudioError as error:
            if handler.route.mode is DeliveryMode.EVENT:
                log.warning("event not handled", actor=self.name, message=name, reason=str(error))
            return [error] * len(group)
        except (Exception, asyncio.CancelledError) as fault:
            if is_own_cancellation(fault):
                raise
            self._statistics.of(handler.route.message).failed += len(group)
            log.exception("handler failed", actor=self.name, message=name)
            return [InternalError(_MASKED)] * len(group)
        return replies

    async def _end_concurrent(self, *, cut_short: bool) -> None:
        """End the streams and let the concurrent messages finish. With ``cut_short``, or cancelled, end those too."""
        for subscription in self._subscriptions:
            subscription.end()
        try:
            if not cut_short:
                await _done(self._at_work())
        finally:
            for task in self._at_work():
                task.cancel()
            await _done(self._at_work())

    def _at_work(self) -> Collection[asyncio.Task[Any]]:
        concurrent = (task for lane in self._lanes.values() for task in lane.tasks)
        return {*concurrent, *(subscription.pump for subscription in self._subscriptions)}

    def _turn_away(self, envelopes: list[Envelope]) -> None:
        """Answer ``Unavailable`` to envelopes without an answer: they were never begun, or cut short."""
        for envelope in envelopes:
            if not envelope.abandoned:
                envelope.answer(self._away())

    def _away(self) -> Unavailable:
        return Unavailable(f"{self.name} is not running")


async def _done(tasks: Collection[asyncio.Task[Any]]) -> None:
    if tasks:
        await asyncio.wait(tasks)
