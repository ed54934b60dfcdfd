"""File downloads: answers of unknown length, sent while they are made."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager

import attrs
import structlog
from aiohttp import web

from transports.http.framework.app_keys import CONFIG

log = structlog.get_logger(__name__)

_PIECE = 64 * 1024  # bytes that a client has to take within ``HttpConfig.stall_seconds``


class ClientStalled(ConnectionError):
    """The client does not read, and the resources that its download holds are needed by others."""


@attrs.frozen
class Download:
    """The body of a download, written at the client's pace. Raises ``ClientStalled`` when the client stops reading."""

    response: web.StreamResponse
    stall_seconds: float

    async def write(self, content: bytes | memoryview) -> None:
        for begin in range(0, len(content), _PIECE):
            await self._sent(self.response.write(content[begin : begin + _PIECE]))

    async def end(self) -> None:
        await self._sent(self.response.write_eof())

    async def _sent(self, piece: Coroutine[None, None, None]) -> None:
        try:
            async with asyncio.timeout(self.stall_seconds):
                await piece
        except TimeoutError as fault:
            log.warning("download cut off, because nobody reads it", seconds=self.stall_seconds)
            raise ClientStalled("The client does not read its download") from fault


@asynccontextmanager
async def file_download(
    request: web.Request, content_type: str, file_name: str | None = None, headers: Mapping[str, str] | None = None
) -> AsyncIterator[Download]:
    """Answer with a body of unknown length; ``write`` to it inside the block.

    With ``file_name``, browsers save it as a file. An error inside the block cuts the connection, because that is the
    only way left to tell the client that the body is incomplete. A client that stops reading is cut off too: it holds
    one of the few streams of an actor.
    """
    disposition = {} if file_name is None else {"Content-Disposition": f'attachment; filename="{file_name}"'}
    response = web.StreamResponse(headers={**disposition, **(headers or {})})
    response.content_type = content_type
    await response.prepare(request)
    download = Download(response, request.app[CONFIG].stall_seconds)
    try:
        yield download
        await download.end()
    except BaseException:
        if request.transport is not None:
            request.transport.abort()
        raise
