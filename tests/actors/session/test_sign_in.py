"""Sign-in and its throttle."""

import asyncio
from pathlib import Path

import pytest

from actors.errors import StudioError, Throttled, Unauthenticated
from actors.session.messages import SignedIn
from actors.session.throttle import ThrottlePolicy
from tests.actors.session.conftest import PASSWORD, Accounts, Start
from tests.actors.stage import QUICK, HandClock, rows

pytestmark = [pytest.mark.integration, pytest.mark.security]


async def test_the_right_password_opens_a_session(accounts: Accounts, path: Path) -> None:
    first = await accounts.first()
    signed_in = await accounts.sign_in()
    assert signed_in.session.user == first.session.user
    assert signed_in.max_age == 2_592_000
    [row] = rows(path, "SELECT resource_id, user_id, session_id, address FROM audit_trail ORDER BY id DESC LIMIT 1")
    session = signed_in.session
    assert row == (session.id, session.user.id, session.id, "192.0.2.1")


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("ann@example.com", "Password123"),
        ("ann@example.com", ""),
        ("ann@example.com", PASSWORD + " "),
        ("ann@example.com", PASSWORD * 1000),
        ("ann@example.com", "\ud800"),
        ("Ann@example.com", PASSWORD),
        ("ghost@example.com", PASSWORD),
    ],
)
async def test_anything_else_is_the_same_refusal(accounts: Accounts, email: str, password: str) -> None:
    await accounts.first()
    with pytest.raises(Unauthenticated, match=r"^Invalid credentials$"):
        await accounts.sign_in(email, password)


async def test_an_account_that_is_not_active_does_not_get_in(start: Start, path: Path) -> None:
    async with start() as accounts:
        signed_in = await accounts.first()
    rows(path, "UPDATE users SET is_active = 0")
    async with start() as accounts:
        assert await accounts.check(signed_in.cookie) is None
        with pytest.raises(Unauthenticated):
            await accounts.sign_in()


async def test_failures_are_audited_without_the_password(accounts: Accounts, path: Path) -> None:
    user = (await accounts.first()).session.user
    await accounts.failure()
    await accounts.failure("ghost@example.com")
    assert rows(
        path,
        "SELECT resource_type, resource_id, user_email, user_id, session_id, address, outcome FROM audit_trail "
        "WHERE action = 'auth_sign_in_failed'",
    ) == [
        ("session", None, "ann@example.com", user.id, None, "192.0.2.1", "failed"),
        ("session", None, "ghost@example.com", "unknown", None, "192.0.2.1", "failed"),
    ]


async def test_a_hash_of_other_parameters_is_replaced_at_sign_in(start: Start, path: Path) -> None:
    async with start(hasher=None) as accounts:
        await accounts.first()
        cheap = QUICK.hash(PASSWORD)
        rows(path, "UPDATE users SET password_hash = ?", cheap)
        await accounts.failure()
        assert rows(path, "SELECT password_hash FROM users") == [(cheap,)]
        await accounts.sign_in()
        [[replaced]] = rows(path, "SELECT password_hash FROM users")
        assert replaced.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
        await accounts.sign_in()
        assert rows(path, "SELECT password_hash FROM users") == [(replaced,)]


@pytest.mark.parametrize("email", ["ann@example.com", "ghost@example.com"])
async def test_ten_failures_are_free_and_then_known_and_unknown_accounts_wait_alike(
    accounts: Accounts, clock: HandClock, email: str
) -> None:
    await accounts.first()
    for _ in range(11):
        assert isinstance(await accounts.failure(email), Unauthenticated)
    waits = []
    for _ in range(4):
        throttled = await accounts.failure(email)
        assert isinstance(throttled, Throttled)
        waits.append(throttled.retry_after)
        clock.move(seconds=throttled.retry_after or 0)
        assert isinstance(await accounts.failure(email), Unauthenticated)
    assert waits == [1, 2, 4, 8]


async def test_after_ten_failures_the_right_password_is_taken(accounts: Accounts) -> None:
    await accounts.first()
    for _ in range(10):
        await accounts.failure()
    assert (await accounts.sign_in()).cookie


async def test_the_right_password_waits_too_and_then_resets_the_count(
    accounts: Accounts, clock: HandClock, path: Path
) -> None:
    await accounts.first()
    for _ in range(11):
        await accounts.failure()
    with pytest.raises(Throttled):
        await accounts.sign_in()
    clock.move(seconds=1)
    await accounts.sign_in()
    assert rows(path, "SELECT * FROM sign_in_failures") == []
    for _ in range(11):
        assert isinstance(await accounts.failure(), Unauthenticated)


async def test_another_account_is_not_held_up(accounts: Accounts) -> None:
    await accounts.first()
    for _ in range(12):
        await accounts.failure("ghost@example.com")
    assert (await accounts.sign_in()).cookie


async def test_a_restart_gives_no_new_guesses(start: Start) -> None:
    async with start() as accounts:
        await accounts.first()
        for email in ("ann@example.com", "ghost@example.com"):
            for _ in range(11):
                await accounts.failure(email)
    async with start() as accounts:
        for email in ("ann@example.com", "ghost@example.com"):
            assert isinstance(await accounts.failure(email), Throttled)


async def test_old_failures_leave_the_file(start: Start, clock: HandClock, path: Path) -> None:
    async with start() as accounts:
        await accounts.first()
        await accounts.failure()
        clock.move(days=1)
    assert rows(path, "SELECT * FROM sign_in_failures") == []


@pytest.mark.concurrency
async def test_parallel_guesses_are_counted_one_by_one(accounts: Accounts) -> None:
    await accounts.first()
    failures = await asyncio.gather(*(accounts.failure() for _ in range(60)))
    kinds = [type(failure) for failure in failures]
    assert kinds.count(Unauthenticated) == 11
    assert kinds.count(Throttled) == 49


@pytest.mark.concurrency
async def test_parallel_sign_ins_with_the_right_password_all_succeed(accounts: Accounts) -> None:
    await accounts.first()
    signed_in = await asyncio.gather(*(accounts.sign_in() for _ in range(30)))
    assert len({one.cookie for one in signed_in}) == 30


@pytest.mark.concurrency
async def test_hanging_up_is_no_way_around_the_count(start: Start, path: Path) -> None:
    async with start() as accounts:
        await accounts.first()
        guesses = [asyncio.create_task(accounts.failure()) for _ in range(5)]
        await asyncio.wait(guesses, timeout=0)  # each has been posted,
        await accounts.check("")  # and begun: concurrent requests begin in order
        for guess in guesses:
            guess.cancel()
        await asyncio.wait(guesses)
    assert rows(path, "SELECT failures FROM sign_in_failures") == [(5,)]


@pytest.mark.concurrency
async def test_session_checks_do_not_wait_for_passwords(accounts: Accounts) -> None:
    cookie = (await accounts.first()).cookie
    signing_in = [
        asyncio.create_task(accounts.sign_in(f"ghost{number}@example.com", address=f"192.0.2.{number}"))
        for number in range(40)
    ]
    await asyncio.wait(signing_in, timeout=0)
    assert await accounts.check(cookie) is not None
    assert not any(one.done() for one in signing_in)
    outcomes = await asyncio.gather(*signing_in, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {Unauthenticated}


async def test_one_address_may_not_try_one_password_on_many_accounts(start: Start, clock: HandClock) -> None:
    async with start(policy=ThrottlePolicy(burst=5, failures_per_second=0.5)) as accounts:
        await accounts.first()
        for number in range(5):
            assert isinstance(await accounts.failure(f"ghost{number}@example.com"), Unauthenticated)
        throttled = await accounts.failure("ghost5@example.com")
        assert isinstance(throttled, Throttled)
        assert throttled.retry_after == 2
        assert isinstance(await accounts.failure("ghost5@example.com", "192.0.2.2"), Unauthenticated)
        clock.move(seconds=2)
        assert isinstance(await accounts.sign_in(), SignedIn)


async def test_throttled_attempts_tell_nothing_about_the_account(accounts: Accounts) -> None:
    await accounts.first()
    answers: list[list[tuple[type[StudioError], str, float | None]]] = []
    for email in ("ann@example.com", "ghost@example.com"):
        failures = [await accounts.failure(email, f"address of {email}") for _ in range(13)]
        answers.append([(type(failure), failure.detail, failure.retry_after) for failure in failures])
    assert answers[0] == answers[1]
