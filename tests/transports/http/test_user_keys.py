"""``/api/v1/keys``, and its keys in ``/api_keys``."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from actors.principal import SYSTEM, UNKNOWN_CLIENT, Role
from actors.session.messages import CreateUser, SignIn
from tests.actors.stage import HandClock
from tests.http_studio import ADMIN, HttpStudio, http_config, running_http_studio

pytestmark = pytest.mark.integration

KEYS = "/api/v1/keys"
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z"
ANN = "ann@example.com"
NEEDS_ADMIN = {"detail": "This needs an admin"}
NOT_FOUND = {"detail": "API key not found"}


@pytest.fixture
async def admin(studio: HttpStudio) -> str:
    return await studio.set_up()


@pytest.fixture
async def member(studio: HttpStudio, admin: str) -> str:
    return await signed_in_member(studio)


async def signed_in_member(studio: HttpStudio) -> str:
    await studio.bus.ask(CreateUser(email=ANN, password=ADMIN["password"], role=Role.MEMBER, by=SYSTEM))
    return (await studio.bus.ask(SignIn(email=ANN, password=ADMIN["password"], client=UNKNOWN_CLIENT))).cookie


async def make(studio: HttpStudio, cookie: str, **members: Any) -> dict[str, Any]:
    reply = await studio.call("POST", KEYS, body={"name": "agents"} | members, cookie=cookie)
    assert reply.status == 201, reply.json
    made: dict[str, Any] = reply.json
    return made


async def listed(studio: HttpStudio, cookie: str) -> list[dict[str, Any]]:
    keys: list[dict[str, Any]] = (await studio.call("GET", KEYS, cookie=cookie)).json["keys"]
    return keys


async def status_with(studio: HttpStudio, key: str) -> tuple[int, Any]:
    reply = await studio.call("GET", "/api/v1/observability/services", headers={"x-junjo-api-key": key})
    return reply.status, reply.json


async def test_a_key_is_made_listed_used_and_deleted(studio: HttpStudio, admin: str) -> None:
    made = await make(studio, admin)
    key = made.pop("key")
    assert list(made) == [
        "id", "name", "masked", "scopes", "owner", "created_at", "expires_at", "last_used_at", "state",
    ]  # fmt: skip
    assert re.fullmatch(r"[0-9A-Za-z]{64}", key)
    assert re.fullmatch(TIME, made["created_at"])
    assert made == {
        "id": made["id"],
        "name": "agents",
        "masked": f"{key[:6]}…{key[-4:]}",
        "scopes": ["ingest", "read"],
        "owner": {"id": made["owner"]["id"], "email": ADMIN["email"]},
        "created_at": made["created_at"],
        "expires_at": None,
        "last_used_at": None,
        "state": "live",
    }
    assert await listed(studio, admin) == [made]
    assert await status_with(studio, key) == (200, [])
    (used,) = await listed(studio, admin)
    assert re.fullmatch(TIME, used["last_used_at"])
    deleted = await studio.call("DELETE", f"{KEYS}/{made['id']}", cookie=admin)
    assert (deleted.status, deleted.body) == (204, b"")
    assert await listed(studio, admin) == []
    assert await status_with(studio, key) == (401, {"detail": "Unauthorized: This API key has ended"})
    assert (await studio.call("DELETE", f"{KEYS}/{made['id']}", cookie=admin)).json == NOT_FOUND


@pytest.mark.security
async def test_members_have_their_own_keys_over_both_routes(studio: HttpStudio, admin: str, member: str) -> None:
    admins, members = await make(studio, admin), await make(studio, member)
    assert [key["id"] for key in await listed(studio, member)] == [members["id"]]
    assert [key["id"] for key in await listed(studio, admin)] == [members["id"], admins["id"]]
    contract = {
        cookie: [key["id"] for key in (await studio.call("GET", "/api_keys", cookie=cookie)).json]
        for cookie in (admin, member)
    }
    assert contract == {admin: [members["id"], admins["id"]], member: [members["id"]]}
    for method, path, body in (
        ("DELETE", f"/api_keys/{admins['id']}", None),
        ("DELETE", f"{KEYS}/{admins['id']}", None),
        ("POST", f"{KEYS}/{admins['id']}/rotate", {}),
    ):
        refused = await studio.call(method, path, body=body, cookie=member)
        assert (refused.status, refused.json) == (403, NEEDS_ADMIN)
        unknown = await studio.call(method, path.replace(admins["id"], "zzz"), body=body, cookie=member)
        assert (unknown.status, unknown.json) == (404, NOT_FOUND)
    assert (await studio.call("DELETE", f"/api_keys/{members['id']}", cookie=member)).status == 204
    assert (await studio.call("DELETE", f"{KEYS}/{admins['id']}", cookie=admin)).status == 204


@pytest.mark.security
async def test_an_admin_alone_gives_the_scope_backup(studio: HttpStudio, admin: str, member: str) -> None:
    for path in (KEYS, "/api_keys"):
        body = {"name": "b", "scopes": ["read", "backup"]}
        refused = await studio.call("POST", path, body=body, cookie=member)
        assert (refused.status, refused.json) == (403, NEEDS_ADMIN)
        assert (await studio.call("POST", path, body=body, cookie=admin)).status == 201
    every = ["ingest", "read", "play", "sql", "score", "studio"]
    assert (await make(studio, member, scopes=every[::-1]))["scopes"] == every


@pytest.mark.security
async def test_a_key_makes_and_sees_no_keys(studio: HttpStudio, admin: str) -> None:
    made = await make(studio, admin, scopes=["ingest", "read", "play", "sql", "score", "studio", "backup"])
    for method, path in (
        ("GET", KEYS),
        ("POST", KEYS),
        ("POST", f"{KEYS}/{made['id']}/rotate"),
        ("DELETE", f"{KEYS}/{made['id']}"),
    ):
        body = {"name": "x"} if method == "POST" else None
        assert (await studio.call(method, path, body=body, headers={"x-junjo-api-key": made["key"]})).status == 401


async def test_a_rotated_key_works_on_beside_the_new_one(studio: HttpStudio, admin: str) -> None:
    old = await make(studio, admin, scopes=["read"])
    reply = await studio.call("POST", f"{KEYS}/{old['id']}/rotate", body={"overlap_seconds": 60}, cookie=admin)
    new = reply.json
    assert reply.status == 201
    assert {**new, "state": "live"} == {
        **old,
        **{name: new[name] for name in ("id", "key", "masked", "created_at")},
    }
    assert [(await status_with(studio, each["key"]))[0] for each in (old, new)] == [200, 200]
    before = next(key for key in await listed(studio, admin) if key["id"] == old["id"])
    left = datetime.fromisoformat(before["expires_at"]) - datetime.now(UTC)
    assert timedelta(0) < left <= timedelta(seconds=60)
    again = await studio.call("POST", f"{KEYS}/{old['id']}/rotate", body={}, cookie=admin)
    assert (again.status, again.json) == (
        409,
        {"detail": "This API key was rotated before: rotate the one that replaced it"},
    )
    at_once = await studio.call("POST", f"{KEYS}/{new['id']}/rotate", body={"overlap_seconds": 0}, cookie=admin)
    assert at_once.status == 201
    assert await status_with(studio, new["key"]) == (401, {"detail": "Unauthorized: This API key has ended"})
    states = {key["id"]: key["state"] for key in await listed(studio, admin)}
    assert states == {at_once.json["id"]: "live", new["id"]: "expired", old["id"]: "live"}
    shown = [key["id"] for key in (await studio.call("GET", "/api_keys", cookie=admin)).json]
    assert shown == [at_once.json["id"], old["id"]]


@pytest.mark.parametrize(
    ("given", "seconds"),
    [("now+90d", 90 * 86_400), ("now+1w", 7 * 86_400), ("now+1s", 1), ("2099-01-01T00:00:00.1234567+01:00", None)],
)
async def test_an_expiry_is_a_time_ahead(studio: HttpStudio, admin: str, given: str, seconds: int | None) -> None:
    before = datetime.now(UTC)
    expires_at = (await make(studio, admin, expires_at=given))["expires_at"]
    if seconds is None:
        assert expires_at == "2098-12-31T23:00:00.123456000Z"
    else:
        parsed = datetime.fromisoformat(expires_at) - timedelta(seconds=seconds)
        assert before - timedelta(milliseconds=1) <= parsed <= datetime.now(UTC)


async def test_an_expiry_beyond_all_times_is_the_last(studio: HttpStudio, admin: str) -> None:
    for given in ("now+999999999w", "9999-12-31T23:59:59Z"):
        assert (await make(studio, admin, expires_at=given))["expires_at"].startswith("2554-07-21T23:34:33.")


@pytest.mark.parametrize(
    ("body", "location", "type_"),
    [
        ({"name": "x", "expires_at": "2020-01-01T00:00:00Z"}, ["body", "expires_at"], "datetime_future"),
        ({"name": "x", "expires_at": "now"}, ["body", "expires_at"], "datetime_future"),
        ({"name": "x", "expires_at": "now-1h"}, ["body", "expires_at"], "datetime_future"),
        ({"name": "x", "expires_at": "now+0s"}, ["body", "expires_at"], "datetime_future"),
        ({"name": "x", "expires_at": "now+9999999999s"}, ["body", "expires_at"], "time_parsing"),
        ({"name": "x", "expires_at": "soon"}, ["body", "expires_at"], "time_parsing"),
        ({"name": "x", "expires_at": ""}, ["body", "expires_at"], "time_parsing"),
        ({"name": "x", "expires_at": 4_000_000_000}, ["body", "expires_at"], "string_type"),
        ({"name": " "}, ["body", "name"], "string_too_short"),
        ({"name": "x" * 201}, ["body", "name"], "string_too_long"),
        ({}, ["body", "name"], "missing"),
        ({"name": "x", "scopes": []}, ["body", "scopes"], "too_short"),
        ({"name": "x", "scopes": ["admin"]}, ["body", "scopes", 0], "enum"),
    ],
)
async def test_what_is_no_key_is_422(
    studio: HttpStudio, admin: str, body: Any, location: list[Any], type_: str
) -> None:
    reply = await studio.call("POST", KEYS, body=body, cookie=admin)
    assert reply.status == 422
    assert [(item["loc"], item["type"]) for item in reply.json["detail"]] == [(location, type_)]
    assert await listed(studio, admin) == []


@pytest.mark.parametrize("overlap", [-1, 30 * 86_400 + 1, 0.5, "x", None])
async def test_an_overlap_is_of_thirty_days_at_most(studio: HttpStudio, admin: str, overlap: Any) -> None:
    made = await make(studio, admin)
    path = f"{KEYS}/{made['id']}/rotate"
    reply = await studio.call("POST", path, body={"overlap_seconds": overlap}, cookie=admin)
    assert (reply.status, reply.json["detail"][0]["loc"]) == (422, ["body", "overlap_seconds"])
    assert (await studio.call("POST", path, body={"overlap_seconds": 30 * 86_400}, cookie=admin)).status == 201


async def test_unknown_parameters_are_faults(studio: HttpStudio, admin: str) -> None:
    reply = await studio.call("GET", f"{KEYS}?limit=1", cookie=admin)
    assert (reply.status, reply.json["detail"][0]["type"]) == (422, "extra_forbidden")


@pytest.mark.security
async def test_whole_keys_are_shown_to_their_owner_where_the_operator_says_so(tmp_path: Path) -> None:
    async with running_http_studio(tmp_path, http_config(), reveal_api_keys=True) as studio:
        admin = await studio.set_up()
        member = await signed_in_member(studio)
        admins, members = await make(studio, admin), await make(studio, member)
        shown = {
            cookie: [key["key"] for key in (await studio.call("GET", "/api_keys", cookie=cookie)).json]
            for cookie in (admin, member)
        }
        assert shown == {admin: [members["masked"], admins["key"]], member: [members["key"]]}
        assert all("key" not in key for key in await listed(studio, admin))
    async with running_http_studio(tmp_path, http_config()) as studio:
        cookie = (await studio.call("POST", "/sign-in", body=ADMIN)).cookie
        assert [key["key"] for key in (await studio.call("GET", "/api_keys", cookie=cookie)).json] == [
            members["masked"],
            admins["masked"],
        ]


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def later(tmp_path: Path, clock: HandClock) -> AsyncIterator[HttpStudio]:
    """A studio whose time a test moves."""
    clock.now = datetime.now(UTC)
    async with running_http_studio(tmp_path, http_config(), clock=clock) as running:
        yield running


async def test_an_expired_key_is_listed_as_such_and_refused(later: HttpStudio, clock: HandClock) -> None:
    admin = await later.set_up()
    made = await make(later, admin, expires_at="now+1h")
    assert (await status_with(later, made["key"]))[0] == 200
    clock.move(hours=1, minutes=5)  # the end is read by the clock of the machine, which may be slow
    assert await status_with(later, made["key"]) == (401, {"detail": "Unauthorized: This API key has ended"})
    assert [key["state"] for key in await listed(later, admin)] == ["expired"]
    assert (await later.call("GET", "/api_keys", cookie=admin)).json == []
    refused = await later.call("POST", f"{KEYS}/{made['id']}/rotate", body={}, cookie=admin)
    assert (refused.status, refused.json) == (409, {"detail": "This API key has expired: make a new one"})
    assert (await later.call("DELETE", f"/api_keys/{made['id']}", cookie=admin)).status == 204
