"""Decompression that cannot be fooled: bounded, and complete or an error.

aiohttp answers 200 to a truncated gzip body with part of its data, and grpclib knows no compression at all, so both
transports receive bodies as they are and come here.
"""

import zlib

from actors.errors import InvalidRequest, TooLarge, UnsupportedMedia

DEFAULT_LIMIT = 64 * 1024 * 1024  # recommended by OTLP 1.11, "Size limits"; the same before and after decompression
_CHUNK = 1024 * 1024  # bytes that zlib puts out at once
_PIECE = 64 * 1024  # bytes that zlib takes in at once
_MOST_MEMBERS = 10_000  # bgzip makes one for each 64 KiB; a body of millions of empty ones is an attack
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
    """All members. They are fed to zlib in pieces, because it copies what each of them leaves over."""
    parts: list[bytes] = []
    size = read = members = 0
    while read < len(data) or not members:
        members += 1
        if members > _MOST_MEMBERS:
            raise InvalidRequest(f"The gzip body has more than {_MOST_MEMBERS} members")
        member = zlib.decompressobj(_GZIP)
        while not member.eof:
            pending = member.unconsumed_tail
            if not pending:
                pending = data[read : read + _PIECE]
                read += len(pending)
            part = _decompress(member, pending, min(_CHUNK, limit - size + 1))
            size += len(part)
            if size > limit:
                raise too_large(limit)
            parts.append(part)
        read -= len(member.unused_data)
    return b"".join(parts)


def _decompress(member: "zlib._Decompress", pending: bytes, most: int) -> bytes:
    """At most so many bytes; none only when more input is needed and there is some."""
    try:
        part = member.decompress(pending, most)
    except zlib.error as error:
        raise InvalidRequest("The gzip body is corrupt") from error
    if not pending and not part and not member.eof:
        raise InvalidRequest("The gzip body is truncated")
    return part
