"""The three kinds of message. The class of a message is its address: each request class has exactly one owner."""

from typing import Generic, TypeVar

Reply_co = TypeVar("Reply_co", covariant=True)
Item_co = TypeVar("Item_co", covariant=True)


class Message:
    """Base of all messages. Messages are immutable, so that two tasks may hold one."""

    __slots__ = ()

    @property
    def weight(self) -> int:
        """Bytes of payload that a mailbox counts against its limit. Small messages leave it at 0."""
        return 0


class Request(Message, Generic[Reply_co]):
    """A request asks its owner to do something, as its name does: ``SignIn``. ``Bus.ask`` returns a ``Reply``."""

    __slots__ = ()


class StreamRequest(Message, Generic[Item_co]):
    """A stream request asks its owner for many ``Item``s over time, read with ``Bus.stream``."""

    __slots__ = ()


class Event(Message):
    """An event tells of something past, as its name does: ``KeyRevoked``. It is never the only copy of data."""

    __slots__ = ()
