"""Starts actors in order, restarts the one that crashes, gives up on the one that keeps crashing, stops in reverse."""

import asyncio
from collections import deque
from collections.abc import Callable

import structlog

from actors.runtime.actor import Actor, StartRefused
from actors.runtime.bus import Bus
from actors.runtime.cancellation import is_own_cancellation
from actors.runtime.cell import Cell

log = structlog.get_logger(__name__)


class ActorGaveUp(Exception):
    """An actor crashed too often, or refused to start. The process should end with a non-zero code."""

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

    def add(self, actor_class: type[Actor], make: Callable[[], Actor]) -> None:
        """Supervise the actor that ``make`` returns; it is called again for each restart."""
        self._bus.register(actor_class)
        self._children.append(_Child(actor_class, make))

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
        child.stopping = True
        if child.task is None:
            return
        if child.cell is not None:
            child.cell.close()
        else:
            child.task.cancel()  # it is between two lives
        done, _ = await asyncio.wait({child.task}, timeout=self._grace)
        if not done:
            log.warning("actor cut short at stop", actor=child.name, grace=self._grace)
            child.task.cancel()
            await asyncio.wait({child.task})

    async def _keep_alive(self, child: "_Child") -> None:
        loop = asyncio.get_running_loop()
        crashes: deque[float] = deque()
        while not child.stopping:
            try:
                await self._live(child)
            except StartRefused as refusal:
                log.error("actor refused to start", actor=child.name, reason=str(refusal))  # noqa: TRY400 - no bug
                self._end(child, refusal)
                return
            except (Exception, asyncio.CancelledError) as crash:
                if is_own_cancellation(crash):
                    raise
                crashes.append(loop.time())
                while crashes[0] < crashes[-1] - self._window:
                    crashes.popleft()
                if len(crashes) > self._most_crashes:
                    self._give_up(child, crash)
                    return
                log.exception("actor crashed", actor=child.name, crashes=len(crashes))
                if not child.stopping:
                    await asyncio.sleep(self._backoff * 2 ** (len(crashes) - 1))

    async def _live(self, child: "_Child") -> None:
        actor = child.make()
        actor.bus = self._bus
        cell = Cell(actor, self._bus.statistics)

        def started() -> None:
            self._bus.connect(child.actor_class, cell)
            child.started.set()

        child.cell = cell
        try:
            await cell.run(started, lambda: self._bus.disconnect(child.actor_class))
        finally:
            child.cell = None

    def _give_up(self, child: "_Child", crash: BaseException) -> None:
        log.error("actor gave up", actor=child.name, exc_info=crash)
        self._end(child, crash)

    def _end(self, child: "_Child", crash: BaseException) -> None:
        if self._gave_up is not None and not self._gave_up.done():
            self._gave_up.set_result(ActorGaveUp(child.name, crash))


class _Child:
    """One supervised actor through all its lives."""

    def __init__(self, actor_class: type[Actor], make: Callable[[], Actor]) -> None:
        self.actor_class = actor_class
        self.make = make
        self.name = actor_class.__name__
        self.started = asyncio.Event()
        self.stopping = False
        self.cell: Cell | None = None
        self.task: asyncio.Task[None] | None = None
