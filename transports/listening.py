"""Listening on a port, for both address families, with a limited rate of accepts.

A few connections are accepted at a time, and none for a while when there are no file descriptors left. asyncio accepts
a hundred at once, and retries as often where it cannot, with a traceback each.
"""

import asyncio
import errno
import ipaddress
import logging
import socket
from collections.abc import Callable
from typing import cast
from weakref import WeakKeyDictionary, WeakSet

import structlog

from transports.limited_log import RateLimitedLog

BACKLOG = 100  # connections that wait to be accepted on one port; this many may be open beyond the limit
_MOST_ACCEPTS = 8  # connections in a turn of the event loop: others wait while their first requests are handled
_NONE_LEFT = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))

log = structlog.get_logger(__name__)
_limited_log = RateLimitedLog(log)
_paused: "WeakSet[_LimitedAcceptSocket]" = WeakSet()
_accepted: "WeakKeyDictionary[_LimitedAcceptSocket, int]" = WeakKeyDictionary()  # in this turn of the event loop


class _LimitedAcceptSocket(socket.socket):
    """Listening socket that accepts a few connections in each turn of the event loop.

    It fails once when no descriptor is left, so that asyncio pauses for a second.
    """

    __slots__ = ()

    def accept(self) -> tuple[socket.socket, object]:
        accepted = _accepted.get(self, 0)
        if self in _paused or accepted >= _MOST_ACCEPTS:
            _paused.discard(self)
            _accepted[self] = 0
            raise BlockingIOError
        _accepted[self] = accepted + 1
        try:
            return super().accept()
        except BlockingIOError:
            _accepted[self] = 0
            raise
        except OSError as error:
            if error.errno in _NONE_LEFT:
                _paused.add(self)
                _limited_log.warning("no file descriptor is left for a connection", error=str(error))
            raise


class _OutOfResourcesFilter(logging.Filter):
    """Drops asyncio's own line about missing resources, which has a traceback and comes for each socket."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not record.getMessage().startswith("socket.accept() out of system resource")


logging.getLogger("asyncio").addFilter(_OutOfResourcesFilter())


async def listen(make: Callable[[], asyncio.Protocol], host: str, port: int) -> asyncio.Server:
    """Accept connections from now on. ``OSError`` when the port is taken."""
    loop = asyncio.get_running_loop()
    both_families = socket_for(host, port)
    if both_families is None:
        server = await loop.create_server(make, host, port, backlog=BACKLOG)
    else:
        server = await loop.create_server(make, sock=both_families, backlog=BACKLOG)
    limit_accepts(server)
    return server


def limit_accepts(server: asyncio.AbstractServer) -> None:
    """Let a listening server survive a lack of file descriptors without a busy core."""
    for listening in cast("asyncio.Server", server)._sockets or ():  # type: ignore[attr-defined] # noqa: SLF001 - the real ones
        listening.__class__ = _LimitedAcceptSocket


def socket_for(host: str, port: int) -> socket.socket | None:
    """Open a dual-stack socket for all addresses of IPv6; ``None`` where the loop can open its own. ``OSError``.

    The loop makes each socket for one family, so that ``::`` would leave out IPv4 clients. With one socket both
    families have the same port, also when it is any free one.
    """
    if not _is_all_of_ipv6(host) or not socket.has_dualstack_ipv6():
        return None
    return socket.create_server((host, port), family=socket.AF_INET6, dualstack_ipv6=True)


def _is_all_of_ipv6(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return isinstance(address, ipaddress.IPv6Address) and address.is_unspecified
