"""Stalled downloads: clients that do not read hold nothing that others need."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from tests.http_studio import HttpStudio, http_config, running_http_studio
from tests.spans import otlp_request, otlp_span

pytestmark = [pytest.mark.integration, pytest.mark.security]

EXPORT = "/api/v1/observability/export?format="
STREAMS = 8  # of one actor at once
ENOUGH = 60.0


@pytest.fixture
async def studio(tmp_path: Path) -> AsyncIterator[HttpStudio]:
    async with running_http_studio(tmp_path, http_config(stall_seconds=2.0)) as studio:
        yield studio


async def fill(studio: HttpStudio, key: str) -> None:
    """More than sockets hold."""
    for trace in range(1, 20):
        spans = (otlp_span(number, trace_id=trace, text="x" * 1000) for number in range(1, 500))
        await studio.send_spans(key, otlp_request(*spans).SerializeToString())


def stalled(port: int, path: str, cookie: str) -> socket.socket:
    """A client that asks and reads nothing."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(("127.0.0.1", port))
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nCookie: session={cookie}\r\n\r\n".encode())
    return client


@pytest.mark.parametrize("path", [EXPORT + "jsonl", EXPORT + "csv", "/api/v1/backup"])
async def test_stalled_downloads_make_room_for_others(studio: HttpStudio, path: str) -> None:
    cookie = await studio.set_up()
    await fill(studio, await studio.make_key(cookie))
    all_cut_off = asyncio.Event()
    count = 0

    def tell(_logger: Any, _method: str, event: EventDict) -> EventDict:
        nonlocal count
        count += str(event["event"]).startswith("download cut off")
        if count == STREAMS:
            all_cut_off.set()
        return event

    with ExitStack() as clients, capture_logs([tell]) as logs:
        for _ in range(STREAMS):
            clients.enter_context(stalled(studio.port, path, cookie))
        await all_cut_off.wait()
        async with asyncio.timeout(ENOUGH):  # the last one is cut off, but its stream is still being closed
            while (reply := await studio.call("GET", path, cookie=cookie)).status == 503:
                assert reply.headers["Retry-After"] == "1"
        assert reply.status == 200
    assert [entry for entry in logs if entry["event"] == "unhandled error"] == []
