"""Items on their way to one follower: a bounded queue that says how many it could not take."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable

import attrs

from actors.live.messages import MOST_A_SECOND, Item, Lagged, LiveEvent
from actors.span_store.query.position import Position
from actors.span_store.traces.summary import SpanSummary, TraceSummary

_MOST_ITEMS = 1000
_MOST_BYTES = 2 * 1024 * 1024
_MOST_HELD = 64 * 1024 * 1024  # bytes, of all followers together
_TOGETHER, _TOGETHER_BYTES = 100, 128 * 1024  # that are taken at once
_AN_ITEM = 1500  # bytes that a summary takes, besides its texts


@attrs.define
class Held:
    """What all outboxes hold, in bytes, and how many items they have left out."""

    bytes: int = 0
    skipped: int = 0


class Outbox:
    """Put into by the hub, taken from by the follower's stream."""

    def __init__(self, held: Held, now: Callable[[], float]) -> None:
        """``now`` tells seconds."""
        self._held = held
        self._now = now
        self._items: deque[tuple[Item, int]] = deque()
        self._bytes = 0
        self._skipped = 0
        self._position = Position(0)  # behind what was skipped
        self._allowance = float(MOST_A_SECOND)
        self._since = now()
        self._changed = asyncio.Event()
        self._is_over = False

    @property
    def room(self) -> int:
        """Items that it takes now. None before the follower knows that some were left out."""
        if self._skipped:
            return 0
        now = self._now()
        self._allowance = min(MOST_A_SECOND, self._allowance + (now - self._since) * MOST_A_SECOND)
        self._since = now
        return min(_MOST_ITEMS - len(self._items), int(self._allowance))

    def put(self, items: Iterable[Item], skipped: int, position: Position) -> None:
        """Take the first of the items. The rest is left out, with the ``skipped`` ones; the position is behind all."""
        if self._is_over:
            return
        room, left_out = self.room, 0
        for item in items:
            size = size_of(item.item)
            if left_out or not room or not self._has_room(size):
                left_out += 1
                continue
            self._items.append((item, size))
            self._count(size)
            room -= 1
            self._allowance -= 1
        skipped += left_out
        if skipped:
            self._skipped, self._position = self._skipped + skipped, position
            self._held.skipped += skipped
        if self._items or self._skipped:
            self._changed.set()

    def close(self) -> None:
        """Let ``take`` end when everything is taken."""
        self._is_over = True
        self._changed.set()

    async def take(self) -> tuple[LiveEvent, ...]:
        """What has come, as soon as there is anything; nothing when it is closed and empty."""
        while not self._items and not self._skipped:
            if self._is_over:
                return ()
            self._changed.clear()
            await self._changed.wait()
        taken: list[LiveEvent] = []
        size = 0
        while self._items and len(taken) < _TOGETHER and size < _TOGETHER_BYTES:
            item, bytes_of_it = self._items.popleft()
            taken.append(item)
            size += bytes_of_it
        self._count(-size)
        if not self._items and self._skipped:
            taken.append(Lagged(skipped=self._skipped, position=self._position))
            self._skipped = 0
        return tuple(taken)

    def drop(self) -> None:
        """Hold nothing any more, and take nothing."""
        self._is_over = True
        self._items.clear()
        self._count(-self._bytes)

    def _has_room(self, size: int) -> bool:
        """An item that is larger than all that may be held is held alone."""
        return not self._bytes or (self._bytes + size <= _MOST_BYTES and self._held.bytes + size <= _MOST_HELD)

    def _count(self, size: int) -> None:
        self._bytes += size
        self._held.bytes += size


def size_of(item: SpanSummary | TraceSummary) -> int:
    """Bytes that it takes, about."""
    texts = sum(len(value) for value in attrs.astuple(item, recurse=False) if isinstance(value, str))
    root = item.root if isinstance(item, TraceSummary) else None
    return _AN_ITEM + texts + (0 if root is None else size_of(root))
