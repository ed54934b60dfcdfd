"""Text that is a number."""

import math
import re
from typing import Any

PATTERN = r"^-?(?:0|[1-9][0-9]{0,39})(?:\.[0-9]{1,40})?(?:[eE][+-]?[0-9]{1,3})?$"  # as in JSON, and not long
_NUMBER = re.compile(PATTERN.replace("$", r"\Z"))


def number_of(value: Any) -> int | float | None:  # noqa: ANN401 - any JSON value
    """The number that a value is, or that its text is as a whole; whole ones exactly. ``None`` for anything else."""
    if isinstance(value, str):
        return _number_in(value)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _number_in(text: str) -> int | float | None:
    if not _NUMBER.match(text):
        return None
    number = int(text) if text.removeprefix("-").isdecimal() else float(text)
    return number if math.isfinite(number) else None
