"""Exit codes, and what is said when a command does not start."""

from collections.abc import Sequence

from studio.standard_streams import complain, in_one_line

STOPPED = 0
FAILED = 1
NOT_STARTED = 2


def not_started(lines: Sequence[str]) -> int:
    """Name the faults of the settings, a line each; returns the exit code."""
    for line in lines:
        complain(in_one_line(line))
    return NOT_STARTED


def failed(fault: Exception) -> int:
    """Say why a command failed, in one line; returns the exit code."""
    complain(in_one_line(str(fault)))
    return FAILED


def printable(text: str) -> str:
    """Escape the bytes of file names that are not UTF-8."""
    return text.encode(errors="backslashreplace").decode()
