"""Events reach whoever subscribes; the publisher never waits and never fails."""

import asyncio

import pytest
from structlog.testing import capture_logs

from actors.errors import DeadlineExceeded, NotFound
from actors.runtime.actor import Actor, subscribes
from actors.runtime.bus import Bus
from tests.actors.runtime.workbench import DoConcurrently, DoSerially, Gate, Happened, Workbench, supervised

pytestmark = pytest.mark.unit


class Listener(Actor):
    @subscribes(Happened)
    async def happened(self, event: Happened) -> None:
        await event.work()


async def test_every_subscriber_hears_of_it() -> None:
    gate = Gate()
    heard: list[None] = []

    async def hear() -> None:
        heard.append(None)
        if len(heard) == 2:
            gate.open()

    async with supervised(Workbench, Listener) as bus:
        bus.publish(Happened(work=hear))
        await gate()
        assert bus.statistics.of(Happened).asked == 2


async def test_events_keep_their_place_among_serial_messages() -> None:
    heard: list[int] = []

    async def note(number: int) -> None:
        heard.append(number)

    async with supervised(Workbench) as bus:
        first = asyncio.create_task(bus.ask(DoSerially(work=lambda: note(1))))
        await asyncio.sleep(0)
        bus.publish(Happened(work=lambda: note(2)))
        await bus.ask(DoSerially(work=lambda: note(3)))
        await first
    assert heard == [1, 2, 3]


async def test_nobody_may_listen() -> None:
    bus = Bus()
    bus.publish(Happened(work=Gate()))
    assert bus.statistics.of(Happened).asked == bus.statistics.of(Happened).refused == 0


async def test_an_absent_or_full_subscriber_is_counted() -> None:
    gate = Gate()
    bus = Bus()
    bus.register(Listener)
    bus.publish(Happened(work=gate))
    assert bus.statistics.of(Happened).refused == 1

    async with supervised(Workbench) as full:
        for _ in range(10):
            full.publish(Happened(work=gate))
        assert full.statistics.of(Happened).asked == 8
        assert full.statistics.of(Happened).refused == 2
        gate.open()
        await full.ask(DoConcurrently(work=gate))


async def test_an_event_that_cannot_be_handled_is_logged_and_the_actor_lives_on() -> None:
    async def refuse() -> None:
        raise NotFound("no such session")

    async def bug() -> None:
        raise ValueError

    async with supervised(Workbench) as bus:
        with capture_logs() as logs:
            bus.publish(Happened(work=refuse))
            bus.publish(Happened(work=bug))
            await bus.ask(DoSerially(work=_nothing))
        assert [(entry["event"], entry["message"]) for entry in logs] == [
            ("event not handled", "Happened"),
            ("handler failed", "Happened"),
        ]
        assert bus.statistics.of(Happened).failed == 1


async def _nothing() -> None:
    pass


async def test_an_event_does_not_inherit_the_deadline_of_its_publisher() -> None:
    """Its subscriber works on after the publisher's asker has stopped waiting."""
    hold, heard = Gate(), asyncio.get_running_loop().create_future()

    async with supervised(Workbench) as bus:

        async def hear() -> None:
            await hold()
            heard.set_result(await bus.ask(DoConcurrently(work=_answer)))

        async def announce() -> None:
            bus.publish(Happened(work=hear))
            await asyncio.Event().wait()

        with pytest.raises(DeadlineExceeded):
            await bus.ask(DoConcurrently(work=announce), timeout=0.01)
        hold.open()
        assert await heard == "answered"


async def _answer() -> str:
    return "answered"
