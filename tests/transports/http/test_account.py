"""The caller's own account over HTTP: identity, password, sign-ins, and known browsers."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.http_studio import ADMIN, HttpStudio, Reply, http_config, running_http_studio

pytestmark = [pytest.mark.integration, pytest.mark.security]

ACCOUNT = "/api/v1/account"
NEW = "another password"
SECOND = {"email": "second@example.com", "password": "password456"}
WRONG = ADMIN | {"password": "wrong password"}


async def sign_in(studio: HttpStudio, body: Any = ADMIN, cookies: str = "", **headers: str) -> Reply:
    return await studio.call("POST", "/sign-in", body=body, headers=headers | ({"Cookie": cookies} if cookies else {}))


async def change(studio: HttpStudio, cookie: str, current: object = ADMIN["password"], new: object = NEW) -> Reply:
    body = {"current_password": current, "new_password": new}
    return await studio.call("PUT", f"{ACCOUNT}/password", body=body, cookie=cookie)


async def sessions(studio: HttpStudio, cookie: str) -> list[dict[str, Any]]:
    reply = await studio.call("GET", f"{ACCOUNT}/sessions", cookie=cookie)
    assert reply.status == 200
    found: list[dict[str, Any]] = reply.json["sessions"]
    return found


async def is_signed_in(studio: HttpStudio, cookie: str) -> bool:
    return (await studio.call("GET", "/auth-test", cookie=cookie)).status == 200


def device(reply: Reply) -> str:
    """Name and value of the device's cookie, which comes after that of the session."""
    session, device = reply.headers.getall("Set-Cookie")
    assert session.startswith("session=")
    return device.partition(";")[0]


async def attack(studio: HttpStudio) -> None:
    while (await sign_in(studio, WRONG)).status != 429:
        pass


async def test_the_account_says_who_one_is(studio: HttpStudio) -> None:
    cookie = await studio.set_up()
    reply = await studio.call("GET", ACCOUNT, cookie=cookie)
    [user] = (await studio.call("GET", "/users", cookie=cookie)).json
    assert (reply.status, reply.json) == (200, {"id": user["id"], "email": ADMIN["email"], "role": "admin"})


async def test_sessions_say_when_where_and_which_one_is_this(studio: HttpStudio) -> None:
    first = await studio.set_up()
    second = (await sign_in(studio, **{"User-Agent": "Mozilla/5.0 " + "x" * 300})).cookie
    newest, oldest = await sessions(studio, second)
    assert list(newest) == ["id", "created_at", "last_seen_at", "address", "user_agent", "current"]
    assert (newest["current"], oldest["current"]) == (True, False)
    assert newest["address"] == "127.0.0.1"
    assert newest["user_agent"] == "Mozilla/5.0 " + "x" * 244
    for moment in (newest["created_at"], newest["last_seen_at"]):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", moment)
    assert [session["current"] for session in await sessions(studio, first)] == [True, False]


async def test_one_is_ended_and_others_are_not_there(studio: HttpStudio) -> None:
    first = await studio.set_up()
    second = (await sign_in(studio)).cookie
    await studio.call("POST", "/users", body=SECOND, cookie=first)
    theirs = (await sign_in(studio, SECOND)).cookie
    [their_session] = await sessions(studio, theirs)
    [other] = [session for session in await sessions(studio, first) if not session["current"]]
    ended = await studio.call("DELETE", f"{ACCOUNT}/sessions/{other['id']}", cookie=first)
    assert (ended.status, ended.body) == (204, b"")
    assert not await is_signed_in(studio, second)
    for session_id in (other["id"], their_session["id"], "unknown", "%00", "%F0%9F%8E%8F"):
        reply = await studio.call("DELETE", f"{ACCOUNT}/sessions/{session_id}", cookie=first)
        assert (reply.status, reply.json) == (404, {"detail": "Session not found"})
    assert await is_signed_in(studio, theirs)


async def test_ones_own_may_be_ended_too(studio: HttpStudio) -> None:
    cookie = await studio.set_up()
    [own] = await sessions(studio, cookie)
    assert (await studio.call("DELETE", f"{ACCOUNT}/sessions/{own['id']}", cookie=cookie)).status == 204
    assert not await is_signed_in(studio, cookie)


async def test_all_others_are_ended(studio: HttpStudio) -> None:
    first = await studio.set_up()
    others = [(await sign_in(studio)).cookie for _ in range(3)]
    for _ in range(2):
        assert (await studio.call("DELETE", f"{ACCOUNT}/sessions", cookie=first)).status == 204
    assert [await is_signed_in(studio, cookie) for cookie in (first, *others)] == [True, False, False, False]


async def test_a_new_password_ends_all_other_sign_ins(studio: HttpStudio) -> None:
    first = await studio.set_up()
    second = (await sign_in(studio)).cookie
    reply = await change(studio, first)
    assert (reply.status, reply.body) == (204, b"")
    assert [await is_signed_in(studio, cookie) for cookie in (first, second)] == [True, False]
    assert (await sign_in(studio)).status == 401
    assert (await sign_in(studio, ADMIN | {"password": NEW})).status == 200


async def test_a_wrong_current_password_is_counted_as_a_failed_sign_in(studio: HttpStudio) -> None:
    cookie = await studio.set_up()
    for _ in range(11):
        reply = await change(studio, cookie, "wrong password")
        assert (reply.status, reply.json) == (400, {"detail": "Wrong password"})
    throttled = await change(studio, cookie)
    assert throttled.status == 429
    assert int(throttled.headers["Retry-After"]) >= 1
    assert (await sign_in(studio)).status == 429


@pytest.mark.parametrize("new", ["sh0rt!", "x" * 1025, None, 12345678, "\ud800\ud800"])
async def test_a_new_password_obeys_the_rules_of_all_and_never_comes_back(tmp_path: Path, new: object) -> None:
    with capture_logs() as lines:
        async with running_http_studio(tmp_path, http_config()) as studio:
            cookie = await studio.set_up()
            reply = await change(studio, cookie, new=new)
            assert await is_signed_in(studio, cookie)
            assert (await sign_in(studio)).status == 200
    assert reply.status == 422
    assert [item["loc"] for item in reply.json["detail"]] == [["body", "new_password"]]
    assert b"sh0rt!" not in reply.body
    assert ADMIN["password"].encode() not in reply.body
    assert ADMIN["password"] not in str(lines)


async def test_strict_rules_count_for_a_new_password_of_ones_own(tmp_path: Path) -> None:
    async with running_http_studio(tmp_path, http_config(strict_passwords=True)) as studio:
        ann = {"email": "ann@example.com", "password": "correct horse battery"}
        cookie = (await studio.call("POST", "/users/create-first-user", body=ann)).cookie
        reply = await change(studio, cookie, current=ann["password"], new="ann@example.com")
        [fault] = reply.json["detail"]
        assert (reply.status, fault["type"], fault["loc"]) == (422, "value_error", ["body", "new_password"])
        assert (await change(studio, cookie, current=ann["password"], new="staple correct horse")).status == 204


@pytest.mark.parametrize("current", ["", "x" * 100_000, "\ud800"])
async def test_any_current_password_may_be_wrong(studio: HttpStudio, current: str) -> None:
    cookie = await studio.set_up()
    assert (await change(studio, cookie, current)).status in (400, 422)


ROUTES = [
    ("GET", ACCOUNT),
    ("PUT", f"{ACCOUNT}/password"),
    ("GET", f"{ACCOUNT}/sessions"),
    ("DELETE", f"{ACCOUNT}/sessions"),
    ("DELETE", f"{ACCOUNT}/sessions/x"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_a_key_is_nobodys_account(studio: HttpStudio, method: str, path: str) -> None:
    cookie = await studio.set_up()
    key = await studio.make_key(cookie, "ingest", "read")
    body = {"current_password": ADMIN["password"], "new_password": NEW} if method == "PUT" else None
    credentials: list[Mapping[str, str]] = [{}, {"x-junjo-api-key": key}, {"Authorization": f"Bearer {key}"}]
    for headers in credentials:
        reply = await studio.call(method, path, body=body, headers=headers)
        assert (reply.status, reply.json) == (401, {"detail": "Unauthorized: No valid session"})
    assert (await sign_in(studio)).status == 200


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_an_unknown_parameter_is_told_and_nothing_happens(studio: HttpStudio, method: str, path: str) -> None:
    cookie = await studio.set_up()
    other = (await sign_in(studio)).cookie
    body = {"current_password": ADMIN["password"], "new_password": NEW} if method == "PUT" else None
    reply = await studio.call(method, f"{path}?x=1", body=body, cookie=cookie)
    assert reply.status == 422
    assert [(item["type"], item["loc"]) for item in reply.json["detail"]] == [("extra_forbidden", ["query", "x"])]
    assert await is_signed_in(studio, other)


async def test_signing_in_again_ends_what_the_browser_had(studio: HttpStudio) -> None:
    first = await studio.set_up()
    elsewhere = (await sign_in(studio)).cookie
    again = await sign_in(studio, cookies=f"session={'x' * 80}; session={first}; other=1")
    assert [await is_signed_in(studio, cookie) for cookie in (first, elsewhere, again.cookie)] == [False, True, True]
    assert (await sign_in(studio, WRONG, cookies=f"session={again.cookie}")).status == 401
    assert await is_signed_in(studio, again.cookie)


async def test_the_device_cookie_comes_after_the_sessions_and_goes_to_sign_in_only(tmp_path: Path) -> None:
    for secure, end in ((False, ""), (True, "; secure")):
        folder = tmp_path / str(secure)
        async with running_http_studio(folder, http_config(secure_cookies=secure)) as studio:
            for reply in (await studio.call("POST", "/users/create-first-user", body=ADMIN), await sign_in(studio)):
                session, known = reply.headers.getall("Set-Cookie")
                assert session.startswith("session=")
                _, _, attributes = known.partition("; ")
                assert re.match(r"junjo_device=[\w-]{72};", known, re.ASCII)
                assert attributes == f"path=/sign-in; Max-Age=31536000; httponly; samesite=strict{end}"
            assert "Set-Cookie" not in (await sign_in(studio, WRONG)).headers
            signed_out = await studio.call("POST", "/sign-out", cookie=reply.cookie)
            assert len(signed_out.headers.getall("Set-Cookie")) == 1


async def test_who_signed_in_from_this_browser_before_gets_in_during_an_attack(studio: HttpStudio) -> None:
    set_up = await studio.call("POST", "/users/create-first-user", body=ADMIN)
    signed_in = await sign_in(studio)
    await attack(studio)
    assert (await sign_in(studio)).status == 429
    for known in (device(set_up), device(signed_in)):
        again = await sign_in(studio, cookies=f"a=b; {known}; session={signed_in.cookie}")
        assert again.status == 200
        assert device(again) != known
    assert (await sign_in(studio)).status == 429


@pytest.mark.parametrize(
    "form",
    [
        "junjo_device={}x",
        "junjo_device=x{}",
        "xjunjo_device={}",
        "Junjo_device={}",
        "a=junjo_device={}",
        "junjo_device={}.{}.{}.{}.{}",
        "junjo_device=A{}".replace("A", "A" * 7000),
    ],
)
async def test_other_names_and_forms_are_no_device(studio: HttpStudio, form: str) -> None:
    known = device(await studio.call("POST", "/users/create-first-user", body=ADMIN)).removeprefix("junjo_device=")
    await attack(studio)
    assert (await sign_in(studio, cookies=form.format(*[known] * 5))).status == 429
    assert (await sign_in(studio, cookies=f"junjo_device={known}")).status == 200


async def test_the_number_of_device_cookies_that_are_looked_at_is_bounded(studio: HttpStudio) -> None:
    known = device(await studio.call("POST", "/users/create-first-user", body=ADMIN))
    await attack(studio)
    others = "".join(f"junjo_device={number:072d}; " for number in range(80))
    assert (await sign_in(studio, cookies=others + known)).status == 429


async def test_a_device_is_known_among_cookies_that_others_have_set(studio: HttpStudio) -> None:
    known = device(await studio.call("POST", "/users/create-first-user", body=ADMIN))
    await attack(studio)
    for cookies in (
        f"junjo_device={'A' * 72}; {known}",
        f"{known}; junjo_device={'A' * 72}",
        f'a=b;{known.replace("=", "=" + chr(34))}" ;c',
        f"junjo_device=short; {known}",
    ):
        assert (await sign_in(studio, cookies=cookies)).status == 200, cookies


async def test_a_browser_that_is_shared_knows_all_who_use_it(studio: HttpStudio) -> None:
    first = await studio.call("POST", "/users/create-first-user", body=ADMIN)
    await studio.call("POST", "/users", body=SECOND, cookie=first.cookie)
    shared = device(await sign_in(studio, SECOND, cookies=device(first)))
    assert shared.count(".") == 1
    await attack(studio)
    assert (await sign_in(studio, cookies=device(await sign_in(studio, SECOND)))).status == 429
    assert (await sign_in(studio, cookies=shared)).status == 200
