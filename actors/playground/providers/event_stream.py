"""The events of a streamed answer, and other bodies that servers send in their place.

The decoders of the providers' SDKs end with the first event that is no JSON, and find nothing in a plain document.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing
from typing import Any, Final

import attrs
import httpx2

from actors.playground.providers.untrusted import parsed

DONE: Final[dict[str, Any]] = {}  # data of the end marker: nothing

_MOST_BYTES = 256 * 1024 * 1024  # of one streamed answer
_LONGEST_FIELD = 6  # characters of "event:" and "retry:"
_FIELD = re.compile(rb"(data|event|id|retry)[:\r\n]|:")
_DRAIN_SECONDS = 0.1


@attrs.frozen
class Event:
    """A server-sent event. ``data`` is parsed JSON, or the text where it is none."""

    name: str
    data: Any


async def events_in(response: httpx2.Response) -> AsyncGenerator[Event, None]:
    """Read server-sent events, or the one document of a server that does not stream.

    If that document is a list, each item is an event. ``ValueError`` when the answer is too large.
    """
    async with aclosing(_bounded(response.aiter_bytes())) as chunks:
        start = await _start(chunks)
        if not start:
            return
        if _is_document(start, response.headers.get("content-type", "")):
            whole = b"".join([start] + [chunk async for chunk in chunks])
            for event in events_of(whole):
                yield event
            return
        decoder = _Decoder()
        for event in decoder.feed(start):
            yield event
        while not decoder.done and (chunk := await anext(chunks, None)) is not None:
            for event in decoder.feed(chunk):
                yield event
        for event in () if decoder.done else decoder.end():
            yield event
        await _drain(chunks)


def events_of(document: bytes) -> list[Event]:
    """Convert a document to events."""
    data = document_of(document)
    return [Event("", item) for item in data] if data and isinstance(data, list) else [Event("", data)]


def document_of(data: bytes) -> Any:  # noqa: ANN401 - any JSON
    """Parse JSON; other data are returned as text."""
    try:
        return parsed(data)
    except ValueError:
        return data.decode("utf-8", "replace")


class _Decoder:
    """Decoder of server-sent events by their specification; an event that the end cuts short counts too."""

    def __init__(self) -> None:
        self._lines = _Lines()
        self._name = ""
        self._data: list[bytes] = []
        self.done = False  # the marker of the end came

    def feed(self, chunk: bytes) -> Iterator[Event]:
        for line in self._lines.feed(chunk):
            yield from self._line(line)
            if self.done:
                return

    def end(self) -> Iterator[Event]:
        yield from self.feed(b"\n\n")

    def _line(self, line: bytes) -> Iterator[Event]:
        if not line:
            yield from self._event()
            return
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            self._data.append(value)
        elif field == b"event":
            self._name = value.decode("utf-8", "replace")

    def _event(self) -> Iterator[Event]:
        if self._data:
            data = b"\n".join(self._data)
            self.done = data.startswith(b"[DONE]")
            yield Event(self._name, DONE if self.done else document_of(data))
        self._data.clear()
        self._name = ""


class _Lines:
    """Splits bytes into lines, which end with CR, LF or both."""

    def __init__(self) -> None:
        self._begun: list[bytes] = []  # of the line that goes on
        self._after_cr = False

    def feed(self, chunk: bytes) -> list[bytes]:
        """The lines that are complete now."""
        if self._after_cr:
            chunk = chunk.removeprefix(b"\n")
        if not chunk:
            self._after_cr = False
            return []
        self._after_cr = chunk.endswith(b"\r")
        lines = chunk.splitlines()
        last = [] if chunk.endswith((b"\r", b"\n")) else [lines.pop()]
        if lines:
            lines[0] = b"".join([*self._begun, lines[0]])
            self._begun.clear()
        self._begun.extend(last)
        return lines


def _is_document(start: bytes, content_type: str) -> bool:
    if start.startswith((b"{", b"[")):
        return True
    return "event-stream" not in content_type and not _FIELD.match(start)


async def _start(chunks: AsyncIterator[bytes]) -> bytes:
    """Read as much as is needed to detect the format; empty when nothing comes."""
    start = b""
    async for chunk in chunks:
        start = (start + chunk).removeprefix(b"\xef\xbb\xbf").lstrip()
        if len(start) >= _LONGEST_FIELD:
            break
    return start


async def _bounded(chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    size = 0
    async for chunk in chunks:
        size += len(chunk)
        if size > _MOST_BYTES:
            raise ValueError("the answer is too large")
        yield chunk


async def _drain(chunks: AsyncIterator[bytes]) -> None:
    """Read the rest behind the end, so that the connection can be used again; one that goes on sending is closed."""
    try:
        async with asyncio.timeout(_DRAIN_SECONDS):
            async for _ in chunks:
                pass
    except (TimeoutError, ValueError, httpx2.HTTPError):
        pass
