"""Device tokens of known browsers."""

import base64
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.session.devices import Devices
from actors.session.messages import DEVICE_TOKEN_LENGTH
from tests.actors.stage import HandClock

pytestmark = [pytest.mark.unit, pytest.mark.security]

ANN, BOB = b"digest of ann", b"digest of bob"
YEAR = timedelta(days=365)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def devices() -> Devices:
    return Devices(b"secret")


def counts(devices: Devices, account: bytes, clock: HandClock, *cookies: str) -> list[bytes]:
    return list(devices.counts(account, cookies, clock()))


def test_a_token_is_known_again_and_only_for_its_account(devices: Devices, clock: HandClock) -> None:
    cookie = devices.cookie(ANN, (), clock())
    [count] = counts(devices, ANN, clock, cookie)
    assert counts(Devices(b"secret"), ANN, clock, cookie) == [count]  # as after a restart
    assert counts(devices, BOB, clock, cookie) == []
    assert counts(Devices(b"other"), ANN, clock, cookie) == []


def test_every_token_has_a_count_of_its_own(devices: Devices, clock: HandClock) -> None:
    made = [devices.cookie(ANN, (), clock()) for _ in range(50)]
    assert len({counts(devices, ANN, clock, cookie)[0] for cookie in made}) == 50
    assert all(len(cookie) == DEVICE_TOKEN_LENGTH for cookie in made)


def test_a_token_ends_after_a_year(devices: Devices, clock: HandClock) -> None:
    clock.now = clock.now.replace(microsecond=0)
    cookie = devices.cookie(ANN, (), clock())
    clock.move(seconds=YEAR.total_seconds() - 1)
    assert counts(devices, ANN, clock, cookie)
    clock.move(seconds=1)
    assert not counts(devices, ANN, clock, cookie)


def test_a_token_holds_when_the_clock_is_set_back(devices: Devices, clock: HandClock) -> None:
    cookie = devices.cookie(ANN, (), clock())
    clock.move(days=-400)
    assert counts(devices, ANN, clock, cookie)


def test_a_shared_browser_keeps_the_four_that_signed_in_last(devices: Devices, clock: HandClock) -> None:
    people = [f"person {number}".encode() for number in range(6)]
    cookie = ""
    for person in people:
        cookie = devices.cookie(person, (cookie,), clock())
    assert cookie.count(".") == 3
    assert [bool(counts(devices, person, clock, cookie)) for person in people] == [False, False, True, True, True, True]
    [first, *_] = cookie.split(".")
    assert counts(devices, people[-1], clock, first)


def test_who_signs_in_again_takes_no_second_place(devices: Devices, clock: HandClock) -> None:
    cookie = devices.cookie(BOB, (), clock())
    for _ in range(5):
        cookie = devices.cookie(ANN, (cookie,), clock())
    assert cookie.count(".") == 1
    assert len(counts(devices, ANN, clock, cookie)) == len(counts(devices, BOB, clock, cookie)) == 1


def test_an_old_token_is_not_carried_on(devices: Devices, clock: HandClock) -> None:
    cookie = devices.cookie(BOB, (), clock())
    clock.move(days=366)
    assert "." not in devices.cookie(ANN, (cookie,), clock())


def test_one_changed_character_makes_it_worthless(devices: Devices, clock: HandClock) -> None:
    cookie = devices.cookie(ANN, (), clock())
    for place in range(len(cookie)):
        other = "A" if cookie[place] != "A" else "B"
        assert not counts(devices, ANN, clock, cookie[:place] + other + cookie[place + 1 :]), place


def test_of_many_cookies_and_of_long_ones_nothing_is_taken(devices: Devices, clock: HandClock) -> None:
    good = devices.cookie(ANN, (), clock())
    junk = [base64.urlsafe_b64encode(bytes([number]) * 54).decode() for number in range(4)]
    assert counts(devices, ANN, clock, ".".join([*junk[:3], good]))
    assert not counts(devices, ANN, clock, ".".join([*junk, good]))
    assert counts(devices, ANN, clock, *junk[:3], good)
    assert not counts(devices, ANN, clock, *junk, good)
    assert not counts(devices, ANN, clock, good + "A" * 1_000_000)


def test_a_repeated_token_counts_once(devices: Devices, clock: HandClock) -> None:
    good = devices.cookie(ANN, (), clock())
    assert len(counts(devices, ANN, clock, good, f"{good}.{good}")) == 1


@given(st.lists(st.text(st.sampled_from("A_-.=+/ é\ud800\0"), max_size=300), max_size=6))
def test_no_text_breaks_it_or_comes_back_in_another_form(brought: list[str]) -> None:
    devices, clock = Devices(b"secret"), HandClock()
    assert counts(devices, ANN, clock, *brought) == []
    cookie = devices.cookie(ANN, brought, clock())
    assert len(cookie) <= 4 * DEVICE_TOKEN_LENGTH + 3
    assert set(cookie) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.")
    assert counts(devices, ANN, clock, cookie)


def test_any_time_may_stand_in_a_token(devices: Devices, clock: HandClock) -> None:
    for first in (b"\0", b"\xff"):
        made_up = base64.urlsafe_b64encode(first * 54).decode()
        assert counts(devices, ANN, clock, made_up) == []
