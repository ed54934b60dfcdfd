"""Changes of accounts by admins: roles, passwords, locks, deletion."""

import asyncio
from datetime import timedelta
from pathlib import Path

import attrs
import bcrypt
import pytest

from actors.errors import Conflict, NotFound, StudioError, Throttled, Unauthenticated
from actors.key_registry.messages import IssueKey, VerifyKey
from actors.principal import SYSTEM, Principal, Role, Scope
from actors.session.messages import (
    AdoptUser,
    ChangeRole,
    CreateUser,
    DeleteUser,
    FindPerson,
    ListPeople,
    ResetPassword,
    Session,
    SessionsEnded,
    UnlockUser,
    User,
)
from tests.actors.session.conftest import PASSWORD, Accounts, Start
from tests.actors.stage import HandClock, rows

pytestmark = pytest.mark.integration

NEW = "another password"


async def member(accounts: Accounts, by: Session, email: str = "mia@example.com") -> User:
    request = CreateUser(email=email, password=PASSWORD, role=Role.MEMBER, by=by.principal)
    return await accounts.bus.ask(request)


async def change_role(accounts: Accounts, user: User, role: Role, by: Session) -> User:
    return (await accounts.bus.ask(ChangeRole(user_id=user.id, role=role, by=by.principal))).user


async def issue(accounts: Accounts, user: User, *scopes: Scope) -> str:
    """The secret of a new key."""
    by = Principal(user_id=user.id, email=user.email, role=user.role)
    return (await accounts.bus.ask(IssueKey(name="a key", scopes=frozenset(scopes), by=by))).secret


async def scopes_of(accounts: Accounts, secret: str) -> set[Scope] | None:
    """The scopes of a key; ``None`` when it has ended."""
    key = await accounts.bus.ask(VerifyKey(secret=secret))
    return None if key is None else set(key.scopes)


async def test_people_are_listed_with_what_admins_want_to_know(accounts: Accounts, clock: HandClock) -> None:
    ann = (await accounts.first()).session
    mia = await member(accounts, ann)
    clock.move(minutes=1)
    signed_in = clock().replace(microsecond=0)
    for _ in range(2):
        await accounts.sign_in(mia.email)
    bob = await accounts.create("bob@example.com", ann)
    listed = await accounts.bus.ask(ListPeople())
    assert [person.user for person in listed] == [ann.user, mia, bob]
    assert [person.user.role for person in listed] == [Role.ADMIN, Role.MEMBER, Role.ADMIN]
    assert [person.sessions for person in listed] == [1, 2, 0]
    assert [person.last_sign_in_at for person in listed] == [ann.authenticated_at, signed_in, None]
    assert [person.locked_until for person in listed] == [None, None, None]
    assert await accounts.bus.ask(FindPerson(user_id=mia.id)) == listed[1]


async def test_sessions_that_have_expired_are_not_counted(accounts: Accounts, clock: HandClock) -> None:
    ann = (await accounts.first()).session
    clock.move(days=7)
    assert (await accounts.bus.ask(FindPerson(user_id=ann.user.id))).sessions == 0


@pytest.mark.security
async def test_a_role_counts_from_the_very_next_request_on(accounts: Accounts, clock: HandClock) -> None:
    ann = (await accounts.first()).session
    mia = await member(accounts, ann)
    cookie = (await accounts.sign_in(mia.email)).cookie
    before = await accounts.check(cookie)
    assert before is not None
    assert before.session.principal.role is Role.MEMBER
    changed = await change_role(accounts, mia, Role.ADMIN, ann)
    assert changed == attrs.evolve(mia, role=Role.ADMIN, updated_at=clock().replace(microsecond=0))
    promoted = await accounts.check(cookie)
    assert promoted is not None
    assert promoted.session.user == changed
    assert promoted.session.principal.role is Role.ADMIN
    await change_role(accounts, mia, Role.MEMBER, ann)
    demoted = await accounts.check(cookie)
    assert demoted is not None
    assert demoted.session.principal.role is Role.MEMBER


async def test_a_role_outlives_a_restart(start: Start) -> None:
    async with start() as accounts:
        ann = (await accounts.first()).session
        mia = await member(accounts, ann)
        cookie = (await accounts.sign_in(mia.email)).cookie
        await change_role(accounts, mia, Role.ADMIN, ann)
    async with start() as accounts:
        checked = await accounts.check(cookie)
        assert checked is not None
        assert checked.session.principal.role is Role.ADMIN


@pytest.mark.parametrize("user_id", ["", "does-not-exist", "{x}", "%", "' OR 1=1 --"])
async def test_nobody_does_something_to_an_unknown_user(accounts: Accounts, user_id: str) -> None:
    by = (await accounts.first()).session.principal
    for request in (
        ChangeRole(user_id=user_id, role=Role.MEMBER, by=by),
        ChangeRole(user_id=user_id, role=Role.ADMIN, by=by),
        ResetPassword(user_id=user_id, password=NEW, by=by),
        UnlockUser(user_id=user_id, by=by),
        FindPerson(user_id=user_id),
    ):
        with pytest.raises(NotFound, match=r"^User not found$"):
            await accounts.bus.ask(request)


@pytest.mark.security
async def test_the_last_admin_stays_one(accounts: Accounts, path: Path) -> None:
    ann = (await accounts.first()).session
    mia = await member(accounts, ann)
    with pytest.raises(Conflict, match=r"^Cannot delete the last admin$"):
        await accounts.bus.ask(DeleteUser(user_id=ann.user.id, by=ann.principal))
    with pytest.raises(Conflict, match=r"^Cannot demote the last admin$"):
        await change_role(accounts, ann.user, Role.MEMBER, ann)
    await change_role(accounts, ann.user, Role.ADMIN, ann)  # which changes nothing
    await accounts.bus.ask(DeleteUser(user_id=mia.id, by=ann.principal))
    with pytest.raises(Conflict, match=r"^Cannot delete the last user$"):
        await accounts.bus.ask(DeleteUser(user_id=ann.user.id, by=ann.principal))
    assert rows(path, "SELECT email, role FROM users") == [("ann@example.com", "admin")]


@pytest.mark.security
async def test_an_admin_who_may_not_sign_in_is_none(accounts: Accounts) -> None:
    ann = (await accounts.first()).session
    gone = attrs.evolve(ann.user, id="gone", email="gone@example.com", is_active=False)
    hashed = "$2b$04$" + "." * 53
    assert await accounts.bus.ask(AdoptUser(user=gone, password_hash=hashed, by=SYSTEM))
    with pytest.raises(Conflict, match=r"^Cannot delete the last admin$"):
        await accounts.bus.ask(DeleteUser(user_id=ann.user.id, by=ann.principal))
    with pytest.raises(Conflict, match=r"^Cannot demote the last admin$"):
        await change_role(accounts, ann.user, Role.MEMBER, ann)
    await change_role(accounts, gone, Role.MEMBER, ann)
    await accounts.bus.ask(DeleteUser(user_id=gone.id, by=ann.principal))


@pytest.mark.concurrency
@pytest.mark.security
@pytest.mark.parametrize("processes", [1, 2])
async def test_of_two_admins_who_demote_each_other_one_stays(start: Start, path: Path, processes: int) -> None:
    async with start() as one, start() as another:
        two = another if processes == 2 else one
        ann = (await one.first()).session
        bob = await one.create("bob@example.com", ann)
        answers = await asyncio.gather(
            change_role(one, bob, Role.MEMBER, ann),
            change_role(two, ann.user, Role.MEMBER, ann),
            return_exceptions=True,
        )
        assert [str(answer) for answer in answers if isinstance(answer, Conflict)] == ["Cannot demote the last admin"]
        assert sum(isinstance(answer, User) for answer in answers) == 1
    assert rows(path, "SELECT count(*) FROM users WHERE role = 'admin'") == [(1,)]


@pytest.mark.concurrency
@pytest.mark.security
async def test_of_a_demotion_and_a_deletion_of_two_admins_one_stays(start: Start, path: Path) -> None:
    async with start() as one, start() as two:
        ann = (await one.first()).session
        bob = await one.create("bob@example.com", ann)
        answers = await asyncio.gather(
            one.bus.ask(DeleteUser(user_id=bob.id, by=ann.principal)),
            change_role(two, ann.user, Role.MEMBER, ann),
            return_exceptions=True,
        )
        assert sum(isinstance(answer, Conflict) for answer in answers) == 1
    assert rows(path, "SELECT count(*) FROM users WHERE role = 'admin'") == [(1,)]


@pytest.mark.security
async def test_of_a_deleted_users_keys_those_that_send_spans_go_on(accounts: Accounts, path: Path) -> None:
    ann = (await accounts.first()).session
    bob = await accounts.create("bob@example.com", ann)
    sending = await issue(accounts, bob, Scope.INGEST, Scope.READ, Scope.PLAY)
    reading = await issue(accounts, bob, Scope.READ, Scope.BACKUP)
    anns = await issue(accounts, ann.user, Scope.READ)
    await accounts.bus.ask(DeleteUser(user_id=bob.id, by=ann.principal))
    assert await scopes_of(accounts, sending) == {Scope.INGEST}
    assert await scopes_of(accounts, reading) is None
    assert await scopes_of(accounts, anns) == {Scope.READ}
    trail = rows(path, "SELECT action, resource_type, user_id FROM audit_trail ORDER BY id DESC LIMIT 3")
    assert trail[0] == ("delete", "user", ann.user.id)  # the keys came before
    assert sorted(trail[1:]) == [("delete", "api_key", ann.user.id), ("update", "api_key", ann.user.id)]


@pytest.mark.security
async def test_who_deletes_themselves_leaves_no_key_that_reads(accounts: Accounts) -> None:
    ann = (await accounts.first()).session
    await accounts.create("bob@example.com", ann)
    sending = await issue(accounts, ann.user, Scope.INGEST, Scope.READ)
    await accounts.bus.ask(DeleteUser(user_id=ann.user.id, by=ann.principal))
    assert await scopes_of(accounts, sending) == {Scope.INGEST}


@pytest.mark.security
async def test_a_change_that_is_refused_leaves_the_keys_alone(accounts: Accounts) -> None:
    ann = (await accounts.first()).session
    await member(accounts, ann)
    secret = await issue(accounts, ann.user, Scope.READ, Scope.BACKUP)
    for request in (
        DeleteUser(user_id=ann.user.id, by=ann.principal),
        ChangeRole(user_id=ann.user.id, role=Role.MEMBER, by=ann.principal),
    ):
        with pytest.raises(Conflict):
            await accounts.bus.ask(request)
    assert await scopes_of(accounts, secret) == {Scope.READ, Scope.BACKUP}


@pytest.mark.security
async def test_a_demoted_admins_keys_copy_nothing_any_more(accounts: Accounts) -> None:
    ann = (await accounts.first()).session
    bob = await accounts.create("bob@example.com", ann)
    mixed = await issue(accounts, bob, Scope.READ, Scope.BACKUP)
    copying = await issue(accounts, bob, Scope.BACKUP)
    anns = await issue(accounts, ann.user, Scope.BACKUP)
    await change_role(accounts, bob, Role.MEMBER, ann)
    assert await scopes_of(accounts, mixed) == {Scope.READ}
    assert await scopes_of(accounts, copying) is None
    assert await scopes_of(accounts, anns) == {Scope.BACKUP}


@pytest.mark.concurrency
@pytest.mark.security
async def test_no_key_is_made_beside_the_deletion_of_its_owner(accounts: Accounts) -> None:
    """A key request from before the deletion is in the registry's mailbox before the registry is asked once more."""
    ann = (await accounts.first()).session
    bob = await accounts.create("bob@example.com", ann)
    cookie = (await accounts.sign_in(bob.email)).cookie
    secrets: list[str] = []

    async def make_keys() -> None:
        while await accounts.check(cookie) is not None:
            secrets.append(await issue(accounts, bob, Scope.READ))

    await asyncio.gather(make_keys(), accounts.bus.ask(DeleteUser(user_id=bob.id, by=ann.principal)))
    assert secrets
    assert [await scopes_of(accounts, secret) for secret in secrets] == [None] * len(secrets)


@pytest.mark.concurrency
@pytest.mark.security
async def test_no_key_is_made_beside_a_demotion_that_only_an_admin_may_give(accounts: Accounts) -> None:
    ann = (await accounts.first()).session
    bob = await accounts.create("bob@example.com", ann)
    cookie = (await accounts.sign_in(bob.email)).cookie
    secrets: list[str] = []

    async def make_keys() -> None:
        while (checked := await accounts.check(cookie)) and checked.session.user.role is Role.ADMIN:
            secrets.append(await issue(accounts, checked.session.user, Scope.READ, Scope.BACKUP))

    await asyncio.gather(make_keys(), change_role(accounts, bob, Role.MEMBER, ann))
    assert secrets
    assert [await scopes_of(accounts, secret) for secret in secrets] == [{Scope.READ}] * len(secrets)


@pytest.mark.security
async def test_a_new_password_ends_all_sign_ins_with_the_old_one(accounts: Accounts, path: Path) -> None:
    ann = (await accounts.first()).session
    mia = await member(accounts, ann)
    sessions = [await accounts.sign_in(mia.email) for _ in range(2)]
    await accounts.bus.ask(ResetPassword(user_id=mia.id, password=NEW, by=ann.principal))
    assert [await accounts.check(one.cookie) for one in sessions] == [None, None]
    ended = await accounts.events.get()
    assert isinstance(ended, SessionsEnded)
    assert set(ended.session_ids) == {one.session.id for one in sessions}
    assert rows(path, "SELECT id FROM sessions") == [(ann.id,)]
    assert isinstance(await accounts.failure(mia.email), Unauthenticated)
    with pytest.raises(Unauthenticated):
        await accounts.sign_in(mia.email)
    assert (await accounts.sign_in(mia.email, NEW)).session.user.id == mia.id


def make_checks_slow(path: Path, email: str) -> None:
    """Make the account one that was taken over: its password takes a fifth of a second to check, and is hashed anew."""
    slow = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(12)).decode()
    rows(path, "UPDATE users SET password_hash = ? WHERE email = ?", slow, email)


@pytest.mark.concurrency
@pytest.mark.security
async def test_a_password_that_is_replaced_while_it_is_checked_is_worth_nothing(accounts: Accounts, path: Path) -> None:
    """Nor does the new hash of the old one come over it."""
    ann = (await accounts.first()).session
    mia = await member(accounts, ann)
    make_checks_slow(path, mia.email)
    await asyncio.gather(
        accounts.sign_in(mia.email),
        accounts.bus.ask(ResetPassword(user_id=mia.id, password=NEW, by=ann.principal)),
        return_exceptions=True,
    )
    assert (await accounts.bus.ask(FindPerson(user_id=mia.id))).sessions == 0
    assert rows(path, "SELECT id FROM sessions") == [(ann.id,)]
    with pytest.raises(Unauthenticated):
        await accounts.sign_in(mia.email)
    assert (await accounts.sign_in(mia.email, NEW)).session.user.id == mia.id


@pytest.mark.concurrency
@pytest.mark.security
async def test_a_role_that_is_changed_while_a_password_is_checked_counts(accounts: Accounts, path: Path) -> None:
    ann = (await accounts.first()).session
    bob = await accounts.create("bob@example.com", ann)
    make_checks_slow(path, bob.email)
    signed_in, _ = await asyncio.gather(accounts.sign_in(bob.email), change_role(accounts, bob, Role.MEMBER, ann))
    checked = await accounts.check(signed_in.cookie)
    assert checked is not None
    assert checked.session.principal.role is Role.MEMBER


async def test_an_admin_clears_a_lock(accounts: Accounts, clock: HandClock, path: Path) -> None:
    ann = (await accounts.first()).session
    mia = await member(accounts, ann)
    for _ in range(11):
        await accounts.failure(mia.email)
    person = await accounts.bus.ask(FindPerson(user_id=mia.id))
    assert person.locked_until == clock() + timedelta(seconds=1)
    with pytest.raises(Throttled):
        await accounts.sign_in(mia.email)
    await accounts.bus.ask(UnlockUser(user_id=mia.id, by=ann.principal))
    assert (await accounts.bus.ask(FindPerson(user_id=mia.id))).locked_until is None
    assert rows(path, "SELECT * FROM sign_in_failures") == []
    assert (await accounts.sign_in(mia.email)).session.user.id == mia.id
    await accounts.bus.ask(UnlockUser(user_id=mia.id, by=ann.principal))  # there need not be a lock


async def test_changes_of_people_are_audited_without_passwords(accounts: Accounts, path: Path) -> None:
    ann = (await accounts.first()).session
    mia = await member(accounts, ann)
    await change_role(accounts, mia, Role.ADMIN, ann)
    await change_role(accounts, mia, Role.ADMIN, ann)  # which changes nothing
    await accounts.bus.ask(ResetPassword(user_id=mia.id, password=NEW, by=ann.principal))
    await accounts.bus.ask(UnlockUser(user_id=mia.id, by=ann.principal))
    with pytest.raises(StudioError):
        await accounts.bus.ask(UnlockUser(user_id="unknown", by=ann.principal))
    assert rows(
        path,
        "SELECT action, resource_id, user_id, session_id, details FROM audit_trail "
        "WHERE resource_type = 'user' AND resource_id = ? AND action <> 'create'",
        mia.id,
    ) == [
        ("update", mia.id, ann.user.id, ann.id, '{"email":"mia@example.com","role":"admin","role_before":"member"}'),
        ("update", mia.id, ann.user.id, ann.id, '{"email":"mia@example.com","changed":"password"}'),
        ("update", mia.id, ann.user.id, ann.id, '{"email":"mia@example.com","changed":"lock"}'),
    ]
