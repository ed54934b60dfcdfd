"""How different the values of a field are in two samples of spans, as a number from 0 to 1.

The measure is the Jensen-Shannon divergence of the two distributions of values (J. Lin, 1991; logarithms of base 2),
of which the square root is a distance. Two samples of the same spans differ, too: by the more, the fewer spans and the
more values there are. So what they would by chance is taken off first: were the spans of both put together and dealt
out again, the spans with a value would be distributed hypergeometrically, of which the mean divergence and its standard
deviation are known. A difference that few values cannot tell is worth less: ids of conversations differ between any
two hours.
"""

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Final, TypeAlias

import attrs

# How many values there are of which so many spans on either side have one.
Cells: TypeAlias = Mapping[tuple[int, int], int]
FEW_VALUES: Final = 10  # that should tell a difference
_DEVIATIONS = 4  # above the mean, which chance hardly reaches
_MANY = 40  # spans on either side from which on a normal distribution is near enough
_WIDTH = 12  # deviations that are summed up at most
_CERTAIN = 1 - 1e-9


@attrs.frozen
class Chance:
    """What happens when ``count`` spans and ``than_count`` others are dealt out by chance."""

    count: int
    than_count: int

    def moments(self, spans: int) -> tuple[float, float]:
        """Mean and variance of what a value adds to the divergence that so many spans of both sides have."""
        return _moments(self.count, self.than_count, spans)


def score_of(cells: Cells, count: int, than_count: int) -> float:
    """The score of a field; 0 where there is no span on one side. Spans without a value have one, too: none."""
    if not count or not than_count:
        return 0.0
    parts = {cell: part(*cell, count, than_count) for cell in cells}
    divergence = sum(parts[cell] * values for cell, values in cells.items())
    floor = _floor(cells, Chance(count, than_count))
    if floor >= _CERTAIN or divergence <= floor:
        return 0.0
    return min(1.0, math.sqrt((divergence - floor) / (1 - floor) * _told_by_few(cells, parts) / divergence))


def part(spans: int, than_spans: int, count: int, than_count: int) -> float:
    """What a value adds to the divergence that so many of the spans have."""
    share, than_share = spans / count, than_spans / than_count
    middle = (share + than_share) / 2
    return sum(each * math.log2(each / middle) / 2 for each in (share, than_share) if each)


def _floor(cells: Cells, chance: Chance) -> float:
    """What chance hardly reaches."""
    moments = [(*chance.moments(sum(cell)), values) for cell, values in cells.items()]
    mean = sum(values * each for each, _, values in moments)
    # What one value has more, others have less: of two, both deviate together.
    together = sum(cells.values())
    variance = sum(values * each for _, each, values in moments) * together / max(1, together - 1)
    return mean + _DEVIATIONS * math.sqrt(variance)


def _told_by_few(cells: Cells, parts: Mapping[tuple[int, int], float]) -> float:
    """What the values add together that add most."""
    left, told = FEW_VALUES, 0.0
    for cell in sorted(cells, key=parts.__getitem__, reverse=True):
        told += parts[cell] * min(left, cells[cell])
        left -= min(left, cells[cell])
    return told


@lru_cache(maxsize=16_384)
def _moments(count: int, than_count: int, spans: int) -> tuple[float, float]:
    together = count + than_count
    if spans * min(count, than_count) > _MANY * together:
        # The divergence is near to a quarter of chi-squared with one degree of freedom, of a difference of shares.
        mean = (together - spans) / (8 * math.log(2)) * together / ((together - 1) * count * than_count)
        return mean, 2 * mean * mean
    first = second = 0.0
    for dealt in _likely(count, than_count, spans):
        chance = math.exp(_ways(spans, dealt) + _ways(together - spans, count - dealt) - _ways(together, count))
        added = part(dealt, spans - dealt, count, than_count)
        first += chance * added
        second += chance * added * added
    return first, max(0.0, second - first * first)


def _likely(count: int, than_count: int, spans: int) -> range:
    """How many of the spans may be on the first side, but for what never happens."""
    together = count + than_count
    mean = spans * count / together
    width = _WIDTH * math.sqrt(mean * than_count / together) + _WIDTH
    return range(max(0, spans - than_count, int(mean - width)), min(spans, count, int(mean + width)) + 1)


def _ways(of: int, some: int) -> float:
    """The logarithm of the number of ways to choose some."""
    return math.lgamma(of + 1) - math.lgamma(some + 1) - math.lgamma(of - some + 1)
