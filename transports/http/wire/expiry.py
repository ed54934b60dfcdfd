"""Expiry times in bodies: RFC 3339, or relative to now."""

import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from transports.http.framework.rules import Fault, Rule
from transports.http.wire.moments import moment_in

_AHEAD = re.compile(r"now\+([0-9]{1,9})([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_EPOCH = datetime.fromtimestamp(0, UTC)
_LAST = 2**64 - 1  # nanoseconds, in the year 2554: OTLP has 64 bits for a time


def expiry_in(text: str) -> datetime:
    """Parse a time in the future, to the microsecond: in any form that ``moment_in`` takes, or ``now+90d``.

    A ``Fault`` for any other text, and for a time that has passed.
    """
    ahead = _AHEAD.fullmatch(text)
    now = time.time_ns()
    if ahead is not None:
        unix_nano = min(now + int(ahead[1]) * _SECONDS[ahead[2]] * 1_000_000_000, _LAST)
    else:
        unix_nano = _moment_in(text)
    if unix_nano <= now:
        raise Fault("datetime_future", "Input should be in the future")
    return _EPOCH + timedelta(microseconds=unix_nano // 1000)


def _moment_in(text: str) -> int:
    try:
        return moment_in(text).unix_nano
    except Fault:  # its message has an example in the past
        raise Fault("time_parsing", "Input should be a time in RFC 3339, or relative, such as now+90d") from None


class Expiry(Rule):
    """A text that ``expiry_in`` can parse."""

    def apply(self, value: str) -> str:
        expiry_in(value)
        return value

    def schema(self) -> dict[str, Any]:
        return {
            "anyOf": [
                {"type": "string", "format": "date-time"},
                {"type": "string", "pattern": r"^now\+[0-9]{1,9}[smhdw]$"},
            ]
        }
