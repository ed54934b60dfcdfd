"""Log lines for people. Nothing that a client sends can begin a line or move a terminal's cursor."""

import re
from io import StringIO
from typing import TextIO

import attrs
import structlog
from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger

# C0, DEL and C1; the separators of lines and paragraphs; the marks of writing direction.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_PLAIN = (bool, int, float, type(None))
_INDENT = "    "


def text_renderers(*, colours: bool) -> list[Processor]:
    """Processors for the end of structlog's chain."""
    return [_escape, structlog.dev.ConsoleRenderer(colors=colours, exception_formatter=_traceback)]


def escaped(text: str) -> str:
    r"""The text with its control characters written as in Python: ``\n``, ``\x1b``, ``\u2028``."""
    return _CONTROL.sub(_escape_of, text) if not text.isprintable() else text


def _escape_of(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode()


@attrs.frozen
class _Written:
    """A value whose ``repr`` is its text: the renderer would apply ``repr`` again to text with odd characters."""

    text: str

    def __repr__(self) -> str:
        return self.text


def _escape(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Escape values and names: some names come from clients. A traceback is escaped when it is written."""
    return {escaped(str(name)): _shown(name, value) for name, value in event.items()}


def _shown(name: str, value: object) -> object:
    if name == "exc_info" or isinstance(value, _PLAIN):
        return value
    if name in ("exception", "stack"):
        return _indented(str(value))
    if isinstance(value, str):
        return value if value.isprintable() else escaped(value) if name == "event" else _Written(repr(value))
    return _Written(escaped(repr(value)))


def _traceback(target: TextIO, exception: ExcInfo) -> None:
    """Write a plain traceback: other formatters print local variables, and those hold passwords and keys."""
    plain = StringIO()
    structlog.dev.plain_traceback(plain, exception)
    target.write("\n" + _indented(plain.getvalue().lstrip("\n")))


def _indented(text: str) -> str:
    """Indent lines so that they cannot be taken for those of other events."""
    return "\n".join(_INDENT + escaped(line) for line in text.rstrip("\n").split("\n"))
