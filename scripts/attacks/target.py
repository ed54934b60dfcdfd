"""The target of attacks, and the parts of an attack."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import attrs

from scripts.load.own_studio import HOST


@attrs.frozen(kw_only=True)
class Target:
    """Ports of a studio on loopback, and the end time (monotonic clock)."""

    http_port: int
    otlp_port: int
    until: float
    key: str = attrs.field(default="", repr=False)  # with the scope ingest, for authorised attacks

    def goes_on(self) -> bool:
        return time.monotonic() < self.until


Attack = Callable[[Target], None]


@contextmanager
def connected(port: int) -> Iterator[socket.socket]:
    """Open a connection. Its end by the studio ends the block, and is no fault of the attack."""
    with suppress(OSError), socket.create_connection((HOST, port), timeout=5) as connection:
        yield connection


def over_and_over(port: int, data: bytes, target: Target, *, repeat: int = 1, read: bool = False) -> None:
    """Attack on connection after connection, on each as often as the studio allows."""
    while target.goes_on():
        with connected(port) as connection:
            for _ in range(repeat):
                connection.sendall(data)
                if read:
                    connection.recv(1 << 20)
                if not target.goes_on():
                    break
