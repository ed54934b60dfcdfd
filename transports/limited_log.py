"""Rate-limited log lines, for events that clients can cause at will: one a second of each kind, with their number."""

import logging
from time import monotonic
from typing import Any

_SECONDS = 1.0


class _Kinds:
    """Time of the last line of each kind, and number of events since."""

    def __init__(self) -> None:
        self._kinds: dict[str, tuple[float, int]] = {}

    def due(self, kind: str) -> int:
        """Number of events that a line due now stands for; 0 when none is due."""
        now = monotonic()
        last, waiting = self._kinds.get(kind, (now - _SECONDS, 0))
        if now - last < _SECONDS:
            self._kinds[kind] = (last, waiting + 1)
            return 0
        self._kinds[kind] = (now, 0)
        return waiting + 1


class RateLimitedLog:
    """Logs the first event of a kind at once, and counts those within a second of the last line.

    The next line of the kind says how many events it stands for.
    """

    def __init__(self, log: Any) -> None:  # noqa: ANN401 - structlog's
        self._log = log
        self._kinds = _Kinds()

    def warning(self, event: str, **fields: object) -> None:
        """Log an event, with the fields of the latest."""
        times = self._kinds.due(event)
        if times:
            self._log.warning(event, **fields, times=times)


class RateLimitFilter(logging.Filter):
    """Rate limit for the lines of a library. Its kinds are the messages before formatting."""

    def __init__(self) -> None:
        super().__init__()
        self._kinds = _Kinds()

    def filter(self, record: logging.LogRecord) -> bool:
        times = self._kinds.due(str(record.msg))
        if times > 1 and isinstance(record.args, tuple):
            record.msg, record.args = f"{record.msg} (%d times)", (*record.args, times)
        return times > 0
