"""The log of a run's events, for a reader that may be slow, disconnect and resume."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from sys import getsizeof

import attrs

from actors.errors import NotFound
from actors.playground.messages import Finished, RunEvent, RunNews
from actors.playground.prompt import ToolCall
from actors.playground.providers.provider import ReasoningDelta, TextDelta

RESUME_EXPIRED = "resume_expired"

_MOST_UNREAD = 64  # entries
_EVENT_BYTES = 200  # of an entry beside its text, about


@attrs.define(eq=False)
class _Reader:
    """The position of a reader."""

    seq: int
    offset: int


class RunLog:
    """The entries of a run, numbered from 1.

    With a reader, or before the first one, the writer waits in ``room`` while 64 entries, or a quarter of
    ``most_bytes``, are unread; entries that were read are kept up to ``most_bytes``. Without one nothing waits, and the
    oldest entries are dropped first.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._entries: deque[tuple[RunEvent, int]] = deque()  # with the offset behind it in all that was written
        self._written = 0
        self._dropped = 0
        self._next = 1
        self._reader: _Reader | None = _Reader(0, 0)  # the first one, which is about to come
        self._ended = False
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()

    @property
    def has_reader(self) -> bool:
        return self._reader is not None

    @property
    def ended(self) -> bool:
        return self._ended

    def append(self, news: RunNews) -> None:
        """Add an entry. Nothing may follow the last one (see ``end``)."""
        self._written += _size_of(news)
        self._entries.append((RunEvent(seq=self._next, news=news), self._written))
        self._next += 1
        self._drop()
        self._arrived.set()

    def end(self, news: RunNews) -> None:
        """Add the last entry; a reader ends behind it."""
        self._ended = True
        self.append(news)

    async def room(self) -> None:
        """Wait until the reader is not too far behind, or has gone."""
        while self._is_full():
            self._room.clear()
            await self._room.wait()

    async def caught_up(self) -> None:
        """Wait until the reader has everything, or has gone."""
        while self._reader is not None and self._reader.seq < self._next - 1:
            self._room.clear()
            await self._room.wait()

    async def read(self, after: int) -> AsyncGenerator[tuple[RunEvent, ...], None]:
        """Stream the entries behind ``after``, up to 64 in each item.

        The previous reader ends. Raises ``NotFound`` when some of the entries are gone, or ``after`` is not there yet.
        """
        reader = self._reader = _Reader(after, self._offset_behind(after))
        self._arrived.set()
        try:
            while self._reader is reader:
                entries = self._behind(reader.seq)
                if entries:
                    yield tuple(event for event, _ in entries)
                    reader.seq, reader.offset = entries[-1][0].seq, entries[-1][1]
                    self._room.set()
                elif self._ended:
                    return
                else:
                    self._arrived.clear()
                    await self._arrived.wait()
        finally:
            if self._reader is reader:
                self._reader = None
                self._room.set()

    def _first(self) -> int:
        return self._next - len(self._entries)

    def _behind(self, seq: int) -> list[tuple[RunEvent, int]]:
        first = seq + 1 - self._first()
        return [self._entries[index] for index in range(first, min(first + _MOST_UNREAD, len(self._entries)))]

    def _offset_behind(self, seq: int) -> int:
        if not self._first() - 1 <= seq < self._next:
            raise NotFound(RESUME_EXPIRED)
        return self._dropped if seq < self._first() else self._entries[seq - self._first()][1]

    def _is_full(self) -> bool:
        reader = self._reader
        if reader is None:
            return False
        unread = self._next - 1 - reader.seq
        return unread >= _MOST_UNREAD or self._written - reader.offset > self._most_bytes // 4

    def _drop(self) -> None:
        while len(self._entries) > 1 and self._written - self._dropped > self._most_bytes:
            event, offset = self._entries[0]
            if self._reader is not None and event.seq > self._reader.seq:
                return
            self._entries.popleft()
            self._dropped = offset


def _size_of(news: RunNews) -> int:
    """Approximate size of an entry in memory, in bytes."""
    match news:
        case TextDelta() | ReasoningDelta():
            return _EVENT_BYTES + getsizeof(news.text)
        case ToolCall():
            return _EVENT_BYTES + getsizeof(news.arguments)
        case Finished():
            completion = news.result.completion
            return _EVENT_BYTES + getsizeof(completion.content) + getsizeof(completion.reasoning)
        case _:
            return _EVENT_BYTES
