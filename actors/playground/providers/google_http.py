"""The HTTP session that Google's SDK is given, and the responses that the SDK does not let go of."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import aiohttp
from aiohttp.client_reqrep import ClientRequest, ClientResponse

from actors.playground.providers.http_session import open_session, tls_context

# What the SDK passes on with every request of the session. A redirect could carry the key elsewhere.
REQUEST_ARGUMENTS = {"ssl": tls_context(), "allow_redirects": False}

_noted: ContextVar[list[ClientResponse] | None] = ContextVar("_noted", default=None)


def open_noting_session(connect_seconds: float) -> aiohttp.ClientSession:
    """A session whose responses can be noted."""
    return open_session(connect_seconds, (_note,))


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
