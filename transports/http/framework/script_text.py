"""JavaScript as it is sent: without the comments that have lines of their own.

They are a quarter of the console's bytes. Lines keep their numbers, so that errors and debuggers still point into the
files.
"""

import re
from collections.abc import Iterator
from typing import Final

_TEXT: Final = re.compile(r""""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\\.""")


def without_comments(source: str) -> str:
    """The source with empty lines where comments were. What is in a template is no comment, however it looks."""
    return "\n".join(_lines(source))


def _lines(source: str) -> Iterator[str]:
    in_comment = in_template = False
    for line in source.split("\n"):
        kept = line
        if not in_template:
            kept, in_comment = _code_of(line, in_comment=in_comment)
        if not in_comment and _TEXT.sub("", kept).count("`") % 2:
            in_template = not in_template
        yield kept


def _code_of(line: str, *, in_comment: bool) -> tuple[str, bool]:
    """What is no comment in a line that begins in one or not, and whether the next line begins in one."""
    begin = line.lstrip()
    if not in_comment and begin.startswith("//"):
        return "", False
    if not in_comment and not begin.startswith("/*"):
        return line, False
    _, end, rest = line.partition("*/")
    return (rest, False) if end else ("", True)
