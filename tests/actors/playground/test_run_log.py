"""The log of a run: numbered, bounded, read at the reader's pace."""

import asyncio
from contextlib import aclosing

import pytest

from actors.errors import NotFound
from actors.playground.messages import Cancelled, CancelReason, RunEvent
from actors.playground.prompt import Usage
from actors.playground.providers.provider import TextDelta
from actors.playground.run_log import RunLog

pytestmark = pytest.mark.unit

END = Cancelled(reason=CancelReason.ASKED, usage=Usage(prompt_tokens=0, completion_tokens=0), estimated=True, cost=None)


def filled(entries: int, *, most_bytes: int = 1 << 20) -> RunLog:
    log = RunLog(most_bytes)
    for number in range(entries):
        log.append(TextDelta(text=f"{number}"))
    return log


async def rest(log: RunLog, after: int) -> list[RunEvent]:
    async with aclosing(log.read(after)) as items:
        return [event async for item in items for event in item]


@pytest.mark.parametrize("after", [0, 1, 99, 100, 101])
async def test_reading_begins_behind_any_entry(after: int) -> None:
    log = filled(100)
    log.end(END)
    assert [event.seq for event in await rest(log, after)] == list(range(after + 1, 102))


@pytest.mark.parametrize("after", [-1, 4, 1000])
async def test_what_is_not_there_is_said(after: int) -> None:
    log = filled(3)
    with pytest.raises(NotFound, match="resume_expired"):
        await anext(log.read(after))


async def test_the_oldest_entries_go_when_nobody_reads() -> None:
    log = filled(0, most_bytes=10_000)
    reader = log.read(0)
    log.append(TextDelta(text="first"))
    await anext(reader)
    await reader.aclose()
    for _ in range(1000):
        log.append(TextDelta(text="x" * 100))
        await log.room()  # nobody to wait for
    log.end(END)
    with pytest.raises(NotFound):
        await rest(log, 900)
    assert [event.seq for event in await rest(log, 990)] == list(range(991, 1003))


async def test_the_writer_waits_for_the_reader() -> None:
    log = filled(64)
    waiting = asyncio.create_task(log.room())
    reader = log.read(0)
    assert len(await anext(reader)) == 64
    assert not waiting.done()  # the reader has them in hand
    log.append(TextDelta(text="more"))
    await anext(reader)
    await waiting
    await reader.aclose()


@pytest.mark.concurrency
async def test_a_second_reader_takes_the_place_of_the_first() -> None:
    log = filled(1)
    first, second = log.read(0), log.read(0)
    assert [event.seq for event in await anext(first)] == [1]
    assert [event.seq for event in await anext(second)] == [1]
    with pytest.raises(StopAsyncIteration):
        await anext(first)
    log.append(TextDelta(text="more"))
    assert [event.seq for event in await anext(second)] == [2]
    await second.aclose()
