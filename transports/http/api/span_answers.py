"""Answers with spans: small ones at once, large ones within a budget and sent piece by piece."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeAlias, TypeVar

import attrs
import orjson
from aiohttp import web

from actors.errors import NeedsRoom, Overloaded
from actors.runtime.budget import Reservation
from actors.span_store.columns.spans import StoredSpan
from actors.span_store.messages import Cursor
from transports.http.framework.compression import GzipStream, accepts_gzip
from transports.http.framework.file_download import Download, file_download
from transports.http.framework.route import Answer, Call

SMALL = 4 * 1024 * 1024  # bytes of spans that are read outside the budget
# Copies in memory while spans become an answer: as rows, as text of each span, as text of all.
COPIES = 6
_MOST_TRIES = 4  # each with the size that the one before has found
# Rendering so much text takes a millisecond at most; more goes to a thread. A span costs as much as a kilobyte.
_INLINE_BYTES = 128 * 1024
_SPAN_BYTES = 1024
_COMPRESSED_BYTES = 1024 * 1024  # at once

T = TypeVar("T")

Headers: TypeAlias = tuple[tuple[str, str], ...]


@attrs.frozen(kw_only=True)
class Found:
    """The spans of an answer, the function that renders them, and the cursor of the next page."""

    spans: tuple[StoredSpan, ...]
    render: Callable[[], bytes]
    headers: Headers = ()
    next: Cursor | None = None

    @property
    def bytes(self) -> int:
        """Approximate size of the spans in bytes."""
        return sum(map(span_bytes, self.spans))


# Reads the spans of an answer, within a number of bytes. Raises ``NeedsRoom``.
Read: TypeAlias = Callable[[int], Awaitable[Found]]


@attrs.frozen(kw_only=True)
class Piece:
    """JSON text whose bytes are held in the budget."""

    text: bytes
    headers: Headers
    spans: int
    next: Cursor | None


def span_bytes(span: StoredSpan) -> int:
    """Approximate size of a span in bytes."""
    return len(span.attributes_json) + len(span.events_json) + _SPAN_BYTES


async def answer_found(call: Call[Any, Any], read: Read) -> Answer | web.StreamResponse:
    """Answer the spans that are found.

    ``Overloaded`` when the answer is large and others hold the budget for too long.
    """
    try:
        found = await read(SMALL)
    except NeedsRoom as need:
        room = need.bytes
    else:
        return await answer_small(found)
    async with piece_of(call, read, room) as piece, json_download(call.request, piece.headers) as body:
        await body.write(piece.text)
    return body.response


async def answer_small(found: Found) -> Answer:
    return Answer(body=orjson.Fragment(await _rendered(found)), headers=found.headers)


async def _rendered(found: Found) -> bytes:
    return await asyncio.to_thread(found.render) if found.bytes > _INLINE_BYTES else found.render()


@asynccontextmanager
async def piece_of(call: Call[Any, Any], read: Read, room: int, *, has_begun: bool = False) -> AsyncIterator[Piece]:
    """Read and render a piece, within ``room`` bytes or as many as it needs, held in the budget during the block.

    An answer that has begun can only be broken off, so it waits for longer.
    """
    wait_seconds = call.config.stall_seconds if has_begun else call.config.answer_seconds
    async with _within_budget(call, partial(_piece, read), room, wait_seconds) as (piece, held):
        held.shrink(len(piece.text))
        yield piece


@asynccontextmanager
async def read_within_budget(call: Call[Any, Any], read: Callable[[int], Awaitable[T]]) -> AsyncIterator[T]:
    """Read a value within a number of bytes. Those of a large value are held in the budget during the block."""
    try:
        small = await read(SMALL)
    except NeedsRoom as need:
        room = need.bytes
    else:
        yield small
        return
    async with _within_budget(call, read, room, call.config.answer_seconds) as (large, _):
        yield large


@asynccontextmanager
async def _within_budget(
    call: Call[Any, Any], read: Callable[[int], Awaitable[T]], room: int, wait_seconds: float
) -> AsyncIterator[tuple[T, Reservation]]:
    for _ in range(_MOST_TRIES):
        with call.config.answers.reserve() as held:
            await held.wait(COPIES * room, wait_seconds)
            try:
                found = await read(room)
            except NeedsRoom as need:
                room = need.bytes
                continue
            yield found, held
            return
    raise Overloaded("What is asked for grows while it is read")


async def _piece(read: Read, room: int) -> Piece:
    """Render a piece, in a function of its own so that the spans are freed and only the text is left."""
    found = await read(room)
    text = await _rendered(found)
    return Piece(text=text, headers=found.headers, spans=len(found.spans), next=found.next)


@attrs.frozen
class JsonBody:
    """The body of a download in JSON, in gzip where the client accepts that."""

    download: Download
    gzip: GzipStream | None

    @property
    def response(self) -> web.StreamResponse:
        return self.download.response

    async def write(self, text: bytes | memoryview) -> None:
        if self.gzip is None:
            await self.download.write(text)
            return
        for begin in range(0, len(text), _COMPRESSED_BYTES):
            part = bytes(text[begin : begin + _COMPRESSED_BYTES])
            await self.download.write(await asyncio.to_thread(self.gzip.add, part))


@asynccontextmanager
async def json_download(
    request: web.Request, headers: Headers = (), content_type: str = "application/json"
) -> AsyncIterator[JsonBody]:
    """Begin a download in JSON, or of another type; ``write`` to it inside the block, as with ``file_download``."""
    gzip = GzipStream() if accepts_gzip(request.headers) else None
    encoding = {} if gzip is None else {"Content-Encoding": "gzip"}
    sent = {"Vary": "Accept-Encoding", **encoding, **dict(headers)}
    async with file_download(request, content_type, headers=sent) as download:
        yield JsonBody(download, gzip)
        if gzip is not None:
            await download.write(gzip.end(b""))
