"""The HTTP session under the providers' SDKs: aiohttp's, which costs less than httpx2's own (decision 0005)."""

import ssl
from functools import cache

import aiohttp
import attrs
import httpx2
from aiohttp.client_reqrep import ClientRequest
from aiohttp.connector import Connection
from aiohttp.tracing import Trace


def open_session(connect_seconds: float) -> aiohttp.ClientSession:
    """A session with its own pool, without proxies, ``.netrc`` and cookies."""
    return aiohttp.ClientSession(
        connector=_Connector(connect_seconds),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
    )


class _Connector(aiohttp.TCPConnector):
    """Connector with its own timeout for connecting: the SDKs set one timeout for everything."""

    def __init__(self, seconds: float) -> None:
        super().__init__(limit=256, keepalive_timeout=30, ssl=tls_context())
        self._seconds = seconds

    async def connect(
        self,
        req: ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - the name is aiohttp's
    ) -> Connection:
        return await super().connect(req, traces, attrs.evolve(timeout, connect=self._seconds))


@cache
def tls_context() -> ssl.SSLContext:
    """The TLS context of all clients: reading the certificates takes 20 ms."""
    return httpx2.create_ssl_context(trust_env=False)
