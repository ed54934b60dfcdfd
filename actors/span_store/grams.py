"""Which sequences of four bytes are in a text. A word with one that is not there is not there either.

Each sequence sets one bit, which a hash of it says, so a set has a fixed size whatever the text. The text of a row
group, a megabyte, sets about a quarter of the bits: of four sequences that are not in it one seems to be, and of the
nine of a word of twelve letters hardly ever all.
"""

import sys

import pyarrow as pa
import pyarrow.compute as pc

_BITS = 17
SIZE = 2**_BITS // 8  # bytes of a set
_SEQUENCE = 4  # bytes: as many as Arrow multiplies at once
_FACTOR = 0x9E3779B1  # odd, so that no two sequences have the same product, of which the upper bits count
_WORD = 2**32
_SHIFT = 32 - _BITS
_PIECE = 1024 * 1024  # bytes of text at a time, for which Arrow takes some ten times of that
_ARROW_FACTOR, _ARROW_SHIFT = pa.scalar(_FACTOR, pa.uint32()), pa.scalar(_SHIFT, pa.uint32())


def grams_of(text: bytes) -> bytes:
    """The set of all sequences in a text."""
    found = 0
    for begin in range(0, max(0, len(text) - _SEQUENCE + 1), _PIECE):
        found |= _grams(memoryview(text)[begin : begin + _PIECE + _SEQUENCE - 1])
    return found.to_bytes(SIZE, "little")


def _grams(text: memoryview) -> int:
    hashes = pa.chunked_array([_hashes(text[offset:]) for offset in range(_SEQUENCE)], pa.int32())
    # Which values there are at all is what Arrow finds out first where it says at which place each is.
    present = pc.inverse_permutation(hashes, max_index=2**_BITS - 1).combine_chunks()
    bitmap = present.buffers()[0]
    return 2**2**_BITS - 1 if bitmap is None else int.from_bytes(bitmap[:SIZE], "little")


def _hashes(text: memoryview) -> pa.Int32Array:
    """Of the sequences at places that four divides. Copied, because Arrow expects its numbers at such places."""
    count = len(text) // _SEQUENCE
    sequences = pa.Array.from_buffers(pa.uint32(), count, [None, pa.py_buffer(bytes(text[: count * _SEQUENCE]))])
    return pc.shift_right(pc.multiply(sequences, _ARROW_FACTOR), _ARROW_SHIFT).view(pa.int32())


class Sought:
    """A text that is looked for, in any of several forms."""

    def __init__(self, *forms: str) -> None:
        self._forms = [_places(form.encode()) for form in dict.fromkeys(forms)]

    def may_be_in(self, grams: memoryview) -> bool:
        """Whether the text that has this set may have one of the forms. It may always have less than four bytes."""
        return any(all(grams[place] & bit for place, bit in form) for form in self._forms)


def _places(text: bytes) -> list[tuple[int, int]]:
    """Where a set has the sequences of the text: the byte, and the bit in it."""
    sequences = (text[begin : begin + _SEQUENCE] for begin in range(len(text) - _SEQUENCE + 1))
    bits = (int.from_bytes(each, sys.byteorder) * _FACTOR % _WORD >> _SHIFT for each in sequences)
    return [(bit // 8, 1 << bit % 8) for bit in dict.fromkeys(bits)]
