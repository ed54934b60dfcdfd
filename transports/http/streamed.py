"""Answers that are sent while they are made."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from aiohttp import web


@asynccontextmanager
async def streamed(
    request: web.Request, content_type: str, file_name: str, headers: Mapping[str, str] | None = None
) -> AsyncIterator[web.StreamResponse]:
    """An answer of unknown length, offered to browsers as a file; ``write`` to it inside the block.

    An error inside the block cuts the connection, because that is the only way left to tell the client that what it has
    is not the whole.
    """
    disposition = {"Content-Disposition": f'attachment; filename="{file_name}"'}
    response = web.StreamResponse(headers={**disposition, **(headers or {})})
    response.content_type = content_type
    await response.prepare(request)
    try:
        yield response
        await response.write_eof()
    except BaseException:
        if request.transport is not None:
            request.transport.abort()
        raise
