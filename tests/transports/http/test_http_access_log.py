"""The access log: one line for each answer, soon, in order, complete, and without secrets of clients."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from tests.http_studio import HttpStudio, http_config, running_http_studio

pytestmark = pytest.mark.integration


def requests_in(logs: list[EventDict]) -> list[EventDict]:
    return [entry for entry in logs if entry["event"] == "http request"]


async def test_a_lone_request_is_logged_without_another(studio: HttpStudio) -> None:
    written = asyncio.Event()

    def tell(_logger: Any, _method: str, event: EventDict) -> EventDict:
        written.set()
        return event

    before = datetime.now(UTC)
    with capture_logs([tell]) as logs:
        reply = await studio.call("GET", "/ping?secret=hunter2")
        await written.wait()
    (entry,) = requests_in(logs)
    assert before <= datetime.fromisoformat(entry.pop("timestamp")) <= datetime.now(UTC)
    assert entry.pop("milliseconds") > 0
    assert entry == {
        "event": "http request",
        "log_level": "info",
        "request_id": reply.headers["X-Request-Id"],
        "method": "GET",
        "path": "/ping",
        "status": 200,
        "client": "127.0.0.1",
    }


async def test_every_answer_is_logged_in_order_when_the_server_has_stopped(tmp_path: Path) -> None:
    with capture_logs() as logs:
        async with running_http_studio(tmp_path, http_config()) as studio:
            ids = [(await studio.call("GET", "/ping")).headers["X-Request-Id"] for _ in range(70)]
            ids.append((await studio.call("GET", "/nowhere")).headers["X-Request-Id"])
    assert [entry["request_id"] for entry in requests_in(logs)] == ids
    assert [entry["status"] for entry in requests_in(logs)] == [200] * 70 + [404]
    times = [entry["timestamp"] for entry in requests_in(logs)]
    assert times == sorted(times)


async def test_where_nothing_waits_nothing_is_written(tmp_path: Path) -> None:
    """No line of JSON is empty."""
    written: list[int] = []
    config = http_config(log_together=lambda _logger, _event, lines: written.append(len(lines)))
    async with running_http_studio(tmp_path, config):
        pass
    assert written == []
