"""Safe decompression: bounded, and complete or an error.

aiohttp answers 200 to a truncated gzip body with part of its data, and grpclib has no compression at all, so both
transports receive bodies as they are and decompress them here.
"""

import sys
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Protocol

import attrs

from actors.errors import InvalidRequest, TooLarge, UnsupportedMedia
from transports.otlp.decoder import Decoder

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

ENCODINGS = ("gzip", "zstd", "deflate")  # those to be chosen from; x-gzip is the first one's old name
DEFAULT_LIMIT = 64 * 1024 * 1024  # recommended by OTLP 1.11, "Size limits"; the same before and after decompression
_CHUNK = 1024 * 1024  # bytes of output at once
_PIECE = 64 * 1024  # bytes of input at once
_GZIP = 16 + zlib.MAX_WBITS
_DEFLATED = 8  # the only method that zlib's header may name
_CHECKED = 31  # zlib's header is a multiple of it
# Input and output that are inflated in a millisecond; more goes to a thread. To begin a member takes up to a tenth of
# a millisecond.
_INLINE_BYTES = 32 * 1024
_INLINE_INFLATED = 256 * 1024
_INLINE_MEMBERS = 4
# The largest window of Zstandard over HTTP (RFC 9659): 8 MiB, which a frame may make us allocate.
_ZSTD_OPTIONS: Mapping[int, int] = {zstd.DecompressionParameter.window_log_max: 23}
_TOO_WIDE = "too much memory"  # in the library's message


class _NotSmall(Exception):
    """The data take too long to inflate on the event loop."""


async def inflate_in_turn(data: bytes, encoding: str, limit: int, decoder: Decoder) -> bytes:
    """Decompress as ``inflate`` does, without blocking the event loop: large data are inflated in a thread."""
    if not encoding:
        return inflate(data, encoding, limit)
    if len(data) <= _INLINE_BYTES:
        with suppress(TooLarge, _NotSmall):
            return inflate(data, encoding, min(limit, _INLINE_INFLATED), inline=True)
    return await decoder.run(lambda: inflate(data, encoding, limit), len(data))


def inflate(data: bytes, encoding: str, limit: int, *, inline: bool = False) -> bytes:
    """Decompress a body by its Content-Encoding or grpc-encoding.

    The encoding is "", "identity", "gzip", "x-gzip", "deflate" or "zstd". Raises ``TooLarge`` when the body is over
    ``limit`` bytes (it stops there: a bomb costs no more), ``InvalidRequest`` when it is corrupt, truncated or followed
    by other data, ``UnsupportedMedia`` for other encodings. Gzip members and Zstandard frames may follow each other
    (RFC 1952, RFC 8878); with ``inline``, many of them are ``_NotSmall``.
    """
    name = encoding.strip().lower()
    if name in ("", "identity"):
        if len(data) > limit:
            raise too_large(limit)
        return data
    coding = _CODINGS.get(name)
    if coding is None:
        raise _unsupported(encoding)
    return _inflated(data, coding, limit, inline)


def too_large(limit: int) -> TooLarge:
    return TooLarge(f"The request is larger than {limit} bytes")


def _unsupported(encoding: str) -> UnsupportedMedia:
    what = "More than one encoding" if "," in encoding else "The encoding"
    *others, last = ENCODINGS
    return UnsupportedMedia(
        f"{what} ({encoding[:30]!r}) is not supported: set compression to {', '.join(others)}, {last} or none"
    )


class _Member(Protocol):
    """A unit of compression: a member of gzip or a frame of Zstandard. The interface is that of zlib's objects."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    @property
    def unconsumed_tail(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class _ZstdFrame:
    """A frame of Zstandard. It buffers unconsumed input itself, a few megabytes at most."""

    unconsumed_tail = b""

    def __init__(self) -> None:
        self._frame = zstd.ZstdDecompressor(options=_ZSTD_OPTIONS)
        self.decompress = self._frame.decompress

    @property
    def eof(self) -> bool:
        return self._frame.eof

    @property
    def unused_data(self) -> bytes:
        return self._frame.unused_data


def _begin_deflate(data: bytes) -> _Member:
    """Decompressor for "deflate": zlib's form (RFC 9110), or the raw form, which some clients send."""
    wrapped = data[:1] and data[0] & 0xF == _DEFLATED and int.from_bytes(data[:2], "big") % _CHECKED == 0
    return zlib.decompressobj(zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS)


@attrs.frozen
class _Coding:
    """One encoding. ``begin`` is given all data."""

    name: str
    begin: Callable[[bytes], _Member]
    most_members: int  # a body of millions of empty ones is an attack


_GZIP_CODING = _Coding("gzip", lambda _: zlib.decompressobj(_GZIP), 10_000)  # bgzip makes one for each 64 KiB
_CODINGS = {
    "gzip": _GZIP_CODING,
    "x-gzip": _GZIP_CODING,
    "deflate": _Coding("deflate", _begin_deflate, 1),
    "zstd": _Coding("zstd", lambda _: _ZstdFrame(), 1_000),  # each takes ten times as long to begin as one of gzip
}


def _inflated(data: bytes, coding: _Coding, limit: int, inline: bool) -> bytes:
    """Inflate all members. The input is fed in pieces, because the rest behind each member is copied."""
    parts: list[bytes] = []
    size = read = members = 0
    while read < len(data) or not members:
        members += 1
        if members > coding.most_members:
            raise _followed(coding)
        if inline and members > _INLINE_MEMBERS:
            raise _NotSmall
        member = coding.begin(data)
        while not member.eof:
            pending = member.unconsumed_tail
            if not pending:
                pending = data[read : read + _PIECE]
                read += len(pending)
            part = _decompress(member, pending, min(_CHUNK, limit - size + 1), coding)
            size += len(part)
            if size > limit:
                raise too_large(limit)
            parts.append(part)
        read -= len(member.unused_data)
    return b"".join(parts)


def _followed(coding: _Coding) -> InvalidRequest:
    most = coding.most_members
    fault = "is followed by other data" if most == 1 else f"has more than {most} members"
    return InvalidRequest(f"The {coding.name} body {fault}")


def _decompress(member: _Member, pending: bytes, most: int, coding: _Coding) -> bytes:
    """Decompress at most ``most`` bytes; none only when more input is needed and there is some."""
    try:
        part = member.decompress(pending, most)
    except (zlib.error, zstd.ZstdError) as error:
        fault = "needs a window of more than 8 MiB" if _TOO_WIDE in str(error) else "is corrupt"
        raise InvalidRequest(f"The {coding.name} body {fault}") from error
    if not pending and not part and not member.eof:
        raise InvalidRequest(f"The {coding.name} body is truncated")
    return part
