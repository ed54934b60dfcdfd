"""One line in the log for each answer."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from time import time
from typing import Any, NamedTuple

import structlog
from aiohttp import web

from transports.http.config import LogTogether

_EVENT = "http request"
_TOGETHER = 128
_SECONDS = 0.05


def one_by_one(logger: str, event: str, lines: Sequence[Mapping[str, Any]]) -> None:
    """Log each through all that structlog is configured with."""
    for line in lines:
        structlog.get_logger(logger).info(event, **line)


class _Answered(NamedTuple):
    """A request and its answer. Times in seconds, ``when`` of the Unix epoch."""

    when: float
    request_id: str
    method: str
    path: str
    status: int
    seconds: float
    client: str | None

    def line(self) -> dict[str, Any]:
        when = datetime.fromtimestamp(self.when, UTC).isoformat(timespec="microseconds")
        return {
            "timestamp": when.replace("+00:00", "Z"),
            "request_id": self.request_id,
            "method": self.method,
            "path": self.path,
            "status": self.status,
            "milliseconds": round(self.seconds * 1000, 2),
            "client": self.client,
        }


class AccessLog:
    """Writes some lines at a time, because a line by itself costs more than the rest of a small request.

    A line is written 50 ms after its answer at the latest, with the time of the answer; ``close`` writes the rest.
    """

    def __init__(self, log_together: LogTogether | None) -> None:
        self._log_together = log_together or one_by_one
        self._waiting: list[_Answered] = []
        self._timer: asyncio.TimerHandle | None = None

    def add(self, request: web.Request, request_id: str, status: int, seconds: float) -> None:
        """The query stays out of the log, like everything else that a client may think secret."""
        answered = _Answered(time(), request_id, request.method, request.path, status, seconds, request.remote)
        self._waiting.append(answered)
        if len(self._waiting) >= _TOGETHER:
            self._write()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_SECONDS, self._write)

    async def close(self, _: web.Application) -> None:
        """Write what waits, when the last request has been answered."""
        self._write()

    def _write(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        waiting, self._waiting = self._waiting, []
        self._log_together(__name__, _EVENT, [each.line() for each in waiting])
