"""A disk that fails, takes half of a write, or ends the process, at an operation that was named before."""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

import attrs

from actors.span_store.embedded.durable import Disk

_BLOCK = 4096  # bytes
_ANY = "*"


class Operation(StrEnum):
    """What a disk is asked to do."""

    OPEN = "open"
    WRITE = "write"
    TRUNCATE = "truncate"
    ALLOCATE = "allocate"
    SYNC = "sync"
    SYNC_FOLDER = "sync folder"
    RENAME = "rename"
    UNLINK = "unlink"
    LINK = "link"
    MAKE_FOLDER = "make folder"


@attrs.define
class Fault:
    """What happens at an operation on files that match the pattern (``Path.match``), from the ``first`` time on.

    ``before`` and ``after`` are called around the operation; what they raise is what the store sees.
    """

    operation: Operation
    pattern: str = _ANY
    first: int = 1
    before: Callable[[], None] = attrs.field(default=lambda: None, kw_only=True)
    after: Callable[[], None] = attrs.field(default=lambda: None, kw_only=True)
    is_short: bool = attrs.field(default=False, kw_only=True)  # half of a write is on the disk before it fails
    met: int = attrs.field(default=0, init=False)  # how often the operation was begun

    def meets(self, operation: Operation, path: Path) -> bool:
        """Whether it is time. Counts."""
        if operation is not self.operation or not path.match(self.pattern):
            return False
        self.met += 1
        return self.met >= self.first


def refusal(code: int = errno.EIO) -> Callable[[], None]:
    """What makes an operation fail: ``EIO`` of a disk that is broken, ``ENOSPC`` of one that is full."""

    def refuse() -> None:
        raise OSError(code, os.strerror(code))

    return refuse


class FaultyDisk(Disk):
    """The machine's own disk, with faults. ``calls`` is what it was asked to do."""

    def __init__(self, *faults: Fault) -> None:
        self.faults = list(faults)
        self.calls: list[tuple[Operation, Path]] = []
        self._paths: dict[int, Path] = {}  # of open files

    @contextmanager
    def failing(self, operation: Operation, pattern: str = _ANY, *, code: int = errno.EIO) -> Iterator[Fault]:
        """Let all such operations fail in the block."""
        with self.having(Fault(operation, pattern, before=refusal(code))) as fault:
            yield fault

    @contextmanager
    def having(self, fault: Fault) -> Iterator[Fault]:
        """Have the fault in the block."""
        self.faults.append(fault)
        try:
            yield fault
        finally:
            self.faults.remove(fault)

    def open(self, path: Path, *, mode: int = 0o666, around_cache: bool = False, empty: bool = False) -> int:
        with self._doing(Operation.OPEN, path):
            file = super().open(path, mode=mode, around_cache=around_cache, empty=empty)
        self._paths[file] = path
        return file

    def close(self, file: int) -> None:
        self._paths.pop(file, None)
        super().close(file)

    def write(self, file: int, data: memoryview | bytes, place: int) -> None:
        path = self._paths[file]
        with self._doing(
            Operation.WRITE, path, short=lambda: super(FaultyDisk, self).write(file, half_of(data), place)
        ):
            super().write(file, data, place)

    def truncate(self, file: int, size: int) -> None:
        with self._doing(Operation.TRUNCATE, self._paths[file]):
            super().truncate(file, size)

    def allocate(self, file: int, size: int) -> None:
        with self._doing(Operation.ALLOCATE, self._paths[file]):
            super().allocate(file, size)

    def sync(self, file: int) -> None:
        with self._doing(Operation.SYNC, self._paths[file]):
            super().sync(file)

    def sync_folder(self, folder: Path) -> None:
        with self._doing(Operation.SYNC_FOLDER, folder):
            super().sync_folder(folder)

    def rename(self, old: Path, new: Path) -> None:
        with self._doing(Operation.RENAME, new):
            super().rename(old, new)

    def unlink(self, path: Path, *, missing_ok: bool = False) -> None:
        with self._doing(Operation.UNLINK, path):
            super().unlink(path, missing_ok=missing_ok)

    def link(self, path: Path, new: Path) -> None:
        with self._doing(Operation.LINK, new):
            super().link(path, new)

    def make_folder(self, folder: Path) -> None:
        with self._doing(Operation.MAKE_FOLDER, folder):
            super().make_folder(folder)

    @contextmanager
    def _doing(self, operation: Operation, path: Path, short: Callable[[], None] = lambda: None) -> Iterator[None]:
        self.calls.append((operation, path))
        faults = [fault for fault in self.faults if fault.meets(operation, path)]
        for fault in faults:
            if fault.is_short:
                short()
            fault.before()
        yield
        for fault in faults:
            fault.after()


def half_of(data: memoryview | bytes) -> memoryview | bytes:
    """In whole blocks, as a disk that is full leaves them."""
    return data[: len(data) // 2 // _BLOCK * _BLOCK]
