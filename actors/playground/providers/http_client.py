"""The HTTP client for the providers' SDKs, which takes nothing from the environment of the process."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from io import BytesIO

import aiohttp
import attrs
import httpx2

from actors.playground.providers.http_session import open_session

_LONG = 1024 * 1024  # bytes of a request


@attrs.frozen(kw_only=True)
class Timeouts:
    """Timeouts of a provider, in seconds."""

    connect: float = 10
    answer: float = 600  # the whole of it, with connecting
    models: float = 10


def open_client(timeouts: Timeouts) -> httpx2.AsyncClient:
    """A client with its own pool, without proxies, ``.netrc`` and redirects (which could carry a key elsewhere)."""
    return httpx2.AsyncClient(
        transport=_Transport(open_session(timeouts.connect)),
        trust_env=False,
        follow_redirects=False,
        timeout=timeouts.answer,
    )


class _Transport(httpx2.AsyncBaseTransport):
    """Transport over a session of aiohttp, which it owns.

    The public package for this, httpx-aiohttp, reports a connection that was cut as a timeout.
    """

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        timeout = request.extensions.get("timeout", {})
        with _translated_errors():
            response = await self._session.request(
                request.method,
                str(request.url),
                headers=request.headers.multi_items(),
                data=_payload(await request.aread()),
                allow_redirects=False,
                auto_decompress=False,  # httpx2 does that
                timeout=aiohttp.ClientTimeout(sock_read=timeout.get("read")),
            )
        return httpx2.Response(
            response.status,
            headers=list(response.raw_headers),
            stream=_Body(response),
            extensions={"http_version": b"HTTP/1.1"},
        )

    async def aclose(self) -> None:
        await self._session.close()


def _payload(body: bytes) -> bytes | BytesIO | None:
    """A long body as a file: aiohttp writes that in pieces, between which the loop goes on."""
    if len(body) > _LONG:
        return BytesIO(body)
    return body or None


class _Body(httpx2.AsyncByteStream):
    """The body of an answer. Closed before its end, it closes the connection."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while data := await self._more():
            yield data

    async def aclose(self) -> None:
        self._response.close()

    async def _more(self) -> bytes:
        with _translated_errors():
            return await self._response.content.readany()


@contextmanager
def _translated_errors() -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise httpx2.TimeoutException("no answer in time") from error
    except (aiohttp.ClientError, OSError) as error:
        raise httpx2.NetworkError("the connection failed") from error
