"""What is handled at once: a plain call inside the ask, counted and masked like every other."""

import asyncio
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import attrs
import pytest
from structlog.testing import capture_logs

from actors.errors import InternalError, NotFound, Unavailable
from actors.runtime.actor import Actor, handles, handles_inline
from actors.runtime.bus import Bus
from actors.runtime.messages import Request
from actors.runtime.statistics import MessageStatistics
from tests.actors.runtime.workbench import Gate, Work, supervised, supervisor_of

pytestmark = pytest.mark.unit

request_id: ContextVar[str] = ContextVar("request_id", default="none")


@attrs.frozen(kw_only=True, eq=False)
class Look(Request[Any]):
    """Call the function and answer its result."""

    at: Callable[[], Any]


@attrs.frozen(kw_only=True, eq=False)
class Write(Request[Any]):
    """Await the work, one at a time."""

    work: Work


class Memory(Actor):
    @handles_inline(Look)
    def look(self, request: Look) -> Any:
        return request.at()

    @handles(Write)
    async def write(self, request: Write) -> Any:
        return await request.work()


def number() -> int:
    return 7


def missing() -> None:
    raise NotFound("No such thing")


def bug() -> None:
    raise ValueError("the password is hunter2")


def stray() -> None:
    raise asyncio.CancelledError


def counted(bus: Bus) -> tuple[int, int, int, int]:
    counters: MessageStatistics = bus.statistics.of(Look)
    return counters.asked, counters.refused, counters.handled, counters.failed


async def test_the_answer_comes_without_a_turn_of_the_loop() -> None:
    async with supervised(Memory) as bus:
        turned: list[bool] = []
        asyncio.get_running_loop().call_soon(turned.append, True)
        assert await bus.ask(Look(at=number)) == 7
        assert turned == []


async def test_it_is_answered_beside_a_write_and_after_the_deadline() -> None:
    gate = Gate()
    async with supervised(Memory) as bus:
        writing = asyncio.create_task(bus.ask(Write(work=gate)))
        await gate.begun.wait()
        assert await bus.ask(Look(at=number), timeout=0) == 7
        gate.open()
        await writing


async def test_it_runs_in_the_context_of_its_asker() -> None:
    request_id.set("r-1")
    async with supervised(Memory) as bus:
        assert await bus.ask(Look(at=request_id.get)) == "r-1"


async def test_an_error_is_a_normal_answer_and_every_ask_is_counted() -> None:
    async with supervised(Memory) as bus:
        await bus.ask(Look(at=number))
        with capture_logs() as logs, pytest.raises(NotFound, match="No such thing"):
            await bus.ask(Look(at=missing))
        assert logs == []
        assert counted(bus) == (2, 0, 2, 0)
        assert bus.statistics.of(Look).seconds_in_handler > 0


@pytest.mark.parametrize("fault", [bug, stray])
async def test_a_bug_is_masked_and_logged_and_the_actor_lives_on(fault: Callable[[], None]) -> None:
    async with supervised(Memory) as bus:
        with capture_logs() as logs, pytest.raises(InternalError) as caught:
            await bus.ask(Look(at=fault))
        assert (caught.value.__cause__, caught.value.__context__) == (None, None)
        assert [(entry["event"], entry["message"], entry["exc_info"]) for entry in logs] == [
            ("handler failed", "Look", True)
        ]
        assert counted(bus) == (1, 0, 1, 1)
        assert await bus.ask(Look(at=number)) == 7


@pytest.mark.error_recovery
async def test_it_is_unavailable_while_the_actor_is_away() -> None:
    bus = Bus()
    supervisor = supervisor_of(bus, Memory)
    with pytest.raises(Unavailable):
        await bus.ask(Look(at=number))
    await supervisor.start()
    await bus.ask(Look(at=number))
    await supervisor.stop()
    with pytest.raises(Unavailable):
        await bus.ask(Look(at=number))
    assert counted(bus) == (1, 2, 1, 0)


@pytest.mark.error_recovery
async def test_it_is_unavailable_while_the_last_write_of_a_stopping_actor_ends() -> None:
    gate = Gate()
    bus = Bus()
    supervisor = supervisor_of(bus, Memory)
    await supervisor.start()
    writing = asyncio.create_task(bus.ask(Write(work=gate)))
    await gate.begun.wait()
    stopping = asyncio.create_task(supervisor.stop())
    await asyncio.sleep(0)  # its first step closes the mailbox
    with pytest.raises(Unavailable):
        await bus.ask(Look(at=number))
    gate.open()
    await asyncio.gather(writing, stopping)
    assert counted(bus) == (0, 1, 0, 0)
