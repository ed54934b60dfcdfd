"""The throttle of failed sign-ins."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.session.throttle import AccountFailures, AddressBuckets, Failures, ThrottlePolicy
from tests.actors.stage import HandClock

pytestmark = [pytest.mark.unit, pytest.mark.security]

POLICY = ThrottlePolicy()
ANN = b"ann"


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


def fail(accounts: AccountFailures, clock: HandClock, times: int, account: bytes = ANN) -> None:
    for _ in range(times):
        accounts.failed(account, clock())


@pytest.mark.parametrize(
    ("failures", "seconds"),
    [(0, 0), (10, 0), (11, 1), (12, 2), (13, 4), (20, 512), (21, 900), (99, 900), (100, 86_400), (1000, 86_400)],
)
def test_waits_double_up_to_a_quarter_of_an_hour_and_a_hundred_failures_stop_it(failures: int, seconds: int) -> None:
    assert POLICY.wait_after(failures) == timedelta(seconds=seconds)


@given(st.integers(0, 1_000_000))
def test_one_more_failure_never_shortens_the_wait(failures: int) -> None:
    assert POLICY.wait_after(failures) <= POLICY.wait_after(failures + 1)


def test_an_account_waits_after_the_free_failures_and_no_other_account_does(clock: HandClock) -> None:
    accounts = AccountFailures(POLICY)
    fail(accounts, clock, 10)
    assert accounts.seconds_to_wait(ANN, clock()) == 0
    fail(accounts, clock, 3)
    assert accounts.seconds_to_wait(ANN, clock()) == 4
    assert accounts.seconds_to_wait(b"bob", clock()) == 0
    clock.move(seconds=3)
    assert accounts.seconds_to_wait(ANN, clock()) == 1
    clock.move(seconds=1)
    assert accounts.seconds_to_wait(ANN, clock()) == 0


def test_success_forgets_the_failures(clock: HandClock) -> None:
    accounts = AccountFailures(POLICY)
    fail(accounts, clock, 15)
    assert accounts.succeeded(ANN)
    assert not accounts.succeeded(ANN)
    assert accounts.failed(ANN, clock()) == Failures(count=1, last_at=clock())


def test_a_day_after_the_last_failure_the_count_begins_anew(clock: HandClock) -> None:
    accounts = AccountFailures(POLICY)
    fail(accounts, clock, 150)
    assert accounts.seconds_to_wait(ANN, clock()) == 86_400
    clock.move(days=1)
    assert accounts.seconds_to_wait(ANN, clock()) == 0
    assert accounts.failed(ANN, clock()).count == 1


def test_the_most_failures_stop_an_account_for_as_long_as_they_are_remembered(clock: HandClock) -> None:
    accounts = AccountFailures(POLICY)
    assert not accounts.is_stopped(ANN, clock())
    clock.move(days=40)
    fail(accounts, clock, 99)
    assert not accounts.is_stopped(ANN, clock())
    fail(accounts, clock, 1)
    clock.move(days=-40)  # the clock was ahead
    assert accounts.is_stopped(ANN, clock())
    clock.move(days=1)
    assert not accounts.is_stopped(ANN, clock())


def test_outdated_counts_are_named_and_forgotten(clock: HandClock) -> None:
    accounts = AccountFailures(POLICY)
    fail(accounts, clock, 2)
    clock.move(hours=12)
    fail(accounts, clock, 1, b"bob")
    clock.move(hours=12)
    assert accounts.outdated(clock()) == [ANN]
    assert set(accounts.remembered) == {b"bob"}
    assert len(accounts) == 1


def test_a_clock_that_is_set_back_does_not_lengthen_the_wait(clock: HandClock) -> None:
    accounts = AccountFailures(POLICY)
    fail(accounts, clock, 13)
    clock.move(days=-400)
    assert accounts.seconds_to_wait(ANN, clock()) == 4


@pytest.mark.parametrize("days", [0, 1, 40])
def test_a_wait_ends_also_when_the_clock_was_ahead(clock: HandClock, days: int) -> None:
    accounts = AccountFailures(POLICY)
    clock.move(days=days)
    fail(accounts, clock, 12)
    clock.move(days=-days)
    assert accounts.seconds_to_wait(ANN, clock()) == 2
    clock.move(seconds=2)
    assert accounts.seconds_to_wait(ANN, clock()) == 0
    fail(accounts, clock, 1)
    assert accounts.seconds_to_wait(ANN, clock()) == 4  # the count goes on


@pytest.mark.parametrize("days", [0, 1, 40])
def test_an_address_may_try_again_also_when_the_clock_was_ahead(clock: HandClock, days: int) -> None:
    addresses = AddressBuckets(POLICY)
    clock.move(days=days)
    for _ in range(POLICY.burst):
        addresses.failed("10.0.0.1", clock())
    clock.move(days=-days)
    assert addresses.seconds_to_wait("10.0.0.1", clock()) == 2
    clock.move(seconds=2)
    assert addresses.seconds_to_wait("10.0.0.1", clock()) == 0


def test_a_flood_of_made_up_accounts_does_not_wash_out_the_one_under_attack(clock: HandClock) -> None:
    accounts = AccountFailures(ThrottlePolicy(most_accounts=50))
    fail(accounts, clock, 13)
    for number in range(500):
        fail(accounts, clock, 1, str(number).encode())
        assert len(accounts) <= 50
    assert accounts.seconds_to_wait(ANN, clock()) == 4


def test_an_address_has_a_burst_and_then_a_rate(clock: HandClock) -> None:
    addresses = AddressBuckets(ThrottlePolicy(burst=3, failures_per_second=0.5))
    for _ in range(3):
        assert addresses.seconds_to_wait("192.0.2.1", clock()) == 0
        addresses.failed("192.0.2.1", clock())
    assert addresses.seconds_to_wait("192.0.2.1", clock()) == 2
    assert addresses.seconds_to_wait("192.0.2.2", clock()) == 0
    clock.move(seconds=2)
    assert addresses.seconds_to_wait("192.0.2.1", clock()) == 0


def test_a_debt_is_paid_off_and_a_bucket_is_never_more_than_full(clock: HandClock) -> None:
    addresses = AddressBuckets(ThrottlePolicy(burst=2, failures_per_second=1))
    for _ in range(5):
        addresses.failed("192.0.2.1", clock())
    assert addresses.seconds_to_wait("192.0.2.1", clock()) == 4
    clock.move(days=1)
    addresses.failed("192.0.2.1", clock())
    addresses.failed("192.0.2.1", clock())
    assert addresses.seconds_to_wait("192.0.2.1", clock()) == 1


def test_an_ipv6_network_is_one_address(clock: HandClock) -> None:
    addresses = AddressBuckets(ThrottlePolicy(burst=1))
    addresses.failed("2001:db8:0:1::1", clock())
    assert addresses.seconds_to_wait("2001:db8:0:1:ffff::9", clock()) > 0
    assert addresses.seconds_to_wait("2001:db8:0:2::1", clock()) == 0


@pytest.mark.parametrize("address", ["", "unix:", "fe80::1%eth0", "no address at all"])
def test_any_text_serves_as_an_address(clock: HandClock, address: str) -> None:
    addresses = AddressBuckets(ThrottlePolicy(burst=1))
    addresses.failed(address, clock())
    assert addresses.seconds_to_wait(address, clock()) > 0


def test_addresses_are_bounded(clock: HandClock) -> None:
    addresses = AddressBuckets(ThrottlePolicy(burst=1, most_addresses=10))
    for number in range(100):
        addresses.failed(f"192.0.2.{number}", clock())
    assert len(addresses) == 10
    assert addresses.seconds_to_wait("192.0.2.99", clock()) > 0
