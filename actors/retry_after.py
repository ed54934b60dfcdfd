"""The wait that an HTTP answer asks for."""

import re
import time
from email.utils import parsedate_to_datetime
from typing import Protocol

_NUMBER = re.compile(r"\d{1,9}(\.\d{1,9})?", re.ASCII)
_LONGEST = 1_000_000.0  # seconds; a longer wait is ignored


class Headers(Protocol):
    """The headers of an answer, as any client has them: names are looked up without regard to case."""

    def get(self, name: str, /) -> str | None: ...


def seconds_to_wait(headers: Headers) -> float | None:
    """Read ``retry-after-ms``, or ``Retry-After`` in seconds or as a date; ``None`` when neither has a value.

    A date counts from the answer's own ``Date``, so that it does not matter whose clock is right.
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return _within_reason(milliseconds / 1000)
    value = headers.get("retry-after")
    seconds = _number(value)
    if seconds is not None:
        return _within_reason(seconds)
    until = _unix_seconds(value)
    if until is None:
        return None
    now = _unix_seconds(headers.get("date"))
    return _within_reason(max(until - (time.time() if now is None else now), 0.0))


def _number(text: str | None) -> float | None:
    return float(text) if text is not None and _NUMBER.fullmatch(text.strip()) else None


def _unix_seconds(date: str | None) -> float | None:
    if date is None:
        return None
    try:
        return parsedate_to_datetime(date).timestamp()
    except (ValueError, OverflowError):
        return None


def _within_reason(seconds: float) -> float | None:
    return seconds if seconds <= _LONGEST else None
