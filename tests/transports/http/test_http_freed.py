"""A request is freed as soon as its connection ends, without the garbage collector."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.streams import StreamReader
from aiohttp.web_protocol import RequestHandler

from tests.freed import held, no_collector, until_free
from tests.http_studio import HttpStudio, http_config, running_http_studio

pytestmark = [pytest.mark.integration, pytest.mark.security, pytest.mark.usefixtures("no_collector")]

__all__ = ["no_collector"]  # a fixture, which pytest finds by its name

_HEAD = "POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {}\r\nx-junjo-api-key: {}\r\n{}\r\n\r\n"
_JSON, _SPANS = "application/json", "application/x-protobuf"
_PART = 700_000  # bytes of a body that are sent


@pytest.fixture
async def studio(tmp_path: Path) -> AsyncIterator[HttpStudio]:
    async with running_http_studio(tmp_path, http_config()) as running:
        yield running


@pytest.mark.parametrize("path", ["/users", "/v1/traces", "/nowhere"])
@pytest.mark.parametrize("framing", ["Content-Length: 1048576", "Transfer-Encoding: chunked"])
@pytest.mark.parametrize("with_key", [True, False])
async def test_an_upload_that_is_broken_off_is_free_at_once(
    studio: HttpStudio, path: str, framing: str, *, with_key: bool
) -> None:
    key = await studio.make_key(await studio.set_up()) if with_key else ""
    await studio.client.close()  # its connections are not the ones to look for
    media = _SPANS if path.startswith("/v1") else _JSON
    body = b"x" * _PART
    if "chunked" in framing:
        body = b"%x\r\n%b" % (1_000_000, body)
    _, writer = await asyncio.open_connection("127.0.0.1", studio.port)
    writer.write(_HEAD.format(path, media, key, framing).encode() + body)
    await writer.drain()
    while not held(web.Request):  # noqa: ASYNC110 - nothing tells when it has begun
        await asyncio.sleep(0)
    writer.transport.abort()
    await until_free(RequestHandler, web.Request)
    assert not [kind for kind in held(StreamReader) if kind != "EmptyStreamReader"]  # of which there is one for all
