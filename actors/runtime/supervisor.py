"""The supervisor: starts actors in order, restarts one that crashes, stops them in reverse."""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from typing import TypeAlias

import structlog

from actors.runtime.actor import Actor, ActorBus, StartRefused
from actors.runtime.bus import Bus
from actors.runtime.cancellation import is_own_cancellation
from actors.runtime.cell import Cell

log = structlog.get_logger(__name__)

# Entering the context manager starts the actor and yields it complete; leaving it closes what was opened.
ActorFactory: TypeAlias = Callable[[ActorBus], AbstractAsyncContextManager[Actor]]


class ActorGaveUp(Exception):
    """An actor crashed too often, or its start was refused. The process should end with a non-zero code."""

    def __init__(self, actor: str, cause: BaseException) -> None:
        super().__init__(str(cause) if isinstance(cause, StartRefused) else f"{actor} crashed too often: {cause}")
        self.actor = actor
        self.cause = cause


class Supervisor:
    """Keeps a fixed set of actors alive.

    More than ``most_crashes`` crashes of one actor within ``window`` seconds make it give up. Between crash and restart
    it waits ``backoff`` seconds, doubled for each crash in the window. At stop, handlers in work get ``grace`` seconds.
    """

    def __init__(
        self,
        bus: Bus,
        *,
        most_crashes: int = 3,
        window: float = 60.0,
        backoff: float = 0.1,
        grace: float = 10.0,
    ) -> None:
        self._bus = bus
        self._most_crashes = most_crashes
        self._window = window
        self._backoff = backoff
        self._grace = grace
        self._children: list[_Child] = []
        self._gave_up: asyncio.Future[ActorGaveUp] | None = None

    def add(self, actor_class: type[Actor], factory: ActorFactory) -> None:
        """Supervise an actor of this class. ``factory`` is called with the bus, for the start and each restart.

        The actor gets its first message after the factory's context manager has been entered, and its last before
        that is left: ``supervisor.add(Registry, lambda bus: Registry.running(bus, path))``.
        """
        self._bus.register(actor_class)
        self._children.append(_Child(actor_class, factory))

    async def start(self) -> None:
        """Start the actors one after the other, in the order they were added.

        Raises ``ActorGaveUp`` when one cannot start. Those that had been started are stopped then.
        """
        self._gave_up = asyncio.get_running_loop().create_future()
        try:
            for child in self._children:
                await self._start(child)
        except BaseException:
            await self.stop()
            raise

    async def gave_up(self) -> ActorGaveUp:
        """Wait until some actor crashed too often or refused to start."""
        if self._gave_up is None:
            raise RuntimeError("the supervisor has not been started")
        return await asyncio.shield(self._gave_up)

    async def stop(self) -> None:
        """Stop the actors in reverse order. Unread mail is answered ``Unavailable``."""
        for child in reversed(self._children):
            await self._stop(child)

    async def _start(self, child: "_Child") -> None:
        child.task = asyncio.create_task(self._keep_alive(child), name=f"{child.name} supervisor")
        started = asyncio.create_task(child.started.wait())
        try:
            await asyncio.wait({started, child.task}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            started.cancel()
        if self._gave_up is not None and self._gave_up.done():
            raise self._gave_up.result()

    async def _stop(self, child: "_Child") -> None:
        child.stop()
        if child.task is None:
            return
        done, _ = await asyncio.wait({child.task}, timeout=self._grace)
        if not done:
            log.warning("actor cut short at stop", actor=child.name, grace=self._grace)
            child.task.cancel()
            await asyncio.wait({child.task})

    async def _keep_alive(self, child: "_Child") -> None:
        while not child.stopping.is_set():
            try:
                await self._live(child)
            except StartRefused as refusal:
                log.error("actor refused to start", actor=child.name, reason=str(refusal))  # noqa: TRY400 - no bug
                self._end(child, refusal)
                return
            except (Exception, asyncio.CancelledError) as crash:
                if is_own_cancellation(crash):
                    raise
                crashes = child.crashes_within(self._window)
                if crashes > self._most_crashes:
                    log.exception("actor gave up", actor=child.name)
                    self._end(child, crash)
                    return
                log.exception("actor crashed", actor=child.name, crashes=crashes)
                await child.rest(self._backoff * 2 ** (crashes - 1))

    async def _live(self, child: "_Child") -> None:
        """Start the actor, serve it until it is stopped or crashes, and close it."""
        async with child.factory(self._bus) as actor:
            cell = Cell(actor, self._bus.statistics)
            self._bus.connect(child.actor_class, cell)
            child.begin(cell)
            try:
                await cell.run(lambda: self._bus.disconnect(child.actor_class))
            finally:
                child.cell = None
            return
        raise RuntimeError(f"{child.name} suppressed its crash")  # which would be a restart that nobody counts

    def _end(self, child: "_Child", crash: BaseException) -> None:
        if self._gave_up is not None and not self._gave_up.done():
            self._gave_up.set_result(ActorGaveUp(child.name, crash))


class _Child:
    """One supervised actor through all its lives."""

    def __init__(self, actor_class: type[Actor], factory: ActorFactory) -> None:
        self.actor_class = actor_class
        self.factory = factory
        self.name = actor_class.__name__
        self.started = asyncio.Event()
        self.stopping = asyncio.Event()
        self.cell: Cell | None = None  # while it takes messages
        self.task: asyncio.Task[None] | None = None
        self._crashes: deque[float] = deque()  # loop times

    def begin(self, cell: Cell) -> None:
        """Serve the actor, which is complete now. One that was stopped while it started is closed again."""
        self.cell = cell
        self.started.set()
        if self.stopping.is_set():
            cell.close()

    def stop(self) -> None:
        """Begin no further life, and end the present one when its handlers in work are done."""
        self.stopping.set()
        if self.cell is not None:
            self.cell.close()

    def crashes_within(self, window: float) -> int:
        """Count a crash now, and return how many there were in so many seconds."""
        now = asyncio.get_running_loop().time()
        self._crashes.append(now)
        while self._crashes[0] < now - window:
            self._crashes.popleft()
        return len(self._crashes)

    async def rest(self, seconds: float) -> None:
        """Wait between two lives, for so many seconds or until the actor is to stop."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.stopping.wait()
