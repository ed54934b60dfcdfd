"""A text that is looked for, and how it may be spelled where JSON was written.

Spellings only tell where to look. What looks like it is read as ``said_text`` does, so that nothing is found that
was not said. So a spelling may be given too wide here, and never too narrow.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, reduce
from itertools import product
from typing import TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from actors.span_store.columns.attribute_column import positions
from actors.span_store.columns.types import Booleans, Texts, Untold
from actors.span_store.query.text.said_text import events_say, json_says, says

# Characters for which encoders of JSON have escapes: RFC 8259, and what is made harmless for web pages.
_MAY_BE_ESCAPED = re.compile(r"""[\x00-\x1f"'\\/<>&+=`\x7f]|[^\x00-\x7f]""")
_SHORT = {"\b": "b", "\f": "f", "\n": "n", "\r": "r", "\t": "t", '"': '"', "/": "/"}
# What stands before an escaped character: a backslash for each time that JSON was written into JSON, and more.
_BACKSLASHES = r"\\(?:\\|u005[cC])*"
_SPECIAL = re.compile(r"[\\.+*?()|\[\]{}^$]")
# Before what may be a part of an escape, which has six characters at most; and before what is none.
_ESCAPED = r"(?s)\\.{0,4}"
_NOT_ESCAPED = r"(?:[^\\]{5}|\A[^\\]{0,4})"
_SPELLED = 48  # characters or runs of them that are looked for in their spellings; those behind are only read
# Characters that are read, of a text and in a whole search. What is beyond counts as saying what it looks like.
_LONGEST, _MOST_READ = 256 * 1024, 32 * 1024 * 1024
_NEIGHBOUR = 8  # characters of a run that matter beside a character with spellings
_MOST_WAYS = 400  # in which a window may be spelled; more rule nothing out
_YES, _NO = pa.scalar(True, pa.bool_()), pa.scalar(False, pa.bool_())

Says: TypeAlias = Callable[[str, str], bool]
Pieces: TypeAlias = tuple[str, ...]  # of a spelling, in order; between them nothing is known
Window: TypeAlias = tuple[Pieces, ...]  # all spellings of a part of the text


class Needle:
    """The text, and what is made of it once for a whole search."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._units = list(_units(text))[:_SPELLED]
        self._room = _MOST_READ
        self._is_bare = not re.search(r'["\\\[\]{},:]', text)  # nothing that stands between values of JSON

    @cached_property
    def pattern(self) -> str:
        """Matches in every text that says the needle, and in some others."""
        return "".join(map(_spelled, self._units))

    @cached_property
    def windows(self) -> tuple[Window, ...]:
        """A text that says the needle has one spelling of each."""
        return tuple(_windows(self._units))

    def said_in(self, texts: Texts) -> Booleans | None:
        """Which of the texts say it; ``None`` for none."""
        return self._found(texts, certain="\\" not in self.text, say=says)

    def said_in_values(self, texts: Texts) -> Booleans | None:
        """The same of JSON text that the store has made of values."""
        return self._found(texts, certain=self._is_bare, say=json_says)

    def said_in_events(self, texts: Texts) -> Booleans | None:
        """The same of JSON text that the store has made of events."""
        return self._found(texts, certain=False, say=events_say)

    def _found(self, texts: Texts, *, certain: bool, say: Says) -> Booleans | None:
        """``certain`` when a text says the needle wherever that stands in it as it is and not as part of an escape."""
        if not may_have(texts, self.pattern):
            return None
        maybe: Untold = pc.fill_null(pc.match_substring_regex(texts, self.pattern), _NO)
        places: Untold = pc.indices_nonzero(maybe).cast(pa.int64())
        found: Untold = texts.take(places)
        if certain:
            unsure = pc.invert(self._surely_in(found))
            places, found = places.filter(unsure), found.filter(unsure)
        wrong = [
            place
            for place, text in zip(places.to_pylist(), found.to_pylist(), strict=True)
            if self._can_read(text) and not say(text, self.text)
        ]
        return _without(maybe, wrong) if wrong else maybe

    def _can_read(self, text: str) -> bool:
        """Whether there is time for it: some texts take a second for each megabyte, and no other thread runs then."""
        if len(text) > _LONGEST or self._room < 0:
            return False
        self._room -= len(text)
        return True

    def _surely_in(self, texts: Texts) -> Untold:
        """Of texts that match: which have the needle as it is where it can be no part of an escape."""
        plain = literal(self.text)
        if plain == self.pattern and not may_have(texts, _ESCAPED + plain):
            return pa.repeat(_YES, len(texts))
        return pc.match_substring_regex(texts, _NOT_ESCAPED + plain)


def _without(mask: Untold, places: Sequence[int]) -> Booleans:
    return pc.and_not(mask, pc.is_in(positions(len(mask)), value_set=pa.array(places, pa.int64())))


def may_have(texts: Texts, pattern: str) -> bool:
    """Whether the pattern is anywhere in the memory where all the texts lie one after the other.

    Looking through a megabyte takes a fiftieth of looking into each of its ten thousand texts, and most have nothing.
    """
    memory = texts.buffers()[2]
    if memory is None or not memory.size:
        return False
    bounds: Untold = pa.array([0, memory.size], pa.int32())
    whole = pa.StringArray.from_buffers(1, bounds.buffers()[1], memory)
    return bool(pc.match_substring_regex(whole, pattern)[0].as_py())


def literal(text: str) -> str:
    """A pattern that is this text. Arrow finds patterns more than twice as fast as it finds texts."""
    return _SPECIAL.sub(r"\\\g<0>", text)


def _units(text: str) -> Iterator[str]:
    """Characters that may be escaped, and the runs of others between them."""
    begin = 0
    for character in _MAY_BE_ESCAPED.finditer(text):
        if begin < character.start():
            yield text[begin : character.start()]
        yield character[0]
        begin = character.end()
    if begin < len(text):
        yield text[begin:]


def _has_spellings(unit: str) -> bool:
    return _MAY_BE_ESCAPED.match(unit) is not None


def _spelled(unit: str) -> str:
    """The pattern of all spellings of a unit."""
    if not _has_spellings(unit):
        return literal(unit)
    if unit == "\\":
        return _BACKSLASHES
    codes = "".join(f"{_BACKSLASHES}u{_any_case(code)}" for code in _codes(unit))
    short = [_BACKSLASHES + _SHORT[unit]] if unit in _SHORT else []
    return f"(?:{'|'.join([literal(unit), *short, codes])})"


def _any_case(code: str) -> str:
    return "".join(f"[{digit}{digit.upper()}]" if digit.isalpha() else digit for digit in code)


def _codes(character: str) -> list[str]:
    """The numbers of the character in escapes: of two halves, where sixteen bits are not enough."""
    units = character.encode("utf-16-be", "surrogatepass")
    return [units[begin : begin + 2].hex() for begin in range(0, len(units), 2)]


def _windows(units: Sequence[str]) -> Iterator[Window]:
    """Each run by itself, and each two neighbours among the characters with spellings, with what is around them."""
    places = [place for place, unit in enumerate(units) if _has_spellings(unit)]
    yield from (((unit,),) for unit in units if not _has_spellings(unit))
    for place, following in zip(places, [*places[1:], *places[-1:]], strict=True):
        window = _window(units, place, following)
        if _ways(window) > _MOST_WAYS or max(map(len, window)) > 2 * _NEIGHBOUR:
            window = _window(units, place, place)
        if _ways(window) <= _MOST_WAYS:
            yield tuple(reduce(_joined, parts) for parts in product(*map(_pieces, window)))


def _window(units: Sequence[str], first: int, last: int) -> list[str]:
    """What is between two places, and so much of the runs around them as matters."""
    before = [unit[-_NEIGHBOUR:] for unit in units[max(0, first - 1) : first] if not _has_spellings(unit)]
    after = [unit[:_NEIGHBOUR] for unit in units[last + 1 : last + 2] if not _has_spellings(unit)]
    return [*before, *units[first : last + 1], *after]


def _ways(window: Sequence[str]) -> int:
    return reduce(lambda ways, unit: ways * len(_pieces(unit)), window, 1)


def _pieces(unit: str) -> Sequence[Pieces]:
    """The spellings of a unit. How many backslashes an escape has is not known, so it begins a piece."""
    if not _has_spellings(unit):
        return [(unit,)]
    escaped = [("", *spelling) for spelling in product(*(_cases(f"u{code}") for code in _codes(unit)))]
    if unit == "\\":
        return [("", unit), *escaped]
    return [(unit,), *([("", _SHORT[unit])] if unit in _SHORT else []), *escaped]


def _cases(code: str) -> list[str]:
    """All ways to write its letters, of which ``u`` is none."""
    digits = [(digit,) if not digit.isalpha() or digit == "u" else (digit, digit.upper()) for digit in code]
    return ["".join(way) for way in product(*digits)]


def _joined(first: Pieces, second: Pieces) -> Pieces:
    """One behind the other."""
    return (*first[:-1], first[-1] + second[0], *second[1:])
