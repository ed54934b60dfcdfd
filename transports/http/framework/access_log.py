"""The access log: one line for each answer."""

import asyncio
from collections.abc import Mapping, Sequence
from functools import lru_cache
from time import gmtime, strftime, time
from typing import Any

import structlog
from aiohttp import web
from yarl import URL

from transports.http.config import HttpConfig
from transports.http.framework.clients import address_of
from transports.masking import without_keys

_EVENT = "http request"
_TOGETHER = 128
_SECONDS = 0.05


def one_by_one(logger: str, event: str, lines: Sequence[Mapping[str, Any]]) -> None:
    """Log each line by itself, through the whole configuration of structlog."""
    for line in lines:
        structlog.get_logger(logger).info(event, **line)


# Time of the answer (seconds of the Unix epoch), request id, method, URL, status, seconds it took, client's address.
_Answered = tuple[float, str, str, URL, int, float, str | None]


class AccessLog:
    """Access log that writes lines in batches.

    A line by itself costs two to three times what it costs behind another (decision 0006). Each line is written 50 ms
    after its answer at the latest, with the time of the answer; ``close`` writes the rest.
    """

    def __init__(self, config: HttpConfig) -> None:
        self._log_together = config.log_together or one_by_one
        self._trusted_proxies = config.trusted_proxies
        self._waiting: list[_Answered] = []
        self._timer: asyncio.TimerHandle | None = None

    def add(self, request: web.Request, request_id: str, status: int, seconds: float) -> None:
        """Queue the line of one answer.

        The query is left out, like everything else that a client may think secret.
        """
        client = address_of(request, self._trusted_proxies)
        self._waiting.append((time(), request_id, request.method, request.rel_url, status, seconds, client))
        if len(self._waiting) >= _TOGETHER:
            self._write()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_SECONDS, self._write)

    async def close(self, _: web.Application) -> None:
        """Write the lines that wait, when the last request has been answered."""
        self._write()

    def _write(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        waiting, self._waiting = self._waiting, []
        if waiting:
            self._log_together(__name__, _EVENT, [_line(answered) for answered in waiting])


def _line(answered: _Answered) -> dict[str, Any]:
    when, request_id, method, url, status, seconds, client = answered
    return {
        "timestamp": _moment(when),
        "request_id": without_keys(request_id),
        "method": method,
        "path": without_keys(url.path),
        "status": status,
        "milliseconds": round(seconds * 1000, 2),
        "client": client,
    }


def _moment(when: float) -> str:
    """Format seconds of the Unix epoch as ISO 8601 with microseconds, UTC."""
    second, microsecond = divmod(int(when * 1_000_000), 1_000_000)
    return f"{_second(second)}.{microsecond:06d}Z"


@lru_cache(maxsize=1)  # lines that are written together are mostly of one second
def _second(second: int) -> str:
    return strftime("%Y-%m-%dT%H:%M:%S", gmtime(second))
