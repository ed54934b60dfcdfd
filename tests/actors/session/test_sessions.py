"""Sessions: checked, slid, signed out, expired, restarted, and there when the disk is not."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from actors import sqlite
from actors.clock import utc_now
from actors.errors import Unavailable
from actors.session.lifetime import SessionLifetime
from actors.session.messages import DeleteUser, ListUsers, SessionsEnded, SignOut
from tests.actors.session.conftest import COOKIE_KEY, PASSWORD, SECRET, Accounts, Start
from tests.actors.stage import HandClock, file_bytes, locked, rows

pytestmark = pytest.mark.integration


async def test_a_cookie_names_its_session(accounts: Accounts, clock: HandClock) -> None:
    first, second = await accounts.first(), await accounts.sign_in()
    assert first.cookie != second.cookie
    assert first.session.id != second.session.id
    checked = await accounts.check(second.cookie)
    assert checked is not None
    assert checked.session == second.session
    assert not checked.renewed
    now = clock().replace(microsecond=0)
    assert checked.session.authenticated_at == now
    assert checked.session.expires_at == now + timedelta(days=7)


@pytest.mark.security
@pytest.mark.parametrize("cookie", ["", "null", "A" * 80, "é" * 80, "\udc80", "eyJ1c2VyRW1haWwiOiAieCJ9.x.y"])
async def test_garbage_is_no_session(accounts: Accounts, cookie: str) -> None:
    await accounts.first()
    assert await accounts.check(cookie) is None
    assert await accounts.bus.ask(SignOut(cookie=cookie)) is False


@pytest.mark.security
async def test_signing_out_ends_the_session_at_once_and_only_it(accounts: Accounts, path: Path) -> None:
    first, second = await accounts.first(), await accounts.sign_in()
    assert await accounts.check(first.cookie) is not None
    assert await accounts.bus.ask(SignOut(cookie=first.cookie)) is True
    assert await accounts.check(first.cookie) is None
    assert await accounts.bus.ask(SignOut(cookie=first.cookie)) is False
    assert await accounts.events.get() == SessionsEnded(session_ids=(first.session.id,))
    assert await accounts.check(second.cookie) is not None
    by = ("ann@example.com", first.session.user.id, first.session.id)
    assert rows(
        path,
        "SELECT resource_type, resource_id, user_email, user_id, session_id FROM audit_trail "
        "WHERE action = 'auth_sign_out'",
    ) == [("session", first.session.id, *by)]


@pytest.mark.concurrency
async def test_of_parallel_sign_outs_one_ends_the_session(accounts: Accounts) -> None:
    cookie = (await accounts.first()).cookie
    answers = await asyncio.gather(*(accounts.bus.ask(SignOut(cookie=cookie)) for _ in range(10)))
    assert answers.count(True) == 1


async def test_an_idle_session_ends_and_a_used_one_does_not(accounts: Accounts, clock: HandClock, path: Path) -> None:
    idle, used = await accounts.first(), await accounts.sign_in()
    clock.move(days=6)
    assert await accounts.check(used.cookie) is not None
    clock.move(days=1)
    assert await accounts.check(idle.cookie) is None
    assert await accounts.check(used.cookie) is not None
    assert await accounts.events.get() == SessionsEnded(session_ids=(idle.session.id,))
    assert rows(path, "SELECT id FROM sessions") == [(used.session.id,)]


async def test_no_use_carries_a_session_over_its_absolute_end(accounts: Accounts, clock: HandClock) -> None:
    signed_in = await accounts.first()
    for day in range(1, 30):
        clock.move(days=1)
        checked = await accounts.check(signed_in.cookie)
        assert checked is not None
        assert checked.max_age == (30 - day) * 86_400 - 1  # sign-in counts from its whole second
    clock.move(days=1)
    assert await accounts.check(signed_in.cookie) is None
    assert await accounts.bus.ask(SignOut(cookie=signed_in.cookie)) is False


async def test_the_lifetime_can_be_set(start: Start, clock: HandClock) -> None:
    lifetime = SessionLifetime(idle=timedelta(minutes=30), absolute=timedelta(hours=12))
    async with start(lifetime=lifetime) as accounts:
        signed_in = await accounts.first()
        assert signed_in.max_age == 12 * 3600
        clock.move(minutes=30)
        assert await accounts.check(signed_in.cookie) is None


async def test_a_session_that_nobody_asks_for_ends_by_itself(start: Start) -> None:
    """On the real clock: the sweep wakes for the next end."""
    async with start(lifetime=SessionLifetime(idle=timedelta(seconds=1)), clock=utc_now) as accounts:
        signed_in = await accounts.first()
        assert await accounts.events.get() == SessionsEnded(session_ids=(signed_in.session.id,))


async def test_a_restart_keeps_sessions_and_how_far_they_have_slid(start: Start, clock: HandClock) -> None:
    async with start() as accounts:
        signed_in = await accounts.first()
        clock.move(days=6)
        assert await accounts.check(signed_in.cookie) is not None
    clock.move(days=6)
    async with start() as accounts:
        checked = await accounts.check(signed_in.cookie)
        assert checked is not None
        assert checked.session.user == signed_in.session.user
        assert checked.session.authenticated_at == signed_in.session.authenticated_at


async def test_sessions_that_ended_while_the_studio_was_down_stay_ended(
    start: Start, clock: HandClock, path: Path
) -> None:
    async with start() as accounts:
        signed_in = await accounts.first()
        out = await accounts.sign_in()
        await accounts.bus.ask(SignOut(cookie=out.cookie))
    clock.move(days=7)
    async with start() as accounts:
        assert await accounts.check(out.cookie) is None
        assert await accounts.check(signed_in.cookie) is None
        assert await accounts.events.get() == SessionsEnded(session_ids=(signed_in.session.id,))
    assert rows(path, "SELECT count(*) FROM sessions") == [(0,)]


@pytest.mark.security
@pytest.mark.parametrize("changed", [{"cookie_key": bytes(32)}, {"session_secret": "changed"}])
async def test_changing_a_secret_ends_all_sessions(start: Start, changed: dict[str, object]) -> None:
    async with start() as accounts:
        signed_in = await accounts.first()
    async with start(**changed) as accounts:
        assert await accounts.check(signed_in.cookie) is None
        assert (await accounts.sign_in()).session.user == signed_in.session.user


@pytest.mark.security
async def test_no_secret_is_in_the_file_or_in_a_log_line(start: Start, path: Path) -> None:
    with capture_logs() as lines:
        async with start() as accounts:
            signed_in = await accounts.first()
            await accounts.failure()
            other = await accounts.sign_in()
            await accounts.bus.ask(SignOut(cookie=other.cookie))
            stored = file_bytes(path)
    for secret in (PASSWORD, "wrong password", SECRET, signed_in.cookie, other.cookie):
        assert secret.encode() not in stored
        assert secret not in str(lines)
    assert COOKIE_KEY not in stored
    assert signed_in.cookie not in repr(signed_in)


@pytest.mark.error_recovery
async def test_while_the_file_is_locked_sessions_hold_and_changes_are_unavailable(
    start: Start, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "_OPEN_TIMEOUT", 0.05)
    async with start() as accounts:
        signed_in = await accounts.first()
        ann = signed_in.session
        bob = await accounts.create("bob@example.com", ann)
        with locked(path):
            for change in (
                accounts.create("mia@example.com", ann),
                accounts.sign_in(),
                accounts.bus.ask(SignOut(cookie=signed_in.cookie)),
                accounts.bus.ask(DeleteUser(user_id=bob.id, by=ann.principal)),
            ):
                with pytest.raises(Unavailable):
                    await change
            assert await accounts.check(signed_in.cookie) is not None
            assert await accounts.bus.ask(ListUsers()) == (ann.user, bob)
        assert await accounts.bus.ask(SignOut(cookie=signed_in.cookie)) is True


@pytest.mark.error_recovery
async def test_a_sweep_that_fails_is_made_up_for(
    start: Start, path: Path, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "_OPEN_TIMEOUT", 0.05)
    with capture_logs() as lines:
        async with start() as accounts:
            signed_in = await accounts.first()
            clock.move(days=6)
            await accounts.check(signed_in.cookie)
            with locked(path):
                clock.move(days=7)
                assert await accounts.check(signed_in.cookie) is None  # wakes the sweep, which meets the lock
                with pytest.raises(Unavailable):
                    await accounts.create("bob@example.com", signed_in.session)  # its turn is after the sweep's
                assert "sessions not swept" in [line["event"] for line in lines]
            assert await accounts.events.get() == SessionsEnded(session_ids=(signed_in.session.id,))
    assert rows(path, "SELECT count(*) FROM sessions") == [(0,)]


@pytest.mark.concurrency
async def test_a_user_who_is_deleted_while_signing_in_gets_no_session(accounts: Accounts, path: Path) -> None:
    ann = (await accounts.first()).session
    for number in range(5):
        bob = await accounts.create(f"bob{number}@example.com", ann)
        signing_in = asyncio.create_task(accounts.sign_in(bob.email))
        await accounts.bus.ask(DeleteUser(user_id=bob.id, by=ann.principal))
        [outcome] = await asyncio.gather(signing_in, return_exceptions=True)
        if not isinstance(outcome, BaseException):
            assert await accounts.check(outcome.cookie) is None
    assert rows(path, "SELECT id FROM sessions") == [(ann.id,)]
