"""Cross-site requests, foreign host names, and a fresh studio without users."""

from collections.abc import AsyncIterator
from ipaddress import ip_network
from pathlib import Path

import pytest

from tests.http_studio import ADMIN, ORIGIN, HttpStudio, Reply, http_config, running_http_studio

pytestmark = [pytest.mark.integration, pytest.mark.security]

ALICE = {"email": "alice@example.com", "password": "password123"}
FOREIGN = ["https://evil.example", "null", "http://localhost:9999", "http://127.0.0.1", "file://", "", "x" * 3000]
CODE = "the setup code of this test"
FROM_A_PROXY = {"X-Forwarded-For": "203.0.113.7"}


@pytest.fixture
async def studio(tmp_path: Path) -> AsyncIterator[HttpStudio]:
    async with running_http_studio(tmp_path, http_config(allowed_hosts=("studio.internal",))) as running:
        yield running


async def users_of(studio: HttpStudio, cookie: str) -> list[str]:
    return [user["email"] for user in (await studio.call("GET", "/users", cookie=cookie)).json]


@pytest.mark.parametrize("origin", FOREIGN)
async def test_a_page_of_another_origin_sets_nothing_up(studio: HttpStudio, origin: str) -> None:
    reply = await studio.call("POST", "/users/create-first-user", body=ADMIN, headers={"Origin": origin})

    assert (reply.status, reply.json) == (403, {"detail": "Origin not allowed"})
    assert (await studio.call("GET", "/users/db-has-users")).json == {"users_exist": False}


@pytest.mark.parametrize("origin", FOREIGN)
async def test_a_page_of_another_origin_does_nothing_in_our_name(studio: HttpStudio, origin: str) -> None:
    cookie = await studio.set_up()
    # As a page sends it without preflight: a text, of which nobody says what it is.
    text = b'{"email":"alice@example.com","password":"password123"}'

    reply = await studio.call("POST", "/users", data=text, cookie=cookie, headers={"Origin": origin})

    assert reply.status == 403
    assert reply.headers["Access-Control-Allow-Credentials"] == "true"
    assert "Access-Control-Allow-Origin" not in reply.headers
    assert await users_of(studio, cookie) == [ADMIN["email"]]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "PROPFIND"])
async def test_the_rule_is_for_every_method_that_may_change_something(studio: HttpStudio, method: str) -> None:
    headers = {"Origin": "https://evil.example"}

    assert (await studio.call(method, "/users", headers=headers)).status == 403
    assert (await studio.call(method, "/nowhere", headers=headers)).status == 403
    assert (await studio.call("GET", "/users", headers=headers)).status == 401


@pytest.mark.parametrize("site", ["cross-site", "same-site", "nonsense"])
async def test_without_origin_the_browsers_other_word_counts(studio: HttpStudio, site: str) -> None:
    assert (await studio.call("POST", "/sign-out", headers={"Sec-Fetch-Site": site})).status == 403


@pytest.mark.parametrize("headers", [{}, {"Sec-Fetch-Site": "none"}, {"Sec-Fetch-Site": "same-origin"}])
async def test_programs_and_our_own_pages_go_on_as_before(studio: HttpStudio, headers: dict[str, str]) -> None:
    cookie = await studio.set_up()

    reply = await studio.call(
        "POST", "/users", data=b'{"email":"a@example.com","password":"password123"}', cookie=cookie
    )
    assert reply.status == 200
    assert (await studio.call("POST", "/users", body=ALICE, cookie=cookie, headers=headers)).status == 200


async def test_our_own_origin_and_allowed_ones_may(studio: HttpStudio) -> None:
    for origin in (f"http://127.0.0.1:{studio.port}", ORIGIN):
        headers = {"Origin": origin, "Sec-Fetch-Site": "cross-site"}
        assert (await studio.call("POST", "/sign-out", headers=headers)).status == 200


async def test_a_request_with_a_key_is_allowed_from_any_page(studio: HttpStudio) -> None:
    key = await studio.make_key(await studio.set_up())
    headers = {"Origin": "https://app.example", "Host": "rebound.example", "Content-Type": "application/json"}

    assert (await studio.send_spans(key, b"{}", **headers)).status == 200
    assert (await studio.send_spans("x" * 64, b"{}", **headers)).status == 421
    del headers["Host"]
    assert (await studio.send_spans("x" * 64, b"{}", **headers)).status == 403


@pytest.mark.parametrize(
    "host", ["rebound.example", "localhost.evil.example", "xlocalhost", "127.0.0.1.evil.example", "[", "a b", "user@"]
)
async def test_a_name_that_is_not_ours_is_misdirected(studio: HttpStudio, host: str) -> None:
    reply = await studio.call("GET", "/users/db-has-users", headers={"Host": host})

    assert (reply.status, reply.json) == (421, {"detail": "Misdirected request"})
    assert (await studio.call("GET", "/health", headers={"Host": host})).status == 200
    assert (await studio.call("GET", "/ping", headers={"Host": host})).status == 200


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:1323",
        "a.localhost",
        "studio.internal:80",
        "Studio.Internal.",
        "10.1.2.3",
        "[::1]:1323",
        "",
    ],
)
async def test_our_names_and_all_addresses_are_served(studio: HttpStudio, host: str) -> None:
    assert (await studio.call("GET", "/users/db-has-users", headers={"Host": host})).status == 200


async def test_the_name_that_a_trusted_proxy_saw_counts(tmp_path: Path) -> None:
    config = http_config(trusted_proxies=(ip_network("127.0.0.1"),), backend_url="https://api.example.com")
    async with running_http_studio(tmp_path, config) as studio:

        async def status_by(host: str) -> int:
            headers = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Host": host, "Host": "backend"}
            return (await studio.call("GET", "/users/db-has-users", headers=headers)).status

        assert await status_by("api.example.com") == 200
        assert await status_by("rebound.example") == 421


async def test_every_answer_says_what_browsers_may_do_with_it(studio: HttpStudio) -> None:
    for path, status in (("/", 200), ("/users", 401), ("/nowhere", 404), ("/v1/traces", 405)):
        reply = await studio.call("GET", path)
        assert reply.status == status
        assert {name: reply.headers[name] for name in EXPECTED} == EXPECTED
        assert "Strict-Transport-Security" not in reply.headers
        assert reply.headers.getall("Vary") == ["Origin"]


EXPECTED = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


async def set_up(studio: HttpStudio, **headers: str) -> Reply:
    return await studio.call("POST", "/users/create-first-user", body=ADMIN, headers=headers)


@pytest.mark.parametrize("production", [True, False])
async def test_from_afar_and_in_production_the_first_user_needs_the_code(tmp_path: Path, production: bool) -> None:
    headers = {} if production else FROM_A_PROXY
    async with running_http_studio(tmp_path, http_config(setup_code=CODE, production=production)) as studio:
        for wrong in (
            {},
            {"x-junjo-setup-code": "wrong"},
            {"x-junjo-setup-code": "\u00e9"},
            {"x-junjo-setup-code": ""},
        ):
            refused = await set_up(studio, **headers, **wrong)
            assert refused.status == 403
            assert "x-junjo-setup-code" in refused.json["detail"]
            assert CODE not in refused.body.decode()

        assert (await set_up(studio, **headers, **{"x-junjo-setup-code": CODE})).status == 200
        # Who comes too late hears that, and not how to be first.
        assert (await set_up(studio, **headers)).status == 400


async def test_who_sits_at_the_machine_needs_no_code(tmp_path: Path) -> None:
    async with running_http_studio(tmp_path, http_config(setup_code=CODE)) as studio:
        assert (await set_up(studio)).status == 200


@pytest.mark.parametrize(
    "header", ["Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP"]
)
async def test_who_comes_through_a_proxy_does_not_sit_at_the_machine(tmp_path: Path, header: str) -> None:
    async with running_http_studio(tmp_path, http_config(setup_code=CODE)) as studio:
        assert (await set_up(studio, **{header: "127.0.0.1"})).status == 403


async def test_the_code_can_be_switched_off(tmp_path: Path) -> None:
    async with running_http_studio(tmp_path, http_config(setup_code=None, production=True)) as studio:
        reply = await set_up(studio, **FROM_A_PROXY)

        assert reply.status == 200
        assert reply.headers["Strict-Transport-Security"] == "max-age=31536000"
