"""Counters for each message class, and how full lanes are."""

from collections import defaultdict

import attrs

from actors.runtime.messages import Message


@attrs.define
class MessageStatistics:
    """Counters since the process started.

    Times are sums in seconds over the messages that were handled; messages handled together share theirs. Of a stream,
    only its beginning (``asked``) and its end (``handled``) are counted, and whether it failed.
    """

    asked: int = 0  # accepted into a mailbox
    refused: int = 0  # turned away because the mailbox was full or its actor was away
    late: int = 0  # the asker's deadline passed first
    abandoned: int = 0  # the asker was cancelled before it had an answer
    failed: int = 0  # an exception that is no StudioError: a bug
    handled: int = 0  # a handler ran, whatever came of it
    seconds_in_mailbox: float = 0.0
    seconds_in_handler: float = 0.0


@attrs.frozen(kw_only=True)
class LaneLoad:
    """Messages of one lane at this moment, and those that it has turned away since its actor started."""

    waiting: int
    at_work: int
    refused: int = 0


class Statistics:
    """Counters by message class; a class appears when its first message does."""

    def __init__(self) -> None:
        self._by_class: defaultdict[type[Message], MessageStatistics] = defaultdict(MessageStatistics)

    def of(self, message_class: type[Message]) -> MessageStatistics:
        return self._by_class[message_class]

    def snapshot(self) -> dict[str, MessageStatistics]:
        """A copy by class name, for ``/metrics``."""
        return {message.__name__: attrs.evolve(counters) for message, counters in self._by_class.items()}
