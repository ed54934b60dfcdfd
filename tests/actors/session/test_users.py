"""Users: the first, the further ones, the last."""

import asyncio
import re
from pathlib import Path

import pytest

from actors.errors import Conflict, InvalidRequest, NotFound, Refused, StudioError
from actors.principal import SYSTEM, UNKNOWN_CLIENT
from actors.session.messages import (
    CreateFirstUser,
    CreateUser,
    DeleteUser,
    ListUsers,
    SessionsEnded,
    SignedIn,
    SignIn,
    User,
    UsersExist,
)
from tests.actors.session.conftest import PASSWORD, Accounts, Start
from tests.actors.stage import HandClock, rows

pytestmark = pytest.mark.integration


async def test_the_first_user_is_created_and_signed_in(accounts: Accounts, clock: HandClock) -> None:
    assert not await accounts.bus.ask(UsersExist())
    signed_in = await accounts.first()
    user = signed_in.session.user
    now = clock().replace(microsecond=0)
    assert user == User(id=user.id, email="ann@example.com", is_active=True, created_at=now, updated_at=now)
    assert re.fullmatch(r"[A-Za-z0-9_-]{22}", user.id)
    assert signed_in.max_age == 2_592_000
    assert await accounts.bus.ask(UsersExist())
    checked = await accounts.check(signed_in.cookie)
    assert checked is not None
    assert checked.session.user == user


async def test_there_is_one_first_user(accounts: Accounts) -> None:
    await accounts.first()
    with pytest.raises(Refused, match=r"^Users already exist, cannot create first user$"):
        await accounts.first("other@example.com")


@pytest.mark.concurrency
@pytest.mark.security
async def test_of_fifty_first_users_one_is_made(accounts: Accounts, path: Path) -> None:
    answers = await asyncio.gather(
        *(accounts.first(f"user{number}@example.com") for number in range(50)), return_exceptions=True
    )
    winners = [answer for answer in answers if isinstance(answer, SignedIn)]
    assert len(winners) == 1
    assert {str(answer) for answer in answers if isinstance(answer, Refused)} == {
        "Users already exist, cannot create first user"
    }
    assert rows(path, "SELECT email FROM users") == [(winners[0].session.user.email,)]


@pytest.mark.concurrency
@pytest.mark.security
async def test_of_fifty_first_users_one_is_made_also_by_two_processes_of_one_file(start: Start, path: Path) -> None:
    async with start() as one, start() as two:
        answers = await asyncio.gather(
            *((one, two)[number % 2].first(f"user{number}@example.com") for number in range(50)),
            return_exceptions=True,
        )
    assert sum(isinstance(answer, SignedIn) for answer in answers) == 1
    assert sum(isinstance(answer, Refused) for answer in answers) == 49
    assert rows(path, "SELECT count(*) FROM users") == rows(path, "SELECT count(*) FROM sessions") == [(1,)]


async def test_users_are_listed_in_the_order_of_their_creation(accounts: Accounts) -> None:
    ann = (await accounts.first()).session
    names = ["zoe", "bob", "Bob", "mia"]
    created = [await accounts.create(f"{name}@example.com", ann) for name in names]
    assert await accounts.bus.ask(ListUsers()) == (ann.user, *created)


async def test_an_email_is_taken_once_and_case_counts(accounts: Accounts) -> None:
    ann = (await accounts.first()).session
    await accounts.create("bob@example.com", ann)
    await accounts.create("Bob@example.com", ann)
    with pytest.raises(Conflict, match=r"^A user with this email already exists$"):
        await accounts.create("bob@example.com", ann)


@pytest.mark.concurrency
async def test_of_parallel_creations_of_one_email_one_succeeds(accounts: Accounts) -> None:
    ann = (await accounts.first()).session
    answers = await asyncio.gather(*(accounts.create("bob@example.com", ann) for _ in range(8)), return_exceptions=True)
    assert sum(isinstance(answer, User) for answer in answers) == 1
    assert sum(isinstance(answer, Conflict) for answer in answers) == 7


@pytest.mark.security
async def test_a_deleted_user_is_out_at_once(accounts: Accounts, path: Path) -> None:
    ann = (await accounts.first()).session
    bob = await accounts.create("bob@example.com", ann)
    sessions = [await accounts.sign_in("bob@example.com") for _ in range(2)]
    await accounts.bus.ask(DeleteUser(user_id=bob.id, by=ann.principal))
    assert [await accounts.check(one.cookie) for one in sessions] == [None, None]
    ended = await accounts.events.get()
    assert isinstance(ended, SessionsEnded)
    assert set(ended.session_ids) == {one.session.id for one in sessions}
    with pytest.raises(StudioError, match=r"^Invalid credentials$"):
        await accounts.sign_in("bob@example.com")
    assert rows(path, "SELECT count(*) FROM sessions") == [(1,)]
    assert await accounts.bus.ask(ListUsers()) == (ann.user,)


@pytest.mark.parametrize("user_id", ["", "does-not-exist", "{x}", "%", "' OR 1=1 --"])
async def test_an_unknown_user_is_not_found(accounts: Accounts, user_id: str) -> None:
    ann = (await accounts.first()).session
    with pytest.raises(NotFound, match=r"^User not found$"):
        await accounts.bus.ask(DeleteUser(user_id=user_id, by=ann.principal))


async def test_half_a_surrogate_pair_is_a_fault_of_the_request(accounts: Accounts) -> None:
    for request in (
        DeleteUser(user_id="\ud800", by=SYSTEM),
        CreateUser(email="\ud800@example.com", password=PASSWORD, by=SYSTEM),
        SignIn(email="\ud800@example.com", password=PASSWORD, client=UNKNOWN_CLIENT),
    ):
        with pytest.raises(InvalidRequest):
            await accounts.bus.ask(request)


async def test_the_last_user_stays(accounts: Accounts) -> None:
    signed_in = await accounts.first()
    ann = signed_in.session
    with pytest.raises(Conflict, match=r"^Cannot delete the last user$"):
        await accounts.bus.ask(DeleteUser(user_id=ann.user.id, by=ann.principal))
    assert await accounts.check(signed_in.cookie) is not None
    bob = await accounts.create("bob@example.com", ann)
    await accounts.bus.ask(DeleteUser(user_id=ann.user.id, by=ann.principal))  # oneself, while another remains
    with pytest.raises(Conflict):
        await accounts.bus.ask(DeleteUser(user_id=bob.id, by=ann.principal))


@pytest.mark.concurrency
async def test_of_racing_deletions_one_leaves_the_last_user(start: Start, path: Path) -> None:
    async with start() as one:
        ann = (await one.first()).session
        bob = await one.create("bob@example.com", ann)
        async with start() as two:
            answers = await asyncio.gather(
                one.bus.ask(DeleteUser(user_id=ann.user.id, by=ann.principal)),
                two.bus.ask(DeleteUser(user_id=bob.id, by=ann.principal)),
                return_exceptions=True,
            )
    assert [type(answer) for answer in answers if answer is not None] == [Conflict]
    assert rows(path, "SELECT count(*) FROM users") == [(1,)]


async def test_changes_are_audited(accounts: Accounts, path: Path) -> None:
    ann = (await accounts.first()).session
    bob = await accounts.create("bob@example.com", ann)
    await accounts.bus.ask(DeleteUser(user_id=bob.id, by=ann.principal))
    for refused in (
        CreateFirstUser(email="x@example.com", password=PASSWORD),
        DeleteUser(user_id=ann.user.id, by=ann.principal),
    ):
        with pytest.raises(StudioError):
            await accounts.bus.ask(refused)
    by_ann = ("ann@example.com", ann.user.id, ann.id)
    assert rows(
        path,
        "SELECT action, resource_type, resource_id, user_email, user_id, session_id, details "
        "FROM audit_trail ORDER BY id",
    ) == [
        ("create", "user", ann.user.id, "system@internal", "system", None, '{"email":"ann@example.com"}'),
        ("auth_sign_in", "session", ann.id, *by_ann, "{}"),
        ("create", "user", bob.id, *by_ann, '{"email":"bob@example.com"}'),
        ("delete", "user", bob.id, *by_ann, '{"email":"bob@example.com"}'),
    ]
