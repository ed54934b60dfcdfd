"""The bound on what is being received at once."""

import pytest

from actors.errors import Overloaded, TooLarge
from transports.byte_budget import ByteBudget, Reservation

pytestmark = pytest.mark.unit


def test_refuses_what_does_not_fit_beside_others_and_says_when_to_retry() -> None:
    budget = ByteBudget(100)
    with budget.reserve() as first, budget.reserve() as second:
        first.grow(60)
        with pytest.raises(Overloaded) as refusal:
            second.grow(41)
        second.grow(40)
    assert refusal.value.retry_after is not None


def test_the_time_to_wait_is_how_long_requests_lately_took() -> None:
    now = [0.0]
    budget = ByteBudget(100, clock=lambda: now[0])
    assert retry_after(budget) == 1.0
    for _ in range(30):
        with budget.reserve() as request:
            request.grow(60)
            now[0] += 4.0
            request.grow(1)
    assert retry_after(budget) == pytest.approx(4.0, rel=0.01)
    for _ in range(30):
        with budget.reserve() as request:
            request.grow(60)
    assert retry_after(budget) == 0.1


def retry_after(budget: ByteBudget) -> float | None:
    """What a request is told while another holds everything."""
    with budget.reserve() as other, budget.reserve() as late:
        other.grow(100)
        with pytest.raises(Overloaded) as refusal:
            late.grow(1)
    return refusal.value.retry_after


def test_takes_one_request_larger_than_itself_when_nothing_else_is_held() -> None:
    budget = ByteBudget(100)
    with budget.reserve() as alone:
        alone.grow(1000)
        with budget.reserve() as late, pytest.raises(Overloaded):
            late.grow(1)
    with budget.reserve() as next_one:
        next_one.grow(100)


def test_gives_back_what_was_held_however_the_block_ends() -> None:
    budget = ByteBudget(100)
    for _ in range(3):
        with pytest.raises(TooLarge), budget.reserve() as reservation:
            _fill_and_fail(reservation)


def _fill_and_fail(reservation: Reservation) -> None:
    reservation.grow(50)
    reservation.grow(50)
    raise TooLarge("as a receiver might find out")


def test_a_refused_growth_holds_nothing() -> None:
    budget = ByteBudget(100)
    with budget.reserve() as first:
        first.grow(90)
        with budget.reserve() as second, pytest.raises(Overloaded):
            second.grow(20)
        with budget.reserve() as third:
            third.grow(10)
