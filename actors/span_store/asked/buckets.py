"""Buckets of time: minutes, hours and days as a zone's clocks have them.

A day is from midnight to midnight, so one of 23 or 25 hours where the clocks change. An hour that the clocks repeat is
two buckets. Where the clocks leave out the time at which a bucket would begin, it begins when they change.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from enum import Enum
from itertools import pairwise
from zoneinfo import ZoneInfo

import attrs

from actors.errors import InvalidRequest, Problem

MOST_BUCKETS = 2000
_AUTO = 200  # buckets at most, where there is an interval that is large enough
_EPOCH = datetime.fromtimestamp(0, UTC)
_SECOND = 1_000_000_000  # nanoseconds
# The clocks are put forward or back by less, but for those of islands that change sides of the date line.
_CHANGE = timedelta(hours=3)


class Interval(Enum):
    """How long a bucket is. ``AUTO`` is the shortest one with 200 buckets at most, else a day."""

    MINUTE = "1m"
    FIVE_MINUTES = "5m"
    QUARTER = "15m"
    HOUR = "1h"
    QUARTER_DAY = "6h"
    DAY = "1d"
    AUTO = "auto"

    def fitting(self, span: int) -> "Interval":
        """The interval itself, or the one that fits so many nanoseconds."""
        if self is not Interval.AUTO:
            return self
        return next((each for each, width in _WIDTHS.items() if span <= _AUTO * _nanoseconds(width)), Interval.DAY)


_WIDTHS = {
    Interval.MINUTE: timedelta(minutes=1),
    Interval.FIVE_MINUTES: timedelta(minutes=5),
    Interval.QUARTER: timedelta(minutes=15),
    Interval.HOUR: timedelta(hours=1),
    Interval.QUARTER_DAY: timedelta(hours=6),
    Interval.DAY: timedelta(days=1),
}


@attrs.frozen
class Run:
    """Buckets of the same length, one behind the other: the first has a number and a begin, in Unix nanoseconds."""

    first: int
    begin: int
    width: int


def edges_between(first: int, end: int, interval: Interval, zone: ZoneInfo) -> tuple[int, ...]:
    """Where buckets begin and the last one ends, from the one that ``first`` is in to the one right before ``end``.

    All are Unix nanoseconds. ``InvalidRequest`` for more than ``MOST_BUCKETS``.
    """
    width = _WIDTHS[interval]
    if end - first > (MOST_BUCKETS + 1) * _nanoseconds(width):
        raise _too_many()
    begins = sorted(set(_begins(first, end, width, zone)))
    inside = [begin for begin in begins if first < begin < end]
    edges = (
        max(begin for begin in begins if begin <= first),
        *inside,
        min(begin for begin in begins if begin >= end and begin > first),
    )
    if len(edges) - 1 > MOST_BUCKETS:
        raise _too_many()
    return edges


def runs_of(edges: Sequence[int]) -> list[Run]:
    """The buckets between these edges, few runs of many: lengths differ only where clocks change."""
    runs: list[Run] = []
    for number, (begin, end) in enumerate(pairwise(edges)):
        if not runs or runs[-1].width != end - begin:
            runs.append(Run(number, begin, end - begin))
    return runs


def _begins(first: int, end: int, width: timedelta, zone: ZoneInfo) -> Iterator[int]:
    """The begins of all buckets between two times, and of some before and behind. In any order, some twice."""
    local = (_EPOCH + timedelta(seconds=first // _SECOND)).astimezone(zone).replace(tzinfo=None, fold=0)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    margin = -(-_CHANGE // width) + 1
    clock = midnight + ((local - midnight) // width - margin) * width
    behind = 0
    while behind <= margin:
        instants = _instants(clock, zone, repeats=width <= timedelta(hours=1))
        yield from instants
        behind += min(instants) >= end
        clock += width


def _instants(clock: datetime, zone: ZoneInfo, *, repeats: bool) -> list[int]:
    """When the clocks of the zone show a time: once, or twice where that ``repeats``, or when they leave it out."""
    early, late = (clock.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    if early.astimezone(UTC).astimezone(zone).replace(tzinfo=None, fold=0) != clock:
        return [_change_between(_unix(late), _unix(early), zone)]
    instants = [_unix(early)]
    return sorted({*instants, _unix(late)}) if repeats else instants


def _change_between(before: int, behind: int, zone: ZoneInfo) -> int:
    """When the clocks change: behind the first time, and not behind the other one. They change at whole seconds."""
    low, high = before // _SECOND, behind // _SECOND
    changed = _offset(high, zone)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _offset(middle, zone) == changed else (middle, high)
    return high * _SECOND


def _offset(second: int, zone: ZoneInfo) -> timedelta | None:
    return (_EPOCH + timedelta(seconds=second)).astimezone(zone).utcoffset()


def _unix(moment: datetime) -> int:
    return _nanoseconds(moment.astimezone(UTC) - _EPOCH)


def _nanoseconds(duration: timedelta) -> int:
    return duration // timedelta(seconds=1) * _SECOND


def _too_many() -> InvalidRequest:
    message = (
        f"There are more than {MOST_BUCKETS} intervals between from and to: ask for a longer interval, or less time"
    )
    problem = Problem(type="too_many_buckets", location=("query", "interval"), message=message)
    return InvalidRequest("The request is not valid", (problem,))
