"""The three kinds of message. The class of a message is its address: each request class has exactly one owner."""

from typing import Generic, TypeVar

Reply_co = TypeVar("Reply_co", covariant=True)
Item_co = TypeVar("Item_co", covariant=True)


class Message:
    """What all messages share. Messages are immutable, so that two tasks may hold one."""

    __slots__ = ()

    @property
    def weight(self) -> int:
        """Bytes of payload that a mailbox counts against its limit. Small messages leave it at 0."""
        return 0


class Request(Message, Generic[Reply_co]):
    """Asks its owner to do something; ``Bus.ask`` returns a ``Reply``. Named in the imperative: ``SignIn``."""

    __slots__ = ()


class StreamRequest(Message, Generic[Item_co]):
    """Asks its owner for many ``Item``s over time, read with ``Bus.stream``."""

    __slots__ = ()


class Event(Message):
    """Tells whoever listens that something happened; never the only copy of data. Past tense: ``KeyRevoked``."""

    __slots__ = ()
