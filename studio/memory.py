"""The memory that this machine allows the studio."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

_OWN = Path("/proc/self/cgroup")
_CGROUPS = Path("/sys/fs/cgroup")
_NO_LIMIT = 1 << 50  # version 1 writes a number near 2^63 for none
_MEGABYTE = 1024 * 1024
_USUAL = 1024  # megabytes
# Megabytes that are used under any load: the program, the memtables, and a segment that is being written.
_WITHOUT_WORK = 300


def memory_for_studio(cgroups: Path = _CGROUPS, own: Path = _OWN) -> int:
    """Megabytes that the container or service may use; 1,024 where there is no limit.

    A container sees its own limit at the top of ``cgroups``, a service of systemd in the group that ``own`` names, or
    above it.
    """
    limits = [limit for file in _files(cgroups, own) if (limit := _limit_in(file)) is not None]
    return max(min(limits) // _MEGABYTE, 1) if limits else _USUAL


def memory_for_work(memory: int) -> int:
    """The part of ``memory`` megabytes that requests and answers in work may take together."""
    return max(memory - _WITHOUT_WORK, memory // 4)


def _files(cgroups: Path, own: Path) -> Iterator[Path]:
    """Files that may hold a limit, of both versions (cgroups(7), "/proc files")."""
    for folder, name, path in (
        (cgroups, "memory.max", _path_in(own, "")),
        (cgroups / "memory", "memory.limit_in_bytes", _path_in(own, "memory")),
    ):
        for ancestor in (path, *path.parents):
            yield folder / ancestor / name


def _path_in(own: Path, controller: str) -> PurePosixPath:
    """The process's group of this controller, from the top; version 2 has one for all, without a name."""
    try:
        lines = own.read_text().splitlines()
    except OSError:
        lines = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            return PurePosixPath(path.lstrip("/"))
    return PurePosixPath()


def _limit_in(file: Path) -> int | None:
    try:
        limit = int(file.read_text())
    except (OSError, ValueError):  # no such version or group, or the word "max"
        return None
    return limit if limit < _NO_LIMIT else None
