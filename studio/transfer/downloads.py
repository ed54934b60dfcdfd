"""``studio export`` and ``studio backup``: the data of a running studio as files."""

import shutil
import tarfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import IO

from studio.transfer.client import StudioClient, TransferFailed
from studio.transfer.progress import Progress

_PIECE = 1024 * 1024


def export(client: StudioClient, target: Path, query: Mapping[str, str]) -> str:
    """Write the spans to a file, which appears when it is complete. Returns the report. Raises ``TransferFailed``."""
    unfinished = target.with_name(f"{target.name}.part")
    try:
        with (
            client.download("/api/v1/observability/export", query) as answer,
            unfinished.open("wb") as file,
        ):
            size = _copy(answer, file, Progress(target.name))
        unfinished.replace(target)
    except OSError as fault:
        raise TransferFailed(f"Cannot write {target}: {fault.strerror}") from fault
    finally:
        unfinished.unlink(missing_ok=True)
    return f"{target}: {size} bytes"


def back_up(client: StudioClient, folder: Path) -> str:
    """Write a data folder, which appears when it is complete. Returns the report. Raises ``TransferFailed``."""
    if folder.exists():
        raise TransferFailed(f"{folder} exists: give a folder that does not")
    unfinished = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        unfinished.mkdir(mode=0o700, parents=True)
        with client.download("/api/v1/backup", {}) as answer:
            _unpack(answer, unfinished)
        unfinished.rename(folder)
    except tarfile.TarError as fault:
        raise TransferFailed("The backup broke off in the middle") from fault
    except OSError as fault:
        raise TransferFailed(f"Cannot write {folder}: {fault.strerror or fault}") from fault
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return f"{folder}: a studio runs on it with JUNJO_DATA_DIR={folder}"


def _unpack(answer: IO[bytes], folder: Path) -> None:
    progress = Progress(folder.name)
    with tarfile.open(fileobj=answer, mode="r|") as tar:
        done = 0
        for entry in tar:
            content = tar.extractfile(entry)
            if content is None or not _is_inside(entry.name):
                raise TransferFailed(f"This is no backup of a studio: it has {entry.name!r}")
            path = folder / entry.name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                done += _copy(content, file, progress, done)
    while answer.read(_PIECE):
        pass  # up to the end, whose absence is an error


def _copy(source: IO[bytes], target: IO[bytes], progress: Progress, before: int = 0) -> int:
    size = 0
    while piece := source.read(_PIECE):
        target.write(piece)
        size += len(piece)
        progress.reached(before + size)
    progress.end()
    return size


def _is_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts
