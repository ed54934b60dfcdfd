"""Bodies that are claimed, late, large or never sent: bounds on memory and time."""

import asyncio
import json
from pathlib import Path

import pytest

from actors.runtime.budget import Budget
from tests.http_studio import HttpStudio, http_config, running_http_studio

pytestmark = [pytest.mark.integration, pytest.mark.security]

_ENOUGH = 20  # seconds; a test that waits so long would wait for ever
_LARGE = 200_000
_USER = {"email": "second@example.com", "password": "password123"}
_INVITATION = b"HTTP/1.1 100 Continue\r\n\r\n"


async def answer_of(port: int, head: str, body: bytes = b"") -> bytes:
    """The answer to a request whose body arrives in part, or not at all."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"{head}\r\nHost: localhost\r\n\r\n".encode() + body)
    try:
        async with asyncio.timeout(_ENOUGH):
            return await reader.readuntil(b"}")
    finally:
        writer.close()


@pytest.mark.parametrize("framing", [f"Content-Length: {_LARGE}", "Transfer-Encoding: chunked"])
@pytest.mark.parametrize("path", ["/users", "/api_keys", "/v1/traces", "/llm/generate"])
async def test_who_sends_a_large_body_is_asked_before_it_comes(studio: HttpStudio, path: str, framing: str) -> None:
    headers = f"{framing}\r\nExpect: 100-continue\r\nContent-Type: application/json"
    answer = await answer_of(studio.port, f"POST {path} HTTP/1.1\r\n{headers}")
    assert b" 401 " in answer.splitlines()[0]


@pytest.mark.parametrize("length", [1024 * 1024 + 1, 10**15])
async def test_a_length_that_is_too_large_is_refused_and_not_invited(studio: HttpStudio, length: int) -> None:
    headers = f"Content-Length: {length}\r\nExpect: 100-continue\r\nContent-Type: application/json"
    answer = await answer_of(studio.port, f"POST /sign-in HTTP/1.1\r\n{headers}")
    assert b" 413 " in answer.splitlines()[0]


async def test_a_client_that_asks_first_is_invited(studio: HttpStudio) -> None:
    cookie = await studio.set_up()
    body = json.dumps(_USER).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", studio.port)
    head = f"POST /users HTTP/1.1\r\nHost: localhost\r\nCookie: session={cookie}\r\nContent-Length: {len(body)}\r\n"
    writer.write(head.encode() + b"Expect: 100-Continue\r\n\r\n")
    async with asyncio.timeout(_ENOUGH):
        assert await reader.readexactly(len(_INVITATION)) == _INVITATION
        writer.write(body)
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    writer.close()


@pytest.mark.parametrize("path", ["/sign-in", "/users", "/users/create-first-user"])
async def test_a_body_that_dawdles_is_given_up(tmp_path: Path, path: str) -> None:
    async with running_http_studio(tmp_path, http_config(body_seconds=0.05)) as studio:
        answer = await answer_of(studio.port, f"POST {path} HTTP/1.1\r\nContent-Length: 99", b'{"email"')
        assert b" 408 " in answer.splitlines()[0]


async def test_large_anonymous_bodies_share_their_budget(tmp_path: Path) -> None:
    config = http_config(anonymous_budget=Budget(_LARGE))
    async with running_http_studio(tmp_path, config) as studio:
        cookie = await studio.set_up()
        _, writer = await asyncio.open_connection("127.0.0.1", studio.port)
        head = f"POST /sign-in HTTP/1.1\r\nHost: localhost\r\nContent-Length: {_LARGE}\r\n\r\n"
        writer.write(head.encode() + bytes(_LARGE - 1))
        async with asyncio.timeout(_ENOUGH):
            while config.anonymous_budget.held < _LARGE - 1:  # noqa: ASYNC110 - nothing tells it
                await asyncio.sleep(0.01)
        other = "/users/create-first-user"  # where anonymous requests are not counted as guessing
        late = await studio.call("POST", other, body=_USER | {"more": "x" * _LARGE})
        assert late.status == 503
        assert int(late.headers["Retry-After"]) >= 1
        assert (await studio.call("POST", "/sign-in", body=_USER)).status == 401  # small ones are free
        large = await studio.call("POST", "/users", body=_USER | {"more": "x" * _LARGE}, cookie=cookie)
        assert large.status in (200, 422)  # and who is signed in has room elsewhere
        writer.close()
