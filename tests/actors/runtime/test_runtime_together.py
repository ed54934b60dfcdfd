"""Requests that wait together are answered together, each with its own reply."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext
from typing import Any

import pytest
from structlog.testing import capture_logs

from actors.errors import Conflict, InternalError, Refused, StudioError
from actors.runtime.actor import ActorBus
from actors.runtime.bus import Bus
from tests.actors.runtime.workbench import (
    DoSerially,
    DoTogether,
    Gate,
    Workbench,
    numbers_of,
    replies_of,
    settled,
    supervised,
)

pytestmark = pytest.mark.unit


class Groups(Workbench):
    """Remembers the groups it was given."""

    def __init__(self, bus: ActorBus, seen: list[list[int]], together: Any) -> None:
        super().__init__(bus)
        self._seen = seen
        self._together = together

    async def together(self, requests: Sequence[DoTogether]) -> Sequence[int | StudioError]:
        self._seen.append([request.number for request in requests])
        replies: Sequence[int | StudioError] = await self._together(requests)
        return replies


@asynccontextmanager
async def grouping(together: Any = numbers_of) -> AsyncIterator[tuple[Bus, list[list[int]], Gate]]:
    """A bus whose one actor is held by a gate, so that what is asked waits together; and the groups it will see."""
    seen: list[list[int]] = []
    gate = Gate()
    async with supervised((Groups, lambda bus: nullcontext(Groups(bus, seen, together)))) as bus:
        holding = asyncio.create_task(bus.ask(DoSerially(work=gate)))
        await gate.begun.wait()
        yield bus, seen, gate
        await holding


async def test_what_waits_together_is_answered_together_in_order() -> None:
    async with grouping() as (bus, seen, gate):
        asks = replies_of(*(bus.ask(DoTogether(number=number)) for number in range(6)))
        await settled()
        gate.open()
        assert await asks == [0, 1, 2, 3, 4, 5]
        assert seen == [[0, 1, 2, 3], [4, 5]], "four at most"
        assert bus.statistics.of(DoTogether).handled == 6


async def test_a_group_is_bounded_in_bytes() -> None:
    async with grouping() as (bus, seen, gate):
        weights = (60, 40, 1, 150, 0)
        asks = replies_of(*(bus.ask(DoTogether(number=weight, weight=weight)) for weight in weights))
        await settled()
        gate.open()
        assert await asks == list(weights)
        assert seen == [[60, 40], [1], [150], [0]]


async def test_each_asker_gets_its_own_error() -> None:
    async def even(requests: Sequence[DoTogether]) -> Sequence[int | StudioError]:
        return [Conflict(f"{request.number} is odd") if request.number % 2 else request.number for request in requests]

    async with grouping(even) as (bus, _, gate):
        asks = replies_of(*(bus.ask(DoTogether(number=number)) for number in range(4)))
        await settled()
        gate.open()
        assert [str(reply) for reply in await asks] == ["0", "1 is odd", "2", "3 is odd"]
        assert bus.statistics.of(DoTogether).failed == 0


async def test_an_error_of_the_group_is_everybodys() -> None:
    async def refuse(_: Sequence[DoTogether]) -> Sequence[int | StudioError]:
        raise Refused("not today")

    async with grouping(refuse) as (bus, _, gate):
        asks = replies_of(*(bus.ask(DoTogether(number=number)) for number in range(3)))
        await settled()
        gate.open()
        assert [(type(reply), str(reply)) for reply in await asks] == [(Refused, "not today")] * 3


async def _bug(_: Sequence[DoTogether]) -> Sequence[int | StudioError]:
    raise ValueError("secret")


async def _too_few(requests: Sequence[DoTogether]) -> Sequence[int | StudioError]:
    return [request.number for request in requests][1:]


async def _too_many(requests: Sequence[DoTogether]) -> Sequence[int | StudioError]:
    return [*(request.number for request in requests), 0]


async def _nothing(_: Sequence[DoTogether]) -> Any:
    return None


async def _stray(_: Sequence[DoTogether]) -> Any:
    future = asyncio.get_running_loop().create_future()
    future.cancel()
    await future


@pytest.mark.parametrize("together", [_bug, _too_few, _too_many, _nothing, _stray])
async def test_a_bug_is_an_internal_error_for_all_and_the_actor_lives_on(together: Any) -> None:
    async with grouping(together) as (bus, _, gate):
        asks = replies_of(*(bus.ask(DoTogether(number=number)) for number in range(3)))
        await settled()
        with capture_logs() as logs:
            gate.open()
            assert [(type(reply), str(reply)) for reply in await asks] == [(InternalError, "Internal Server Error")] * 3
        assert [entry["event"] for entry in logs] == ["handler failed"]
        assert bus.statistics.of(DoTogether).failed == 3
        assert await bus.ask(DoSerially(work=gate)) is None


async def test_those_whose_askers_left_are_not_in_the_group() -> None:
    async with grouping() as (bus, seen, gate):
        asks = [asyncio.create_task(bus.ask(DoTogether(number=number))) for number in range(4)]
        await settled()
        asks[0].cancel()
        asks[2].cancel()
        await settled()
        gate.open()
        assert await replies_of(asks[1], asks[3]) == [1, 3]
        assert seen == [[1, 3]]


async def test_a_group_is_finished_when_one_of_its_askers_leaves() -> None:
    group = Gate()

    async def slow(requests: Sequence[DoTogether]) -> Sequence[int | StudioError]:
        await group()
        return await numbers_of(requests)

    async with grouping(slow) as (bus, seen, gate):
        asks = [asyncio.create_task(bus.ask(DoTogether(number=number))) for number in range(3)]
        await settled()
        gate.open()
        await group.begun.wait()
        asks[1].cancel()
        await settled()
        group.open()
        assert await replies_of(asks[0], asks[2]) == [0, 2]
        assert seen == [[0, 1, 2]]


async def test_other_messages_keep_their_place_between_groups() -> None:
    async with grouping() as (bus, seen, gate):

        async def note() -> None:
            seen.append([])

        asks = replies_of(
            bus.ask(DoTogether(number=1)),
            bus.ask(DoTogether(number=2)),
            bus.ask(DoSerially(work=note)),
            bus.ask(DoTogether(number=3)),
        )
        await settled()
        gate.open()
        await asks
        assert seen == [[1, 2], [], [3]]
