"""One line in the log for each answer."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import structlog
from aiohttp import web

log = structlog.get_logger(__name__)

_TOGETHER = 32
_SECONDS = 0.05


class AccessLog:
    """Writes some lines at a time: a line by itself costs two to three times as much as one directly after another.

    A line is written 50 ms after its answer at the latest, with the time of the answer; ``close`` writes the rest.
    """

    def __init__(self) -> None:
        self._waiting: list[dict[str, Any]] = []
        self._timer: asyncio.TimerHandle | None = None

    def add(self, request: web.Request, request_id: str, status: int, seconds: float) -> None:
        """The query stays out of the log, like everything else that a client may think secret."""
        line = {
            "timestamp": datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "request_id": request_id,
            "method": request.method,
            "path": request.path,
            "status": status,
            "milliseconds": round(seconds * 1000, 2),
            "client": request.remote,
        }
        self._waiting.append(line)
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
        lines, self._waiting = self._waiting, []
        for line in lines:
            log.info("http request", **line)
