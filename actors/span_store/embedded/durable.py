"""The disk of the span store: what is written is on it when these methods return, and not in some cache."""

import errno
import fcntl
import os
import shutil
import sys
from contextlib import suppress
from itertools import count
from pathlib import Path

from actors.folders import make_folder, sync_folder

_TRIAL = 64 * 1024  # bytes
_MEGABYTE = 1024 * 1024
_AROUND_CACHE = getattr(os, "O_DIRECT", 0)  # Linux has it, and most of its file systems


class Disk:
    """Every change that the span store makes to its files, but for those of DuckDB, which writes its own.

    It is handed in, so that a test can have a disk that fails, ends the process or records: the methods from ``open``
    to ``make_folder`` are all that one has to replace, the others are made of them. Used by all threads.
    """

    def open(self, path: Path, *, mode: int = 0o666, around_cache: bool = False, empty: bool = False) -> int:
        """Open a file for writing, or make it with this mode less the umask; its descriptor, for ``close``.

        What is written once and read only after a crash need not go through the cache of the system. A span of 2.7 KB
        costs 0.3 µs around it, and up to 7 where the cache has to get new memory for it.
        """
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC * empty
        try:
            return os.open(path, flags | _AROUND_CACHE * around_cache, mode)
        except OSError as fault:
            if fault.errno != errno.EINVAL or not around_cache:
                raise
            return os.open(path, flags, mode)  # this file system cannot

    def write(self, file: int, data: memoryview | bytes, place: int) -> None:
        """Write all of it there. Around the cache, data, size and place are at multiples of 4096 bytes."""
        data = memoryview(data)
        while data:
            try:
                written = os.pwrite(file, data, place)
            except OSError as fault:
                if fault.errno != errno.EINVAL or not _goes_through_cache(file):
                    raise
                continue
            data, place = data[written:], place + written

    def truncate(self, file: int, size: int) -> None:
        os.ftruncate(file, size)

    def allocate(self, file: int, size: int) -> None:
        """Let the file have so many bytes of the disk."""
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file, 0, size)
            return
        for place in range(0, size, _MEGABYTE):  # macOS has no such call
            os.pwrite(file, bytes(min(_MEGABYTE, size - place)), place)

    def sync(self, file: int) -> None:
        """Make the content of an open file durable."""
        if sys.platform == "darwin":
            fcntl.fcntl(file, fcntl.F_FULLFSYNC)  # fsync leaves the drive's own cache alone on macOS
        else:
            os.fdatasync(file)

    def close(self, file: int) -> None:
        os.close(file)

    def sync_folder(self, folder: Path) -> None:
        """Make a new, renamed or removed name in the folder durable."""
        sync_folder(folder)

    def rename(self, old: Path, new: Path) -> None:
        """Give the file another name, in place of what has that name."""
        old.rename(new)

    def unlink(self, path: Path, *, missing_ok: bool = False) -> None:
        path.unlink(missing_ok=missing_ok)

    def link(self, path: Path, new: Path) -> None:
        """Give the file a second name; a copy of its own where the file system has no links."""
        try:
            new.hardlink_to(path)
        except OSError:
            shutil.copyfile(path, new)

    def make_folder(self, folder: Path) -> None:
        """Make the folder, and those that it lies in; their names are durable."""
        make_folder(folder, sync=self.sync_folder)

    def write_file(self, path: Path, content: memoryview | bytes) -> None:
        """Make the content durable under a name that is not, yet. No part of it stays when that fails."""
        try:
            file = self.open(path, empty=True)
            try:
                self.write(file, content, 0)
                self.sync(file)
            finally:
                self.close(file)
        except BaseException:  # the disk may be full
            with suppress(OSError):
                self.unlink(path, missing_ok=True)
            raise

    def sync_file(self, path: Path) -> None:
        """Make durable what is in a file by now, whoever wrote it."""
        file = self.open(path)
        try:
            self.sync(file)
        finally:
            self.close(file)

    def takes_data(self, folder: Path) -> bool:
        """Whether a small file can be made durable there."""
        trial = folder / "trial.unfinished"
        try:
            self.write_file(trial, bytes(_TRIAL))
        except OSError:
            return False
        with suppress(OSError):
            self.unlink(trial, missing_ok=True)
        return True

    def move_aside(self, file: Path, folder: Path) -> None:
        """Move a damaged file into the folder, under its name or the next one that is free."""
        self.set_aside(file, folder)
        self.unlink(file)
        self.sync_folder(file.parent)

    def set_aside(self, file: Path, folder: Path) -> Path:
        """Keep a damaged file in the folder, under its name or the next one that is free; it stays where it is too."""
        self.make_folder(folder)
        for number in count():
            kept = folder / (f"{file.name}.{number}" if number else file.name)
            if not kept.exists():
                break
        self.link(file, kept)
        self.sync_folder(folder)
        return kept


DISK = Disk()  # of this machine


def written_at(file: Path) -> int:
    """The Unix nanosecond of the last write to it. ``OSError`` when it is not there.

    It may be yet to come: then the clock was ahead, or it is behind now and would make everything old that is not.
    """
    return file.stat().st_mtime_ns


def _goes_through_cache(file: int) -> bool:
    """Let a file be written as usual from now on, if it was not: a file system may refuse only the write itself."""
    flags = fcntl.fcntl(file, fcntl.F_GETFL)
    if not flags & _AROUND_CACHE:
        return False
    fcntl.fcntl(file, fcntl.F_SETFL, flags & ~_AROUND_CACHE)
    return True
