import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from actors.session.messages import CheckSession
from tests.http_studio import ADMIN, HttpStudio, http_config, running_http_studio

pytestmark = pytest.mark.integration

_DEAD = {"detail": "Unauthorized: No valid session"}


async def test_the_cookie_has_the_form_of_the_contract(studio: HttpStudio) -> None:
    await studio.set_up()
    reply = await studio.call("POST", "/sign-in", body=ADMIN)
    cookie, _, attributes = reply.headers["Set-Cookie"].partition("; ")
    assert cookie.startswith("session=")
    assert attributes == "path=/; Max-Age=2592000; httponly; samesite=strict"
    assert (await studio.call("GET", "/auth-test", cookie=reply.cookie)).json == {"user_email": ADMIN["email"]}


async def test_the_cookie_is_secure_in_production(tmp_path: Path) -> None:
    async with running_http_studio(tmp_path, http_config(secure_cookies=True)) as studio:
        reply = await studio.call("POST", "/users/create-first-user", body=ADMIN)
        assert reply.headers["Set-Cookie"].endswith("; httponly; samesite=strict; secure")


async def test_signing_out_ends_the_session_at_once_and_takes_the_cookie(studio: HttpStudio) -> None:
    cookie = await studio.set_up()
    reply = await studio.call("POST", "/sign-out", cookie=cookie)
    assert reply.headers["Set-Cookie"] == (
        "session=null; path=/; expires=Thu, 01 Jan 1970 00:00:00 GMT; httponly; samesite=strict"
    )
    assert (await studio.call("GET", "/auth-test", cookie=cookie)).json == _DEAD
    again = await studio.call("POST", "/sign-out", cookie=cookie)
    assert (again.status, again.json) == (200, {"message": "signed out"})
    assert "Set-Cookie" not in again.headers


async def test_sessions_of_one_user_end_one_by_one(studio: HttpStudio) -> None:
    first = await studio.set_up()
    second = (await studio.call("POST", "/sign-in", body=ADMIN)).cookie
    await studio.call("POST", "/sign-out", cookie=first)
    assert (await studio.call("GET", "/auth-test", cookie=second)).status == 200


async def test_deleting_a_user_ends_their_sessions(studio: HttpStudio) -> None:
    admin = await studio.set_up()
    eve = {"email": "eve@example.com", "password": "password456"}
    await studio.call("POST", "/users", body=eve, cookie=admin)
    cookie = (await studio.call("POST", "/sign-in", body=eve)).cookie
    eves_id = (await studio.call("GET", "/users", cookie=cookie)).json[1]["id"]
    assert (await studio.call("DELETE", f"/users/{eves_id}", cookie=admin)).status == 200
    assert (await studio.call("GET", "/auth-test", cookie=cookie)).json == _DEAD


async def test_the_last_user_stays(studio: HttpStudio) -> None:
    cookie = await studio.set_up()
    (user,) = (await studio.call("GET", "/users", cookie=cookie)).json
    reply = await studio.call("DELETE", f"/users/{user['id']}", cookie=cookie)
    assert (reply.status, reply.json) == (409, {"detail": "Cannot delete the last user"})


@pytest.mark.concurrency
async def test_of_many_first_users_one_is_made(studio: HttpStudio) -> None:
    bodies = [{"email": f"user{i}@example.com", "password": "password123"} for i in range(50)]
    replies = await asyncio.gather(*(studio.call("POST", "/users/create-first-user", body=body) for body in bodies))
    assert sorted(reply.status for reply in replies) == [200] + [400] * 49
    assert {reply.json["detail"] for reply in replies if reply.status == 400} == {
        "Users already exist, cannot create first user"
    }


@pytest.mark.security
@pytest.mark.parametrize("change", ["", "x", "null", "A" * 5000, "%00", "é", '"', "\\"])
async def test_a_cookie_that_is_none_is_a_dead_one(studio: HttpStudio, change: str) -> None:
    await studio.set_up()
    reply = await studio.call("GET", "/auth-test", cookie=change)
    assert (reply.status, reply.json) == (401, _DEAD)
    assert (await studio.call("GET", "/health", cookie=change)).status == 200


@pytest.mark.security
async def test_a_cookie_with_one_changed_character_is_dead(studio: HttpStudio) -> None:
    cookie = await studio.set_up()
    for place in (0, len(cookie) // 2, len(cookie) - 3):
        other = "A" if cookie[place] != "A" else "B"
        tampered = cookie[:place] + other + cookie[place + 1 :]
        assert (await studio.call("GET", "/auth-test", cookie=tampered)).json == _DEAD


class _Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


async def test_the_cookie_is_sent_again_when_the_session_is_renewed(tmp_path: Path) -> None:
    clock = _Clock()
    async with running_http_studio(tmp_path, http_config(), clock=clock) as studio:
        cookie = await studio.set_up()
        assert "Set-Cookie" not in (await studio.call("GET", "/auth-test", cookie=cookie)).headers
        clock.now += timedelta(hours=2)
        renewed = await studio.call("GET", "/auth-test", cookie=cookie)
        assert renewed.cookie == cookie
        assert f"Max-Age={2592000 - 7200};" in renewed.headers["Set-Cookie"]
        assert "Set-Cookie" not in (await studio.call("GET", "/auth-test", cookie=cookie)).headers
        clock.now += timedelta(hours=2)
        signed_out = await studio.call("POST", "/sign-out", cookie=cookie)
        assert signed_out.headers.getall("Set-Cookie") == [signed_out.headers["Set-Cookie"]]
        assert signed_out.cookie == "null"
        clock.now += timedelta(days=31)


async def test_a_renewed_session_that_ends_meanwhile_is_not_brought_back(tmp_path: Path) -> None:
    clock = _Clock()
    async with running_http_studio(tmp_path, http_config(), clock=clock) as studio:
        cookie = await studio.set_up()
        second = {"email": "second@example.com", "password": "password123"}
        await studio.call("POST", "/users", body=second, cookie=cookie)
        own_id = (await studio.call("GET", "/users", cookie=cookie)).json[0]["id"]
        clock.now += timedelta(hours=2)
        reply = await studio.call("DELETE", f"/users/{own_id}", cookie=cookie)
        assert reply.status == 200
        assert "Set-Cookie" not in reply.headers


def beside(ours: str, others: int = 1, *, last: bool = True) -> str:
    """A Cookie header with cookies of the same name that others have set."""
    made = [f"session={number:080d}" for number in range(others)]
    return "; ".join([*made, f"session={ours}"] if last else [f"session={ours}", *made])


_FOREIGN = "session=eyJfZnJlc2giOmZhbHNlfQ.Z0cAbQ.c2lnbmF0dXJl"


@pytest.mark.security
async def test_any_cookie_of_the_name_that_verifies_counts(studio: HttpStudio) -> None:
    ours = await studio.set_up()
    for header in (
        f"{_FOREIGN}; session={ours}",
        f"session={ours}; {_FOREIGN}",
        f'a=b;session="{ours}";c',
        f"{_FOREIGN}; " * 90 + f"session = {ours} ",
        beside(ours, 10),
        beside(ours, 10, last=False),
        f"session=; session; xsession={ours}; session={ours}",
    ):
        assert (await studio.call("GET", "/auth-test", headers={"Cookie": header})).status == 200, header


@pytest.mark.security
@pytest.mark.parametrize(
    "header", ["xsession={}", "session={}x", "session=x{}", "a=session={}", "Session={}", "session=={}"]
)
async def test_other_names_and_forms_are_no_session(studio: HttpStudio, header: str) -> None:
    reply = await studio.call("GET", "/auth-test", headers={"Cookie": header.format(await studio.set_up())})
    assert (reply.status, reply.json) == (401, _DEAD)


@pytest.mark.security
async def test_the_number_of_cookies_that_are_tried_is_bounded(studio: HttpStudio) -> None:
    ours = await studio.set_up()
    asked = studio.bus.statistics.of(CheckSession).asked
    assert (await studio.call("GET", "/auth-test", headers={"Cookie": beside(ours, 80)})).status == 401
    assert studio.bus.statistics.of(CheckSession).asked - asked <= 16


async def test_signing_out_ends_the_session_that_stands_among_others(studio: HttpStudio) -> None:
    ours = await studio.set_up()
    reply = await studio.call("POST", "/sign-out", headers={"Cookie": beside(ours, 3)})
    assert reply.cookie == "null"
    assert (await studio.call("GET", "/auth-test", cookie=ours)).json == _DEAD


async def test_the_cookie_that_verified_is_the_one_that_is_renewed(tmp_path: Path) -> None:
    clock = _Clock()
    async with running_http_studio(tmp_path, http_config(), clock=clock) as studio:
        ours = await studio.set_up()
        clock.now += timedelta(hours=2)
        for header in (f"{_FOREIGN}; {beside(ours, 3)}", beside(ours, 3, last=False)):
            reply = await studio.call("GET", "/auth-test", headers={"Cookie": header})
            assert (reply.status, reply.cookie) == (200, ours)
            clock.now += timedelta(hours=2)


async def test_guessing_is_slowed_down(studio: HttpStudio) -> None:
    await studio.set_up()
    wrong = ADMIN | {"password": "wrong"}
    replies = [await studio.call("POST", "/sign-in", body=wrong) for _ in range(10)]
    assert [reply.status for reply in replies] == [401] * 10
    assert (await studio.call("POST", "/sign-in", body=ADMIN)).status == 200
    for _ in range(11):
        assert (await studio.call("POST", "/sign-in", body=wrong)).status == 401
    throttled = await studio.call("POST", "/sign-in", body=ADMIN)
    assert throttled.status == 429
    assert int(throttled.headers["Retry-After"]) >= 1
