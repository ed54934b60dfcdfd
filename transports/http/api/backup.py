"""Route of the backup: a copy of everything, as a tar file."""

import tarfile
import time

from aiohttp import web

from actors.errors import Overloaded, Unavailable
from actors.span_store.messages import BackUp, FilePart
from transports.http.framework.file_download import file_download
from transports.http.framework.route import Access, Call, Route

_BLOCK = 512  # bytes of a tar block, to which every file is padded
_END = bytes(2 * _BLOCK)
_MEDIA_TYPE = "application/x-tar"


async def back_up(call: Call[None, None]) -> web.StreamResponse:
    async with call.bus.stream(BackUp(by=call.by)) as parts:
        first = await anext(parts)  # an error that comes before the first part is answered as one
        async with file_download(call.request, _MEDIA_TYPE, "studio-backup.tar") as download:
            await download.write(_in_tar(first))
            async for part in parts:
                await download.write(_in_tar(part))
            await download.write(_END)
    return download.response


def _in_tar(part: FilePart) -> bytes:
    """The part as bytes of the tar file: behind its header if it is the file's first, padded if it is the last."""
    head = b"" if part.offset else _header(part)
    is_last = part.offset + len(part.content) == part.size
    return head + part.content + (bytes(-part.size % _BLOCK) if is_last else b"")


def _header(part: FilePart) -> bytes:
    entry = tarfile.TarInfo(part.name)
    entry.size, entry.mode, entry.mtime = part.size, 0o600, int(time.time())
    return entry.tobuf()


ROUTES = (
    Route(
        method="GET",
        path="/api/v1/backup",
        handler=back_up,
        access=Access.ADMIN_OR_BACKUP_KEY,
        answers=None,
        downloads=(_MEDIA_TYPE,),
        errors=(Overloaded, Unavailable),
        only_known=True,
        tag="service",
        summary="Download everything that is stored, as a tar file of a data folder",
    ),
)
