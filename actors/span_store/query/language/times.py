"""Times as people write them: RFC 3339, or relative to now."""

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

_RELATIVE = re.compile(r"now(?:-([0-9]{1,9})([smhdw]))?")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_FRACTION = re.compile(r"(?<=:[0-9]{2})[.,]([0-9]+)")
_SECOND = 1_000_000_000  # nanoseconds
_EPOCH = datetime.fromtimestamp(0, UTC)
_LAST = 2**64 - 1  # OTLP has 64 bits for a time
_MOST_CHARACTERS = 64


def unix_nano_in(text: str, clock: Callable[[], int] = time.time_ns) -> int | None:
    """Parse a time in any form of ISO 8601, to the nanosecond, or ``now``, ``now-15m``, ``now-7d``; else ``None``.

    It is clamped to OTLP's 64 bits. Without an offset the time is UTC. A space in place of "+", as URLs decode it, is
    accepted.
    """
    relative = _RELATIVE.fullmatch(text)
    if relative is not None:
        amount, unit = relative.groups(default="")
        return _clamped(clock() - int(amount or 0) * _SECONDS.get(unit, 0) * _SECOND)
    fraction = _FRACTION.search(text)
    whole = text if fraction is None else text[: fraction.start()] + text[fraction.end() :]
    try:
        moment = datetime.fromisoformat(_with_t(whole[:_MOST_CHARACTERS].upper()).replace(" ", "+"))
    except ValueError:
        return None
    since = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH
    nanoseconds = int(f"{fraction[1]:0<9.9}") if fraction else 0
    return _clamped(since // timedelta(microseconds=1) * 1000 + nanoseconds)


def _with_t(text: str) -> str:
    """Put a T in place of the space that RFC 3339 allows between date and time."""
    return f"{text[:10]}T{text[11:]}" if text[10:11] == " " and text[13:14] == ":" else text


def _clamped(unix_nano: int) -> int:
    return min(max(0, unix_nano), _LAST)
