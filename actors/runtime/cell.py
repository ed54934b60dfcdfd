"""The running part of an actor: its mailbox lanes and the loop that empties them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog

from actors.errors import InternalError, Overloaded, StudioError, Unavailable
from actors.runtime.actor import Actor, Route, Way
from actors.runtime.mailbox import Envelope, Lane
from actors.runtime.messages import Message
from actors.runtime.subscription import Subscription

if TYPE_CHECKING:
    from actors.runtime.bus import Bus

log = structlog.get_logger(__name__)


class Cell:
    """Runs one instance of an actor from start to stop or crash."""

    def __init__(self, actor: Actor, bus: Bus) -> None:
        self.name = type(actor).__name__
        self._actor = actor
        actor.bus = bus
        self._statistics = bus.statistics
        self._routes: dict[type[Message], Route] = {route.message: route for route in actor.routes}
        self._serial = Lane(self.name, actor.capacity)
        self._concurrent = Lane(self.name, actor.capacity)
        self._reading: set[asyncio.Task[None]] = set()
        self._subscriptions: set[Subscription[Any]] = set()

    async def run(self, on_started: Callable[[], None], on_ended: Callable[[], None]) -> None:
        """Start the actor, call ``on_started``, and serve until ``close`` or a crash, which is raised.

        ``on_ended`` is called as soon as no more messages are taken. Handlers in work may finish; cancel ``run`` to cut
        them short. The actor's ``stop`` runs in any case.
        """
        try:
            await self._actor.start()
            on_started()
            await self._serve()
        finally:
            on_ended()
            self.close()
            try:
                await self._finish_reads()
            finally:
                await self._actor.stop()

    def close(self) -> None:
        """Take no more messages and answer the unread ones ``Unavailable``. ``run`` then returns."""
        for lane in (self._serial, self._concurrent):
            for envelope in lane.close():
                envelope.reject(Unavailable(f"{self.name} is stopping"))

    def post(self, envelope: Envelope) -> None:
        """Put the envelope into the lane of its message, or raise ``Overloaded`` or ``Unavailable``."""
        if self._routes[type(envelope.message)].way is Way.CONCURRENT:
            self._concurrent.put(envelope)
            self._begin_reads()
        else:
            self._serial.put(envelope)

    def accepts(self, envelope: Envelope) -> bool:
        """Put the envelope into its lane if there is room."""
        try:
            self.post(envelope)
        except StudioError:
            return False
        return True

    def subscribe(self, request: Message) -> Subscription[Any]:
        """Start a stream's handler. Raises ``Overloaded`` when too many are open."""
        handler: Callable[[Message], AsyncGenerator[Any, None]] = self._method(request)
        if len(self._subscriptions) >= self._actor.most_streams:
            raise Overloaded(f"{self.name} has no room for another stream")
        subscription = Subscription(
            handler(request), self._actor.stream_buffer, on_closed=self._subscriptions.discard, owner=self.name
        )
        self._subscriptions.add(subscription)
        return subscription

    async def _serve(self) -> None:
        """Empty the serial lane beside the actor's own work, until the lane is closed or either of them crashes."""
        try:
            async with asyncio.TaskGroup() as tasks:
                work = tasks.create_task(self._actor.work(), name=f"{self.name} work")
                mailbox = tasks.create_task(self._serial_loop(), name=f"{self.name} mailbox")
                mailbox.add_done_callback(lambda _: work.cancel())
        except BaseExceptionGroup as crash:
            raise crash.exceptions[0] from None

    async def _serial_loop(self) -> None:
        loop = asyncio.get_running_loop()
        while (envelope := await self._serial.take()) is not None:
            route = self._routes[type(envelope.message)]
            group = [envelope]
            if route.way is Way.TOGETHER:
                group = self._serial.take_alike(envelope, messages=route.most_messages, weight=route.most_bytes)
            begun = loop.time()
            try:
                await self._handle_serially(route, group)
            finally:
                self._serial.done(group, loop.time() - begun)

    async def _handle_serially(self, route: Route, group: list[Envelope]) -> None:
        wanted = [envelope for envelope in group if not self._left(envelope)]
        if not wanted:
            return
        if route.way is Way.TOGETHER:
            await self._answer_together(wanted)
            return
        # A task of its own, because only a task can run in the asker's context.
        await asyncio.create_task(self._answer(wanted[0]), context=wanted[0].context)

    def _begin_reads(self) -> None:
        while len(self._reading) < self._actor.readers and (envelope := self._concurrent.take_if_waiting()):
            if self._left(envelope):
                self._concurrent.done([envelope], 0.0)
                continue
            task = asyncio.create_task(self._answer(envelope), context=envelope.context)
            self._reading.add(task)
            task.add_done_callback(self._read_ended(envelope, asyncio.get_running_loop().time()))
            if envelope.reply is not None:
                envelope.reply.add_done_callback(partial(_cancel, task))

    def _read_ended(self, envelope: Envelope, begun: float) -> Callable[[asyncio.Task[None]], None]:
        def ended(task: asyncio.Task[None]) -> None:
            self._reading.discard(task)
            seconds = asyncio.get_running_loop().time() - begun
            self._concurrent.done([envelope], seconds / self._actor.readers)
            self._begin_reads()

        return ended

    def _left(self, envelope: Envelope) -> bool:
        if envelope.abandoned:
            self._statistics.of(type(envelope.message)).abandoned += 1
            return True
        return False

    async def _answer(self, envelope: Envelope) -> None:
        """Run the handler of one message and answer its asker. Never raises, except when cancelled."""
        counters = self._statistics.of(type(envelope.message))
        begun = asyncio.get_running_loop().time()
        counters.seconds_in_mailbox += begun - envelope.posted_at
        try:
            envelope.resolve(await self._method(envelope.message)(envelope.message))
        except StudioError as error:
            envelope.reject(error)
        except asyncio.CancelledError:
            envelope.reject(Unavailable(f"{self.name} is stopping"))
            raise
        except Exception:
            counters.failed += 1
            log.exception("handler failed", actor=self.name, message=type(envelope.message).__name__)
            envelope.reject(InternalError("Internal Server Error"))
        finally:
            counters.handled += 1
            counters.seconds_in_handler += asyncio.get_running_loop().time() - begun

    async def _answer_together(self, group: list[Envelope]) -> None:
        message_class = type(group[0].message)
        counters = self._statistics.of(message_class)
        begun = asyncio.get_running_loop().time()
        counters.seconds_in_mailbox += sum(begun - envelope.posted_at for envelope in group)
        replies: Sequence[object]
        try:
            replies = await self._method(group[0].message)([envelope.message for envelope in group])
        except StudioError as error:
            replies = [error] * len(group)
        except asyncio.CancelledError:
            for envelope in group:
                envelope.reject(Unavailable(f"{self.name} is stopping"))
            raise
        except Exception:
            counters.failed += len(group)
            log.exception("handler failed", actor=self.name, message=message_class.__name__, messages=len(group))
            replies = [InternalError("Internal Server Error")] * len(group)
        for envelope, reply in zip(group, replies, strict=True):
            if isinstance(reply, StudioError):
                envelope.reject(reply)
            else:
                envelope.resolve(reply)
        counters.handled += len(group)
        counters.seconds_in_handler += asyncio.get_running_loop().time() - begun

    def _method(self, message: Message) -> Callable[..., Any]:
        method: Callable[..., Any] = getattr(self._actor, self._routes[type(message)].method)
        return method

    async def _finish_reads(self) -> None:
        """End the streams and let the reads in work finish; cancelled itself, it cancels them."""
        await asyncio.gather(*(subscription.aclose() for subscription in list(self._subscriptions)))
        try:
            while self._reading:
                await asyncio.wait(self._reading)
        finally:
            for task in self._reading:
                task.cancel()


def _cancel(task: asyncio.Task[None], _reply: asyncio.Future[Any]) -> None:
    """Stop a read whose asker is gone; one that has just answered is past harm."""
    task.cancel()
