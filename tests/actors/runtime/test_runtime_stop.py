"""An orderly stop: what is in hand is finished, what is unread is answered, in reverse order."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

import pytest
from structlog.testing import capture_logs

from actors.errors import Unavailable
from actors.runtime.actor import Actor, ActorBus, handles
from actors.runtime.bus import Bus
from actors.runtime.closing import on_exit
from actors.runtime.messages import Request
from tests.actors.runtime.workbench import (
    Diary,
    DoConcurrently,
    DoSerially,
    DoTogether,
    Gate,
    Workbench,
    fragile,
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

    @classmethod
    @asynccontextmanager
    async def running(cls, bus: ActorBus, diary: Diary) -> AsyncIterator[Self]:
        async with diary.of_life("Elder"):
            yield cls(bus)

    @handles(Asked)
    async def asked(self, _: Asked) -> str:
        return "still here"


class Younger(Actor):
    """Starts last, stops first; asks the elder."""

    @classmethod
    @asynccontextmanager
    async def running(cls, bus: ActorBus, diary: Diary) -> AsyncIterator[Self]:
        async with diary.of_life("Younger"):
            yield cls(bus)
            diary.write(await bus.ask(Asked()))


async def test_actors_stop_in_reverse_order() -> None:
    diary = Diary()
    async with supervised(
        (Elder, lambda bus: Elder.running(bus, diary)), (Younger, lambda bus: Younger.running(bus, diary))
    ):
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
    supervisor = supervisor_of(bus, fragile(diary, asyncio.Event()), grace=0.01)
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
    supervisor = supervisor_of(bus, fragile(order, asyncio.Event()), grace=0.01)
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


async def test_an_actor_that_is_stopped_while_it_starts_is_closed_as_soon_as_it_has_started() -> None:
    diary, opening = Diary(), Gate()

    @asynccontextmanager
    async def factory(bus: ActorBus) -> AsyncIterator[Actor]:
        async with diary.of_life():
            await opening()
            yield Workbench(bus)

    bus = Bus()
    supervisor = supervisor_of(bus, (Workbench, factory))
    start = asyncio.create_task(supervisor.start())
    await opening.begun.wait()
    stop = asyncio.create_task(supervisor.stop())
    await settled()
    assert not stop.done()
    opening.open()
    await asyncio.gather(start, stop)
    assert diary.lines == ["start", "stop"]
    with pytest.raises(Unavailable):
        await bus.ask(DoSerially(work=nothing))


async def test_a_closing_that_takes_longer_than_the_grace_leaves_the_others_to_be_closed() -> None:
    diary, hanging = Diary(), Gate()

    @asynccontextmanager
    async def factory(bus: ActorBus) -> AsyncIterator[Actor]:
        async with diary.of_life(), on_exit(hanging):
            yield Workbench(bus)

    with capture_logs() as logs:
        async with supervised((Workbench, factory), grace=0.01):
            pass
    assert hanging.cancelled.is_set()
    assert diary.lines == ["start", "stop"]
    assert [entry["event"] for entry in logs] == ["actor cut short at stop"]


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
