"""What is found in the texts and keys of a request: each text is searched once, and many in one go."""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import TypeAlias, TypeVar

import attrs
import pyarrow as pa
import pyarrow.compute as pc

from actors.span_store.columns.types import Untold
from actors.span_store.masking.patterns import NAMED, Pattern

T = TypeVar("T")
Found: TypeAlias = tuple[str, dict[str, int]]  # a text, masked, and how often each pattern was found in it

_MOST_WAITING = 65_536  # texts that are searched together


@attrs.frozen
class Rules:
    """Patterns of values, and of keys whose values are masked whole."""

    values: tuple[Pattern, ...] = ()
    keys: tuple[Pattern, ...] = ()

    @property
    def has_own(self) -> bool:
        """Whether expressions of values are no named ones, and so may ask where a text begins or ends."""
        return not {*self.values} <= {*NAMED}


class Findings:
    """The visitor that masks what is known to have something in it, and remembers what is not known yet."""

    def __init__(self, rules: Rules) -> None:
        self.wants_keys = bool(rules.keys)
        self.wants_strings = rules.has_own
        self._rules = rules
        self._texts: dict[str, Found] = {}
        self._keys: dict[str, Pattern] = {}
        self._new_texts: dict[str, None] = {}
        self._new_keys: dict[str, None] = {}
        self._any_found = False
        self._counts: Counter[str] = Counter()

    def settled(self, walk: Callable[[], T]) -> T:
        """What the walk makes when everything that it comes to is known.

        Masking a string in JSON text makes a new text, and so does masking the JSON text that this is a string of:
        walks are as many as such texts are deep.
        """
        made = walk()
        while self._look():
            made = walk()
        return made

    def key(self, name: str) -> str | None:
        found = self._keys.get(name)
        if found is None:
            if self.wants_keys:
                self._new_keys[name] = None
            return None
        self._counts[found.name] += 1
        return found.mask

    def leaf(self, text: str) -> str:
        found = self._texts.get(text)
        if found is None:
            self._new_texts[text] = None
            if len(self._new_texts) > _MOST_WAITING:
                self._any_found = self._look()
            return text
        self._counts.update(found[1])
        return found[0]

    def take_counts(self) -> dict[str, int]:
        """How often each pattern was masked, by name, since the last time that they were taken."""
        counts, self._counts = dict(self._counts), Counter()
        return counts

    def _look(self) -> bool:
        """Search what is new; returns whether anything was found in it, or before in this walk.

        Only what has something in it is kept: there may be millions of texts. All others are searched again with the
        next walk.
        """
        texts, keys = _masked(self._rules.values, self._new_texts), _matched(self._rules.keys, self._new_keys)
        self._texts.update(texts)
        self._keys.update(keys)
        self._new_texts, self._new_keys = {}, {}
        found, self._any_found = bool(texts or keys or self._any_found), False
        return found


def any_of(patterns: Sequence[Pattern]) -> str:
    """One expression for all: a text is searched once for all that is not in it."""
    return "|".join(f"(?:{pattern.expression})" for pattern in patterns)


def _masked(patterns: Sequence[Pattern], texts: Collection[str]) -> dict[str, Found]:
    """The texts in which any pattern is found: masked, and how often each was found."""
    given = list(texts)
    if not patterns or not given:
        return {}
    column = _column(given)
    matches: Untold = pc.match_substring_regex(column, any_of(patterns))
    places: Untold = pc.indices_nonzero(matches)
    if not len(places):
        return {}
    found = column.take(places)
    counts: list[list[int]] = []
    for pattern in patterns:
        found, each = pattern.masked(found)
        counts.append(each)
    texts_with_any = [given[place] for place in places.to_pylist()]
    return _kept(texts_with_any, found.to_pylist(), list(zip(*counts, strict=True)), patterns)


def _kept(
    given: Sequence[str], masked: Sequence[str], counts: Sequence[Sequence[int]], patterns: Sequence[Pattern]
) -> dict[str, Found]:
    """Those of the texts in which anything was counted. Equal results are one object."""
    equal: dict[tuple[object, ...], Found] = {}
    made: dict[str, Found] = {}
    for text, result, numbers in zip(given, masked, counts, strict=True):
        if any(numbers):
            made[text] = equal.setdefault((result, *numbers), (result, _tally(patterns, numbers)))
    return made


def _tally(patterns: Sequence[Pattern], numbers: Sequence[int]) -> dict[str, int]:
    return {pattern.name: number for pattern, number in zip(patterns, numbers, strict=True) if number}


def _matched(patterns: Sequence[Pattern], keys: Collection[str]) -> dict[str, Pattern]:
    """The keys that any pattern matches, each with the first that does."""
    given = list(keys)
    found: dict[str, Pattern] = {}
    for pattern in patterns if given else ():
        matches: Untold = pc.match_substring_regex(_column(given), pattern.expression)
        matched = [key for key, is_match in zip(given, matches.to_pylist(), strict=True) if is_match]
        found = {**dict.fromkeys(matched, pattern), **found}
    return found


def _column(texts: list[str]) -> Untold:
    """The texts in Arrow, which has no halves of surrogate pairs."""
    try:
        return pa.array(texts, pa.large_string())
    except UnicodeEncodeError:
        return pa.array([text.encode(errors="replace").decode() for text in texts], pa.large_string())
