"""Known browsers sign in during an attack on the account, or from the same address."""

import asyncio
from pathlib import Path

import pytest

from actors.errors import Throttled, Unauthenticated
from actors.session.messages import Browser, CreateUser, SignedIn
from actors.session.throttle import ThrottlePolicy
from tests.actors.session.conftest import PASSWORD, Accounts, Start
from tests.actors.stage import HandClock, file_bytes, rows

pytestmark = [pytest.mark.integration, pytest.mark.security]

ANN, BOB = "ann@example.com", "bob@example.com"
ATTACKER = "203.0.113.9"
SMALL = ThrottlePolicy(free_failures=2, most_failures=6, burst=8)


def known_by(signed_in: SignedIn) -> Browser:
    return Browser(devices=(signed_in.device_cookie,))


async def attack(accounts: Accounts, email: str = ANN, address: str = ATTACKER) -> None:
    """Until the account is closed to strangers."""
    while not isinstance(await accounts.failure(email, address), Throttled):
        pass


async def test_an_attack_on_the_account_does_not_keep_out_who_is_known(accounts: Accounts) -> None:
    first = await accounts.first()
    await attack(accounts)
    with pytest.raises(Throttled):
        await accounts.sign_in()
    signed_in = await accounts.sign_in(browser=known_by(first))
    assert signed_in.session.user == first.session.user
    assert isinstance(await accounts.failure(address=ATTACKER), Throttled)  # nor does it help the attacker


async def test_an_attack_from_the_same_address_does_not_either(start: Start) -> None:
    async with start(policy=SMALL) as accounts:
        first = await accounts.first()
        for number in range(8):
            await accounts.failure(f"ghost{number}@example.com", "192.0.2.1")
        with pytest.raises(Throttled):
            await accounts.sign_in()
        assert (await accounts.sign_in(browser=known_by(first))).cookie


async def test_each_sign_in_brings_a_token(accounts: Accounts) -> None:
    browser = known_by(await accounts.first())
    for _ in range(3):
        browser = known_by(await accounts.sign_in(browser=browser))
        assert browser.devices[0].count(".") == 0
    await attack(accounts)
    assert (await accounts.sign_in(browser=browser)).cookie


async def test_a_token_is_for_one_account(accounts: Accounts) -> None:
    first = await accounts.first()
    await accounts.bus.ask(CreateUser(email=BOB, password=PASSWORD, by=first.session.principal))
    shared = known_by(await accounts.sign_in(BOB, browser=known_by(first)))
    await attack(accounts)
    await attack(accounts, BOB)
    with pytest.raises(Throttled):
        await accounts.sign_in(BOB, browser=known_by(first))
    assert (await accounts.sign_in(ANN, browser=shared)).cookie  # a browser that two people use knows both
    assert (await accounts.sign_in(BOB, browser=shared)).cookie


@pytest.mark.parametrize("devices", [("",), ("A" * 72,), ("A" * 72 + ".x",), ("x" * 10_000,), ("é" * 72, "\ud800")])
async def test_a_token_that_is_none_is_as_no_token(accounts: Accounts, devices: tuple[str, ...]) -> None:
    await accounts.first()
    assert isinstance(await accounts.failure(browser=Browser(devices=devices)), Unauthenticated)
    await attack(accounts)
    assert isinstance(await accounts.failure(browser=Browser(devices=devices)), Throttled)


async def test_an_expired_token_is_as_no_token(accounts: Accounts, clock: HandClock) -> None:
    first = await accounts.first()
    clock.move(days=365)
    await attack(accounts)
    assert isinstance(await accounts.failure(browser=known_by(first)), Throttled)


async def test_a_known_browser_is_slowed_down_by_its_own_failures_and_by_no_others(
    accounts: Accounts, clock: HandClock, path: Path
) -> None:
    first = await accounts.first()
    other = await accounts.sign_in()
    for _ in range(11):
        assert isinstance(await accounts.failure(browser=known_by(first)), Unauthenticated)
    throttled = await accounts.failure(browser=known_by(first))
    assert isinstance(throttled, Throttled)
    assert throttled.retry_after == 1
    assert (await accounts.sign_in(browser=known_by(other))).cookie
    assert (await accounts.sign_in()).cookie  # the account's own count has nothing of it
    clock.move(seconds=1)
    assert (await accounts.sign_in(browser=known_by(first))).cookie
    assert rows(path, "SELECT failures FROM sign_in_failures") == []


async def test_what_a_device_does_wrong_is_kept_over_a_restart(start: Start) -> None:
    async with start() as accounts:
        first = await accounts.first()
        for _ in range(11):
            await accounts.failure(browser=known_by(first))
    async with start() as accounts:
        assert isinstance(await accounts.failure(browser=known_by(first)), Throttled)


async def test_collected_tokens_give_no_more_guesses_than_an_account_has(start: Start, clock: HandClock) -> None:
    """An attacker who once knew the password may have collected tokens by many sign-ins."""
    async with start(policy=SMALL) as accounts:
        await accounts.first()
        browsers = [known_by(await accounts.sign_in()) for _ in range(20)]
        await attack(accounts)
        outcomes = [type(await accounts.failure(browser=browser)) for browser in browsers]
        assert outcomes == [Unauthenticated] * 6 + [Throttled] * 14
        clock.move(days=1)
        await attack(accounts)
        assert isinstance(await accounts.failure(browser=browsers[-1]), Unauthenticated)


@pytest.mark.concurrency
async def test_parallel_guesses_with_one_token_are_counted_one_by_one(accounts: Accounts) -> None:
    first = await accounts.first()
    failures = await asyncio.gather(*(accounts.failure(browser=known_by(first)) for _ in range(60)))
    kinds = [type(failure) for failure in failures]
    assert (kinds.count(Unauthenticated), kinds.count(Throttled)) == (11, 49)


async def test_another_secret_makes_tokens_worthless(start: Start) -> None:
    async with start() as accounts:
        first = await accounts.first()
    async with start(session_secret="changed") as accounts:
        await attack(accounts)
        assert isinstance(await accounts.failure(browser=known_by(first)), Throttled)


async def test_a_token_is_not_kept_and_not_shown(start: Start, path: Path) -> None:
    async with start() as accounts:
        first = await accounts.first()
        await accounts.failure(browser=known_by(first))
        assert first.device_cookie.encode() not in file_bytes(path)
        assert first.device_cookie not in repr(first)
        assert first.device_cookie not in repr(known_by(first))


async def test_throttled_attempts_with_tokens_tell_nothing_about_the_account(accounts: Accounts) -> None:
    first = await accounts.first()
    answers = []
    for email in (BOB, "ghost@example.com"):
        failures = [await accounts.failure(email, f"address of {email}", known_by(first)) for _ in range(13)]
        answers.append([(type(failure), failure.detail, failure.retry_after) for failure in failures])
    assert answers[0] == answers[1]
