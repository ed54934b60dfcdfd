"""Counts that others wrote: of tokens mostly."""

import re

# More than anybody counts, and so little that a few of them together fit everywhere: 64 bits, JavaScript's numbers.
_MOST = 10**15
_DIGITS = re.compile(r"\d{1,16}(\.0{1,16})?", re.ASCII)


def count(value: object) -> int | None:
    """A whole number from 0 to 10^15, which may also be a float (12.0) or text ("12"); anything else is none."""
    match value:
        case bool():
            return None
        case int():
            return value if 0 <= value <= _MOST else None
        case float():
            return int(value) if 0 <= value <= _MOST and value == int(value) else None
        case str() if _DIGITS.fullmatch(value.strip()):
            return count(int(value.strip().partition(".")[0]))
        case _:
            return None
