"""Values as text, with characters that stand for others."""

import re

from actors.span_store.query.expression import Between, Contains, Equals, Expression, Matches, ValueField
from actors.span_store.query.language.tree import Literal

_WILD = re.compile(r"[*?]")
_PIECES = re.compile(r"[*?]|[^*?]+")
_WILDCARDS = {"*": ".*", "?": "."}
_LAST_CHARACTER = 0x10FFFF
_SURROGATES = range(0xD800, 0xE000)


def is_open(bound: Literal) -> bool:
    """Whether it is the star that is no bound."""
    return bound.text == "*" and not bound.is_quoted


def is_pattern(value: Literal) -> bool:
    """Whether characters of it stand for others."""
    return not value.is_quoted and _WILD.search(value.text) is not None


def text_equals(field: ValueField, value: Literal) -> Expression:
    """The whole text, where a star stands for any characters and a question mark for one; the cheapest way."""
    text = value.text
    if not is_pattern(value):
        return Equals(field, text)
    inner = text.strip("*")
    if _WILD.search(inner):
        return Matches(field, f"(?s)^{''.join(map(_pattern, _PIECES.findall(text)))}$")
    if text.startswith("*"):
        return Contains(field, inner) if text.endswith("*") else Matches(field, f"(?s){re.escape(inner)}$")
    return _beginning_with(field, inner)


def _pattern(piece: str) -> str:
    return _WILDCARDS.get(piece) or re.escape(piece)


def _beginning_with(field: ValueField, begin: str) -> Expression:
    """All texts from it on to the next one that does not begin so; there is none behind the last character."""
    stem = begin.rstrip(chr(_LAST_CHARACTER))
    if not stem:
        return Between(field, begin)
    following = ord(stem[-1]) + 1
    following = _SURROGATES.stop if following in _SURROGATES else following
    return Between(field, begin, stem[:-1] + chr(following))
