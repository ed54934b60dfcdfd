"""Deadlines, and askers who leave."""

import asyncio
from typing import Any

import attrs
import pytest

from actors.errors import DeadlineExceeded
from actors.runtime.bus import context_until
from tests.actors.runtime.workbench import (
    DoConcurrently,
    DoSerially,
    Gate,
    Workbench,
    settled,
    supervised,
)

pytestmark = pytest.mark.unit


async def nothing() -> None:
    pass


@pytest.mark.parametrize("kind", [DoSerially, DoConcurrently])
async def test_a_late_reply_is_a_deadline_exceeded(kind: type[Any]) -> None:
    gate = Gate()
    async with supervised(Workbench) as bus:
        with pytest.raises(DeadlineExceeded):
            await bus.ask(kind(work=gate), timeout=0.01)
        assert bus.statistics.of(kind).late == 1
        assert bus.statistics.of(kind).abandoned == 0
        gate.open()
        await gate.ended.wait()
        assert await bus.ask(kind(work=nothing)) is None
    assert gate.cancelled.is_set() is (kind is DoConcurrently)


async def test_an_ask_that_is_late_before_it_begins_is_never_sent() -> None:
    begun = Gate()
    async with supervised(Workbench) as bus:
        for timeout in (0, -1):
            with pytest.raises(DeadlineExceeded):
                await bus.ask(DoSerially(work=begun), timeout=timeout)
        await settled()
        assert attrs.asdict(bus.statistics.of(DoSerially))["late"] == 2
        assert bus.statistics.of(DoSerially).asked == 0
    assert not begun.begun.is_set()


async def test_nested_asks_never_outlive_the_outer_deadline() -> None:
    inner = Gate()
    async with supervised(Workbench) as bus:

        async def outer() -> None:
            await bus.ask(DoConcurrently(work=inner), timeout=3600)

        with pytest.raises(DeadlineExceeded):
            await bus.ask(DoSerially(work=outer), timeout=0.01)
        await inner.cancelled.wait()
        assert bus.statistics.of(DoConcurrently).late == 1


async def test_work_that_outlives_its_ask_may_shed_its_deadline() -> None:
    gate = Gate("late but welcome")
    async with supervised(Workbench) as bus:
        tasks: list[asyncio.Task[Any]] = []

        async def ask_on() -> Any:
            await gate.begun.wait()
            return await bus.ask(DoConcurrently(work=gate))

        async def begin() -> None:
            tasks.append(asyncio.create_task(ask_on(), context=context_until()))
            await asyncio.Event().wait()

        with pytest.raises(DeadlineExceeded):
            await bus.ask(DoConcurrently(work=begin), timeout=0.01)
        gate.begun.set()
        gate.open()
        assert await tasks[0] == "late but welcome"


async def test_an_asker_who_leaves_before_the_handler_withdraws_the_message() -> None:
    first, second, third = Gate(), Gate(), Gate("third")
    async with supervised(Workbench) as bus:
        asks = [asyncio.create_task(bus.ask(DoSerially(work=gate))) for gate in (first, second, third)]
        await first.begun.wait()
        asks[1].cancel()
        for gate in (first, third):
            gate.open()
        assert await asks[2] == "third"
        assert not second.begun.is_set()
        assert bus.statistics.of(DoSerially).abandoned == 1
        assert bus.statistics.of(DoSerially).handled == 2


async def test_a_read_withdrawn_while_it_waits_for_a_place_is_never_begun() -> None:
    gates = [Gate(number) for number in range(5)]
    async with supervised(Workbench) as bus:
        asks = [asyncio.create_task(bus.ask(DoConcurrently(work=gate))) for gate in gates]
        await gates[2].begun.wait()
        asks[3].cancel()
        for gate in gates:
            gate.open()
        assert await asks[4] == 4
        assert not gates[3].begun.is_set()


async def test_a_read_whose_asker_leaves_is_cancelled() -> None:
    gate = Gate()
    async with supervised(Workbench) as bus:
        ask = asyncio.create_task(bus.ask(DoConcurrently(work=gate)))
        await gate.begun.wait()
        ask.cancel()
        await gate.cancelled.wait()
        assert bus.statistics.of(DoConcurrently).abandoned == 1


async def test_a_write_whose_asker_leaves_is_finished() -> None:
    gate = Gate()
    async with supervised(Workbench) as bus:
        ask = asyncio.create_task(bus.ask(DoSerially(work=gate)))
        await gate.begun.wait()
        ask.cancel()
        await settled()
        gate.open()
        await gate.ended.wait()
    assert not gate.cancelled.is_set()
