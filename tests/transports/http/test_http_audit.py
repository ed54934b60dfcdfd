"""The audit trail over HTTP: recorded actions, readers and queries."""

import re
import sqlite3
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from actors.principal import SYSTEM, Client, Role
from actors.session.messages import CreateUser, SignIn
from actors.span_store.messages import IngestSpans
from tests.http_studio import ADMIN, HttpStudio, http_config, running_http_studio
from tests.spans import span

pytestmark = pytest.mark.integration

AUDIT = "/api/v1/audit"
EXPORT = "/api/v1/observability/export"
MEMBER = {"email": "member@example.com", "password": "password123"}
FOR_ADMINS = (("GET", "/users"), ("DELETE", "/users/some-user"), ("GET", "/api/v1/backup"), ("GET", AUDIT))
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z")


@pytest.fixture
async def studio(tmp_path: Path) -> AsyncIterator[HttpStudio]:
    async with running_http_studio(tmp_path, http_config()) as studio:
        yield studio


async def sign_in_member(studio: HttpStudio) -> str:
    await studio.bus.ask(CreateUser(**MEMBER, role=Role.MEMBER, by=SYSTEM))
    return (
        await studio.bus.ask(
            SignIn(email=MEMBER["email"], password=MEMBER["password"], client=Client(address="192.0.2.7"))
        )
    ).cookie


async def trail(studio: HttpStudio, cookie: str, **query: str) -> list[dict[str, Any]]:
    """The entries of one page."""
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    reply = await studio.call("GET", f"{AUDIT}?{asked}", cookie=cookie)
    assert reply.status == 200, reply.body
    entries: list[dict[str, Any]] = reply.json["entries"]
    return entries


async def test_an_entry_has_the_members_of_the_contract(studio: HttpStudio) -> None:
    cookie = await studio.set_up()
    headers = {"Cookie": f"session={cookie}", "X-Request-Id": "mine"}
    made = await studio.call("POST", "/api_keys", body={"name": "n", "scopes": ["read"]}, headers=headers)
    [user] = (await studio.call("GET", "/users", cookie=cookie)).json
    [newest, *_] = await trail(studio, cookie)
    assert TIME.fullmatch(newest.pop("time"))
    assert newest == {
        "id": "3",
        "action": "create",
        "resource_type": "api_key",
        "resource_id": made.json["id"],
        "actor": {"id": user["id"], "email": ADMIN["email"], "key_id": None},
        "address": "127.0.0.1",
        "request_id": "mine",
        "outcome": "ok",
        "details": {"name": "n", "scopes": ["read"]},
    }


async def test_filters_and_pages(studio: HttpStudio) -> None:
    cookie = await studio.set_up()
    for number in range(7):
        await studio.call("POST", "/api_keys", body={"name": str(number)}, cookie=cookie)
    seen, after = [], ""
    while True:
        reply = await studio.call("GET", f"{AUDIT}?action=create&limit=3{after}", cookie=cookie)
        seen += [entry["details"].get("name") for entry in reply.json["entries"]]
        await studio.call("POST", "/api_keys", body={"name": "meanwhile"}, cookie=cookie)
        if reply.json["next"] is None:
            break
        after = f"&after={reply.json['next']}"
    assert seen == ["6", "5", "4", "3", "2", "1", "0", None]
    assert {entry["actor"]["id"] for entry in await trail(studio, cookie, actor=ADMIN["email"])} != set()
    assert await trail(studio, cookie, actor="nobody@example.com") == []
    assert await trail(studio, cookie, action="dance") == []
    assert await trail(studio, cookie, outcome="failed") == []
    assert await trail(studio, cookie, to="now-1h") == []
    assert len(await trail(studio, cookie, **{"from": "now-1h"}, limit="1000")) > 10
    assert await trail(studio, cookie, **{"from": "2999-01-01T00:00:00Z"}) == []


async def test_a_relative_time_is_that_of_the_first_page(studio: HttpStudio) -> None:
    """Otherwise entries of the first page's time would be too old for a later page."""
    cookie = await studio.set_up()
    asked = f"{AUDIT}?from=now-1h&limit=1"
    earliest = int(time.time()) - 3600
    first = (await studio.call("GET", asked, cookie=cookie)).json["next"]
    question, at, entry_id, since, before = orjson.loads(urlsafe_b64decode(first + "==="))
    assert earliest <= since <= int(time.time()) - 3600 + 1
    assert before is None
    for other, found in ((since, 1), (at + 1, 0)):
        place = urlsafe_b64encode(orjson.dumps([question, at, entry_id, other, None])).rstrip(b"=").decode()
        page = await studio.call("GET", f"{asked}&after={place}", cookie=cookie)
        assert len(page.json["entries"]) == found, "the time is that of the cursor"


@pytest.mark.parametrize(
    ("query", "type_", "location"),
    [
        ("limit=0", "greater_than_equal", ["query", "limit"]),
        ("limit=1001", "less_than_equal", ["query", "limit"]),
        ("from=yesterday", "time_parsing", ["query", "from"]),
        ("to=now-1y", "time_parsing", ["query", "to"]),
        ("outcome=good", "enum", ["query", "outcome"]),
        ("user=me", "extra_forbidden", ["query", "user"]),
        ("after=x", "cursor_invalid", ["query", "after"]),
        ("after=", "cursor_invalid", ["query", "after"]),
        (f"action={'a' * 65}", "string_too_long", ["query", "action"]),
    ],
)
async def test_what_is_wrong_is_said_by_its_name(
    studio: HttpStudio, query: str, type_: str, location: list[str]
) -> None:
    reply = await studio.call("GET", f"{AUDIT}?{query}", cookie=await studio.set_up())
    assert reply.status == 422
    assert [(item["type"], item["loc"]) for item in reply.json["detail"]] == [(type_, location)]


async def test_a_cursor_of_another_question_is_none(studio: HttpStudio) -> None:
    cookie = await studio.set_up()
    following = (await studio.call("GET", f"{AUDIT}?limit=1", cookie=cookie)).json["next"]
    assert (await studio.call("GET", f"{AUDIT}?limit=9&after={following}", cookie=cookie)).status == 200
    reply = await studio.call("GET", f"{AUDIT}?action=create&after={following}", cookie=cookie)
    assert (reply.status, reply.json["detail"][0]["type"]) == (422, "cursor_invalid")


async def test_every_change_says_from_where_and_in_which_request(studio: HttpStudio) -> None:
    """Sign-ins, users, keys, provider keys, exports, backups and deletions."""
    cookie = await studio.set_up()
    await studio.bus.ask(IngestSpans(spans=[span(1), span(2, trace_id=7, service="other")], size=1))

    async def call(method: str, path: str, body: Any = None) -> Any:
        reply = await studio.call(method, path, body=body, cookie=cookie)
        assert reply.status < 300, (method, path, reply.body)
        return reply

    assert (await studio.call("POST", "/sign-in", body=ADMIN | {"password": "wrong"})).status == 401
    cookie = (await studio.call("POST", "/sign-in", body=ADMIN)).cookie
    await call("POST", "/users", MEMBER)
    [_, user] = (await call("GET", "/users")).json
    await call("DELETE", f"/users/{user['id']}")
    key = (await call("POST", "/api_keys", {"name": "n"})).json
    await call("DELETE", f"/api_keys/{key['id']}")
    await call("PUT", "/llm/providers/openai/key", {"key": "sk-1234567890"})
    await call("DELETE", "/llm/providers/openai/key")
    await call("GET", EXPORT)
    await call("GET", "/api/v1/backup")
    await call("DELETE", f"/api/v1/observability/traces/{7:032x}")
    await call("DELETE", "/api/v1/observability/services/tests")
    entries = list(reversed(await trail(studio, cookie)))
    await call("POST", "/sign-out")
    assert [(entry["action"], entry["resource_type"]) for entry in entries] == [
        ("create", "user"),
        ("auth_sign_in", "session"),
        ("auth_sign_in_failed", "session"),
        ("auth_sign_in", "session"),
        ("create", "user"),
        ("delete", "user"),
        ("create", "api_key"),
        ("delete", "api_key"),
        ("update", "provider_key"),
        ("delete", "provider_key"),
        ("read", "export"),
        ("read", "backup"),
        ("delete", "trace"),
        ("delete", "service"),
    ]
    assert {entry["address"] for entry in entries} == {"127.0.0.1"}
    assert all(entry["request_id"] for entry in entries)
    assert entries[0]["request_id"] == entries[1]["request_id"]
    assert len({entry["request_id"] for entry in entries}) == len(entries) - 1


@pytest.mark.security
async def test_exports_are_recorded_with_what_was_asked_for(studio: HttpStudio) -> None:
    cookie = await studio.set_up()
    key = await studio.make_key(cookie, "read")
    asked = f"{EXPORT}?service=shop&from=2026-01-01T00:00:00Z&format=jsonl"
    assert (await studio.call("GET", asked, headers={"x-junjo-api-key": key})).status == 200
    [newest, made, *_] = await trail(studio, cookie)
    assert newest["details"] == {"service": "shop", "from": "2026-01-01T00:00:00.000000000Z", "format": "jsonl"}
    key_id = made["resource_id"]
    assert newest["actor"] == {"id": f"api_key:{key_id}", "email": ADMIN["email"], "key_id": key_id}
    assert (newest["action"], newest["resource_type"], newest["outcome"]) == ("read", "export", "ok")
    assert (await studio.call("GET", f"{EXPORT}?format=xml", cookie=cookie)).status == 422
    assert (await trail(studio, cookie))[0] == newest, "what was not given is not recorded"


@pytest.mark.security
@pytest.mark.error_recovery
async def test_what_cannot_be_recorded_is_not_given(studio: HttpStudio, tmp_path: Path) -> None:
    cookie = await studio.set_up()
    holder = sqlite3.connect(tmp_path / "junjo.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    for path in (EXPORT, "/api/v1/backup"):
        reply = await studio.call("GET", path, cookie=cookie)
        assert (reply.status, "Retry-After" in reply.headers) == (503, True), path
    for path in ("/api/v1/observability/services", AUDIT):
        assert (await studio.call("GET", path, cookie=cookie)).status == 200, "reads go on"
    holder.close()
    assert (await studio.call("GET", EXPORT, cookie=cookie)).status == 200


@pytest.mark.security
async def test_what_a_member_may_not_do_is_recorded_once_a_minute(studio: HttpStudio) -> None:
    admin, member = await studio.set_up(), await sign_in_member(studio)
    for _ in range(3):
        for method, path in FOR_ADMINS:
            assert (await studio.call(method, path, cookie=member)).status == 403
    entries = await trail(studio, admin, outcome="refused")
    assert [(e["action"], e["resource_type"], e["resource_id"], e["details"]["route"]) for e in entries] == [
        ("read", "audit_trail", None, f"GET {AUDIT}"),
        ("read", "backup", None, "GET /api/v1/backup"),
        ("delete", "user", "some-user", "DELETE /users/{user_id}"),
        ("read", "user", None, "GET /users"),
    ]
    assert {(e["actor"]["email"], e["address"]) for e in entries} == {(MEMBER["email"], "127.0.0.1")}
    assert all(e["request_id"] for e in entries)


@pytest.mark.security
@pytest.mark.error_recovery
async def test_a_refusal_that_cannot_be_recorded_is_one_all_the_same(studio: HttpStudio, tmp_path: Path) -> None:
    await studio.set_up()
    member = await sign_in_member(studio)
    holder = sqlite3.connect(tmp_path / "junjo.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    reply = await studio.call("GET", "/users", cookie=member)
    holder.close()
    assert (reply.status, reply.json) == (403, {"detail": "This needs an admin"})
