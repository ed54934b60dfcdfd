"""A client of ``/api/v1/live`` that goes on at its position when the connection is lost, or the studio restarts."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Any

import attrs
import orjson
from aiohttp import (
    ClientError,
    ClientSession,
    ClientTimeout,
    ClientWebSocketResponse,
    WSMsgType,
    WSServerHandshakeError,
)

from studio.transfer.client import StudioClient, TransferFailed

_PATH = "/api/v1/live"
_ID = "tail"
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 10.0  # seconds between two tries
_SIGNED_OUT = 4401
_HEARTBEAT = 20.0  # seconds
_LATER = (429, 502, 503, 504)


@attrs.define(kw_only=True)
class Following:
    """One subscription. ``position`` moves on with each frame; ``warn`` is told what somebody should know."""

    client: StudioClient
    q: str
    of: str
    limit: int
    position: str | None
    warn: Callable[[str], None]
    first_wait: float = _FIRST_WAIT
    _wait: float = attrs.field(init=False, default=0.0)
    _was_connected: bool = attrs.field(init=False, default=False)

    async def frames(self) -> AsyncGenerator[Mapping[str, Any], None]:
        """The frames ``page``, ``item`` and ``lagged`` for ever. ``TransferFailed`` when the studio refuses."""
        async with ClientSession(timeout=ClientTimeout(total=None, connect=30.0), trust_env=self.client.is_far) as http:
            while True:
                async with aclosing(self._connection(http)) as frames:
                    async for frame in frames:
                        yield frame
                self._wait = min(_LONGEST_WAIT, 2 * self._wait or self.first_wait)
                await asyncio.sleep(self._wait)

    async def _connection(self, http: ClientSession) -> AsyncGenerator[Mapping[str, Any], None]:
        """The frames of one connection, until it is lost."""
        try:
            async with http.ws_connect(
                f"{self.client.endpoint}{_PATH}",
                headers={"x-junjo-api-key": self.client.key},
                heartbeat=_HEARTBEAT,
                max_msg_size=0,  # a page has what it has
            ) as socket:
                self._was_connected = True
                await self._subscribe(socket)
                async for message in socket:
                    if message.type is WSMsgType.TEXT and (frame := await self._read(socket, message.data)):
                        yield frame
                if socket.close_code == _SIGNED_OUT:
                    raise TransferFailed("The API key has ended")
        except WSServerHandshakeError as refusal:
            self._refused(refusal.status)
        except (ClientError, OSError) as fault:
            if not self._was_connected:
                raise TransferFailed(f"No studio answers at {self.client.endpoint}: {fault}") from fault

    async def _subscribe(self, socket: ClientWebSocketResponse) -> None:
        asked = {"type": "subscribe", "id": _ID, "q": self.q, "of": self.of, "limit": self.limit}
        await socket.send_json({**asked, **({} if self.position is None else {"after": self.position})})

    async def _read(self, socket: ClientWebSocketResponse, text: str) -> Mapping[str, Any] | None:
        """The frame, if it is one to show."""
        frame: dict[str, Any] = orjson.loads(text)
        match frame["type"]:
            case "error":
                await self._not_subscribed(socket, frame["detail"])
                return None
            case "ended":  # the span store restarts
                await socket.close()
                return None
        if "position" in frame:
            self.position, self._wait = frame["position"], 0.0
        return frame if frame["type"] in ("page", "item", "lagged") else None

    async def _not_subscribed(self, socket: ClientWebSocketResponse, detail: list[Mapping[str, Any]]) -> None:
        """Begin anew where the position is none any more; any other refusal is final."""
        if self.position is None or not any(problem["type"] == "cursor_invalid" for problem in detail):
            raise TransferFailed("; ".join(f"{'.'.join(map(str, each['loc'][1:]))}: {each['msg']}" for each in detail))
        self.warn("what came before is not all stored any more: going on with what comes now")
        self.position = None
        await self._subscribe(socket)

    def _refused(self, status: int) -> None:
        if status not in _LATER:
            raise TransferFailed(f"{self.client.endpoint} says {status}: the key must have the scope read")
