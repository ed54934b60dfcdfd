"""An orderly stop: what is in hand is finished, what is unread is answered, in reverse order."""

import asyncio

import pytest
from structlog.testing import capture_logs

from actors.errors import Unavailable
from actors.runtime.actor import Actor, handles
from actors.runtime.bus import Bus
from actors.runtime.messages import Request
from tests.actors.runtime.workbench import (
    Diary,
    DoConcurrently,
    DoSerially,
    DoTogether,
    Fragile,
    Gate,
    Workbench,
    replies_of,
    settled,
    supervised,
    supervisor_of,
)

pytestmark = pytest.mark.error_recovery


async def nothing() -> None:
    pass


class Asked(Request[str]):
    pass


class Elder(Actor):
    """Starts first, stops last; is asked by the younger."""

    def __init__(self, diary: Diary) -> None:
        self._diary = diary

    async def start(self) -> None:
        self._diary.write("Elder starts")

    async def stop(self) -> None:
        self._diary.write("Elder stops")

    @handles(Asked)
    async def asked(self, _: Asked) -> str:
        return "still here"


class Younger(Actor):
    """Starts last, stops first; asks the elder."""

    def __init__(self, diary: Diary) -> None:
        self._diary = diary

    async def start(self) -> None:
        self._diary.write("Younger starts")

    async def stop(self) -> None:
        self._diary.write(await self.bus.ask(Asked()))
        self._diary.write("Younger stops")


async def test_actors_stop_in_reverse_order() -> None:
    diary = Diary()
    async with supervised(lambda: Elder(diary), lambda: Younger(diary)):
        assert diary.lines == ["Elder starts", "Younger starts"]
    assert diary.lines[2:] == ["still here", "Younger stops", "Elder stops"]


async def test_at_stop_work_in_hand_is_finished_and_unread_mail_is_answered() -> None:
    write, read = Gate("written"), [Gate("read") for _ in range(4)]
    bus = Bus()
    supervisor = supervisor_of(bus, Workbench)
    await supervisor.start()
    begun = replies_of(bus.ask(DoSerially(work=write)), *(bus.ask(DoConcurrently(work=gate)) for gate in read[:3]))
    await asyncio.gather(write.begun.wait(), *(gate.begun.wait() for gate in read[:3]))
    unread = replies_of(
        bus.ask(DoSerially(work=write)), bus.ask(DoTogether(number=1)), bus.ask(DoConcurrently(work=read[3]))
    )
    await settled()
    stop = asyncio.create_task(supervisor.stop())
    assert {type(reply) for reply in await unread} == {Unavailable}
    with pytest.raises(Unavailable):
        await bus.ask(DoSerially(work=nothing))
    write.open()
    await write.ended.wait()
    await settled()
    assert not stop.done()
    for gate in read:
        gate.open()
    assert await begun == ["written", "read", "read", "read"]
    await stop
    assert not read[3].begun.is_set()


async def test_at_stop_a_handler_that_hangs_is_cut_short_after_the_grace() -> None:
    write, read = Gate(), Gate()
    diary = Diary()
    bus = Bus()
    supervisor = supervisor_of(bus, lambda: Fragile(diary, asyncio.Event()), grace=0.01)
    await supervisor.start()
    asks = replies_of(bus.ask(DoSerially(work=write)), bus.ask(DoConcurrently(work=read)))
    await asyncio.gather(write.begun.wait(), read.begun.wait())
    with capture_logs() as logs:
        await supervisor.stop()
    assert {type(reply) for reply in await asks} == {Unavailable}
    assert write.cancelled.is_set()
    assert read.cancelled.is_set()
    assert diary.lines == ["start", "stop"]
    assert [entry["event"] for entry in logs] == ["actor cut short at stop"]


async def test_the_actor_stops_after_its_last_handler() -> None:
    """A read that is cut short still cleans up before the actor closes what it uses."""
    order = Diary()
    begun, cleaning = asyncio.Event(), Gate()

    async def careful() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            await cleaning()
            order.write("read has cleaned up")

    bus = Bus()
    supervisor = supervisor_of(bus, lambda: Fragile(order, asyncio.Event()), grace=0.01)
    await supervisor.start()
    ask = replies_of(bus.ask(DoConcurrently(work=careful)))
    await begun.wait()
    with capture_logs():
        stop = asyncio.create_task(supervisor.stop())
        await cleaning.begun.wait()
        cleaning.open()
        await stop
    assert {type(reply) for reply in await ask} == {Unavailable}
    assert order.lines == ["start", "read has cleaned up", "stop"]


async def test_work_is_cancelled_at_stop() -> None:
    cancelled = Gate()

    class Busy(Actor):
        async def work(self) -> None:
            await cancelled()

    async with supervised(Busy):
        await cancelled.begun.wait()
    assert cancelled.cancelled.is_set()


async def test_work_may_end_while_the_actor_lives_on() -> None:
    async with supervised(Workbench) as bus:
        await settled()
        assert await bus.ask(DoSerially(work=nothing)) is None
