"""Lanes: concurrent messages are answered beside the serial ones, so many at once, each in a task of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import attrs

from actors.runtime.mailbox import Capacity, Envelope, Mailbox
from actors.runtime.statistics import LaneLoad

SERIAL = "serial"  # names the lane of the messages that are answered one at a time
_DEFAULT_CAPACITY = Capacity()


@attrs.frozen(kw_only=True)
class Lane:
    """Size of one lane of an actor: how many messages are in work at once, and how many may be held in all."""

    at_once: int = attrs.field(validator=attrs.validators.ge(1))
    capacity: Capacity = _DEFAULT_CAPACITY


class RunningLane:
    """A mailbox, and the tasks that answer its messages: ``at_once`` of them, and no more."""

    def __init__(
        self,
        owner: str,
        lane: Lane,
        answer: Callable[[Envelope], Coroutine[Any, Any, None]],
        turn_away: Callable[[list[Envelope]], None],
    ) -> None:
        self._mailbox = Mailbox(owner, lane.capacity)
        self._at_once = lane.at_once
        self._answer = answer
        self._turn_away = turn_away
        self._clock = asyncio.get_running_loop().time
        self.tasks: set[asyncio.Task[None]] = set()

    def put(self, envelope: Envelope) -> None:
        """Answer the envelope as soon as it is its turn. Raises ``Overloaded`` or ``Unavailable``."""
        self._mailbox.put(envelope)
        self._begin()

    def close(self) -> list[Envelope]:
        """Refuse further messages and hand back those that are not begun."""
        return self._mailbox.close()

    def load(self) -> LaneLoad:
        """How many messages wait, how many are in work, and how many there was no room for."""
        return self._mailbox.load()

    def _begin(self) -> None:
        while len(self.tasks) < self._at_once and (envelope := self._mailbox.take_if_waiting()):
            if envelope.abandoned:
                self._mailbox.done([envelope], 0.0)
            else:
                self._begin_one(envelope)

    def _begin_one(self, envelope: Envelope) -> None:
        begun = self._clock()
        task = asyncio.create_task(self._answer(envelope), context=envelope.context)

        def ended(_: asyncio.Task[None]) -> None:
            self.tasks.discard(task)
            self._mailbox.done([envelope], (self._clock() - begun) / self._at_once)
            self._turn_away([envelope])
            self._begin()

        self.tasks.add(task)
        task.add_done_callback(ended)
        if envelope.reply is not None:  # done when it is answered, or when its asker has left
            envelope.reply.add_done_callback(lambda _: task.cancel())
