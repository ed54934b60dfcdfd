"""What is written is on the disk when these return, and not in some cache."""

import os
import shutil
import sys
from contextlib import suppress
from itertools import count
from pathlib import Path

_TRIAL = 64 * 1024  # bytes


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
