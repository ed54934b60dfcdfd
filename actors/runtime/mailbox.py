"""Mailboxes: bounded queues of envelopes.

A mailbox never makes a sender wait: it takes a message or refuses it at once, with the time after which it will
probably have room. That way a queue is a buffer for bursts and never a hidden delay.
"""

import asyncio
from collections import deque
from contextvars import Context
from typing import Any

import attrs

from actors.errors import Overloaded, StudioError, Unavailable
from actors.runtime.budget import Budget
from actors.runtime.messages import Message
from actors.runtime.statistics import LaneLoad

_SHORTEST_RETRY = 0.1


@attrs.frozen(kw_only=True)
class Capacity:
    """Limits of one mailbox, for the messages that wait or are in work."""

    messages: int = 1024
    bytes: int = 64 * 1024 * 1024
    retry_after: float = _SHORTEST_RETRY  # seconds; a refused asker is told to wait at least so long


@attrs.define(kw_only=True, eq=False)
class Envelope:
    """A message on its way, with the future that its asker waits for (``None`` for an event)."""

    message: Message
    reply: asyncio.Future[Any] | None
    context: Context
    posted_at: float  # loop time, seconds

    @property
    def abandoned(self) -> bool:
        """Whether nobody waits for the answer any more."""
        return self.reply is not None and self.reply.done()

    def answer(self, reply: object) -> None:
        """Give the asker its reply, or raise a ``StudioError`` there. Does nothing when nobody waits."""
        if self.reply is None or self.reply.done():
            return
        if isinstance(reply, StudioError):
            # Its traceback leads back to this envelope: a circle that would keep the message until the next collection.
            self.reply.set_exception(reply.with_traceback(None))
        else:
            self.reply.set_result(reply)


class Mailbox:
    """One bounded first-in-first-out queue of envelopes.

    A message counts against the capacity from ``put`` until ``done``, so that work in hand is bounded too. One message
    larger than the whole capacity is accepted when nothing else is held; otherwise it could never be.
    """

    def __init__(self, owner: str, capacity: Capacity) -> None:
        self._owner = owner
        self._messages = Budget(capacity.messages, shortest_retry=capacity.retry_after, first_guess=0.0)
        self._bytes = Budget(capacity.bytes)
        self._waiting: deque[Envelope] = deque()
        self._arrived = asyncio.Event()
        self._closed = False
        self._refused = 0

    def put(self, envelope: Envelope) -> None:
        """Queue the envelope or raise ``Overloaded`` / ``Unavailable``."""
        if self._closed:
            raise Unavailable(f"{self._owner} is not running")
        weight = envelope.message.weight
        if self._messages.held and not (self._messages.room > 0 and weight <= self._bytes.room):
            self._refused += 1
            raise Overloaded(f"{self._owner} is overloaded", retry_after=self.retry_after())
        self._messages.take(1)
        self._bytes.take(weight)
        self._waiting.append(envelope)
        self._arrived.set()

    async def take(self) -> Envelope | None:
        """The next envelope, as soon as there is one; ``None`` once the mailbox is closed and empty."""
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
        self._messages.give_back(len(envelopes), seconds)
        self._bytes.give_back_a_part(_weight_of(envelopes))

    def load(self) -> LaneLoad:
        """How many messages wait, how many are in work, and how many there was no room for."""
        waiting = len(self._waiting)
        return LaneLoad(waiting=waiting, at_work=self._messages.held - waiting, refused=self._refused)

    def retry_after(self) -> float:
        """Seconds in which everything held now will have drained, at the rate of the latest messages."""
        return self._messages.retry_after()

    def close(self) -> list[Envelope]:
        """Refuse further messages and hand back the unread ones."""
        self._closed = True
        unread = list(self._waiting)
        self._waiting.clear()
        self._messages.give_back_a_part(len(unread))
        self._bytes.give_back_a_part(_weight_of(unread))
        self._arrived.set()
        return unread


def _weight_of(envelopes: list[Envelope]) -> int:
    return sum(envelope.message.weight for envelope in envelopes)
