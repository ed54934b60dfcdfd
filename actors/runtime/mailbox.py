"""Bounded queues of envelopes.

A mailbox never makes a sender wait: it takes a message or refuses it at once, with the time after which it will
probably have room. That way a queue is a buffer for bursts and never a hidden delay.
"""

import asyncio
from collections import deque
from contextvars import Context
from typing import Any

import attrs

from actors.errors import Overloaded, StudioError, Unavailable
from actors.runtime.messages import Message

_SHORTEST_RETRY = 0.1
_LONGEST_RETRY = 30.0
_SMOOTHING = 0.2  # weight of the newest measurement in the moving average of handling times


@attrs.frozen(kw_only=True)
class Capacity:
    """How much may wait or be in work in one lane of a mailbox."""

    messages: int = 1024
    bytes: int = 64 * 1024 * 1024
    retry_after: float = _SHORTEST_RETRY  # seconds that who finds no room is told to wait, at least


@attrs.define(kw_only=True, eq=False)
class Envelope:
    """A message on its way, with the future that its asker waits for (``None`` for an event)."""

    message: Message
    reply: asyncio.Future[Any] | None
    context: Context
    posted_at: float  # loop time, seconds

    @property
    def abandoned(self) -> bool:
        """Nobody waits for the answer any more."""
        return self.reply is not None and self.reply.done()

    def answer(self, reply: object) -> None:
        """Give the asker its reply; a ``StudioError`` is raised there. Does nothing when nobody waits."""
        if self.reply is None or self.reply.done():
            return
        if isinstance(reply, StudioError):
            # Its traceback leads back to this envelope: a circle that would keep the message until the next collection.
            self.reply.set_exception(reply.with_traceback(None))
        else:
            self.reply.set_result(reply)


class Lane:
    """One bounded first-in-first-out queue.

    A message counts against the capacity from ``put`` until ``done``, so that work in hand is bounded too. One message
    larger than the whole capacity is accepted when nothing else is held; otherwise it could never be.
    """

    def __init__(self, owner: str, capacity: Capacity) -> None:
        self._owner = owner
        self._capacity = capacity
        self._waiting: deque[Envelope] = deque()
        self._held_messages = 0
        self._held_bytes = 0
        self._arrived = asyncio.Event()
        self._closed = False
        self._seconds_per_message = 0.0

    def put(self, envelope: Envelope) -> None:
        """Queue the envelope or raise ``Overloaded`` / ``Unavailable``."""
        if self._closed:
            raise Unavailable(f"{self._owner} is not running")
        weight = envelope.message.weight
        full = self._held_messages >= self._capacity.messages or self._held_bytes + weight > self._capacity.bytes
        if full and self._held_messages > 0:
            raise Overloaded(f"{self._owner} is overloaded", retry_after=self.retry_after())
        self._held_messages += 1
        self._held_bytes += weight
        self._waiting.append(envelope)
        self._arrived.set()

    async def take(self) -> Envelope | None:
        """The next envelope, as soon as there is one; ``None`` once the lane is closed and empty."""
        while not self._waiting:
            if self._closed:
                return None
            self._arrived.clear()
            await self._arrived.wait()
        return self._waiting.popleft()

    def take_if_waiting(self) -> Envelope | None:
        """The next envelope if one waits now."""
        return self._waiting.popleft() if self._waiting else None

    def take_alike(self, first: Envelope, *, messages: int, weight: int) -> list[Envelope]:
        """``first`` and those directly behind it of the same class, up to so many messages and bytes in all."""
        group = [first]
        message_class = type(first.message)
        room = weight - first.message.weight
        while self._waiting and len(group) < messages:
            candidate = self._waiting[0].message
            if type(candidate) is not message_class or candidate.weight > room:
                break
            room -= candidate.weight
            group.append(self._waiting.popleft())
        return group

    def done(self, envelopes: list[Envelope], seconds: float) -> None:
        """Give back the room of envelopes that were handled together in so many seconds."""
        self._release(envelopes)
        sample = seconds / len(envelopes)
        smoothing = _SMOOTHING if self._seconds_per_message else 1.0
        self._seconds_per_message += smoothing * (sample - self._seconds_per_message)

    def retry_after(self) -> float:
        """Seconds in which what is held now will have drained, at the rate of the latest messages."""
        estimate = self._held_messages * self._seconds_per_message
        return min(max(estimate, self._capacity.retry_after), _LONGEST_RETRY)

    def close(self) -> list[Envelope]:
        """Refuse further messages and hand back the unread ones."""
        self._closed = True
        unread = list(self._waiting)
        self._waiting.clear()
        self._release(unread)
        self._arrived.set()
        return unread

    def _release(self, envelopes: list[Envelope]) -> None:
        self._held_messages -= len(envelopes)
        self._held_bytes -= sum(envelope.message.weight for envelope in envelopes)
