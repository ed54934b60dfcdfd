"""Standard input, output and error, which may be closed or full."""

import os
import sys
from contextlib import suppress

_NAMES = ("stdin", "stdout", "stderr")


def hold_standard_streams() -> None:
    """Open /dev/null in place of closed streams.

    The next file that is opened gets the lowest free number. Without this a database could be standard output, and the
    prints of any library would go into it.
    """
    for number, name in enumerate(_NAMES):
        if not _is_open(number):
            _open_nothing(number)
        if getattr(sys, name) is None:  # Python found it closed
            mode = "r" if name == "stdin" else "w"
            setattr(sys, name, open(number, mode, encoding="utf-8", errors="backslashreplace", closefd=False))  # noqa: SIM115 - a number is no path, and it stays open


def say(text: str) -> bool:
    """Print a result; false where standard output does not take it."""
    try:
        print(text, flush=True)  # noqa: T201 - see above
    except OSError:
        return False
    return True


def complain(line: str) -> None:
    """Print a fault for the person at the terminal. If standard error takes nothing, the exit code has to do."""
    with suppress(OSError):
        print(f"studio: {line}", file=sys.stderr, flush=True)  # noqa: T201 - see above


def in_one_line(text: str) -> str:
    """Escape line ends and terminal commands, which names of files and spans may have."""
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def _open_nothing(number: int) -> None:
    opened = os.open(os.devnull, os.O_RDWR)
    if opened != number:
        os.dup2(opened, number)
        os.close(opened)
    os.set_inheritable(number, True)
