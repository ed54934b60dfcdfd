"""Repeated log lines: a fault that repeats is logged once a second, with a count."""

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
# Fields that differ between occasions of one fault.
OCCASION = frozenset(
    {"client", "exc_info", "exception", "method", "path", "peer", "request_id", "repeated", "timestamp"}
)
_LOUD = frozenset({"warning", "error", "critical", "exception"})


@attrs.define
class _Seen:
    """The current second of one kind: its start, and how many lines passed and were held back."""

    since: float
    passed: int = 0
    held_back: int = 0


class Repeats:
    """Lets a line pass if none of its kind passed within the last second. Safe for any thread.

    Lines of one kind have the same logger, event and fields, except fields that name the occasion (``OCCASION``). Of an
    event whose other fields differ each time, ten lines a second pass.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._seen: OrderedDict[Hashable, _Seen] = OrderedDict()

    def of_structlog(self, _logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        """Structlog processor. Only warnings and errors count as repeats; other lines tell of work that was done."""
        if method not in _LOUD:
            return event
        held_back = self._held_back(event.get("logger"), str(event.get("event")), event)
        if held_back is None:
            raise structlog.DropEvent
        if held_back:
            event["repeated"] = held_back
        return event

    def of_library(self, record: logging.LogRecord) -> bool:
        """Filter of ``logging``, for the lines of libraries at level info and above."""
        if record.levelno < logging.INFO:
            return True
        held_back = self._held_back(record.name, record.getMessage(), {})
        if held_back:
            record.repeated = held_back
        return held_back is not None

    def _held_back(self, logger: str | None, event: str, fields: Mapping[str, Any]) -> int | None:
        """The number of lines of the kind held back before this one; ``None`` if it is held back itself."""
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
