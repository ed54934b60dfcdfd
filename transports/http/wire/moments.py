"""Times in queries, as RFC 3339 or relative to now, and times in answers."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import attrs

from actors.span_store.query.language.times import unix_nano_in
from transports.http.framework.rules import Fault

_SECOND = 1_000_000_000  # nanoseconds
_EPOCH = datetime.fromtimestamp(0, UTC)


@attrs.frozen
class Moment:
    """A point in time, clamped to OTLP's 64 bits."""

    unix_nano: int

    @property
    def whole_second(self) -> int:
        """The first Unix second that is not before it, for values that are recorded in whole seconds."""
        return -(-self.unix_nano // _SECOND)


def moment_in(text: str, clock: Callable[[], int] = time.time_ns) -> Moment:
    """Parse a time as ``unix_nano_in`` does. A ``Fault`` for a text that is none."""
    unix_nano = unix_nano_in(text, clock)
    if unix_nano is None:
        raise Fault("time_parsing", "Input should be a time in RFC 3339, or relative, such as now-1h")
    return Moment(unix_nano)


def time_text(unix_nano: int) -> str:
    """Format a time as RFC 3339 in UTC with nine decimals, as in all answers of our own routes."""
    seconds, nanoseconds = divmod(unix_nano, _SECOND)
    return f"{_EPOCH + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S}.{nanoseconds:09}Z"
