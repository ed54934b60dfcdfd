"""Accepting a few connections at a time, and with patience when there are no file descriptors left.

asyncio accepts a hundred at once, and tries as often where it cannot, with a traceback each.
"""

import asyncio
import errno
import logging
import socket
from typing import cast
from weakref import WeakKeyDictionary, WeakSet

import structlog

from transports.seldom import Seldom

BACKLOG = 100  # connections that wait to be accepted, of one port; so many may be open beyond what is allowed
_AT_ONCE = 8  # connections in a turn of the event loop, in which others wait for what each of them brings along
_NONE_LEFT = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))

log = structlog.get_logger(__name__)
_seldom = Seldom(log)
_resting: "WeakSet[_PatientSocket]" = WeakSet()
_accepted: "WeakKeyDictionary[_PatientSocket, int]" = WeakKeyDictionary()  # in this turn of the event loop


class _PatientSocket(socket.socket):
    """Says that nobody waits when enough have been accepted; the event loop asks again in its next turn.

    It fails once when no descriptor is left, so that asyncio rests for a second.
    """

    __slots__ = ()

    def accept(self) -> tuple[socket.socket, object]:
        accepted = _accepted.get(self, 0)
        if self in _resting or accepted >= _AT_ONCE:
            _resting.discard(self)
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
                _resting.add(self)
                _seldom.warning("no file descriptor is left for a connection", error=str(error))
            raise


class _Told(logging.Filter):
    """Drops asyncio's line about it, which has a traceback and comes for each socket."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not record.getMessage().startswith("socket.accept() out of system resource")


logging.getLogger("asyncio").addFilter(_Told())


def accept_patiently(server: asyncio.AbstractServer) -> None:
    """Let a server that listens survive a lack of file descriptors without a busy core, whoever uses them up."""
    for listening in cast("asyncio.Server", server)._sockets or ():  # type: ignore[attr-defined] # noqa: SLF001 - the real ones
        listening.__class__ = _PatientSocket
