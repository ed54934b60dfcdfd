"""Counts in the data of other programs, mostly of tokens."""

import re

# Above any real count, and small enough that sums of a few fit into 64 bits and JavaScript's numbers.
_MOST = 10**15
_DIGITS = re.compile(r"\d{1,16}(\.0{1,16})?", re.ASCII)


def count(value: object) -> int | None:
    """Read a whole number from 0 to 10^15, also from a float (12.0) or a text ("12"); ``None`` for anything else."""
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
