"""Concurrent messages run in lanes, each with a size of its own, and no lane keeps another waiting."""

import asyncio
from collections.abc import Mapping
from typing import Any, ClassVar

import attrs
import pytest

from actors.errors import Overloaded, Unavailable
from actors.runtime.actor import Actor, handles
from actors.runtime.lane import Lane
from actors.runtime.mailbox import Capacity
from actors.runtime.messages import Request
from actors.runtime.statistics import LaneLoad
from tests.actors.runtime.workbench import DoConcurrently, DoSerially, Gate, Work, Workbench, settled, supervised

pytestmark = pytest.mark.unit


@attrs.frozen(kw_only=True, eq=False)
class DoForLong(Request[Any]):
    work: Work


class WithLane(Workbench):
    lanes: ClassVar[Mapping[str, Lane]] = {
        **Workbench.lanes,
        "long": Lane(at_once=1, capacity=Capacity(messages=3, retry_after=7.0)),
    }

    @handles(DoForLong, lane="long")
    async def do_for_long(self, request: DoForLong) -> Any:
        return await request.work()


async def test_a_full_lane_keeps_nobody_else_waiting() -> None:
    gates = [Gate(number) for number in range(3)]
    async with supervised(WithLane) as bus:
        long = [asyncio.create_task(bus.ask(DoForLong(work=gate))) for gate in gates]
        await gates[0].begun.wait()
        await settled()
        assert not gates[1].begun.is_set()
        with pytest.raises(Overloaded, match=r"WithLane \(long\) is overloaded") as refused:
            await bus.ask(DoForLong(work=Gate()))
        assert refused.value.retry_after == 7.0
        read = Gate("read")
        read.open()
        assert await asyncio.gather(*(bus.ask(DoConcurrently(work=read)) for _ in range(5))) == ["read"] * 5
        for gate in gates:
            gate.open()
        assert await asyncio.gather(*long) == [0, 1, 2]


async def test_full_reads_keep_another_lane_free() -> None:
    gates = [Gate(number) for number in range(Workbench.lanes["reads"].at_once)]
    async with supervised(WithLane) as bus:
        reads = [asyncio.create_task(bus.ask(DoConcurrently(work=gate))) for gate in gates]
        for gate in gates:
            await gate.begun.wait()
        long = Gate("long")
        long.open()
        assert await bus.ask(DoForLong(work=long)) == "long"
        for gate in gates:
            gate.open()
        assert await asyncio.gather(*reads) == [0, 1, 2]


async def test_who_leaves_a_lane_is_cancelled_and_the_next_one_begins() -> None:
    gates = [Gate(), Gate("second")]
    async with supervised(WithLane) as bus:
        first, second = [asyncio.create_task(bus.ask(DoForLong(work=gate))) for gate in gates]
        await gates[0].begun.wait()
        first.cancel()
        await gates[0].cancelled.wait()
        await gates[1].begun.wait()
        gates[1].open()
        assert await second == "second"


async def test_at_the_end_those_who_wait_are_turned_away_and_what_is_in_work_is_finished() -> None:
    gates = [Gate("first"), Gate()]
    async with supervised(WithLane) as bus:
        first, second = [asyncio.create_task(bus.ask(DoForLong(work=gate))) for gate in gates]
        second.add_done_callback(lambda _: gates[0].open())
        await gates[0].begun.wait()
    assert await first == "first"
    with pytest.raises(Unavailable):
        await second
    assert not gates[1].begun.is_set()


async def test_the_bus_tells_how_full_each_lane_is() -> None:
    gate = Gate()
    async with supervised(WithLane) as bus:
        asks = [
            asyncio.create_task(bus.ask(kind(work=gate)))
            for kind, times in ((DoSerially, 3), (DoConcurrently, 4), (DoForLong, 2))
            for _ in range(times)
        ]
        await settled()
        assert bus.loads() == {
            ("WithLane", "serial"): LaneLoad(waiting=2, at_work=1),
            ("WithLane", "reads"): LaneLoad(waiting=1, at_work=3),
            ("WithLane", "long"): LaneLoad(waiting=1, at_work=1),
        }
        gate.open()
        await asyncio.gather(*asks)
        assert set(bus.loads().values()) == {LaneLoad(waiting=0, at_work=0)}
    assert bus.loads() == {}


async def test_the_bus_tells_how_many_each_lane_has_turned_away() -> None:
    gate = Gate()
    async with supervised(WithLane) as bus:
        asks = [asyncio.create_task(bus.ask(DoForLong(work=gate))) for _ in range(6)]
        await settled()
        refused = {lane: load.refused for (_, lane), load in bus.loads().items()}
        assert refused == {"serial": 0, "reads": 0, "long": 3}
        gate.open()
        ends = await asyncio.gather(*asks, return_exceptions=True)
    assert [type(each) for each in ends].count(Overloaded) == 3


def test_a_lane_that_the_actor_does_not_have_is_a_mistake() -> None:
    with pytest.raises(TypeError, match="has no lane nowhere"):

        class _Mistaken(Actor):
            @handles(DoForLong, lane="nowhere")
            async def do(self, request: DoForLong) -> Any:
                return await request.work()


def test_the_serial_messages_keep_the_name_of_their_lane() -> None:
    with pytest.raises(TypeError, match="has a lane serial"):

        class _Mistaken(Actor):
            lanes: ClassVar[Mapping[str, Lane]] = {"serial": Lane(at_once=1)}


def test_a_lane_in_which_nothing_runs_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="at_once"):
        Lane(at_once=0)
