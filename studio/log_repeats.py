"""A fault that repeats is logged once a second, with a count."""

import logging
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from time import monotonic
from typing import Any

import attrs
import structlog
from structlog.typing import EventDict, WrappedLogger

_SECONDS = 1.0
_MOST_KINDS = 256
_MOST_OF_EVENT = 10  # kinds of one event within a second
# What tells one occasion from another, and not one fault from another.
OCCASION = frozenset(
    {"client", "exc_info", "exception", "method", "path", "peer", "request_id", "repeated", "timestamp"}
)
_LOUD = frozenset({"warning", "error", "critical", "exception"})


@attrs.define
class _Seen:
    """When lines of one kind were let through last, and how many were not since then."""

    since: float
    passed: int = 0
    held_back: int = 0


class Repeats:
    """Lets a line through if none of its kind came within the last second. Used by any thread.

    Of one kind are lines of the same logger, event and fields, but those that only tell the occasion. Of an event whose
    other fields differ each time, ten a second come through.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._seen: OrderedDict[Hashable, _Seen] = OrderedDict()

    def of_structlog(self, _logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        """A processor of structlog. Warnings and errors may repeat; other lines tell of work that was done."""
        if method not in _LOUD:
            return event
        held_back = self._held_back(event.get("logger"), str(event.get("event")), event)
        if held_back is None:
            raise structlog.DropEvent
        if held_back:
            event["repeated"] = held_back
        return event

    def of_library(self, record: logging.LogRecord) -> bool:
        """A filter of ``logging``, for all that libraries say at level info and above."""
        if record.levelno < logging.INFO:
            return True
        held_back = self._held_back(record.name, record.getMessage(), {})
        if held_back:
            record.repeated = held_back
        return held_back is not None

    def _held_back(self, logger: str | None, event: str, fields: Mapping[str, Any]) -> int | None:
        """How many lines of the kind were held back before this one; ``None`` if it is held back itself."""
        now = self._clock()
        said = tuple((name, str(value)) for name, value in fields.items() if name not in OCCASION)
        kind, whole_event = self._of((logger, event, said), now), self._of((logger, event), now)
        if kind.passed >= 1 or whole_event.passed >= _MOST_OF_EVENT:
            (kind if kind.passed else whole_event).held_back += 1
            return None
        for each in (kind, whole_event):
            each.passed += 1
        held_back = kind.held_back + whole_event.held_back
        kind.held_back = whole_event.held_back = 0
        return held_back

    def _of(self, key: Hashable, now: float) -> _Seen:
        seen = self._seen.pop(key, None) or _Seen(now)
        self._seen[key] = seen  # as the newest
        if now - seen.since >= _SECONDS:
            seen.since, seen.passed = now, 0
        if len(self._seen) > _MOST_KINDS:
            self._seen.popitem(last=False)
        return seen
