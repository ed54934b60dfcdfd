"""A heat map: how many spans started when and took how long, cost how much, or took how many tokens."""

import math
from enum import Enum
from typing import Final

import attrs

from actors.errors import NeedsRoom
from actors.runtime.messages import Request
from actors.span_store.query.expression import EVERYTHING, Expression, demand_bounds

MOST_COLUMNS: Final = 200
MOST_ROWS: Final = 100
_LARGEST = 2**64 - 1  # of whole numbers that JSON text has here
_CELL_BYTES = 24  # of two numbers, as they are answered


class Measured(Enum):
    """What the rows are about."""

    DURATION = "duration"  # nanoseconds, of spans that have ended
    COST = "cost"  # US dollars, of model calls that have a price
    TOKENS = "tokens"  # input and output together, of model calls that say any

    @property
    def is_whole(self) -> bool:
        """Whether its values are whole numbers."""
        return self is not Measured.COST


@attrs.frozen(kw_only=True)
class HeatMap:
    """Spans by columns of time, each ``step`` nanoseconds long, and rows of values.

    Row ``r`` has the values from ``edges[r]`` (included) to ``edges[r + 1]`` (excluded; of the last row included).
    ``counts`` and ``errors`` have a list for each column, which has a number for each row. Without ``begin``, in Unix
    nanoseconds, nothing was found and no time was asked for: then there are no columns. Without any value there are no
    rows.
    """

    begin: int | None
    step: int | None
    edges: tuple[float, ...]
    counts: tuple[tuple[int, ...], ...]
    errors: tuple[tuple[int, ...], ...]


@attrs.frozen(kw_only=True)
class GetHeatMap(Request[HeatMap]):
    """The spans that ``where`` is true of, by their start and a value: those that have the value.

    They start from ``since`` (included) to ``until`` (excluded): without these, from the first one to ``now`` or to the
    latest one. There are at most so many columns and rows: rows of whole numbers are none that hold no number.

    ``NeedsRoom`` when the answer takes more bytes than ``room``. ``TooLarge`` when more spans than can be remembered
    are found by what is not promoted.
    """

    y: Measured = Measured.DURATION
    columns: int = attrs.field(default=60, validator=[attrs.validators.ge(1), attrs.validators.le(MOST_COLUMNS)])
    rows: int = attrs.field(default=30, validator=[attrs.validators.ge(1), attrs.validators.le(MOST_ROWS)])
    where: Expression = attrs.field(default=EVERYTHING, validator=demand_bounds)
    since: int | None = None
    until: int | None = None
    now: int
    room: int | None = None

    def demand_room(self) -> None:
        """``NeedsRoom`` when so many columns and rows are too many."""
        size = self.columns * self.rows * _CELL_BYTES
        if self.room is not None and size > self.room:
            raise NeedsRoom(size)


@attrs.frozen
class Extent:
    """What there is of something: the first and the last start, the lowest value, the least above 0, the highest."""

    first: int | None
    last: int | None
    lowest: float | None
    least: float | None
    most: float | None


@attrs.frozen
class Grid:
    """Columns of time, and the edges of rows."""

    begin: int | None
    step: int | None
    columns: int
    edges: tuple[float, ...]

    @property
    def rows(self) -> int:
        return max(0, len(self.edges) - 1)


def grid_of(request: GetHeatMap, found: Extent) -> Grid:
    """The columns and rows that show all that was found."""
    edges = _edges(found, request.rows, is_whole=request.y.is_whole)
    begin = found.first if request.since is None else request.since
    if begin is None:
        return Grid(None, None, 0, edges)
    end = max(request.now, begin if found.last is None else found.last + 1) if request.until is None else request.until
    if begin >= end:
        return Grid(begin, None, 0, edges)
    step = -(-(end - begin) // request.columns)
    return Grid(begin, step, -(-(end - begin) // step), edges)


def _edges(found: Extent, rows: int, *, is_whole: bool) -> tuple[float, ...]:
    """Each so many times the one before it. What is not above 0 has a row of its own, the first."""
    if found.lowest is None or found.most is None:
        return ()
    if found.least is None:
        return found.lowest, 1
    top = _top(found.least, found.most, is_whole=is_whole)
    first = min(found.least, top - 1) if is_whole else found.least
    if found.lowest >= found.least:
        return _spaced(first, top, rows, is_whole=is_whole)
    return found.lowest, *(_spaced(first, top, rows - 1, is_whole=is_whole) if rows > 1 else (top,))


def _top(least: float, most: float, *, is_whole: bool) -> float:
    """Above the highest value, where there is such a number."""
    if is_whole:
        return min(int(most) + 1, _LARGEST)
    return min(2 * most if most == least else math.nextafter(most, math.inf), 1.7e308)


def _spaced(first: float, last: float, steps: int, *, is_whole: bool) -> tuple[float, ...]:
    low, width = math.log(first), math.log(last) - math.log(first)
    inner = (math.exp(low + width * step / steps) for step in range(1, steps))
    between = {math.ceil(edge) if is_whole else edge for edge in inner}
    return first, *sorted(edge for edge in between if first < edge < last), last
