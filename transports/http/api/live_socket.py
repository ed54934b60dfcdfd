"""One WebSocket of ``/api/v1/live``: subscriptions in, what comes in out.

Each subscription has a task that reads its events from the bus and writes them to the socket. A client that does not
read stops that task and nothing else: what it misses meanwhile it is told the number of.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

from aiohttp import WSMsgType, web

from actors.errors import InvalidRequest, NotFound, StudioError, Throttled
from actors.live.messages import AwaitLeaving, Follow, LiveEvent
from actors.principal import Principal
from actors.runtime.bus import Bus
from actors.scores.messages import ScoreSummary, SummarizeScores
from transports.http.framework.score_filters import filter_without_scores
from transports.http.wire.live_frames import (
    ClientFrame,
    PingFrame,
    SubscribeFrame,
    UnsubscribeFrame,
    client_frame,
    ended_frame,
    error_frame,
    event_frame,
    filter_of,
    id_in,
    no_position,
    parsed,
    pong_frame,
    position_of,
    traces_in,
)

SIGNED_OUT = 4401  # close code: the session or key that opened the socket has ended
MOST_SUBSCRIPTIONS = 32  # of a socket
_POLICY_VIOLATION = 1008
_MOST_MALFORMED = 20  # frames in a row

StillSignedIn = Callable[[], Awaitable[bool]]


class LiveSocket:
    """One client's WebSocket."""

    def __init__(self, socket: web.WebSocketResponse, bus: Bus, by: Principal, still_signed_in: StillSignedIn) -> None:
        self._socket = socket
        self._bus = bus
        self._by = by
        self._still_signed_in = still_signed_in
        self._subscriptions: dict[str, asyncio.Task[None]] = {}
        self._malformed = 0

    async def serve(self) -> None:
        """Serve until either side closes the socket."""
        watch = asyncio.create_task(self._close_when_signed_out())
        try:
            await self._read_frames()
        finally:
            tasks = [watch, *self._subscriptions.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _read_frames(self) -> None:
        while True:
            message = await self._socket.receive()
            if message.type is WSMsgType.TEXT:
                await self._answer(message.data)
            elif message.type is WSMsgType.BINARY:
                await self._refuse_malformed(None, InvalidRequest("Frames must be text"))
            else:
                return

    async def _answer(self, text: str) -> None:
        """Obey one frame. All errors of a socket become answers here."""
        id_ = None
        try:
            document = parsed(text)
            id_ = id_in(document)
            frame = client_frame(document)
            if not await self._still_signed_in():
                await self._socket.close(code=SIGNED_OUT, message=b"signed out")
                return
            await self._obey(frame)
            self._malformed = 0
        except InvalidRequest as error:
            await self._refuse_malformed(id_, error)
        except StudioError as error:
            await self._send(error_frame(id_, error))

    async def _obey(self, frame: ClientFrame) -> None:
        match frame:
            case PingFrame():
                await self._send(pong_frame())
            case UnsubscribeFrame():
                await self._unsubscribe(frame.id)
            case SubscribeFrame():
                await self._subscribe(frame)

    async def _subscribe(self, frame: SubscribeFrame) -> None:
        if frame.id in self._subscriptions:
            raise InvalidRequest("This id is that of another subscription of the socket")
        if len(self._subscriptions) >= MOST_SUBSCRIPTIONS:
            raise Throttled(f"At most {MOST_SUBSCRIPTIONS} subscriptions at once on one socket")
        asked = await filter_without_scores(self._bus, "q", filter_of(frame))
        follow = Follow(where=asked.expression, of=frame.of, after=position_of(frame), limit=frame.limit)
        self._subscriptions[frame.id] = asyncio.create_task(self._pass_on(frame, follow))

    async def _unsubscribe(self, id_: str) -> None:
        """The last frame with the id says that it has ended."""
        subscription = self._subscriptions.pop(id_, None)
        if subscription is None:
            raise NotFound("The socket has no subscription of this id")
        subscription.cancel()
        await asyncio.wait({subscription})
        await self._send(ended_frame(id_, "unsubscribed"))

    async def _pass_on(self, frame: SubscribeFrame, follow: Follow) -> None:
        try:
            async with self._bus.stream(follow) as events:
                async for together in events:
                    await self._tell(frame.id, together)
            last = ended_frame(frame.id, "The stream has ended")
        except NotFound:
            last = error_frame(frame.id, no_position(frame.after))
        except StudioError as error:
            last = ended_frame(frame.id, error.detail)
        self._subscriptions.pop(frame.id, None)
        await self._send(last)

    async def _tell(self, id_: str, events: tuple[LiveEvent, ...]) -> None:
        traces = traces_in(events)
        scores = await self._scores(traces) if traces else {}
        for event in events:
            await self._send(event_frame(id_, event, scores))

    async def _scores(self, traces: tuple[str, ...]) -> Mapping[str, tuple[ScoreSummary, ...]]:
        return await self._bus.ask(SummarizeScores(trace_ids=traces))

    async def _refuse_malformed(self, id_: str | None, error: InvalidRequest) -> None:
        await self._send(error_frame(id_, error))
        self._malformed += 1
        if self._malformed >= _MOST_MALFORMED:
            await self._socket.close(code=_POLICY_VIOLATION, message=b"too many malformed frames")

    async def _send(self, frame: str) -> None:
        """Write a frame, at the client's pace. A frame for a client that is gone is dropped: it can go on elsewhere."""
        with suppress(ConnectionError):
            await self._socket.send_str(frame)

    async def _close_when_signed_out(self) -> None:
        with suppress(StudioError):  # the actor restarts: the next frame finds out whether the session lives
            async with self._bus.stream(AwaitLeaving(by=self._by)) as ended:
                async for _ in ended:
                    await self._socket.close(code=SIGNED_OUT, message=b"signed out")
