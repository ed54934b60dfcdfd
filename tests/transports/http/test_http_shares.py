"""Fair shares of the event loop, also for a client that sends many requests at once."""

import asyncio
import itertools

import pytest

from tests.http_studio import HttpStudio

pytestmark = [pytest.mark.integration, pytest.mark.security]

_MANY = 4000
_GET = b"GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def test_requests_that_are_sent_together_take_turns_with_others(studio: HttpStudio) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", studio.port)
    answers = 0

    async def count() -> None:
        nonlocal answers
        while answers < _MANY:
            await reader.readuntil(b'"pong"}')
            answers += 1

    turns: list[int] = []
    counting = asyncio.create_task(count())
    writer.write(_GET * _MANY)
    while not counting.done():
        await asyncio.sleep(0)  # a turn of the loop, in which everybody else has one
        turns.append(answers)
    writer.close()
    most = max(after - before for before, after in itertools.pairwise(turns))
    assert most <= 32
