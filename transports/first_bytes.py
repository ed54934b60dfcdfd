"""Protocol detection by the first bytes of a connection."""

import asyncio
from collections.abc import Callable, MutableSet
from typing import TypeAlias, cast

from transports.connections import Connections

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"  # of HTTP/2 (RFC 9113, section 3.4), and so of gRPC
_TLS = b"\x16\x03"  # a handshake (RFC 8446, section 5.1)
_LINGERING_SECONDS = 2.0  # for a client to read an answer before its connection is cut

# Chooses the protocol of a connection by its first bytes.
Choose: TypeAlias = Callable[[bytes, asyncio.Transport], asyncio.Protocol]


def is_http2(begin: bytes) -> bool:
    return begin.startswith(PREFACE)


def is_tls(begin: bytes) -> bool:
    return begin.startswith(_TLS)


def is_http1(begin: bytes) -> bool:
    """Whether the bytes look like a request line; a parser decides whether they are one."""
    return begin[:1].isalpha() and not is_http2(begin)


def sender_of(transport: asyncio.BaseTransport) -> str:
    """The client's address, without its port."""
    address = transport.get_extra_info("peername")
    return str(address[0]) if address else "unknown"


class FirstBytes(asyncio.Protocol):
    """Protocol that waits for the first bytes of a connection and hands it to the protocol that is chosen by them.

    It buffers 24 bytes at most, and closes a connection that sends too little within ``seconds``. While it waits it is
    in ``waiting``, so that a server that stops can ``abort`` it, and it is counted in ``all_connections``.
    """

    calls_begun = 0
    idle = True  # nothing is in work for it

    def __init__(
        self, choose: Choose, waiting: MutableSet["FirstBytes"], seconds: float, all_connections: Connections
    ) -> None:
        self._choose = choose
        self._waiting = waiting
        self._seconds = seconds
        self._all_connections = all_connections
        self._begin = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._address = sender_of(transport)
        self._waiting.add(self)
        self._too_late = asyncio.get_running_loop().call_later(self._seconds, self.abort)
        if not self._all_connections.admit(self, self._address):
            self.abort()

    def data_received(self, data: bytes) -> None:
        self._begin += data
        if len(self._begin) < len(PREFACE) and PREFACE.startswith(self._begin):
            return
        self._leave()
        protocol = self._choose(self._begin, self._transport)
        self._transport.set_protocol(protocol)
        protocol.connection_made(self._transport)
        protocol.data_received(self._begin)

    def connection_lost(self, _: BaseException | None) -> None:
        self._leave()

    def abort(self) -> None:
        self._transport.abort()

    def evict(self) -> None:
        """Close, to free the place for another connection."""
        self.abort()

    def _leave(self) -> None:
        self._too_late.cancel()
        self._waiting.discard(self)
        self._all_connections.forget(self, self._address)


class Refusal(asyncio.Protocol):
    """Protocol that sends one answer to any client and closes the connection; without an answer it closes at once."""

    def __init__(self, answer: bytes = b"") -> None:
        self._answer = answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        if not self._answer:
            self._transport.abort()
            return
        self._transport.write(self._answer)
        self._transport.write_eof()
        # Closed with unread bytes the connection would be reset, and many clients would not read the answer then.
        self._end = asyncio.get_running_loop().call_later(_LINGERING_SECONDS, self._transport.abort)

    def connection_lost(self, _: BaseException | None) -> None:
        if self._answer:
            self._end.cancel()
