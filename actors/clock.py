"""The time of day, as something a test can move."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]  # aware UTC


def utc_now() -> datetime:
    return datetime.now(UTC)
