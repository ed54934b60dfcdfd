"""One WebSocket of the playground: frames in, the events of several runs out.

Each run has a task that reads its events from the bus and writes them to the socket, so a client that does not read
stops that task, then the run behind it, then the read from the provider.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from aiohttp import WSMsgType, web

from actors.errors import InvalidRequest, StudioError, Throttled
from actors.playground.messages import AwaitSignedOut, CancelRun, FollowRun, StartRun
from actors.principal import Principal
from actors.runtime.bus import Bus
from transports.http.config import PlayConfig
from transports.http.framework.json_body import MOST_BYTES
from transports.http.wire.prompts import prompt_in
from transports.http.wire.run_frames import (
    CancelFrame,
    ClientFrame,
    ResumeFrame,
    client_frame,
    event_frame,
    failure_frame,
    parsed,
    run_id_in,
)

SIGNED_OUT = 4401  # close code: the session or key that opened the socket has ended
_POLICY_VIOLATION = 1008
_MOST_MALFORMED = 20  # frames in a row

StillSignedIn = Callable[[], Awaitable[bool]]


class RunSocket:
    """One client's WebSocket. A clean close cancels the runs that it follows; a lost connection leaves them going."""

    def __init__(
        self, socket: web.WebSocketResponse, bus: Bus, by: Principal, config: PlayConfig, still_signed_in: StillSignedIn
    ) -> None:
        self._socket = socket
        self._bus = bus
        self._by = by
        self._config = config
        self._still_signed_in = still_signed_in
        self._followers: dict[str, asyncio.Task[None]] = {}
        self._malformed = 0

    async def serve(self) -> None:
        """Serve until either side closes the socket."""
        watch = asyncio.create_task(self._close_when_signed_out())
        try:
            if await self._read_frames():
                await self._cancel_runs()
        finally:
            tasks = [watch, *self._followers.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _read_frames(self) -> bool:
        """Answer frame after frame; true when the client closed the socket, false when it was lost."""
        while True:
            message = await self._socket.receive()
            if message.type is WSMsgType.TEXT:
                await self._answer(message.data)
            elif message.type is WSMsgType.BINARY:
                await self._refuse_malformed(None, InvalidRequest("Frames must be text"))
            else:
                return message.type is WSMsgType.CLOSE

    async def _answer(self, text: str) -> None:
        """Obey one frame. All errors of a socket become answers here."""
        run_id = None
        try:
            document = parsed(text)
            run_id = run_id_in(document)
            large = len(text) > MOST_BYTES
            frame = client_frame(document, any_openai_model=self._config.any_openai_model, large=large)
            if not await self._still_signed_in():
                await self._socket.close(code=SIGNED_OUT, message=b"signed out")
                return
            self._malformed = 0
            await self._obey(frame)
        except InvalidRequest as error:
            await self._refuse_malformed(run_id, error)
        except StudioError as error:
            await self._send(failure_frame(run_id, error))

    async def _obey(self, frame: ClientFrame) -> None:
        if isinstance(frame, CancelFrame):
            await self._bus.ask(CancelRun(run_id=frame.run_id, by=self._by))
            return
        self._check_room(frame.run_id)
        if isinstance(frame, ResumeFrame):
            self._follow(frame.run_id, frame.after)
            return
        await self._bus.ask(StartRun(run_id=frame.run_id, prompt=prompt_in(frame.request), by=self._by))
        self._follow(frame.run_id, 0)

    def _check_room(self, run_id: str) -> None:
        if run_id not in self._followers and len(self._followers) >= self._config.runs_per_socket:
            raise Throttled(f"At most {self._config.runs_per_socket} runs at once on one socket")

    def _follow(self, run_id: str, after: int) -> None:
        """Forward the run's events from now on. An earlier follower of the same run finds its stream ended."""
        follower = asyncio.create_task(self._pass_on(run_id, after))
        self._followers[run_id] = follower
        follower.add_done_callback(lambda _: self._unfollow(run_id, follower))

    def _unfollow(self, run_id: str, follower: asyncio.Task[None]) -> None:
        if self._followers.get(run_id) is follower:
            del self._followers[run_id]

    async def _pass_on(self, run_id: str, after: int) -> None:
        try:
            async with self._bus.stream(FollowRun(run_id=run_id, after=after, by=self._by)) as events:
                async for together in events:
                    for event in together:
                        await self._send(event_frame(run_id, event))
        except StudioError as error:
            await self._send(failure_frame(run_id, error))

    async def _refuse_malformed(self, run_id: str | None, error: InvalidRequest) -> None:
        await self._send(failure_frame(run_id, error))
        self._malformed += 1
        if self._malformed >= _MOST_MALFORMED:
            await self._socket.close(code=_POLICY_VIOLATION, message=b"too many malformed frames")

    async def _send(self, frame: str) -> None:
        """Write a frame, at the client's pace. A frame for a client that is gone is dropped: the client can resume."""
        with suppress(ConnectionError):
            await self._socket.send_str(frame)

    async def _cancel_runs(self) -> None:
        for run_id in list(self._followers):
            with suppress(StudioError):  # it has ended meanwhile
                await self._bus.ask(CancelRun(run_id=run_id, by=self._by))

    async def _close_when_signed_out(self) -> None:
        with suppress(StudioError):  # the playground restarts: the next frame finds out whether the session lives
            async with self._bus.stream(AwaitSignedOut(by=self._by)) as ended:
                async for _ in ended:
                    await self._socket.close(code=SIGNED_OUT, message=b"signed out")
