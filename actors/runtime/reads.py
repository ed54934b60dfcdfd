"""Concurrent messages: several at once, each in a task of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from actors.runtime.actor import SideLane
from actors.runtime.mailbox import Envelope, Lane


class Reads:
    """A lane, and the tasks that answer what was taken from it: so many at once, and no more."""

    def __init__(
        self,
        owner: str,
        size: SideLane,
        answer: Callable[[Envelope], Coroutine[Any, Any, None]],
        turn_away: Callable[[list[Envelope]], None],
    ) -> None:
        self._lane = Lane(owner, size.capacity)
        self._at_once = size.at_once
        self._answer = answer
        self._turn_away = turn_away
        self._clock = asyncio.get_running_loop().time
        self.tasks: set[asyncio.Task[None]] = set()

    def put(self, envelope: Envelope) -> None:
        """Answer it as soon as it is its turn. Raises ``Overloaded`` or ``Unavailable``."""
        self._lane.put(envelope)
        self._begin()

    def close(self) -> list[Envelope]:
        """Take no more, and hand back what is not begun."""
        return self._lane.close()

    def _begin(self) -> None:
        while len(self.tasks) < self._at_once and (envelope := self._lane.take_if_waiting()):
            if envelope.abandoned:
                self._lane.done([envelope], 0.0)
            else:
                self._begin_one(envelope)

    def _begin_one(self, envelope: Envelope) -> None:
        begun = self._clock()
        task = asyncio.create_task(self._answer(envelope), context=envelope.context)

        def ended(_: asyncio.Task[None]) -> None:
            self.tasks.discard(task)
            self._lane.done([envelope], (self._clock() - begun) / self._at_once)
            self._turn_away([envelope])
            self._begin()

        self.tasks.add(task)
        task.add_done_callback(ended)
        if envelope.reply is not None:  # whose end is the answer, or that the asker has left
            envelope.reply.add_done_callback(lambda _: task.cancel())
