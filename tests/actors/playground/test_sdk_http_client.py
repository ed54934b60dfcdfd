"""The SDKs' HTTP client, beyond what the adapters' tests use."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from actors.playground.providers.http_client import Timeouts, open_client

pytestmark = pytest.mark.integration

TEXT = "a long answer " * 100


@asynccontextmanager
async def serving(handler: Callable[[web.Request], Awaitable[web.Response]]) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("coding", [web.ContentCoding.gzip, web.ContentCoding.deflate])
async def test_a_compressed_answer_is_read(coding: web.ContentCoding) -> None:
    async def answer(_: web.Request) -> web.Response:
        response = web.Response(text=TEXT)
        response.enable_compression(coding)
        return response

    async with serving(answer) as url, open_client(Timeouts()) as client:
        response = await client.get(url)
    assert response.headers["content-encoding"] == coding.value
    assert response.text == TEXT


async def test_a_request_goes_out_as_it_is() -> None:
    async def answer(request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        said = {"query": dict(request.query), "headers": headers, "body": await request.text()}
        return web.json_response(said, status=418)

    async with serving(answer) as url, open_client(Timeouts()) as client:
        headers = {"user-agent": "an SDK", "content-type": "application/json", "x-own": "1"}
        response = await client.post(f"{url}/a?after=b%2Fc%2Bd", content=b'{"a":1}', headers=headers)
    assert response.status_code == 418
    told = response.json()
    assert told["query"] == {"after": "b/c+d"}
    assert told["body"] == '{"a":1}'
    assert told["headers"].items() >= headers.items()
    assert told["headers"]["content-length"] == "7"
