"""The hub looks at what has come in, for all followers that have caught up: ten times a second, while there are any."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import attrs
import structlog

from actors.errors import StudioError
from actors.live.follower import Follower
from actors.live.messages import LiveLoad
from actors.live.outbox import Held
from actors.live.reading import summaries_of
from actors.runtime.actor import ActorBus
from actors.span_store.asked.arrivals import GetEnd, ListNews, Watched

log = structlog.get_logger(__name__)

_AFTER_A_FAULT = 0.5  # seconds
_SHARE = 3  # a pause is so many times as long as what came before it


class Hub:
    """Each different filter is evaluated once, whoever has it. Without followers nothing is done."""

    def __init__(
        self, bus: ActorBus, *, seconds: float, trace_seconds: float, now: Callable[[], float] = time.monotonic
    ) -> None:
        """Spans are looked for every so many ``seconds``, summaries of traces every ``trace_seconds``."""
        self.held = Held()
        self.now = now
        self.trace_seconds = trace_seconds
        self._bus = bus
        self._seconds = seconds
        self._followers: set[Follower] = set()
        self._has_any = asyncio.Event()
        self._traces_told_at = now()

    def load(self, followers: int) -> LiveLoad:
        """``followers`` are all of them."""
        caught_up = len(self._followers)
        return LiveLoad(followers=followers, catching_up=followers - caught_up, skipped=self.held.skipped)

    @contextmanager
    def following(self, follower: Follower) -> Iterator[None]:
        """Tell it what comes behind its position, for the length of the block."""
        self._followers.add(follower)
        self._has_any.set()
        try:
            yield
        finally:
            self._leave(follower)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._has_any.wait()
            begin = self.now()
            try:
                is_last = await self._look()
                await self._tell_traces()
            except StudioError as fault:  # the span store is away: nobody has moved on
                log.debug("live followers wait for the span store", reason=fault.detail)
                await asyncio.sleep(_AFTER_A_FAULT)
            else:
                took = self.now() - begin
                await asyncio.sleep(max(self._seconds - took, _SHARE * took, 0.0) if is_last else 0)

    async def _look(self) -> bool:
        """Take what has come; whether that was all."""
        end = await self._bus.ask(GetEnd())
        groups: defaultdict[tuple[str, int, int], list[Follower]] = defaultdict(list)
        for follower in self._followers:
            if follower.position != end:
                groups[follower.question].append(follower)
        if not groups:
            return True
        members = list(groups.values())
        found = await self._bus.ask(ListNews(watched=tuple(map(_watched, members))))
        for together, arrivals in zip(members, found, strict=True):
            for follower in together:
                if arrivals is None:
                    self._leave(follower)  # which has to read what is no longer at hand
                else:
                    follower.take(arrivals)
        return all(arrivals is None or arrivals.is_last for arrivals in found)

    async def _tell_traces(self) -> None:
        """Each trace at most so often, and those of a follower in order: so it can go on at any of them."""
        if self.now() < self._traces_told_at + self.trace_seconds:
            return
        self._traces_told_at = self.now()
        waiting = [(each, each.position, each.take_pending()) for each in self._followers if each.waits]
        if not waiting:
            return
        try:
            traces = sorted({trace_id for _, _, pending in waiting for trace_id in pending})
            summaries = await summaries_of(self._bus, traces)
        except BaseException:
            for follower, _, pending in waiting:
                follower.give_back(pending)
            raise
        for follower, position, pending in waiting:
            follower.tell(pending, summaries, position)

    def _leave(self, follower: Follower) -> None:
        self._followers.discard(follower)
        follower.outbox.close()
        if not self._followers:
            self._has_any.clear()


def _watched(followers: Sequence[Follower]) -> Watched:
    """Their question, of as much as one of them has room for."""
    return attrs.evolve(followers[0].watched(), limit=max(follower.watched().limit for follower in followers))
