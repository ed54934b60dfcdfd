"""Limit on open connections, of HTTP and gRPC together: fewer than file descriptors, and no address takes all."""

from collections import OrderedDict
from collections.abc import Collection
from time import monotonic
from typing import Protocol

import attrs
import structlog

from transports.addresses import Network, is_in, plain
from transports.connection_limits import DEFAULT
from transports.limited_log import RateLimitedLog

_ALL_BUSY_SECONDS = 0.1  # looking through thousands of connections takes a millisecond

log = structlog.get_logger(__name__)


class Connection(Protocol):
    """An open connection."""

    @property
    def calls_begun(self) -> int:
        """Number of calls so far."""

    @property
    def idle(self) -> bool:
        """Whether no call is in work."""

    def evict(self) -> None:
        """Close, and give the file descriptor back at once."""


@attrs.define(eq=False)
class _Address:
    """The connections from one address, each with its number of calls at the last check."""

    open: OrderedDict[Connection, int] = attrs.field(factory=OrderedDict)
    busy_until: float = 0.0

    def close_one(self) -> bool:
        """Close the connection that has been idle for longest, approximately; false when all are busy."""
        now = monotonic()
        if now < self.busy_until:
            return False
        for connection, seen in tuple(self.open.items()):
            if connection.idle and connection.calls_begun == seen:
                return self._close(connection)
            self.open[connection] = connection.calls_begun
            self.open.move_to_end(connection)
        for connection in self.open:
            if connection.idle:
                return self._close(connection)
        self.busy_until = now + _ALL_BUSY_SECONDS
        return False

    def _close(self, connection: Connection) -> bool:
        del self.open[connection]
        connection.evict()
        return True


class Connections:
    """Admits a number of connections at once, and from one address half of them, unless it is a trusted proxy's.

    A new connection is refused only when there is no idle one to be closed in its place.
    """

    def __init__(self, most: int = DEFAULT.connections, proxies: Collection[Network] = ()) -> None:
        self._most = most
        self._proxies = proxies
        self._addresses: dict[str, _Address] = {}
        self.count = 0
        self._limited_log = RateLimitedLog(log)

    def admit(self, connection: Connection, address: str) -> bool:
        """Count a new connection; false when there is no place for it."""
        if not self._place_for(address):
            self._limited_log.warning("connection refused: too many are open", client=address)
            return False
        self._addresses.setdefault(address, _Address()).open[connection] = 0
        self.count += 1
        return True

    def forget(self, connection: Connection, address: str) -> None:
        """Release the place of a connection, unless it was evicted."""
        known = self._addresses.get(address)
        if known is not None and known.open.pop(connection, None) is not None:
            self.count -= 1
            if not known.open:
                del self._addresses[address]

    def _place_for(self, address: str) -> bool:
        own = self._addresses.get(address)
        if own is not None and len(own.open) >= max(self._most // 2, 1) and not is_in(plain(address), self._proxies):
            return self._close_one(own)
        if self.count < self._most:
            return True
        largest = max(self._addresses.values(), key=lambda known: len(known.open))
        return (own is not None and self._close_one(own)) or self._close_one(largest)

    def _close_one(self, address: _Address) -> bool:
        closed = address.close_one()
        self.count -= closed
        return closed
