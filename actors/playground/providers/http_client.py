"""The HTTP client that the vendors' SDKs are given, so that nothing comes from the environment of the process."""

import ssl
from functools import cache

import attrs
import httpx2


@attrs.frozen(kw_only=True)
class Patience:
    """How long to wait for a vendor, in seconds."""

    connect: float = 10
    answer: float = 600  # the whole of it, from the first byte that is sent
    models: float = 10


def open_client(patience: Patience) -> httpx2.AsyncClient:
    """A client of its own pool, without proxies, ``.netrc`` and redirects (which could carry a key elsewhere)."""
    return httpx2.AsyncClient(
        transport=_Transport(patience.connect),
        trust_env=False,
        follow_redirects=False,
        timeout=patience.answer,
    )


class _Transport(httpx2.AsyncHTTPTransport):
    """Gives connecting its own time: the SDKs set one figure for all."""

    def __init__(self, connect: float) -> None:
        limits = httpx2.Limits(max_connections=256, max_keepalive_connections=64, keepalive_expiry=30)
        super().__init__(verify=tls_context(), trust_env=False, limits=limits)
        self._connect = connect

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        timeout = request.extensions.get("timeout", {})
        request.extensions["timeout"] = {**timeout, "connect": self._connect, "pool": self._connect}
        return await super().handle_async_request(request)


@cache
def tls_context() -> ssl.SSLContext:
    """One for all clients: to read the certificates takes 20 ms."""
    return httpx2.create_ssl_context(trust_env=False)
