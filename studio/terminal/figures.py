"""Figures and texts as people read them in a terminal: all in ASCII but what somebody named."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from studio.standard_streams import in_one_line

_MOST_CHARACTERS = 300
_UNITS = ((60_000_000_000, "m"), (1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "us"))
_LEAST_SHOWN = 0.0000005  # dollars
NOT_KNOWN = "-"


def text(said: str | None) -> str:
    """A name or preview from anywhere, on one line, with nothing in it that a terminal obeys."""
    if said is None:
        return NOT_KNOWN
    return in_one_line(said if len(said) <= _MOST_CHARACTERS else f"{said[:_MOST_CHARACTERS]}...")


def duration(nanoseconds: float | None) -> str:
    """Three digits and a unit."""
    if nanoseconds is None:
        return NOT_KNOWN
    for size, unit in _UNITS:
        if nanoseconds >= size:
            return f"{nanoseconds / size:.{_decimals(nanoseconds / size)}f} {unit}"
    return f"{nanoseconds:.0f} ns"


def _decimals(number: float) -> int:
    return 0 if number >= 100 else 1 if number >= 10 else 2  # noqa: PLR2004 - powers of ten


def money(dollars: float | None) -> str:
    """US dollars, to a millionth, with two decimals at least."""
    if dollars is None:
        return NOT_KNOWN
    if 0 < dollars < _LEAST_SHOWN:
        return "<$0.000001"
    whole, _, decimals = f"{dollars:,.6f}".partition(".")
    return f"${whole}.{decimals[:2]}{decimals[2:].rstrip('0')}"


def tokens(found: Mapping[str, Any] | None) -> str:
    """Of input and output."""
    return NOT_KNOWN if found is None else f"{number(found['input'])}/{number(found['output'])}"


def number(found: int | None) -> str:
    return NOT_KNOWN if found is None else f"{found:,}"


def counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def moment(time: str | None) -> str:
    """A time of the API in UTC, to the millisecond."""
    return NOT_KNOWN if time is None else f"{parsed(time):%Y-%m-%d %H:%M:%S.%f}"[:-3]


def parsed(time: str) -> datetime:
    return datetime.fromisoformat(time)
