"""What is written is on the disk when these return, and not in some cache."""

import errno
import fcntl
import os
import shutil
import sys
from contextlib import suppress
from itertools import count
from pathlib import Path

_TRIAL = 64 * 1024  # bytes
_AROUND_CACHE = getattr(os, "O_DIRECT", 0)  # Linux has it, and most of its file systems


def sync(file: int) -> None:
    """Make the content of an open file durable."""
    if sys.platform == "darwin":
        fcntl.fcntl(file, fcntl.F_FULLFSYNC)  # fsync leaves the drive's own cache alone on macOS
    else:
        os.fdatasync(file)


def open_around_cache(path: Path) -> int:
    """Open a file for ``write_whole``, or make it; its handle.

    What is written once and read only after a crash need not go through the cache of the system. A span of 2.7 KB costs
    0.3 µs that way, and up to 7 where the cache has to get new memory for it.
    """
    flags = os.O_WRONLY | os.O_CREAT
    try:
        return os.open(path, flags | _AROUND_CACHE, 0o600)
    except OSError as fault:
        if fault.errno != errno.EINVAL:
            raise
        return os.open(path, flags, 0o600)  # this file system cannot


def write_whole(file: int, data: memoryview, place: int) -> None:
    """Write all of it there. Data, size and place are at multiples of 4096 bytes, for the sake of most disks."""
    while data:
        try:
            written = os.pwrite(file, data, place)
        except OSError as fault:
            if fault.errno != errno.EINVAL or not _goes_through_cache(file):
                raise
            continue
        data, place = data[written:], place + written


def _goes_through_cache(file: int) -> bool:
    """Let a file be written as usual from now on, if it was not: a file system may refuse only the write itself."""
    flags = fcntl.fcntl(file, fcntl.F_GETFL)
    if not flags & _AROUND_CACHE:
        return False
    fcntl.fcntl(file, fcntl.F_SETFL, flags & ~_AROUND_CACHE)
    return True


def sync_folder(folder: Path) -> None:
    """Make a new, renamed or removed name in the folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def takes_data(folder: Path) -> bool:
    """Whether a small file can be made durable there."""
    trial = folder / "trial.unfinished"
    try:
        with trial.open("wb") as file:
            file.write(bytes(_TRIAL))
            file.flush()
            sync(file.fileno())
    except OSError:
        return False
    finally:
        with suppress(OSError):
            trial.unlink(missing_ok=True)
    return True


def move_aside(file: Path, folder: Path) -> None:
    """Move a damaged file into the folder, under its name or the next one that is free."""
    set_aside(file, folder)
    file.unlink()
    sync_folder(file.parent)


def set_aside(file: Path, folder: Path) -> Path:
    """Keep a damaged file in the folder, under its name or the next one that is free; it stays where it is as well."""
    folder.mkdir(exist_ok=True)
    for number in count():
        kept = folder / (f"{file.name}.{number}" if number else file.name)
        if not kept.exists():
            break
    try:
        kept.hardlink_to(file)
    except OSError:  # some file systems have no links
        shutil.copyfile(file, kept)
    sync_folder(folder)
    return kept


def written_at(file: Path) -> int:
    """The Unix nanosecond of the last write to it. ``OSError`` when it is not there.

    It may be yet to come: then the clock was ahead, or it is behind now and would make everything old that is not.
    """
    return file.stat().st_mtime_ns
