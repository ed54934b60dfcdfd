"""What is written is on the disk when these return, and not in some cache."""

import os
import sys
from pathlib import Path


def sync(file: int) -> None:
    """Make the content of an open file durable."""
    if sys.platform == "darwin":
        import fcntl  # noqa: PLC0415 - its constant exists there only

        fcntl.fcntl(file, fcntl.F_FULLFSYNC)  # fsync leaves the drive's own cache alone on macOS
    else:
        os.fdatasync(file)


def sync_folder(folder: Path) -> None:
    """Make a new, renamed or removed name in the folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
