"""The body of a request: asked for when it is wanted and not before, with a bound on its size and on its time."""

import asyncio

from aiohttp import HttpVersion11, web
from aiohttp.hdrs import EXPECT

from actors.errors import TooSlow
from actors.runtime.budget import Reservation
from transports.http.framework.app_keys import CONFIG
from transports.inflate import too_large

FREE_BYTES = 16 * 1024  # that anybody may send; all connections together hold no more than 64 MB of such


def is_large(request: web.Request) -> bool:
    """Whether it is worth knowing who sends it before it is read. So is a body that does not say its length."""
    length = request.content_length
    return request.body_exists if length is None else length > FREE_BYTES


async def read_body(request: web.Request, limit: int, room: Reservation, free: int = 0) -> bytes:
    """The body as sent; room is held for what has come, if it is more than is ``free``.

    A length over the limit is refused unread, as ``TooLarge``.
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
