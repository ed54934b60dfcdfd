"""The body of a request: read on demand, with a limit on its size and on its time."""

import asyncio

from aiohttp import HttpVersion11, web
from aiohttp.hdrs import EXPECT

from actors.errors import TooSlow
from actors.runtime.budget import Reservation
from transports.http.framework.app_keys import CONFIG
from transports.inflate import too_large

FREE_BYTES = 16 * 1024  # of a body that anybody may send; all connections together hold 64 MB of them at most


def is_large(request: web.Request) -> bool:
    """Whether the sender has to be authorised before the body is read: it is large, or does not say its length."""
    length = request.content_length
    return request.body_exists if length is None else length > FREE_BYTES


async def read_body(request: web.Request, limit: int, room: Reservation, free: int = 0) -> bytes:
    """Read the body as it was sent, within ``limit`` bytes.

    Bytes beyond ``free`` are held in the budget as they arrive. A body whose Content-Length is over the limit is
    refused unread, as ``TooLarge``; one that does not arrive in time is ``TooSlow``.
    """
    if (request.content_length or 0) > limit:
        raise too_large(limit)
    if EXPECT in request.headers and request.version == HttpVersion11:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # aiohttp takes it for the beginning of the answer
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(request.app[CONFIG].body_seconds):
            async for chunk in request.content.iter_any():
                size += len(chunk)
                if size > limit:
                    raise too_large(limit)
                if size > free:
                    room.grow(size - room.size)
                chunks.append(chunk)
    except TimeoutError:
        raise TooSlow("Request Timeout") from None
    return b"".join(chunks)
