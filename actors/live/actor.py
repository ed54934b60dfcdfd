"""LiveActor: followers of what comes in."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager

from actors.errors import Overloaded
from actors.key_registry.messages import KeyRevoked, ScopesWithdrawn
from actors.live.follower import Follower
from actors.live.hub import Hub
from actors.live.messages import (
    MOST_FOLLOWERS,
    AwaitLeaving,
    CaughtUp,
    Follow,
    GetLiveLoad,
    LiveEvent,
    LiveLoad,
)
from actors.live.outbox import Outbox
from actors.live.reading import caught_up, first_page
from actors.playground.messages import key_user_id
from actors.principal import Scope
from actors.runtime.actor import Actor, ActorBus, handles_inline, streams, subscribes
from actors.session.messages import SessionsEnded
from actors.sign_outs import SignOuts

_SECONDS, _TRACE_SECONDS = 0.1, 0.5


class LiveActor(Actor):
    """Tells followers of spans and traces, in the order of their commit. It owns nothing that outlives it."""

    most_streams = 2 * MOST_FOLLOWERS  # one for each follower, and one for each socket
    stream_buffer = 1  # an item has up to a hundred events

    def __init__(self, bus: ActorBus, *, seconds: float = _SECONDS, trace_seconds: float = _TRACE_SECONDS) -> None:
        """New spans are looked for every so many ``seconds``; a trace is told again every ``trace_seconds`` at most."""
        super().__init__(bus)
        self._hub = Hub(bus, seconds=seconds, trace_seconds=trace_seconds)
        self._sign_outs = SignOuts()
        self._followers = 0

    async def work(self) -> None:
        await self._hub.run()

    @handles_inline(GetLiveLoad)
    def load(self, _: GetLiveLoad) -> LiveLoad:
        return self._hub.load(self._followers)

    @streams(Follow)
    async def follow(self, request: Follow) -> AsyncGenerator[tuple[LiveEvent, ...], None]:
        with self._counted():
            position = request.after
            if position is None:
                page = await first_page(self.bus, request)
                yield (page,)
                position = page.position
            follower = Follower(request, self._outbox(), position)
            follower.remember([] if request.after is not None else [each.trace_id for each in page.items])
            async with aclosing(self._events(follower)) as events:
                async for together in events:
                    yield together

    @streams(AwaitLeaving)
    async def await_leaving(self, request: AwaitLeaving) -> AsyncGenerator[None, None]:
        await self._sign_outs.wait(request.by)
        yield None

    @subscribes(SessionsEnded)
    async def sessions_ended(self, event: SessionsEnded) -> None:
        for session_id in event.session_ids:
            self._sign_outs.add(session_id)

    @subscribes(KeyRevoked)
    async def key_revoked(self, event: KeyRevoked) -> None:
        self._sign_outs.add(key_user_id(event.id))

    @subscribes(ScopesWithdrawn)
    async def scopes_withdrawn(self, event: ScopesWithdrawn) -> None:
        if Scope.READ not in event.left:
            self._sign_outs.add(key_user_id(event.id))

    async def _events(self, follower: Follower) -> AsyncGenerator[tuple[LiveEvent, ...], None]:
        """What was there, then what comes; from the beginning again when that is no longer at hand."""
        was_told = False
        while True:
            follower.go_back()
            async with aclosing(caught_up(self.bus, follower, self._hub.trace_seconds)) as before:
                async for together in before:
                    yield together
            follower.outbox = self._outbox()
            try:
                with self._hub.following(follower):
                    if not was_told:
                        yield (CaughtUp(position=follower.position),)
                    was_told = True
                    while news := await follower.outbox.take():
                        yield news
            finally:
                follower.outbox.drop()

    def _outbox(self) -> Outbox:
        return Outbox(self._hub.held, self._hub.now)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        if self._followers >= MOST_FOLLOWERS:
            raise Overloaded("Too many follow what comes in", retry_after=5.0)
        self._followers += 1
        try:
            yield
        finally:
            self._followers -= 1
