"""The bound on what is being received at once."""

import asyncio
from collections import deque

import pytest

from actors.errors import Overloaded, TooLarge
from actors.runtime.budget import Budget, Reservation

pytestmark = pytest.mark.unit


def test_refuses_what_does_not_fit_beside_others_and_says_when_to_retry() -> None:
    budget = Budget(100)
    with budget.reserve() as first, budget.reserve() as second:
        first.grow(60)
        with pytest.raises(Overloaded) as refusal:
            second.grow(41)
        second.grow(40)
    assert refusal.value.retry_after is not None


def test_the_time_to_wait_follows_the_rate_at_which_it_was_lately_given_back() -> None:
    now = [0.0]
    budget = Budget(100, clock=lambda: now[0])
    assert retry_after(budget) == 1.0
    for _ in range(30):
        with budget.reserve() as request:
            request.grow(60)
            now[0] += 4.0
            request.grow(1)
    assert retry_after(budget) == pytest.approx(4.0 / 61 * 100, rel=0.01)
    for _ in range(30):
        with budget.reserve() as request:
            request.grow(60)
    assert retry_after(budget) == 0.1


def test_what_is_held_side_by_side_is_given_back_as_fast_as_all_of_it_together() -> None:
    now = [0.0]
    budget = Budget(100, clock=lambda: now[0])
    requests: deque[Reservation] = deque()
    for _ in range(60):  # ten at once, of which one ends each half a second: eight units a second
        now[0] += 0.5
        if len(requests) == 10:
            requests.popleft().__exit__(None, None, None)
        requests.append(budget.reserve())
        requests[-1].grow(4)
    while requests:
        now[0] += 0.5
        requests.popleft().__exit__(None, None, None)
    assert retry_after(budget) == pytest.approx(100 / 8, rel=0.01)


def test_what_was_given_back_before_the_end_was_worked_off_too() -> None:
    now = [0.0]
    budget = Budget(100, clock=lambda: now[0])
    for _ in range(30):
        with budget.reserve() as request:
            request.grow(50)
            now[0] += 4.0
            request.shrink(1)
    assert retry_after(budget) == pytest.approx(8.0, rel=0.01)


def retry_after(budget: Budget) -> float | None:
    """What a request is told while another holds everything."""
    with budget.reserve() as other, budget.reserve() as late:
        other.grow(100)
        with pytest.raises(Overloaded) as refusal:
            late.grow(1)
    return refusal.value.retry_after


def test_takes_one_request_larger_than_itself_when_nothing_else_is_held() -> None:
    budget = Budget(100)
    with budget.reserve() as alone:
        alone.grow(1000)
        with budget.reserve() as late, pytest.raises(Overloaded):
            late.grow(1)
    with budget.reserve() as next_one:
        next_one.grow(100)


def test_gives_back_what_was_held_however_the_block_ends() -> None:
    budget = Budget(100)
    for _ in range(3):
        with pytest.raises(TooLarge), budget.reserve() as reservation:
            _fill_and_fail(reservation)


def _fill_and_fail(reservation: Reservation) -> None:
    reservation.grow(50)
    reservation.grow(50)
    raise TooLarge("as a receiver might find out")


def test_a_refused_growth_holds_nothing() -> None:
    budget = Budget(100)
    with budget.reserve() as first:
        first.grow(90)
        with budget.reserve() as second, pytest.raises(Overloaded):
            second.grow(20)
        with budget.reserve() as third:
            third.grow(10)


async def test_who_waits_has_a_turn_in_the_order_of_coming() -> None:
    budget = Budget(100)
    order: list[int] = []

    async def hold(number: int, size: int) -> None:
        with budget.reserve() as mine:
            await mine.wait(size, seconds=60)
            order.append(number)

    with budget.reserve() as first:
        first.grow(80)
        others = [asyncio.create_task(hold(number, size)) for number, size in enumerate((90, 10, 1000, 20))]
        await asyncio.wait(others, timeout=0)
        assert order == []  # not even the one that there is room for: the one before it would wait for ever
    await asyncio.gather(*others)
    assert order == [0, 1, 2, 3]


async def test_who_has_waited_for_too_long_is_told_when_to_come_back() -> None:
    budget = Budget(100)
    with budget.reserve() as first, budget.reserve() as late:
        first.grow(80)
        with pytest.raises(Overloaded) as refusal:
            await late.wait(30, seconds=0)
        assert refusal.value.retry_after is not None
        await late.wait(20, seconds=0)


async def test_who_leaves_makes_room_for_those_behind() -> None:
    budget = Budget(100)
    with budget.reserve() as first, budget.reserve() as second, budget.reserve() as third:
        first.grow(80)
        large = asyncio.create_task(second.wait(90, seconds=60))
        small = asyncio.create_task(third.wait(20, seconds=60))
        await asyncio.wait([large, small], timeout=0)
        large.cancel()
        await small


async def test_who_is_let_in_and_leaves_at_once_holds_nothing() -> None:
    budget = Budget(100)
    with budget.reserve() as waiting:
        with budget.reserve() as first:
            first.grow(100)
            turn = asyncio.create_task(waiting.wait(90, seconds=60))
            await asyncio.wait([turn], timeout=0)
        turn.cancel()
        with pytest.raises(asyncio.CancelledError):
            await turn
        with budget.reserve() as other:
            await other.wait(100, seconds=0)


async def test_a_part_that_is_given_back_lets_others_in() -> None:
    budget = Budget(100)
    with budget.reserve() as first, budget.reserve() as second:
        first.grow(100)
        turn = asyncio.create_task(second.wait(60, seconds=60))
        first.shrink(40)
        await turn
        first.shrink(50)  # it holds less already
        with pytest.raises(Overloaded):
            first.grow(1)


async def test_only_so_many_wait() -> None:
    budget = Budget(100)
    with budget.reserve() as first:
        first.grow(100)
        waiting = [asyncio.create_task(budget.reserve().wait(1, seconds=60)) for _ in range(200)]
        done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_EXCEPTION)
        while len(done) < 200 - 64:
            done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        assert all(isinstance(each.exception(), Overloaded) for each in done)
    await asyncio.gather(*(set(waiting) - done))


def test_what_grows_beyond_the_whole_is_held_when_nothing_else_is() -> None:
    budget = Budget(100)
    with budget.reserve() as large, budget.reserve() as other:
        large.grow(80)
        other.grow(10)
        with pytest.raises(Overloaded):
            large.grow(320)
        other.shrink(0)
        large.grow(320)
        with pytest.raises(Overloaded):
            other.grow(1)
    with budget.reserve() as everything:
        everything.grow(100)
