"""Hostile requests: none crashes the server, and none gets more than it should."""

import asyncio
import json
import logging
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from structlog.testing import capture_logs

from tests.http_studio import ADMIN, HttpStudio, http_config, running_http_studio

pytestmark = [pytest.mark.integration, pytest.mark.security]

_SECRET = "hunter22-hunter22"
_API = "/api/v1/observability"


async def raw(studio: HttpStudio, request: bytes, *, last: bool = False) -> bytes:
    """Send bytes as they are; the answer up to the end of the connection or of its headers."""
    reader, writer = await asyncio.open_connection("127.0.0.1", studio.port)
    writer.write(request)
    if last:
        writer.write_eof()
    answer = await reader.read(65536)
    writer.close()
    await writer.wait_closed()
    return answer


@pytest.mark.parametrize(
    "name",
    ["x' OR '1'='1", '"; DROP TABLE span; --', "%", "_", "a\0b", "\n", "%2F", "🎏", "{}", "é" * 700],
)
async def test_any_text_is_a_service_name(studio: HttpStudio, name: str) -> None:
    cookie = await studio.set_up()
    for rest in ("spans", "spans/root", "spans/root?has_llm=1", "workflows"):
        reply = await studio.call("GET", f"{_API}/services/{quote(name, safe='')}/{rest}", cookie=cookie)
        assert (reply.status, reply.json) == (200, [])


@pytest.mark.parametrize("text", ["%00", "%FF", "%ED%A0%80", "%0A", "{x}", "%7Bx%7D", "' OR 1=1 --", "a%2Fb", "%25"])
async def test_any_text_is_an_id(studio: HttpStudio, text: str) -> None:
    cookie = await studio.set_up()
    for path in (f"/users/{text}", f"/api_keys/{text}"):
        answer = await raw_delete(studio, path, cookie)
        assert answer.startswith(b"HTTP/1.1 404 "), answer
    assert (await studio.call("GET", f"{_API}/traces/{text.replace(' ', '%20')}/spans", cookie=cookie)).json == []


async def raw_delete(studio: HttpStudio, path: str, cookie: str) -> bytes:
    request = f"DELETE {path.replace(' ', '%20')} HTTP/1.1\r\nHost: localhost\r\nCookie: session={cookie}\r\n\r\n"
    return await raw(studio, request.encode(), last=False)


@pytest.mark.parametrize("name", ["a\0b", "\u202e", "x" * 100_000, "'; DROP TABLE api_keys; --", "{0}{x}"])
async def test_any_text_is_a_key_name(studio: HttpStudio, name: str) -> None:
    cookie = await studio.set_up()
    assert (await studio.call("POST", "/api_keys", body={"name": name}, cookie=cookie)).status == 201
    assert [key["name"] for key in (await studio.call("GET", "/api_keys", cookie=cookie)).json] == [name]


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\xff\xfe\xfd", 400),
        (b'{"email":"\xff"}', 400),
        (b"[" * 100_000, 400),
        (b'{"email":' + b"9" * 5000 + b"}", 400),
        (b'{"email":"\\ud800@example.com","password":"\\ud800"}', 422),
        (b'{"email":NaN,"password":-Infinity}', 422),
        (b'{"email":1e999,"password":' + b"9" * 400 + b"}", 422),
        (b"\0", 422),
        (b" ", 422),
        (b'\xef\xbb\xbf{"email":1}', 422),
        (b'{"email":{"a":' + b"[" * 500 + b"]" * 500 + b'},"password":[]}', 422),
    ],
)
async def test_bad_json_is_the_clients_fault(studio: HttpStudio, data: bytes, status: int) -> None:
    for content_type in ("application/json", "application/vnd.x+json; charset=latin-1"):
        reply = await studio.call("POST", "/sign-in", data=data, headers={"Content-Type": content_type})
        assert reply.status == status
        assert reply.json["detail"]


@pytest.mark.parametrize("content_type", ["text/plain", "multipart/form-data", "application/xml", "nonsense", "json"])
async def test_other_content_types_are_not_parsed(studio: HttpStudio, content_type: str) -> None:
    data = json.dumps(ADMIN).encode()
    reply = await studio.call("POST", "/sign-in", data=data, headers={"Content-Type": content_type})
    assert [item["type"] for item in reply.json["detail"]] == ["model_attributes_type"]
    assert ADMIN["password"].encode() not in reply.body


async def test_malformed_json_comes_before_the_session_and_the_session_before_the_fields(studio: HttpStudio) -> None:
    assert (await studio.call("POST", "/users", data=b"{")).status == 422
    assert (await studio.call("POST", "/users", body={})).status == 401
    assert (await studio.call("GET", f"{_API}/services/x/spans?limit=0")).status == 401


async def test_a_body_over_the_limit_is_refused(studio: HttpStudio) -> None:
    reply = await studio.call("POST", "/sign-in", data=BytesIO(b'"' + b"x" * 1_100_000 + b'"'))
    assert reply.status == 413
    assert "Set-Cookie" not in reply.headers


@pytest.mark.parametrize("path", ["/users/create-first-user", "/sign-in", "/users"])
@pytest.mark.parametrize(
    "body",
    [
        {"password": _SECRET},
        {"email": "bad", "password": _SECRET},
        {"email": "a@example.com", "password": [_SECRET]},
        [{"password": _SECRET}],
        {"email": {"password": {"x": _SECRET}}, "password": None},
    ],
)
async def test_no_password_comes_back_or_is_logged(tmp_path: Path, path: str, body: Any) -> None:
    with capture_logs() as logs:
        async with running_http_studio(tmp_path, http_config()) as studio:
            cookie = await studio.set_up()
            reply = await studio.call("POST", path, body=body, cookie=cookie)
    assert reply.status == 422
    assert _SECRET.encode() not in reply.body
    assert _SECRET not in repr(logs)


async def test_no_secret_is_logged_when_all_goes_well(tmp_path: Path) -> None:
    with capture_logs() as logs:
        async with running_http_studio(tmp_path, http_config()) as studio:
            cookie = await studio.set_up()
            key = await studio.make_key(cookie)
            await studio.call("GET", f"{_API}/services?api_key={_SECRET}", headers={"Authorization": f"Bearer {key}"})
            await studio.send_spans(key, b"")
    assert len(logs) > 4
    for secret in (cookie, key, ADMIN["password"], _SECRET):
        assert secret not in repr(logs)


@pytest.mark.parametrize(
    ("status", "head"),
    [
        (431, b"Cookie: session=" + _SECRET.encode() * 1000),
        (431, b"Cookie: session=" + _SECRET.encode() * 513),
        (431, b"x-junjo-api-key: " + _SECRET.encode() * 4000),
        (431, _SECRET.encode() * 1000 + b": a"),
        (431, (b"X: " + _SECRET.encode() + b"\r\n") * 200),
        (414, None),
    ],
)
async def test_what_is_too_long_is_said_in_json_and_not_echoed(
    studio: HttpStudio, status: int, head: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    path = b"/" + _SECRET.encode() * 1000 if head is None else b"/v1/traces"
    answer = await raw(studio, b"POST " + path + b" HTTP/1.1\r\nHost: localhost\r\n" + (head or b"A: b") + b"\r\n\r\n")
    headers, _, body = answer.partition(b"\r\n\r\n")
    assert headers.split()[1] == str(status).encode()
    assert b"content-type: application/json" in headers.lower()
    assert list(json.loads(body)) == ["detail"]
    assert b"hunter" not in answer
    assert b"aiohttp" not in answer
    assert "hunter" not in caplog.text
    assert "Traceback" not in caplog.text
    assert (await studio.call("GET", "/ping")).status == 200


async def test_a_long_header_is_taken_whole(studio: HttpStudio) -> None:
    cookie = await studio.set_up()
    header = f"a={'b' * 8000}; session={cookie}"
    assert (await studio.call("GET", "/auth-test", headers={"Cookie": header})).status == 200


async def test_an_unknown_expectation_is_not_echoed(studio: HttpStudio) -> None:
    answer = await raw(
        studio, b"POST /sign-in HTTP/1.1\r\nHost: localhost\r\nExpect: hunter22\r\nConnection: close\r\n\r\n"
    )
    assert answer.startswith(b"HTTP/1.1 417 ")
    assert answer.endswith(b'{"detail":"Expectation Failed"}')


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /health HTTP/1.1\r\nHost: localhost\r\nba d: " + _SECRET.encode() + b"\r\n\r\n",
        b"GET http://[" + _SECRET.encode() + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /health HTTP/1.1\r\nCookie: " + _SECRET.encode() + b"\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET /a\0b HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"POST /sign-in HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST /sign-in HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx",
        b"POST /sign-in HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
async def test_what_is_no_http_is_refused_and_logged_without_its_bytes(
    studio: HttpStudio, request_bytes: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    answer = await raw(studio, request_bytes)
    assert answer.partition(b"\r\n")[0].endswith(b" 400 Bad Request")
    assert _SECRET.encode() not in answer
    assert answer.endswith(
        (b'{"detail":"The request is not valid HTTP"}', b'{"detail":"The request body did not arrive whole"}')
    )
    assert _SECRET not in caplog.text
    assert "Traceback" not in caplog.text
    assert (await studio.call("GET", "/health")).status == 200


async def test_a_session_stands_in_any_of_several_cookie_headers(studio: HttpStudio) -> None:
    ours = f"session={await studio.set_up()}"
    for cookies in ((f"session={'x' * 80}", ours), (ours, "session=other"), ("a=b", "c=d", ours), ("", ours)):
        headers = "".join(f"Cookie: {cookie}\r\n" for cookie in cookies)
        answer = await raw(studio, f"GET /auth-test HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n".encode())
        assert answer.startswith(b"HTTP/1.1 200 "), cookies


async def test_a_half_body_changes_nothing(studio: HttpStudio) -> None:
    body = json.dumps(ADMIN).encode()
    head = f"POST /users/create-first-user HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body) + 1}\r\n\r\n"
    assert b"200 OK" not in await raw(studio, head.encode() + body, last=True)
    assert (await studio.call("GET", "/users/db-has-users")).json == {"users_exist": False}


async def test_a_body_that_does_not_come_is_answered_408(tmp_path: Path) -> None:
    async with running_http_studio(tmp_path, http_config(body_seconds=0.05)) as studio:
        answer = await raw(studio, b"POST /sign-in HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{")
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert answer.endswith(b'{"detail":"Request Timeout"}')


async def test_header_values_that_are_no_text_are_no_credentials(studio: HttpStudio) -> None:
    for header in (
        b"Cookie: session=\xff\xfe",
        b"x-junjo-api-key: \xff\xfe",
        b"Authorization: Bearer \xff",
        b"Authorization: ",
    ):
        request = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n" + header + b"\r\n\r\n"
        assert (await raw(studio, request)).startswith(b"HTTP/1.1 401 ")
