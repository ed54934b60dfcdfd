"""Clocks as values that a test can replace: wall-clock time, and monotonic time."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]  # aware UTC
Steady = Callable[[], float]  # seconds since some moment, which nobody can set

# Linux has the first; on macOS the second counts what a machine sleeps.
_ALSO_ASLEEP: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC_RAW)


def utc_now() -> datetime:
    return datetime.now(UTC)


def steady_seconds() -> float:
    """Monotonic seconds, which also count while the machine sleeps."""
    return time.clock_gettime(_ALSO_ASLEEP)
