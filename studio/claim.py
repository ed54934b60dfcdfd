"""Exclusive claim of a studio on its ports, its data folder and its databases.

It is made before anything starts, because an actor that meets another studio's database file can only crash.
"""

import errno
import fcntl
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import structlog

from actors.folders import make_folder
from studio.addresses import PortInUse
from studio.settings import Settings, declared_variables

log = structlog.get_logger(__name__)

LOCK_FILE = "studio.lock"


class CannotStart(Exception):
    """The machine does not allow what the settings ask for. The text is one line that names the setting."""


@contextmanager
def claimed(settings: Settings) -> Iterator[None]:
    """Hold the data for the length of the block. Raises ``PortInUse`` or ``CannotStart``.

    A port is only tested, not held: the servers bind it, and report it should another program be faster.
    """
    _refuse_taken_ports(settings)
    with sole_use_of(settings):
        yield


def _refuse_taken_ports(settings: Settings) -> None:
    for field, port in settings.ports():
        variable = declared_variables()[field].name
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
def sole_use_of(settings: Settings) -> Iterator[None]:
    """Hold the data folder and both databases for the length of the block. Raises ``CannotStart``.

    The databases are locked by themselves, because variables or links may lead to them from several folders. A lock
    ends with its process, however that ends.
    """
    folder = settings.data_dir
    with ExitStack() as held:
        held.enter_context(_locked(_lock_of(folder), f"The data in {folder}", "JUNJO_DATA_DIR", "folder"))
        for field, lock_of in (("sqlite_path", _beside_accounts), ("duckdb_path", _beside_spans)):
            path, variable = getattr(settings, field), declared_variables()[field].name
            for lock in _locks_of(path, lock_of):
                held.enter_context(_locked(lock, f"{variable}: {path}", variable, "file"))
        yield


def _beside_accounts(database: Path) -> Path:
    return database.with_name(f"{database.name}-lock")


def _beside_spans(database: Path) -> Path:
    """One lock for all databases whose segments and journals are in the same folders."""
    return database.with_suffix(".lock")


def _lock_of(folder: Path) -> int:
    try:
        make_folder(folder)
        return os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as fault:
        raise CannotStart(f"JUNJO_DATA_DIR: cannot write to {folder}: {fault.strerror}") from fault


def _locks_of(path: Path, lock_of: Callable[[Path], Path]) -> Iterator[int]:
    """A lock file for all links to the database, and the database itself, which may have several names.

    None where that is not allowed: the database cannot be used then, and its opener reports that.
    """
    with suppress(OSError, RuntimeError):  # one is for links in a circle
        make_folder(path.parent)
        database = path.resolve()
        yield os.open(lock_of(database), os.O_RDWR | os.O_CREAT, 0o600)
        yield os.open(database, os.O_RDWR | os.O_NONBLOCK)  # so that nothing waits for a pipe


@contextmanager
def _locked(lock: int, what: str, variable: str, kind: str) -> Iterator[None]:
    """Hold a lock. Raises ``CannotStart`` when another studio has it; on a file system without locks it only warns."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as fault:
        os.close(lock)
        advice = f"stop that one, or set {variable} to another {kind}"
        raise CannotStart(f"{what} is in use by another studio: {advice}") from fault
    except OSError as fault:
        log.warning("this file system has no locks: another studio would not be noticed", of=what, fault=str(fault))
    try:
        yield
    finally:
        os.close(lock)
