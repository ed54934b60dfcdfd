"""File descriptors: as many as the system allows, and half of them for connections."""

import resource
from contextlib import suppress

from transports.connection_limits import DEFAULT

_ENOUGH = 65_536


def raise_limit() -> None:
    """Raise the soft limit, which is 1,024 on most systems, to what this process may have without privileges."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _ENOUGH if hard == resource.RLIM_INFINITY else min(hard, _ENOUGH)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(ValueError, OSError):  # macOS has another limit besides
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def most_connections() -> int:
    """The most connections at once; the other half is for files, and for connections being opened and closed."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return DEFAULT.connections if soft == resource.RLIM_INFINITY else min(DEFAULT.connections, soft // 2)
