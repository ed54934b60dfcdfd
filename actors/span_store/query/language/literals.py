"""Values as they are written in a filter: numbers, money, durations and times."""

import math
import re
from fractions import Fraction

from actors.span_store.query.language.faults import FilterFault
from actors.span_store.query.language.fields import FilterField, Kind
from actors.span_store.query.language.times import unix_nano_in
from actors.span_store.query.language.tree import Literal

_NUMBER = re.compile(r"-?[0-9]{1,100}(?:\.[0-9]{1,100})?(?:[eE][+-]?[0-9]{1,4})?")
_DURATION = re.compile(r"([0-9]{1,25}(?:\.[0-9]{1,25})?)(ns|us|µs|ms|s|m|h)")
_NANOSECONDS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}


def number_in(text: str) -> int | float | None:
    """The number that a text is as a whole, an integer exactly; ``None`` for other texts and for infinity."""
    if _NUMBER.fullmatch(text) is None:
        return None
    number = int(text) if text.removeprefix("-").isdigit() else float(text)
    return number if math.isfinite(number) else None


def value_in(field: FilterField, literal: Literal) -> int | float:
    """The value of a field that is no text. ``FilterFault`` for what is not written as one."""
    value = _READERS[field.kind](literal.text)
    if value is None:
        raise FilterFault(
            "query_value", literal.column, f'{field.name} takes {_EXAMPLES[field.kind]}, not "{literal.text[:40]}"'
        )
    return value


def _money_in(text: str) -> int | float | None:
    return number_in(text.removeprefix("$"))


def _duration_in(text: str) -> int | float | None:
    """In nanoseconds, exactly where they are whole."""
    found = _DURATION.fullmatch(text)
    if found is None:
        return None
    nanoseconds = Fraction(found[1]) * _NANOSECONDS[found[2]]
    return int(nanoseconds) if nanoseconds.denominator == 1 else float(nanoseconds)


def _truth_in(text: str) -> bool | None:
    return {"true": True, "false": False}.get(text)


_READERS = {
    Kind.BOOL: _truth_in,
    Kind.NUMBER: number_in,
    Kind.MONEY: _money_in,
    Kind.DURATION: _duration_in,
    Kind.TIME: unix_nano_in,
}
_EXAMPLES = {
    Kind.BOOL: "true or false",
    Kind.NUMBER: "a number",
    Kind.MONEY: "US dollars, such as 0.01",
    Kind.DURATION: "a number with a unit (ns us ms s m h), such as 2s",
    Kind.TIME: "a time in RFC 3339 or relative, such as now-1h",
}
