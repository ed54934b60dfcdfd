"""Answers within a number of tokens: as many items of a list as fit, then shorter texts, lists and objects.

Tokens are estimated, since every model counts in its own way: five bytes of the text in UTF-8 are two. Prose takes half
of that (four or five bytes of English are one token), and JSON of names, ids and numbers about as many.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import attrs
import orjson

Document: TypeAlias = dict[str, Any]

_TOKENS, _BYTES = 2, 5
_LEFT_OUT: Final = "left_out"


@attrs.frozen
class Cut:
    """How much is shown of a value: characters of each text, items of each list and object, levels."""

    characters: int
    items: int
    levels: int


# Tried one after the other until the answer fits.
_CUTS: Final = (Cut(4000, 400, 12), Cut(1000, 100, 10), Cut(250, 40, 8), Cut(80, 12, 6), Cut(24, 4, 5))


def tokens_of(text: bytes) -> int:
    """Estimate the tokens of a text in UTF-8."""
    return -(-len(text) * _TOKENS // _BYTES)


def bytes_of(tokens: int) -> int:
    """The most bytes that are so many tokens."""
    return tokens * _BYTES // _TOKENS


def fitted(document: object, most: int) -> bytes:
    """The document as JSON text of ``most`` tokens at most; what is cut says how much is missing."""
    text = orjson.dumps(document)
    for cut in _CUTS:
        if tokens_of(text) <= most:
            return text
        text = orjson.dumps(shortened(document, cut))
    return text if tokens_of(text) <= most else _beginning(text.decode(), most)


def _beginning(text: str, most: int) -> bytes:
    def kept(count: int) -> bytes:
        return orjson.dumps({"cut": text[:count]})

    return kept(most_that_fit(len(text), kept, most))


def with_most(document: Document, name: str, most: int) -> Document:
    """The document with as many items of one list as fit into ``most`` tokens, one at least, and how many do not."""
    items = document[name]

    def kept(count: int) -> Document:
        return {**document, name: items[:count], _LEFT_OUT: len(items) - count}

    if tokens_of(orjson.dumps(document)) <= most:
        return document
    return kept(max(1, most_that_fit(len(items), lambda count: orjson.dumps(kept(count)), most)))


def most_that_fit(count: int, render: Callable[[int], bytes], most: int) -> int:
    """The largest number up to ``count`` whose text takes ``most`` tokens at most; more of them take more."""
    low, high = 0, count
    while low < high:
        middle = (low + high + 1) // 2
        if tokens_of(render(middle)) <= most:
            low = middle
        else:
            high = middle - 1
    return low


def shortened(value: object, cut: Cut) -> Any:  # noqa: ANN401 - any JSON value
    """A value without the middle of long texts and lists, and without what is too deep."""
    if isinstance(value, str):
        return _short_text(value, cut.characters)
    if not isinstance(value, Mapping | list | tuple) or not value:
        return value
    if cut.levels == 0:
        return "…"
    inner = attrs.evolve(cut, levels=cut.levels - 1)
    return _short_object(value, inner) if isinstance(value, Mapping) else _short_list(value, inner)


def _short_text(text: str, most: int) -> str:
    """The end stays, too: it is where a traceback says what happened."""
    if len(text) <= most:
        return text
    end = most // 3
    return f"{text[: most - end]}… (+{len(text) - most} characters) …{text[len(text) - end :]}"


def _short_list(values: Sequence[object], cut: Cut) -> list[Any]:
    if len(values) <= cut.items:
        return [shortened(value, cut) for value in values]
    end = cut.items // 2
    begin = [shortened(value, cut) for value in values[: cut.items - end]]
    rest = [shortened(value, cut) for value in values[len(values) - end :]]
    return [*begin, f"… (+{len(values) - cut.items} items)", *rest]


def _short_object(members: Mapping[str, object], cut: Cut) -> Document:
    kept = list(members.items())[: cut.items]
    short = {_short_text(name, cut.characters): shortened(value, cut) for name, value in kept}
    return short | ({"…": f"+{len(members) - cut.items} members"} if len(members) > cut.items else {})


def without_unknown(value: Mapping[str, object]) -> Document:
    """An object without members that are null or empty, and so are the objects in it."""
    shown = {name: without_unknown(item) if isinstance(item, Mapping) else item for name, item in value.items()}
    return {name: item for name, item in shown.items() if item is not None and item not in ([], (), {}, "")}
