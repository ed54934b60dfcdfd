"""Decompression that cannot be fooled: bounded, and complete or an error.

aiohttp answers 200 to a truncated gzip body with part of its data, and grpclib knows no compression at all, so both
transports receive bodies as they are and come here.
"""

import zlib

from actors.errors import InvalidRequest, TooLarge, UnsupportedMedia

DEFAULT_LIMIT = 64 * 1024 * 1024  # recommended by OTLP 1.11, "Size limits"; the same before and after decompression
_CHUNK = 1024 * 1024
_GZIP = 16 + zlib.MAX_WBITS


def inflate(data: bytes, encoding: str, limit: int) -> bytes:
    """The body behind a Content-Encoding or grpc-encoding of "", "identity" or "gzip".

    Raises ``TooLarge`` when it is over ``limit`` bytes (stops there: a bomb costs no more), ``InvalidRequest`` when it
    is corrupt, truncated or followed by other data, ``UnsupportedMedia`` for other encodings. Gzip members may follow
    each other (RFC 1952).
    """
    name = encoding.strip().lower()
    if name in ("", "identity"):
        if len(data) > limit:
            raise too_large(limit)
        return data
    if name != "gzip":
        raise UnsupportedMedia(f"Unsupported encoding: {encoding[:40]!r}; use gzip or none")
    return _gunzip(data, limit)


def too_large(limit: int) -> TooLarge:
    return TooLarge(f"The request is larger than {limit} bytes")


def _gunzip(data: bytes, limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while data or not parts:
        member = zlib.decompressobj(_GZIP)
        pending = data
        while not member.eof:
            try:
                part = member.decompress(pending, min(_CHUNK, limit - size + 1))
            except zlib.error as error:
                raise InvalidRequest("The gzip body is corrupt") from error
            size += len(part)
            if size > limit:
                raise too_large(limit)
            parts.append(part)
            if not part and not member.unconsumed_tail and not member.eof:
                raise InvalidRequest("The gzip body is truncated")
            pending = member.unconsumed_tail
        data = member.unused_data
    return b"".join(parts)
