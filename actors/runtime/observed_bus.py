"""A bus that tells an observer of each ask and stream, for traces of the studio itself."""

from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager
from typing import Protocol, TypeVar

from actors.runtime.bus import Bus
from actors.runtime.messages import Message, Request, StreamRequest

R = TypeVar("R")
T = TypeVar("T")


class Observer(Protocol):
    """Sees what is asked; what it sets in the context holds for the handler, and for what that asks in turn."""

    def asking(self, message: type[Message]) -> AbstractContextManager[None]:
        """Be around one ask or stream, from its beginning to its end; an error of it goes through."""


class ObservedBus(Bus):
    """Otherwise a ``Bus``. A class of its own, so that the usual one has nothing to do for it."""

    def __init__(self, observer: Observer) -> None:
        super().__init__()
        self._observer = observer

    async def ask(self, request: Request[R], *, timeout: float = 30.0) -> R:  # noqa: ASYNC109 - see ``Bus``
        with self._observer.asking(type(request)):
            return await super().ask(request, timeout=timeout)

    @asynccontextmanager
    async def stream(self, request: StreamRequest[T]) -> AsyncIterator[AsyncIterator[T]]:
        with self._observer.asking(type(request)):
            async with super().stream(request) as items:
                yield items
