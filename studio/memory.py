"""How much memory this machine lets the studio have."""

from pathlib import Path

_CGROUP_FILES = ("memory.max", "memory/memory.limit_in_bytes")  # of version 2 and 1, below /sys/fs/cgroup
_NO_LIMIT = 1 << 50  # version 1 writes a number near 2^63 for none
_MEGABYTE = 1024 * 1024
_USUAL = 1024  # megabytes


def memory_for_studio(cgroups: Path = Path("/sys/fs/cgroup")) -> int:
    """Megabytes that the container or service may use; 1,024 where nobody says."""
    for name in _CGROUP_FILES:
        try:
            limit = int((cgroups / name).read_text())
        except (OSError, ValueError):  # no such version, or the word "max"
            continue
        if limit < _NO_LIMIT:
            return max(limit // _MEGABYTE, 1)
    return _USUAL
