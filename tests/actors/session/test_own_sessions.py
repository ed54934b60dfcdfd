"""A user's own sessions: listed, ended, replaced, bounded; and a new password."""

import asyncio
from datetime import timedelta
from pathlib import Path

import attrs
import pytest

from actors.errors import NotFound, Refused, StudioError, Throttled, Unauthenticated
from actors.principal import Client, Principal
from actors.session.messages import (
    Browser,
    ChangeOwnPassword,
    EndOtherSessions,
    EndOwnSession,
    ListOwnSessions,
    ListUsers,
    OwnSession,
    SessionsEnded,
    SignedIn,
    SignIn,
)
from actors.session.passwords import PasswordHashes
from tests.actors.session.conftest import PASSWORD, Accounts, Start
from tests.actors.stage import HandClock, rows

pytestmark = [pytest.mark.integration, pytest.mark.security]

NEW = "another password"
HERE = Client(address="192.0.2.1")


def by(signed_in: SignedIn, client: Client = HERE) -> Principal:
    return attrs.evolve(signed_in.session.principal, client=client)


async def own(accounts: Accounts, signed_in: SignedIn) -> tuple[OwnSession, ...]:
    return await accounts.bus.ask(ListOwnSessions(by=by(signed_in)))


async def ids(accounts: Accounts, signed_in: SignedIn) -> list[str]:
    return [session.id for session in await own(accounts, signed_in)]


async def change(accounts: Accounts, signed_in: SignedIn, current: str = PASSWORD, new: str = NEW) -> None:
    await accounts.bus.ask(ChangeOwnPassword(current_password=current, new_password=new, by=by(signed_in)))


async def refusal(accounts: Accounts, signed_in: SignedIn) -> StudioError:
    with pytest.raises(StudioError) as refused:
        await change(accounts, signed_in, "wrong password")
    return refused.value


async def test_sessions_are_listed_with_where_they_were_opened(start: Start, clock: HandClock) -> None:
    client = Client(address="2001:db8::1", user_agent="Mozilla/5.0 é")
    async with start() as accounts:
        first = await accounts.first()
        second = await accounts.bus.ask(SignIn(email="ann@example.com", password=PASSWORD, client=client))
        began = clock().replace(microsecond=0)
        known = OwnSession(
            id=second.session.id,
            created_at=began,
            last_seen_at=clock(),
            address="2001:db8::1",
            user_agent="Mozilla/5.0 é",
        )
        assert known in await own(accounts, first)
    async with start() as accounts:
        assert attrs.evolve(known, last_seen_at=began) in await own(accounts, first)


async def test_the_one_that_was_used_last_comes_first(accounts: Accounts, clock: HandClock) -> None:
    first = await accounts.first()
    clock.move(seconds=1)
    second = await accounts.sign_in()
    clock.move(seconds=1)
    assert await ids(accounts, first) == [second.session.id, first.session.id]
    await accounts.check(first.cookie)
    assert await ids(accounts, first) == [first.session.id, second.session.id]
    assert [session.last_seen_at for session in await own(accounts, first)] == [clock(), clock() - timedelta(seconds=1)]


async def test_neither_others_nor_dead_ones_are_listed(accounts: Accounts, clock: HandClock) -> None:
    first = await accounts.first()
    bob = await accounts.create("bob@example.com", first.session)
    clock.move(days=6)
    bobs = await accounts.sign_in(bob.email)
    clock.move(days=1)
    assert await ids(accounts, first) == []
    assert await ids(accounts, bobs) == [bobs.session.id]


async def test_one_is_ended_by_its_user(accounts: Accounts, path: Path) -> None:
    first, second = await accounts.first(), await accounts.sign_in()
    await accounts.bus.ask(EndOwnSession(session_id=second.session.id, by=by(first)))
    assert await accounts.check(second.cookie) is None
    assert await accounts.check(first.cookie) is not None
    assert await accounts.events.get() == SessionsEnded(session_ids=(second.session.id,))
    assert rows(path, "SELECT id FROM sessions") == [(first.session.id,)]
    assert rows(
        path, "SELECT resource_id, session_id, address FROM audit_trail WHERE action = 'auth_sign_out' ORDER BY id"
    ) == [(second.session.id, first.session.id, "192.0.2.1")]


async def test_what_is_not_ones_own_is_as_what_is_not_there(accounts: Accounts, clock: HandClock, path: Path) -> None:
    first = await accounts.first()
    bob = await accounts.create("bob@example.com", first.session)
    bobs, ended = await accounts.sign_in(bob.email), await accounts.sign_in()
    await accounts.bus.ask(EndOwnSession(session_id=ended.session.id, by=by(first)))
    for session_id in (bobs.session.id, ended.session.id, "unknown", "", "\0"):
        with pytest.raises(NotFound, match=r"^Session not found$"):
            await accounts.bus.ask(EndOwnSession(session_id=session_id, by=by(first)))
    assert await accounts.check(bobs.cookie) is not None
    clock.move(days=7)
    with pytest.raises(NotFound):
        await accounts.bus.ask(EndOwnSession(session_id=first.session.id, by=by(first)))


@pytest.mark.concurrency
async def test_of_parallel_ends_one_ends_it(accounts: Accounts) -> None:
    first, second = await accounts.first(), await accounts.sign_in()
    request = EndOwnSession(session_id=second.session.id, by=by(first))
    outcomes = await asyncio.gather(*(accounts.bus.ask(request) for _ in range(10)), return_exceptions=True)
    assert outcomes.count(None) == 1
    assert {type(outcome) for outcome in outcomes if outcome is not None} == {NotFound}


async def test_all_others_are_ended(accounts: Accounts, path: Path) -> None:
    first = await accounts.first()
    bob = await accounts.create("bob@example.com", first.session)
    bobs, others = await accounts.sign_in(bob.email), [await accounts.sign_in() for _ in range(3)]
    await accounts.bus.ask(EndOtherSessions(by=by(first)))
    event = await accounts.events.get()
    assert isinstance(event, SessionsEnded)
    assert set(event.session_ids) == {other.session.id for other in others}
    assert [await accounts.check(other.cookie) for other in others] == [None] * 3
    assert await accounts.check(first.cookie) is not None
    assert await accounts.check(bobs.cookie) is not None
    assert set(rows(path, "SELECT id FROM sessions")) == {(first.session.id,), (bobs.session.id,)}
    trail = "SELECT count(*) FROM audit_trail WHERE action = 'auth_sign_out'"
    assert rows(path, trail) == [(1,)]
    await accounts.bus.ask(EndOtherSessions(by=by(first)))
    assert rows(path, trail) == [(1,)]


async def test_a_user_has_a_hundred_and_the_one_unused_longest_goes(
    accounts: Accounts, clock: HandClock, path: Path
) -> None:
    first = await accounts.first()
    opened = [first]
    for _ in range(99):
        clock.move(seconds=1)
        opened.append(await accounts.sign_in())
    await accounts.check(first.cookie)  # so that the second is the one
    clock.move(seconds=1)
    last = await accounts.sign_in()
    assert await accounts.events.get() == SessionsEnded(session_ids=(opened[1].session.id,))
    assert await accounts.check(opened[1].cookie) is None
    assert await accounts.check(first.cookie) is not None
    assert len(await own(accounts, last)) == 100
    assert rows(path, "SELECT count(*) FROM sessions") == [(100,)]


@pytest.mark.concurrency
async def test_parallel_sign_ins_do_not_pass_the_hundred(accounts: Accounts, path: Path) -> None:
    first = await accounts.first()
    await asyncio.gather(*(accounts.sign_in() for _ in range(110)))
    assert rows(path, "SELECT count(*) FROM sessions") == [(100,)]
    last = await accounts.sign_in()
    assert len(await own(accounts, last)) == 100
    assert first.session.id not in await ids(accounts, last)


async def test_what_is_too_much_from_before_goes_at_the_next_sign_in(start: Start, path: Path) -> None:
    async with start() as accounts:
        first = await accounts.first()
    rows(
        path,
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 150) "
        "INSERT INTO sessions (id, digest, user_id, authenticated_at, last_seen_at) "
        "SELECT 'old ' || i, randomblob(32), user_id, authenticated_at, last_seen_at - i FROM sessions, n",
    )
    async with start() as accounts:
        last = await accounts.sign_in()
        left = await ids(accounts, last)
    assert {*left} == {last.session.id, first.session.id, *(f"old {number}" for number in range(1, 99))}


async def test_signing_in_again_ends_what_the_browser_had(accounts: Accounts, path: Path) -> None:
    first = await accounts.first()
    bob = await accounts.create("bob@example.com", first.session)
    elsewhere = await accounts.sign_in()
    browser = Browser(sessions=("x" * 80, first.cookie, "null"))
    bobs = await accounts.sign_in(bob.email, browser=browser)  # whoever it was that had signed in there
    assert await accounts.check(first.cookie) is None
    assert await accounts.check(elsewhere.cookie) is not None
    assert await accounts.events.get() == SessionsEnded(session_ids=(first.session.id,))
    assert set(rows(path, "SELECT id FROM sessions")) == {(elsewhere.session.id,), (bobs.session.id,)}
    assert rows(
        path, "SELECT resource_id, user_id, details FROM audit_trail WHERE action = 'auth_sign_out' ORDER BY id"
    ) == [(first.session.id, first.session.user.id, f'{{"replaced_by":"{bobs.session.id}"}}')]


async def test_a_sign_in_that_fails_ends_nothing(accounts: Accounts) -> None:
    first = await accounts.first()
    browser = Browser(sessions=(first.cookie,))
    while not isinstance(await accounts.failure(browser=browser), Throttled):
        assert await accounts.check(first.cookie) is not None
    assert await accounts.check(first.cookie) is not None


@pytest.mark.concurrency
async def test_of_parallel_sign_ins_on_one_cookie_all_are_good_and_it_ends_once(accounts: Accounts) -> None:
    first = await accounts.first()
    browser = Browser(sessions=(first.cookie,))
    await asyncio.gather(*(accounts.sign_in(browser=browser) for _ in range(5)))
    assert await accounts.events.get() == SessionsEnded(session_ids=(first.session.id,))
    assert accounts.events.empty()
    assert len(await own(accounts, first)) == 5


async def test_hanging_up_does_not_keep_what_was_replaced_from_being_told(accounts: Accounts) -> None:
    first = await accounts.first()
    asked = asyncio.create_task(accounts.sign_in(browser=Browser(sessions=(first.cookie,))))
    await asyncio.wait([asked], timeout=0)
    await accounts.check("")
    asked.cancel()
    assert await accounts.events.get() == SessionsEnded(session_ids=(first.session.id,))


async def test_each_sign_in_is_dated(accounts: Accounts, clock: HandClock, path: Path) -> None:
    dated = "SELECT last_sign_in_at FROM users"
    await accounts.first()
    assert rows(path, dated) == [(int(clock().timestamp()),)]
    clock.move(hours=1)
    await accounts.failure()
    assert rows(path, dated) == [(int(clock().timestamp()) - 3600,)]
    await accounts.sign_in()
    assert rows(path, dated) == [(int(clock().timestamp()),)]


async def test_a_new_password_ends_all_other_sessions(accounts: Accounts, clock: HandClock, path: Path) -> None:
    first, second = await accounts.first(), await accounts.sign_in()
    clock.move(hours=1)
    await change(accounts, first)
    checked = await accounts.check(first.cookie)
    assert checked is not None
    assert checked.session.user == (await accounts.bus.ask(ListUsers()))[0]  # which is of now
    assert await accounts.check(second.cookie) is None
    assert await accounts.events.get() == SessionsEnded(session_ids=(second.session.id,))
    with pytest.raises(Unauthenticated):
        await accounts.sign_in()
    assert (await accounts.sign_in(password=NEW)).cookie
    assert rows(
        path,
        "SELECT resource_type, resource_id, user_id, session_id FROM audit_trail WHERE action = 'update' ORDER BY id",
    ) == [("user", first.session.user.id, first.session.user.id, first.session.id)]


async def test_a_wrong_current_password_changes_nothing_and_is_a_failed_sign_in(accounts: Accounts, path: Path) -> None:
    first, second = await accounts.first(), await accounts.sign_in()
    refused = await refusal(accounts, first)
    assert (type(refused), refused.detail) == (Refused, "Wrong password")
    assert await accounts.check(second.cookie) is not None
    assert (await accounts.sign_in()).cookie
    user = first.session.user
    assert rows(
        path,
        "SELECT user_email, user_id, session_id, outcome "
        "FROM audit_trail WHERE action = 'auth_sign_in_failed' ORDER BY id",
    ) == [(user.email, user.id, first.session.id, "failed")]


async def test_guesses_at_the_current_password_and_at_sign_in_are_one_count(accounts: Accounts) -> None:
    first = await accounts.first()
    for _ in range(6):
        assert isinstance(await refusal(accounts, first), Refused)
    for _ in range(5):
        assert isinstance(await accounts.failure(), Unauthenticated)
    assert isinstance(await refusal(accounts, first), Throttled)
    with pytest.raises(Throttled):
        await change(accounts, first)
    assert isinstance(await accounts.failure(), Throttled)


async def test_a_new_password_forgets_the_failures(accounts: Accounts) -> None:
    first = await accounts.first()
    for _ in range(10):
        await refusal(accounts, first)
    await change(accounts, first)
    assert isinstance(await accounts.failure(), Unauthenticated)


@pytest.mark.concurrency
async def test_of_parallel_changes_the_first_wins(accounts: Accounts) -> None:
    first = await accounts.first()
    outcomes = await asyncio.gather(
        *(change(accounts, first, new=f"new password {number}") for number in range(5)), return_exceptions=True
    )
    assert outcomes.count(None) == 1
    assert {type(outcome) for outcome in outcomes if outcome is not None} == {Refused}
    assert (await accounts.sign_in(password=f"new password {outcomes.index(None)}")).cookie


@pytest.mark.concurrency
async def test_no_session_of_the_old_password_outlives_the_change(accounts: Accounts) -> None:
    first = await accounts.first()
    asked = [asyncio.create_task(accounts.sign_in()) for _ in range(3)]
    changed = asyncio.create_task(change(accounts, first))
    asked += [asyncio.create_task(accounts.sign_in()) for _ in range(3)]
    outcomes = await asyncio.gather(*asked, return_exceptions=True)
    await changed
    for outcome in outcomes:
        if isinstance(outcome, SignedIn):
            assert await accounts.check(outcome.cookie) is None
    assert await ids(accounts, first) == [first.session.id]


async def test_a_password_that_is_reset_while_it_is_checked_opens_nothing(
    accounts: Accounts, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reset takes no turn: it comes from another program, or from an admin."""
    await accounts.first()
    matches = PasswordHashes._matches

    def matches_and_is_reset(self: PasswordHashes, stored: str, password: bytes) -> bool:
        right = matches(self, stored, password)
        rows(path, "UPDATE users SET password_hash = 'another'")
        return right

    monkeypatch.setattr(PasswordHashes, "_matches", matches_and_is_reset)
    with pytest.raises(Unauthenticated):
        await accounts.sign_in()
    assert rows(path, "SELECT count(*) FROM sessions") == [(1,)]


async def test_a_user_who_is_gone_cannot_change_a_password(accounts: Accounts) -> None:
    await accounts.first()
    gone = Principal(user_id="gone", email="gone@example.com", session_id="gone", client=HERE)
    with pytest.raises(Refused):
        await accounts.bus.ask(ChangeOwnPassword(current_password=PASSWORD, new_password=NEW, by=gone))
