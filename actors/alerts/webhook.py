"""Calls of webhooks: one POST over a connection of its own, to an address that may be called."""

import asyncio
import ipaddress
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Self

import attrs
from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
from aiohttp.abc import AbstractResolver, ResolveResult

from actors.alerts.body import signature
from actors.alerts.webhook_url import is_public
from actors.clock import Clock
from actors.retry_after import seconds_to_wait

MOST_AT_ONCE = 16
_RESOLVERS = 4  # names that are looked up at once: in threads of their own, which a slow name server may hold up
_TIMEOUT = ClientTimeout(total=10.0)
_AGENT = "junjo-ai-studio"


class PrivateAddress(OSError):
    """A name led to an address that may not be called."""


@attrs.frozen(kw_only=True)
class Outcome:
    """What came of a call: ``fault`` in a word or two, ``None`` when it was taken; how long to wait if it says so."""

    fault: str | None = None
    retry_after: float | None = None


class Webhooks:
    """Calls webhooks.

    No redirect is followed, no cookie kept, no proxy asked, and nothing of an answer is read but its head.
    """

    def __init__(self, session: ClientSession, clock: Clock) -> None:
        self._session = session
        self._clock = clock

    @classmethod
    @asynccontextmanager
    async def opened(
        cls, *, allow_private: bool, clock: Clock, resolver: AbstractResolver | None = None
    ) -> AsyncIterator[Self]:
        """Open the client. ``resolver`` is that of a test."""
        connector = TCPConnector(
            resolver=resolver or ThreadResolver(),
            use_dns_cache=False,
            force_close=True,
            limit=MOST_AT_ONCE,
            socket_factory=None if allow_private else public_socket,
        )
        async with ClientSession(
            connector=connector,
            cookie_jar=DummyCookieJar(),
            timeout=_TIMEOUT,
            auto_decompress=False,
            headers={"User-Agent": _AGENT, "Content-Type": "application/json"},
        ) as session:
            yield cls(session, clock)

    async def call(self, url: str, body: bytes, secret: str) -> Outcome:
        """Send a body, signed as of now. Never raises for what the other side does."""
        headers = {"x-junjo-signature": signature(body, secret, int(self._clock().timestamp()))}
        try:
            async with self._session.post(url, data=body, headers=headers, allow_redirects=False) as answer:
                status, retry_after = answer.status, seconds_to_wait(answer.headers)
                answer.close()  # what else there is of it is not read
        except Exception as fault:  # noqa: BLE001 - whatever an answer does to the client, the studio goes on
            return Outcome(fault=_word(fault))
        if status in range(200, 300):
            return Outcome()
        return Outcome(fault=f"status {status}", retry_after=retry_after)


class ThreadResolver(AbstractResolver):
    """Looks names up as the system does, a few at once: a slow name server holds up other webhooks and nothing else.

    The threads are daemons, or the process would wait for one at its end.
    """

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(_RESOLVERS)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        await self._free.acquire()
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[Any] | OSError | ValueError] = loop.create_future()

        def settle(found: list[Any] | OSError | ValueError) -> None:
            self._free.release()  # only now: who gave up has left the thread behind
            if not answer.done():
                answer.set_result(found)

        def look_up() -> None:
            found = _looked_up(host, port, family)
            with suppress(RuntimeError):  # of a loop that has ended
                loop.call_soon_threadsafe(settle, found)

        threading.Thread(target=look_up, name="webhook-names", daemon=True).start()
        found = await answer
        if isinstance(found, Exception):
            raise found
        return [_resolved(host, port, *each) for each in found]

    async def close(self) -> None:
        """Leave the threads, which end by themselves."""


def _looked_up(host: str, port: int, family: socket.AddressFamily) -> list[Any] | OSError | ValueError:
    try:
        return socket.getaddrinfo(host, port, family, socket.SOCK_STREAM, 0, socket.AI_ADDRCONFIG)
    except (OSError, ValueError) as fault:  # a name that is too long is the latter
        return fault


def public_socket(address: tuple[Any, ...]) -> socket.socket:
    """Make the socket for an address, as ``getaddrinfo`` has it, or raise ``PrivateAddress``.

    The client connects this very socket to this very address: nothing is looked up again in between.
    """
    family, kind, protocol, _, place = address
    if not is_public(ipaddress.ip_address(place[0].partition("%")[0])):
        raise PrivateAddress("not an address of the public internet")
    return socket.socket(family=family, type=kind, proto=protocol)


def _resolved(host: str, port: int, family: int, _: int, protocol: int, __: str, place: Any) -> ResolveResult:  # noqa: ANN401 - as getaddrinfo has it
    return ResolveResult(
        hostname=host,
        host=place[0],
        port=port,
        family=family,
        proto=protocol,
        flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
    )


def _word(fault: BaseException) -> str:
    """What went wrong, without the address, which may be a secret."""
    cause: object = fault
    while isinstance(cause, BaseException):
        if isinstance(cause, PrivateAddress):
            return "private address"
        cause = getattr(cause, "os_error", None) or cause.__cause__
    return "timeout" if isinstance(fault, TimeoutError) else type(fault).__name__
