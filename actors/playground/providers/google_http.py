"""The HTTP session that Google's SDK is given: it is twice as fast over aiohttp as over what the other SDKs use."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import aiohttp
import attrs
from aiohttp.client_reqrep import ClientRequest, ClientResponse
from aiohttp.connector import Connection
from aiohttp.tracing import Trace

from actors.playground.providers.http_client import Patience, tls_context

# What the SDK passes on with every request of the session. A redirect could carry the key elsewhere.
REQUEST_ARGUMENTS = {"ssl": tls_context(), "allow_redirects": False}

_noted: ContextVar[list[ClientResponse] | None] = ContextVar("_noted", default=None)


def open_session(patience: Patience) -> aiohttp.ClientSession:
    """A session of its own pool, without proxies, ``.netrc`` and cookies."""
    return aiohttp.ClientSession(
        connector=_Connector(patience.connect),
        cookie_jar=aiohttp.DummyCookieJar(),
        middlewares=(_note,),
        trust_env=False,
    )


@contextmanager
def responses_noted_in(responses: list[ClientResponse]) -> Iterator[None]:
    """Responses that arrive in the block are added: the SDK does not let go of them when it is told to."""
    before = _noted.set(responses)
    try:
        yield
    finally:
        _noted.reset(before)


async def _note(request: ClientRequest, handler: aiohttp.ClientHandlerType) -> ClientResponse:
    response = await handler(request)
    responses = _noted.get()
    if responses is not None:
        responses.append(response)
    return response


class _Connector(aiohttp.TCPConnector):
    """Gives connecting its own time: the SDK sets one figure for all."""

    def __init__(self, seconds: float) -> None:
        super().__init__(limit=256, keepalive_timeout=30)
        self._seconds = seconds

    async def connect(
        self,
        req: ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - the name is aiohttp's
    ) -> Connection:
        return await super().connect(req, traces, attrs.evolve(timeout, connect=self._seconds))
