"""The addresses on which the servers can be reached."""

import asyncio
import errno
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from actors.runtime.budget import Budget
from actors.runtime.bus import Bus
from tests.http_studio import http_config
from transports.grpc.config import GrpcConfig
from transports.grpc.server import serve_auth, serve_otlp
from transports.http.app import build_app
from transports.http.framework.server import serve_http

pytestmark = pytest.mark.integration

Serve = Callable[[str, int], AbstractAsyncContextManager[int]]


@asynccontextmanager
async def http(host: str, port: int) -> AsyncIterator[int]:
    async with serve_http(build_app(Bus(), http_config()), host, port) as bound:
        yield bound


@asynccontextmanager
async def otlp(host: str, port: int) -> AsyncIterator[int]:
    async with serve_otlp(Bus(), GrpcConfig(otlp_budget=Budget(1024)), host, port) as bound:
        yield bound


@asynccontextmanager
async def key_check(host: str, port: int) -> AsyncIterator[int]:
    async with serve_auth(Bus(), GrpcConfig(otlp_budget=Budget(1024)), host, port) as bound:
        yield bound


servers = pytest.mark.parametrize("serve", [http, otlp, key_check])
both_families = pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")


async def takes(host: str, port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(host, port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


@servers
@both_families
@pytest.mark.parametrize("host", ["::", "0::0", "0:0:0:0:0:0:0:0"])
async def test_all_of_ipv6_is_all_of_ipv4_too(serve: Serve, host: str) -> None:
    async with serve(host, 0) as port:
        assert [await takes(address, port) for address in ("127.0.0.1", "::1")] == [True, True]


@servers
@pytest.mark.parametrize("host", ["0.0.0.0", "127.0.0.1"])
async def test_all_of_ipv4_is_ipv4_only(serve: Serve, host: str) -> None:
    async with serve(host, 0) as port:
        assert [await takes(address, port) for address in ("127.0.0.1", "::1")] == [True, False]


@servers
@both_families
async def test_a_taken_port_is_an_os_error_in_both_families(serve: Serve) -> None:
    async with http("127.0.0.1", 0) as taken:
        with pytest.raises(OSError, match="in use") as refusal:
            async with serve("::", taken):
                pytest.fail("the port is taken in one of the families")
    assert refusal.value.errno == errno.EADDRINUSE
