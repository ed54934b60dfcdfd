"""Folders whose names are durable. A file that is synced is gone all the same when that of its folder is not."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

_CANNOT = {errno.EACCES, errno.EINVAL, errno.ENOTSUP}  # of a folder that may not be read, and of some file systems


def sync_folder(folder: Path) -> None:
    """Make a new, renamed or removed name in the folder durable, where that can be asked for."""
    try:
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as fault:
        if fault.errno not in _CANNOT:
            raise


def make_folder(folder: Path, *, mode: int = 0o777, sync: Callable[[Path], None] = sync_folder) -> None:
    """Make the folder, and those that it lies in. Its name is durable, also when a crash came between the two."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(mode=mode, parents=True, exist_ok=True)
    for each in missing or [folder]:
        sync(each.parent)
