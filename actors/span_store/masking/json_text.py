r"""Masking inside JSON text, whole or cut: what its strings say is masked, not how they are written.

``a@b.co`` may stand as ``a\u0040b.co`` in it, and behind ``\n``, whose n would be taken for a part of the address. All
that is not masked stays as it was written.
"""

import json
import re
from typing import Protocol

_BEGINNING = re.compile(r"\s*[\[{\"]")
_STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?'
_PART = re.compile(rf"{_STRING}|(?<![\w.])-?[0-9][0-9.eE+-]*", re.DOTALL)
_BRACKET = re.compile(rf"{_STRING}|[\[\]{{}}]", re.DOTALL)
_COLON = re.compile(r"\s*:\s*")
_SCALAR = re.compile(rf"{_STRING}|[^,\]}}\s]*", re.DOTALL)
_SHORTEST_NUMBER = 12  # digits that any of the named patterns finds
_DEEPEST = 16  # strings in strings: what is written in them doubles with each


class Visitor(Protocol):
    """What is done with each key and each text of a value.

    ``wants_keys`` says whether keys matter. ``wants_strings`` says whether strings of JSON text are to be looked at
    that read as they are written: they are found in the text that they are part of, but for where they begin and end.
    """

    @property
    def wants_keys(self) -> bool: ...

    @property
    def wants_strings(self) -> bool: ...

    def key(self, name: str) -> str | None:
        """What is to stand in place of the value under this key; ``None`` when it is to be looked at."""

    def leaf(self, text: str) -> str:
        """The text, masked."""


def masked_text(text: str, visitor: Visitor, depth: int = 0) -> str:
    """A text, which may be JSON, or begin like it."""
    if depth < _DEEPEST and _BEGINNING.match(text):
        text = _masked_parts(text, visitor, depth)
    return visitor.leaf(text)


def _masked_parts(text: str, visitor: Visitor, depth: int) -> str:
    pieces: list[str] = []
    place = done = 0
    while found := _PART.search(text, place):
        begin, place = found.span()
        colon = _COLON.match(text, place) if visitor.wants_keys and text[begin] == '"' else None
        mask = None if colon is None else visitor.key(_said(found[0]))
        if colon is not None and mask is not None:
            pieces += text[done : colon.end()], json.dumps(mask)
            done = place = _end_of_value(text, colon.end())
            continue
        new = _masked_part(found[0], visitor, depth)
        if new != found[0]:
            pieces += text[done:begin], new
            done = place
    return "".join([*pieces, text[done:]]) if pieces else text


def _masked_part(part: str, visitor: Visitor, depth: int) -> str:
    """A string or number, as it is written. A masked number is a string."""
    if part[0] != '"':
        new = visitor.leaf(part) if visitor.wants_strings or len(part) >= _SHORTEST_NUMBER else part
        return part if new == part else json.dumps(new)
    if not visitor.wants_strings and "\\" not in part:
        return part
    said = _said(part)
    new = masked_text(said, visitor, depth + 1)
    if new == said:
        return part
    written = json.dumps(new, ensure_ascii=part.isascii() or not _is_text(new))
    return written if _is_closed(part) else written[:-1]


def _said(part: str) -> str:
    """What a string says; one that is cut or wrong as it is written."""
    if "\\" not in part and _is_closed(part):
        return part[1:-1]
    try:
        return str(json.loads(part if _is_closed(part) else f'{part}"', strict=False))
    except ValueError:
        return part[1:]


def _is_closed(part: str) -> bool:
    """Whether the string ends with its quote. One that is cut behind a backslash does not."""
    if len(part) == 1 or part[-1] != '"':
        return False
    before = part[1:-1]
    return (len(before) - len(before.rstrip("\\"))) % 2 == 0


def _is_text(text: str) -> bool:
    """Whether it has no half of a surrogate pair, which JSON can say and UTF-8 cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _end_of_value(text: str, begin: int) -> int:
    """Where the value that begins here ends; the end of the text where it is cut."""
    if text[begin : begin + 1] not in ("{", "["):
        scalar = _SCALAR.match(text, begin)
        return begin if scalar is None else scalar.end()
    depth = 0
    for found in _BRACKET.finditer(text, begin):
        depth += (found[0] in ("{", "[")) - (found[0] in ("}", "]"))
        if not depth:
            return found.end()
    return len(text)
