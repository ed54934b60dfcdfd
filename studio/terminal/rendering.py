"""Text for standard output: fitted to a terminal, with its colours; whole and plain for a pipe.

Rich is loaded with this module, so that no other command has to.
"""

import sys
from io import StringIO

from rich.console import Console, RenderableType
from rich.table import Table

_WHOLE = 100_000  # columns, where nothing is to be cut


def rendered(*parts: RenderableType) -> str:
    """The parts, one below the other. ``NO_COLOR`` and the width of the terminal count."""
    is_terminal = sys.stdout.isatty()
    console = Console(
        file=StringIO(),
        force_terminal=is_terminal,
        width=None if is_terminal else _WHOLE,
        legacy_windows=False,
        markup=False,
        emoji=False,
        highlight=False,
        soft_wrap=False,
    )
    with console.capture() as captured:
        console.print(*parts, sep="\n")
    lines = (line.rstrip() for line in captured.get().splitlines())
    return _as_far_as_encoded("\n".join(lines))


def table() -> Table:
    """Make an empty table whose first column gives way where a terminal is narrow."""
    return Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), expand=sys.stdout.isatty(), header_style="bold")


def is_utf8() -> bool:
    """Whether standard output takes every character."""
    return (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"


def _as_far_as_encoded(text: str) -> str:
    encoding = sys.stdout.encoding or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)
