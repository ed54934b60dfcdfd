"""How much memory this machine lets the studio have."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

_OWN = Path("/proc/self/cgroup")
_CGROUPS = Path("/sys/fs/cgroup")
_NO_LIMIT = 1 << 50  # version 1 writes a number near 2^63 for none
_MEGABYTE = 1024 * 1024
_USUAL = 1024  # megabytes
# Megabytes that are taken under load whatever is being asked: the program, spans in memory, and a file being sealed.
_WITHOUT_WORK = 300


def memory_for_studio(cgroups: Path = _CGROUPS, own: Path = _OWN) -> int:
    """Megabytes that the container or service may use; 1,024 where nobody says.

    A container sees its own limit at the top of ``cgroups``, a service of systemd where ``own`` says, or above it.
    """
    limits = [limit for file in _files(cgroups, own) if (limit := _limit_in(file)) is not None]
    return max(min(limits) // _MEGABYTE, 1) if limits else _USUAL


def memory_for_work(memory: int) -> int:
    """Of so many megabytes those that requests and answers in work may take together."""
    return max(memory - _WITHOUT_WORK, memory // 4)


def _files(cgroups: Path, own: Path) -> Iterator[Path]:
    """Where a limit may stand, of both versions (cgroups(7), "/proc files")."""
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
