"""Changes of accounts by admins over HTTP, and what members may not do."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import attrs
import pytest

from tests.actors.stage import HandClock, rows
from tests.http_studio import ADMIN, HttpStudio, Reply, http_config, running_http_studio

pytestmark = [pytest.mark.integration, pytest.mark.security]

USERS = "/api/v1/users"
MIA = {"email": "mia@example.com", "password": "password456"}
BOB = {"email": "bob@example.com", "password": "password456"}
NEW = "another password"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z")
NEEDS_ADMIN = (403, {"detail": "This needs an admin"})


@attrs.frozen
class People:
    """A studio with an admin and a member, both signed in."""

    studio: HttpStudio
    admin: str  # cookies
    member: str
    member_id: str

    @classmethod
    async def of(cls, studio: HttpStudio) -> "People":
        admin = await studio.set_up()
        mia = await studio.call("POST", USERS, body=MIA, cookie=admin)
        assert mia.status == 201
        return cls(studio, admin, (await studio.call("POST", "/sign-in", body=MIA)).cookie, mia.json["id"])

    async def call(self, method: str, path: str, body: Any = None) -> Reply:
        """Call as the admin."""
        return await self.studio.call(method, path, body=body, cookie=self.admin)

    async def admins_id(self) -> str:
        found: str = (await self.call("GET", USERS)).json["users"][0]["id"]
        return found


@pytest.fixture
async def people(studio: HttpStudio) -> People:
    return await People.of(studio)


async def test_a_new_user_is_a_member_unless_told_otherwise(studio: HttpStudio) -> None:
    admin = await studio.set_up()
    mia = await studio.call("POST", USERS, body=MIA, cookie=admin)
    assert mia.status == 201
    assert mia.json == {
        "id": mia.json["id"],
        "email": "mia@example.com",
        "role": "member",
        "created_at": mia.json["created_at"],
        "last_sign_in_at": None,
        "locked_until": None,
        "sessions": 0,
    }
    assert TIME.fullmatch(mia.json["created_at"])
    bob = await studio.call("POST", USERS, body=BOB | {"role": "admin"}, cookie=admin)
    assert (bob.status, bob.json["role"]) == (201, "admin")
    again = await studio.call("POST", USERS, body=MIA, cookie=admin)
    assert (again.status, again.json) == (409, {"detail": "A user with this email already exists"})


async def test_users_of_the_contracts_route_are_admins_as_before(studio: HttpStudio) -> None:
    admin = await studio.set_up()
    await studio.call("POST", "/users", body=BOB, cookie=admin)
    listed = (await studio.call("GET", USERS, cookie=admin)).json["users"]
    assert [(user["email"], user["role"]) for user in listed] == [(ADMIN["email"], "admin"), (BOB["email"], "admin")]
    assert (await studio.call("GET", "/users", cookie=admin)).json[1].keys() == {
        "id",
        "email",
        "is_active",
        "created_at",
        "updated_at",
    }


async def test_users_are_listed_with_their_sign_ins(people: People) -> None:
    listed = (await people.call("GET", USERS)).json["users"]
    assert [user["sessions"] for user in listed] == [1, 1]
    assert all(TIME.fullmatch(user["last_sign_in_at"]) for user in listed)
    assert [user["locked_until"] for user in listed] == [None, None]


MEMBERS_MAY_NOT = [
    ("GET", "/users", None),
    ("POST", "/users", BOB),
    ("DELETE", "/users/some-id", None),
    ("GET", USERS, None),
    ("POST", USERS, BOB),
    ("PATCH", f"{USERS}/some-id", {"role": "admin"}),
    ("PUT", f"{USERS}/some-id/password", {"password": NEW}),
    ("DELETE", f"{USERS}/some-id/lock", None),
    ("GET", "/llm/providers", None),
    ("PUT", "/llm/providers/openai/key", {"key": "sk-0123456789"}),
    ("DELETE", "/llm/providers/openai/key", None),
    ("GET", "/api/v1/backup", None),
    ("DELETE", f"/api/v1/observability/traces/{1:032x}", None),
    ("DELETE", "/api/v1/observability/services/tests", None),
]


@pytest.mark.parametrize(("method", "path", "body"), MEMBERS_MAY_NOT)
async def test_a_member_may_not(people: People, method: str, path: str, body: Any) -> None:
    reply = await people.studio.call(method, path, body=body, cookie=people.member)
    assert (reply.status, reply.json) == NEEDS_ADMIN
    nobody = await people.studio.call(method, path, body=body)
    assert (nobody.status, nobody.json) == (401, {"detail": "Unauthorized: No valid session"})


@pytest.mark.parametrize(("method", "path", "body"), MEMBERS_MAY_NOT)
async def test_a_member_learns_nothing_from_a_faulty_request_either(
    people: People, method: str, path: str, body: Any
) -> None:
    """Authorisation comes before validation."""
    reply = await people.studio.call(method, f"{path}?unknown=1", body=body and {"x": 1}, cookie=people.member)
    assert (reply.status, reply.json) == NEEDS_ADMIN


@pytest.mark.parametrize("scopes", [("ingest", "read", "play"), ("backup",)])
async def test_an_admins_key_is_no_admin(people: People, scopes: tuple[str, ...]) -> None:
    key = await people.studio.make_key(people.admin, *scopes)
    for method, path, body in MEMBERS_MAY_NOT:
        if path != "/api/v1/backup":
            reply = await people.studio.call(method, path, body=body, headers={"x-junjo-api-key": key})
            assert (reply.status, reply.json) == (401, {"detail": "Unauthorized: No valid session"}), path


async def test_a_member_sees_and_uses_the_rest(people: People) -> None:
    for path in ("/auth-test", "/api/v1/observability/services", "/api_keys"):
        assert (await people.studio.call("GET", path, cookie=people.member)).status == 200
    assert await people.studio.make_key(people.member)


async def test_a_role_counts_from_the_very_next_request_on(people: People) -> None:
    path = f"{USERS}/{people.member_id}"
    assert (await people.studio.call("GET", USERS, cookie=people.member)).status == 403
    promoted = await people.call("PATCH", path, {"role": "admin"})
    assert (promoted.status, promoted.json["role"], promoted.json["sessions"]) == (200, "admin", 1)
    assert (await people.studio.call("GET", USERS, cookie=people.member)).status == 200
    assert (await people.call("PATCH", path, {"role": "member"})).json["role"] == "member"
    reply = await people.studio.call("GET", USERS, cookie=people.member)
    assert (reply.status, reply.json) == NEEDS_ADMIN


async def test_the_last_admin_stays_one(people: People) -> None:
    admin = await people.admins_id()
    demoted = await people.call("PATCH", f"{USERS}/{admin}", {"role": "member"})
    assert (demoted.status, demoted.json) == (409, {"detail": "Cannot demote the last admin"})
    deleted = await people.call("DELETE", f"/users/{admin}")
    assert (deleted.status, deleted.json) == (409, {"detail": "Cannot delete the last admin"})
    await people.call("PATCH", f"{USERS}/{people.member_id}", {"role": "admin"})
    assert (await people.call("PATCH", f"{USERS}/{admin}", {"role": "member"})).status == 200
    assert (await people.call("GET", USERS)).status == 403


async def test_a_password_is_set_for_another(people: People) -> None:
    path = f"{USERS}/{people.member_id}/password"
    assert (await people.call("PUT", path, {"password": NEW})).status == 204
    assert (await people.studio.call("GET", "/auth-test", cookie=people.member)).status == 401
    assert (await people.studio.call("POST", "/sign-in", body=MIA)).status == 401
    assert (await people.studio.call("POST", "/sign-in", body=MIA | {"password": NEW})).status == 200


async def test_a_password_that_is_set_for_another_must_be_one(people: People) -> None:
    path = f"{USERS}/{people.member_id}/password"
    short = await people.call("PUT", path, {"password": "short"})
    assert short.status == 422
    assert short.json["detail"] == [
        {
            "type": "string_too_short",
            "loc": ["body", "password"],
            "msg": "Password must be at least 8 characters",
            "input": "***",
            "ctx": {"min_length": 8, "actual_length": 5},
        }
    ]
    assert (await people.call("PUT", path, {"password": "x" * 1025})).status == 422
    assert (await people.call("PUT", path, {})).json["detail"][0]["type"] == "missing"
    assert (await people.studio.call("GET", "/auth-test", cookie=people.member)).status == 200


async def test_strict_rules_count_for_passwords_of_others_too(tmp_path: Path) -> None:
    async with running_http_studio(tmp_path, http_config(strict_passwords=True)) as studio:
        ann = {"email": "ann@example.com", "password": "correct horse battery"}
        admin = (await studio.call("POST", "/users/create-first-user", body=ann)).cookie
        own = (await studio.call("GET", USERS, cookie=admin)).json["users"][0]["id"]
        for reply in (
            await studio.call("POST", USERS, body=MIA | {"password": "Mia@Example.com"}, cookie=admin),
            await studio.call("PUT", f"{USERS}/{own}/password", body={"password": "ann@example.com"}, cookie=admin),
        ):
            [fault] = reply.json["detail"]
            assert (reply.status, fault["type"], fault["loc"]) == (422, "value_error", ["body", "password"])
            assert (fault["input"], "example.com" in reply.body.decode()) == ("***", False)


async def test_a_lock_is_cleared(tmp_path: Path) -> None:
    clock = HandClock()
    async with running_http_studio(tmp_path, http_config(), clock=clock) as studio:
        people = await People.of(studio)
        for _ in range(11):
            await studio.call("POST", "/sign-in", body=MIA | {"password": "wrong"})
        assert (await studio.call("POST", "/sign-in", body=MIA)).status == 429
        [_, mia] = (await people.call("GET", USERS)).json["users"]
        assert mia["locked_until"] == "2026-11-22T20:00:01.250000000Z"
        path = f"{USERS}/{people.member_id}/lock"
        assert [(await people.call("DELETE", path)).status for _ in range(2)] == [204, 204]
        assert (await studio.call("POST", "/sign-in", body=MIA)).status == 200


@pytest.mark.parametrize("user_id", ["unknown", "%7Bx%7D", "%25", "%27%20OR%201=1", "a%2Fb"])
async def test_an_unknown_user_is_not_found(people: People, user_id: str) -> None:
    for method, path, body in (
        ("PATCH", f"{USERS}/{user_id}", {"role": "member"}),
        ("PUT", f"{USERS}/{user_id}/password", {"password": NEW}),
        ("DELETE", f"{USERS}/{user_id}/lock", None),
    ):
        reply = await people.call(method, path, body)
        assert (reply.status, reply.json) == (404, {"detail": "User not found"})


async def test_what_is_not_understood_is_refused(people: People) -> None:
    unknown = await people.call("GET", f"{USERS}?role=admin")
    assert (unknown.status, unknown.json["detail"][0]["loc"]) == (422, ["query", "role"])
    for role in ("owner", "Admin", None, 1):
        for reply in (
            await people.call("POST", USERS, BOB | {"role": role}),
            await people.call("PATCH", f"{USERS}/{people.member_id}", {"role": role}),
        ):
            [fault] = reply.json["detail"]
            assert (reply.status, fault["type"], fault["loc"]) == (422, "enum", ["body", "role"])
    assert len((await people.call("GET", USERS)).json["users"]) == 2


async def test_changes_say_who_asked_and_from_where(people: People, tmp_path: Path) -> None:
    reply = await people.call("PATCH", f"{USERS}/{people.member_id}", {"role": "admin"})
    [row] = rows(
        tmp_path / "junjo.db",
        "SELECT resource_id, user_email, address, request_id, outcome "
        "FROM audit_trail WHERE action = 'update' ORDER BY id",
    )
    assert row == (people.member_id, ADMIN["email"], "127.0.0.1", reply.headers["x-request-id"], "ok")


async def test_a_deleted_users_key_goes_on_sending_spans(people: People) -> None:
    key = await people.studio.make_key(people.member, "ingest", "read")
    other = await people.studio.make_key(people.member, "read")
    assert (await people.call("DELETE", f"/users/{people.member_id}")).status == 200
    assert (await people.studio.send_spans(key, b"")).status == 200
    read = "/api/v1/observability/services"
    assert (await people.studio.call("GET", read, headers={"x-junjo-api-key": key})).status == 403
    assert (await people.studio.call("GET", read, headers={"x-junjo-api-key": other})).status == 401


async def test_a_fault_of_the_file_changes_no_role(people: People, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "junjo.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        reply = await people.call("PATCH", f"{USERS}/{people.member_id}", {"role": "admin"})
        assert reply.status == 503
        other.execute("ROLLBACK")
    assert (await people.studio.call("GET", USERS, cookie=people.member)).status == 403
    assert (await people.call("GET", USERS)).json["users"][1]["role"] == "member"
