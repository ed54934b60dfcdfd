"""Accepting when there are no file descriptors left: asyncio tries a hundred times at once, with a traceback each."""

import asyncio
import errno
import logging
import socket
from typing import cast
from weakref import WeakSet

import structlog

from transports.seldom import Seldom

BACKLOG = 100  # connections that wait to be accepted, of one port; so many may be open beyond what is allowed
_NONE_LEFT = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))

log = structlog.get_logger(__name__)
_seldom = Seldom(log)
_resting: "WeakSet[_PatientSocket]" = WeakSet()


class _PatientSocket(socket.socket):
    """Fails once when no descriptor is left, so that asyncio rests for a second, and then says that nobody waits."""

    __slots__ = ()

    def accept(self) -> tuple[socket.socket, object]:
        if self in _resting:
            _resting.discard(self)
            raise BlockingIOError
        try:
            return super().accept()
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
