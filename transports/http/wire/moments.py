"""Times in queries, as RFC 3339 or relative to now, and times in answers."""

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import attrs

from transports.http.framework.rules import Fault

_RELATIVE = re.compile(r"now(?:-([0-9]{1,9})([smhdw]))?")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_FRACTION = re.compile(r"(?<=:[0-9]{2})[.,]([0-9]+)")
_SECOND = 1_000_000_000  # nanoseconds
_EPOCH = datetime.fromtimestamp(0, UTC)
_LAST = 2**64 - 1  # OTLP has 64 bits for a time
_MOST_CHARACTERS = 64


@attrs.frozen
class Moment:
    """A point in time, clamped to OTLP's 64 bits."""

    unix_nano: int

    @property
    def whole_second(self) -> int:
        """The first Unix second that is not before it, for values that are recorded in whole seconds."""
        return -(-self.unix_nano // _SECOND)


def moment_in(text: str, clock: Callable[[], int] = time.time_ns) -> Moment:
    """Parse a time in any form of ISO 8601, to the nanosecond, or ``now``, ``now-15m``, ``now-7d``.

    A ``Fault`` for any other text. Without an offset the time is UTC. A space in place of "+", as URLs decode it, is
    accepted.
    """
    relative = _RELATIVE.fullmatch(text)
    if relative is not None:
        amount, unit = relative.groups(default="")
        return _moment(clock() - int(amount or 0) * _SECONDS.get(unit, 0) * _SECOND)
    fraction = _FRACTION.search(text)
    whole = text if fraction is None else text[: fraction.start()] + text[fraction.end() :]
    try:
        moment = datetime.fromisoformat(_with_t(whole[:_MOST_CHARACTERS].upper()).replace(" ", "+"))
    except ValueError:
        raise Fault("time_parsing", "Input should be a time in RFC 3339, or relative, such as now-1h") from None
    since = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH
    nanoseconds = int(f"{fraction[1]:0<9.9}") if fraction else 0
    return _moment(since // timedelta(microseconds=1) * 1000 + nanoseconds)


def time_text(unix_nano: int) -> str:
    """Format a time as RFC 3339 in UTC with nine decimals, as in all answers of our own routes."""
    seconds, nanoseconds = divmod(unix_nano, _SECOND)
    return f"{_EPOCH + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S}.{nanoseconds:09}Z"


def _with_t(text: str) -> str:
    """Put a T in place of the space that RFC 3339 allows between date and time."""
    return f"{text[:10]}T{text[11:]}" if text[10:11] == " " and text[13:14] == ":" else text


def _moment(unix_nano: int) -> Moment:
    return Moment(min(max(0, unix_nano), _LAST))
