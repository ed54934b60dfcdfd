"""Statistics of several runs, formatted for a table."""

import statistics
from collections.abc import Iterable, Sequence


def percentile(ascending: Sequence[float], share: float) -> float:
    """The smallest value that no less than this share of all values, and one more, do not exceed."""
    return ascending[min(len(ascending) - 1, int(share * len(ascending)))]


def percentiles(values: Iterable[float], *shares: float) -> list[float]:
    """The percentiles of values in any order."""
    ascending = sorted(values)
    return [percentile(ascending, share) for share in shares]


def spread(values: Sequence[float], form: str = ",.0f") -> str:
    """The median, with the minimum and the maximum when there are several values."""
    median = f"{statistics.median(values):{form}}"
    return f"{median} ({min(values):{form}} to {max(values):{form}})" if len(values) > 1 else median


def middle(runs: Iterable[Sequence[float]], share: float) -> float:
    """The median of the percentiles of all runs."""
    return statistics.median(percentile(sorted(run), share) for run in runs)


def milliseconds(seconds: float) -> str:
    """Milliseconds with three significant digits."""
    value = seconds * 1000
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def row(*cells: object) -> str:
    """A line of a Markdown table."""
    return f"| {' | '.join(map(str, cells))} |"


def head(*names: str) -> str:
    """The first two lines of a Markdown table."""
    return f"{row(*names)}\n|{'---|' * len(names)}"
