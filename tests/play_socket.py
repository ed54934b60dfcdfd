"""A client of ``/llm/stream``, as a browser would be one."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import attrs
from aiohttp import ClientWebSocketResponse, WSMsgType

from tests.http_studio import ORIGIN, HttpStudio

REQUEST = {"model": "openai/gpt-4o", "messages": [{"role": "user", "content": "hi"}]}
LAST = ("finished", "failed", "cancelled")


@attrs.frozen
class PlaySocket:
    """One socket of a user."""

    socket: ClientWebSocketResponse

    async def run(self, run_id: str = "r1", **request: Any) -> None:
        await self.socket.send_json({"type": "run", "run_id": run_id, "request": REQUEST | request})

    async def send(self, **frame: Any) -> None:
        await self.socket.send_json(frame)

    async def next(self) -> dict[str, Any]:
        async with asyncio.timeout(120):
            frame: dict[str, Any] = await self.socket.receive_json()
        return frame

    async def until(self, *kinds: str) -> list[dict[str, Any]]:
        """Frames up to the first of such a kind."""
        frames = [await self.next()]
        while frames[-1]["type"] not in kinds:
            frames.append(await self.next())
        return frames

    async def close_code(self) -> int | None:
        """Read on until the studio closes the socket."""
        async with asyncio.timeout(120):
            while (await self.socket.receive()).type in (WSMsgType.TEXT, WSMsgType.BINARY):
                pass
        return self.socket.close_code

    def lose(self) -> None:
        """Cut the connection without a word."""
        connection = self.socket._conn
        assert connection is not None
        assert connection.transport is not None
        connection.transport.abort()


@asynccontextmanager
async def play_socket(
    studio: HttpStudio,
    *,
    cookie: str | None = None,
    origin: str | None = ORIGIN,
    headers: Mapping[str, str] | None = None,
) -> AsyncIterator[PlaySocket]:
    """Open a socket; it is closed cleanly at the end of the block."""
    sent = dict(headers or {})
    if cookie is not None:
        sent["Cookie"] = f"session={cookie}"
    if origin is not None:
        sent["Origin"] = origin
    async with studio.client.ws_connect("/llm/stream", headers=sent, autoping=True) as socket:
        yield PlaySocket(socket)
