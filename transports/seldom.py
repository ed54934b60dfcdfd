"""Lines that strangers can cause at will: of each kind one a second, with how many there were."""

from time import monotonic
from typing import Any

_SECONDS = 1.0


class Seldom:
    """Logs the first of a kind at once, and counts those that come within a second of the last line.

    The next line of the kind says how many it stands for.
    """

    def __init__(self, log: Any) -> None:  # noqa: ANN401 - structlog's
        self._log = log
        self._kinds: dict[str, tuple[float, int]] = {}  # when the last line was, and how many have come since

    def warning(self, event: str, **fields: object) -> None:
        """Log an event, with the fields of the latest."""
        now = monotonic()
        last, waiting = self._kinds.get(event, (now - _SECONDS, 0))
        if now - last < _SECONDS:
            self._kinds[event] = (last, waiting + 1)
            return
        self._kinds[event] = (now, 0)
        self._log.warning(event, **fields, times=waiting + 1)
