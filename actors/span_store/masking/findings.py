"""What is found in the texts and keys of a request: each text is searched once, and many in one go."""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import TypeVar

import attrs
import pyarrow as pa
import pyarrow.compute as pc

from actors.span_store.columns.types import Untold
from actors.span_store.masking.patterns import Pattern

T = TypeVar("T")


@attrs.frozen
class Rules:
    """Patterns of values, and of keys whose values are masked whole."""

    values: tuple[Pattern, ...] = ()
    keys: tuple[Pattern, ...] = ()


class Findings:
    """The visitor that masks what is known to have something in it, and remembers what is not known yet."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._texts: dict[str, tuple[str, dict[str, int]] | None] = {}
        self._keys: dict[str, Pattern | None] = {}
        self._new_texts: dict[str, None] = {}
        self._new_keys: dict[str, None] = {}
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
            if name not in self._keys:
                self._new_keys[name] = None
            return None
        self._counts[found.name] += 1
        return found.mask

    def leaf(self, text: str) -> str:
        found = self._texts.get(text)
        if found is None:
            if text not in self._texts:
                self._new_texts[text] = None
            return text
        self._counts.update(found[1])
        return found[0]

    def take_counts(self) -> dict[str, int]:
        """How often each pattern was masked, by name, since the last time that they were taken."""
        counts, self._counts = dict(self._counts), Counter()
        return counts

    def _look(self) -> bool:
        """Search what is new; returns whether anything was found in it."""
        texts, keys = _masked(self._rules.values, self._new_texts), _matched(self._rules.keys, self._new_keys)
        self._texts |= dict.fromkeys(self._new_texts) | texts
        self._keys |= dict.fromkeys(self._new_keys) | keys
        self._new_texts, self._new_keys = {}, {}
        return bool(texts or keys)


def any_of(patterns: Sequence[Pattern]) -> str:
    """One expression for all: a text is searched once for all that is not in it."""
    return "|".join(f"(?:{pattern.expression})" for pattern in patterns)


def _masked(patterns: Sequence[Pattern], texts: Collection[str]) -> dict[str, tuple[str, dict[str, int]] | None]:
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
    tallies: list[dict[str, int]] = [{} for _ in places]
    for pattern in patterns:
        found, counts = pattern.masked(found)
        for tally, count in zip(tallies, counts, strict=True):
            if count:
                tally[pattern.name] = count
    made = zip(places.to_pylist(), found.to_pylist(), tallies, strict=True)
    return {given[place]: (text, tally) for place, text, tally in made if tally}


def _matched(patterns: Sequence[Pattern], keys: Collection[str]) -> dict[str, Pattern | None]:
    """The keys that any pattern matches, each with the first that does."""
    given = list(keys)
    found: dict[str, Pattern | None] = {}
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
