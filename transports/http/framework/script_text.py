"""JavaScript as it is sent: without comments, indentation, and spaces around signs.

They are two fifths of the console's bytes. Lines keep their numbers, so that errors and debuggers still point into the
files.
"""

import re
from collections.abc import Iterator
from typing import Final

_TEXT: Final = re.compile(r""""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\\.""")
# A comment behind code has no quote in it: what has one may be the end of a text in which it stands.
_BEHIND: Final = re.compile(r"""\s//\s[^"'`]*$|/\*\* @[^"'`*]*\*/ ?""")

_QUOTED: Final = re.compile(r"""("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')""")
_SPACED: Final = re.compile(r" ?([=,:?{}<>;&|]) ?")


def as_sent(source: str) -> str:
    """The source with empty lines where comments were. What is in a template is no comment, however it looks."""
    return "\n".join(_lines(source))


def _lines(source: str) -> Iterator[str]:
    in_comment = in_template = False
    for line in source.split("\n"):
        if in_template:
            in_template = not _is_odd(line)
            yield line
            continue
        code, in_comment = _code_of(line.lstrip(), in_comment=in_comment)
        in_template = _is_odd(code)
        yield code if in_template else _tight(_BEHIND.sub("", code).rstrip())


def _tight(code: str) -> str:
    """A line without spaces around signs. One that may have a template or a pattern keeps them."""
    pieces = _QUOTED.split(code)
    between = pieces[::2]
    if any("`" in piece or "/" in piece for piece in between):
        return code
    pieces[::2] = [_SPACED.sub(r"\1", piece) for piece in between]
    return "".join(pieces)


def _is_odd(code: str) -> bool:
    """Whether a template begins or ends in a line and goes on beyond it."""
    return _TEXT.sub("", code).count("`") % 2 == 1


def _code_of(line: str, *, in_comment: bool) -> tuple[str, bool]:
    """What is no comment in a line that begins in one or not, and whether the next line begins in one."""
    if not in_comment and line.startswith("//"):
        return "", False
    if not in_comment and not line.startswith("/*"):
        return line, False
    _, end, rest = line.partition("*/")
    return (rest.lstrip(), False) if end else ("", True)
