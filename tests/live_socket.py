"""A client of ``/api/v1/live``."""

import asyncio
from asyncio import Transport
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import attrs
from aiohttp import ClientWebSocketResponse, WSMsgType

from tests.http_studio import ORIGIN, HttpStudio

PATH = "/api/v1/live"


@attrs.frozen
class LiveSocket:
    """One socket of a user."""

    socket: ClientWebSocketResponse

    async def send(self, **frame: Any) -> None:
        await self.socket.send_json(frame)

    async def subscribe(self, id_: str = "s", **members: Any) -> None:
        await self.send(type="subscribe", id=id_, **members)

    async def next(self) -> dict[str, Any]:
        async with asyncio.timeout(120):
            frame: dict[str, Any] = await self.socket.receive_json()
        return frame

    async def until(self, kind: str, id_: str | None = None) -> list[dict[str, Any]]:
        """Frames up to the first of this kind, of a subscription or of any."""
        frames = [await self.next()]
        while frames[-1]["type"] != kind or id_ not in (None, frames[-1]["id"]):
            frames.append(await self.next())
        return frames

    async def items(self, count: int) -> list[dict[str, Any]]:
        """The next frames with an item; nothing may be left out."""
        frames: list[dict[str, Any]] = []
        while len(frames) < count:
            frame = await self.next()
            assert frame["type"] in ("item", "caught_up", "page"), frame
            frames += [frame] if frame["type"] == "item" else []
        return frames

    async def close_code(self) -> int | None:
        """Read on until the studio closes the socket."""
        async with asyncio.timeout(120):
            while (await self.socket.receive()).type in (WSMsgType.TEXT, WSMsgType.BINARY):
                pass
        return self.socket.close_code

    def pause(self) -> None:
        """Read nothing more from the connection."""
        self._transport.pause_reading()

    def go_on(self) -> None:
        """Read from it again."""
        self._transport.resume_reading()

    @property
    def _transport(self) -> Transport:
        connection = self.socket._conn
        assert connection is not None
        assert isinstance(connection.transport, Transport)
        return connection.transport


@asynccontextmanager
async def live_socket(
    studio: HttpStudio,
    *,
    cookie: str | None = None,
    origin: str | None = ORIGIN,
    headers: Mapping[str, str] | None = None,
) -> AsyncIterator[LiveSocket]:
    """Open a socket; it is closed cleanly at the end of the block."""
    sent = dict(headers or {})
    if cookie is not None:
        sent["Cookie"] = f"session={cookie}"
    if origin is not None:
        sent["Origin"] = origin
    async with studio.client.ws_connect(PATH, headers=sent, max_msg_size=0) as socket:
        yield LiveSocket(socket)
