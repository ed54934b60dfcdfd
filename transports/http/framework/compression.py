"""Gzip for answers, where the client accepts it."""

import asyncio
from functools import lru_cache

from aiohttp import web
from aiohttp.hdrs import ACCEPT_ENCODING, CONTENT_ENCODING, VARY
from isal import isal_zlib
from multidict import MultiMapping

LEAST_BYTES = 1024  # less fits into a packet or two as it is
# Compressing so many takes a tenth of a millisecond; more goes to a thread.
_INLINE_BYTES = 128 * 1024
_LEVEL = 1  # of isal's 0 to 3: it leaves an eighth of JSON, at a gigabyte a second
_GZIP = 16 + 15  # what zlib calls its window, with gzip's header
_MEDIA_TYPES = ("application/json", "text/")  # the other ones are compressed already


async def compress(request: web.Request, response: web.StreamResponse) -> None:
    """Compress the body of an answer where that helps and the client accepts it.

    Answers that are streamed compress themselves (``GzipStream``).
    """
    if not isinstance(response, web.Response) or not isinstance(response.body, bytes):
        return
    body = response.body
    if len(body) <= LEAST_BYTES or not _may_be_compressed(request, response):
        return
    # Also where it stays as it is: a cache must not mix them up.
    response.headers[VARY] = ", ".join(dict.fromkeys([*_varies_by(response), ACCEPT_ENCODING]))
    if not accepts_gzip(request.headers):
        return
    response.body = await asyncio.to_thread(_gzip, body) if len(body) > _INLINE_BYTES else _gzip(body)
    response.headers[CONTENT_ENCODING] = "gzip"


def accepts_gzip(headers: MultiMapping[str]) -> bool:
    """Whether the Accept-Encoding headers name gzip (RFC 9110, section 12.5.3). Without a header: no."""
    return _names_gzip(",".join(headers.getall(ACCEPT_ENCODING, ())))


class GzipStream:
    """Gzip of one long answer. Each part can be decompressed as soon as it has arrived."""

    def __init__(self) -> None:
        self._compressor = isal_zlib.compressobj(_LEVEL, wbits=_GZIP)

    def add(self, part: bytes) -> bytes:
        """Compress one part. CPU-heavy for megabytes."""
        return self._compressor.compress(part) + self._compressor.flush(isal_zlib.Z_SYNC_FLUSH) if part else b""

    def end(self, part: bytes) -> bytes:
        return self._compressor.compress(part) + self._compressor.flush()


def _varies_by(response: web.StreamResponse) -> list[str]:
    return [name.strip() for name in response.headers.get(VARY, "").split(",") if name.strip()]


def _may_be_compressed(request: web.Request, response: web.Response) -> bool:
    return (
        response.content_type.startswith(_MEDIA_TYPES)
        and CONTENT_ENCODING not in response.headers
        and request.method != "HEAD"
        and response.status not in (204, 304)
    )


def _gzip(body: bytes) -> bytes:
    return isal_zlib.compress(body, _LEVEL, _GZIP)


@lru_cache(maxsize=64)  # clients of one kind send the same
def _names_gzip(text: str) -> bool:
    weights = {name: weight for name, weight in map(_weighed, text.lower().split(",")) if name}
    return weights.get("gzip", weights.get("x-gzip", weights.get("*", 0.0))) > 0


def _weighed(item: str) -> tuple[str, float]:
    """Parse a coding and its weight; a malformed weight is 0."""
    name, *parameters = (part.strip() for part in item.split(";"))
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return name, float(parameter[2:])
            except ValueError:
                return name, 0.0
    return name, 1.0
