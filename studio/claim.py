"""What only one studio at a time can have: its ports and its data folder.

Looked at before anything starts, because an actor that meets another studio's database file can only crash.
"""

import errno
import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from studio.app import PortInUse
from studio.settings import Settings, declared_variables

LOCK_FILE = "studio.lock"


class CannotStart(Exception):
    """The machine does not allow what the settings ask for. The text is one line that names the setting."""


@contextmanager
def claimed(settings: Settings) -> Iterator[None]:
    """Hold the data folder for the length of the block. Raises ``PortInUse`` or ``CannotStart``.

    A free port is not held, only seen: the servers bind it, and report it should someone else be faster.
    """
    _refuse_taken_ports(settings)
    with sole_use_of(settings.data_dir):
        yield


def _refuse_taken_ports(settings: Settings) -> None:
    for field in ("backend_port", "otlp_port", "grpc_port"):
        variable, port = declared_variables()[field].name, getattr(settings, field)
        try:
            _bind_for_a_moment(settings.host, port)
        except socket.gaierror as fault:
            raise CannotStart(f"JUNJO_HOST: {settings.host!r} is no address to listen on: {fault.strerror}") from fault
        except OSError as fault:
            if fault.errno == errno.EADDRINUSE:
                raise PortInUse(variable, settings.host, port) from fault
            raise CannotStart(f"{variable}: cannot use port {port} on {settings.host}: {fault.strerror}") from fault


def _bind_for_a_moment(host: str, port: int) -> None:
    for family, kind, protocol, _, address in socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    ):
        with closing(socket.socket(family, kind, protocol)) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            probe.bind(address)


@contextmanager
def sole_use_of(folder: Path) -> Iterator[None]:
    """Hold a data folder for the length of the block. Raises ``CannotStart``."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as fault:
        raise CannotStart(f"JUNJO_DATA_DIR: cannot write to {folder}: {fault.strerror}") from fault
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as fault:
        raise CannotStart(
            f"The data in {folder} is in use by another studio: stop that one, or set JUNJO_DATA_DIR to another folder"
        ) from fault
    finally:
        os.close(lock)
