"""Lines that strangers can cause at will: of each kind one a second, with how many there were."""

import logging
from time import monotonic
from typing import Any

_SECONDS = 1.0


class _Kinds:
    """When the last line of each kind was, and how many have come since."""

    def __init__(self) -> None:
        self._kinds: dict[str, tuple[float, int]] = {}

    def due(self, kind: str) -> int:
        """How many a line stands for that is due now; 0 when it is not."""
        now = monotonic()
        last, waiting = self._kinds.get(kind, (now - _SECONDS, 0))
        if now - last < _SECONDS:
            self._kinds[kind] = (last, waiting + 1)
            return 0
        self._kinds[kind] = (now, 0)
        return waiting + 1


class RateLimitedLog:
    """Logs the first of a kind at once, and counts those that come within a second of the last line.

    The next line of the kind says how many it stands for.
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
    """The same for what a library logs. Its kinds are its messages, before anything is put into them."""

    def __init__(self) -> None:
        super().__init__()
        self._kinds = _Kinds()

    def filter(self, record: logging.LogRecord) -> bool:
        times = self._kinds.due(str(record.msg))
        if times > 1 and isinstance(record.args, tuple):
            record.msg, record.args = f"{record.msg} (%d times)", (*record.args, times)
        return times > 0
