"""Which sequences of four and of five bytes are in a text. A word with one that is not there is not there either.

Each sequence sets one bit, which a hash of it says, so a set has a fixed size whatever the text. The text of a row
group, a megabyte, sets two bits in five. Fours alone would let words of a language pass for being there several times
as often: those of one word are all in others.
"""

from collections.abc import Iterable, Iterator
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc

from actors.span_store.columns.types import UInt32s

_FOURS, _FIVES = 16, 17  # bits of a hash
_FIRST_FIVE = 1 << _FOURS  # bit of a set: fours come before fives
SIZE = (_FIRST_FIVE + (1 << _FIVES)) // 8  # bytes of a set
_WORD = 4  # bytes: what Arrow takes as one number. Its wheels are for little-endian machines only.
_NUMBERS = 2**32
_FACTOR = 0x9E3779B1  # odd, so that no two words have the same product, of which the upper bits count
_PIECE = 1024 * 1024  # bytes of text at a time, for which Arrow takes some ten times of that


def grams_of(text: bytes) -> bytes:
    """The set of all sequences in a text."""
    found = 0
    for begin in range(0, max(0, len(text) - _WORD + 1), _PIECE):
        found |= _ngrams(memoryview(text)[begin : begin + _PIECE + _WORD])  # what lies across two pieces, too
    return found.to_bytes(SIZE, "little")


def _ngrams(text: memoryview) -> int:
    products = [pc.multiply(_words(text[offset:]), _number(_FACTOR)) for offset in range(_WORD)]
    nexts = [*products[1:], products[0][1:]]  # those of the words that begin a byte later
    sums = (pc.add(each[: len(after) - 1], after[:-1]) for each, after in zip(products, nexts, strict=True))
    return _set((each[:-1] for each in products), _FOURS) | _set(sums, _FIVES) << _FIRST_FIVE


def _words(text: memoryview) -> UInt32s:
    """All words and a last one that is not whole. Copied, as Arrow expects its numbers at places that four divides.

    Into memory of Arrow's, which keeps it: for every megabyte that is new the system takes as long as all the hashing.
    """
    count = len(text) // _WORD + 1
    copy = pa.allocate_buffer(count * _WORD)
    target = memoryview(copy).cast("B")
    target[: len(text)] = text
    target[len(text) :] = bytes(len(target) - len(text))
    return pa.Array.from_buffers(pa.uint32(), count, [None, copy])


def _number(value: int) -> pa.UInt32Scalar:
    return pa.scalar(value, pa.uint32())


def _set(numbers: Iterable[UInt32s], bits: int) -> int:
    """A bit for each of the hashes, which are the upper bits of the numbers."""
    size = 1 << bits
    hashes = [pc.shift_right(each, _number(32 - bits)).view(pa.int32()) for each in numbers]
    # Which there are at all is what Arrow finds out on its way to where each of them is.
    places = pc.inverse_permutation(  # type: ignore[attr-defined] # newer than the stubs
        pa.chunked_array(hashes), max_index=size - 1
    ).combine_chunks()
    bitmap = places.buffers()[0]
    return (1 << size) - 1 if bitmap is None else int.from_bytes(bitmap[: size // 8], "little")


class NgramCondition(Protocol):
    """What the n-grams of rows have to say for the rows to be read."""

    def may_be_in(self, grams: memoryview) -> bool:
        """Whether rows that have this set may be looked for."""


class NgramNeedle:
    """A text that is looked for: of each of its windows one spelling has to be there, with all its pieces."""

    def __init__(self, windows: Iterable[Iterable[Iterable[str]]]) -> None:
        self._windows = [[_wanted(pieces) for pieces in window] for window in windows]

    def may_be_in(self, grams: memoryview) -> bool:
        """Whether the text that has this set may have it. It may always have pieces of less than four bytes."""
        return all(
            any(all(grams[place] & bit for place, bit in spelling) for spelling in window) for window in self._windows
        )


def _wanted(pieces: Iterable[str]) -> list[tuple[int, int]]:
    """Where in a set the bits are, and which."""
    return [(bit // 8, 1 << bit % 8) for piece in pieces for bit in _bits(piece.encode())]


def _bits(text: bytes) -> Iterator[int]:
    """Which a set has that has all sequences of the text; those first that fewer sets have."""
    for begin in range(len(text) - _WORD):
        yield _FIRST_FIVE + ((_product(text, begin) + _product(text, begin + 1)) % _NUMBERS >> 32 - _FIVES)
    for begin in range(len(text) - _WORD + 1):
        yield _product(text, begin) >> 32 - _FOURS


def _product(text: bytes, begin: int) -> int:
    return int.from_bytes(text[begin : begin + _WORD], "little") * _FACTOR % _NUMBERS
