"""Which keys the spans of a request have. Most have the same ones in the same order as others: there are few lists.

So what is to be known of keys is found out once for each list, and not for each of thousands of attributes.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc

from actors.span_store.columns.types import AnyArray, Booleans, Int32s, Texts, Untold

_TAKE, _WITHIN = pc.get_function("array_take"), pc.TakeOptions(boundscheck=False)
_FEW = 1024  # spans: what is made for so many is worth keeping, and small
_SIZE_OF_NUMBER = pa.scalar(pa.int32().byte_width, pa.int32())


class KeyShapes:
    """The different lists of keys of many spans, and which of them each span has."""

    def __init__(self, offsets: Int32s, keys: Texts) -> None:
        """``offsets`` says where among the keys those of each span begin, and where those of the last one end."""
        numbered: Untold = keys.dictionary_encode()
        lists = _pieces(numbered.indices.buffers()[1], pc.multiply(offsets, _SIZE_OF_NUMBER))
        numbers = [memoryview(each).cast("i") for each in lists.dictionary.to_pylist()]
        self._numbers: dict[str, int] = {key: number for number, key in enumerate(numbered.dictionary.to_pylist())}
        self._places = [dict(zip(each, range(len(each)), strict=True)) for each in numbers]
        self.any_twice = any(len(places) < len(each) for places, each in zip(self._places, numbers, strict=True))
        self._list_of_span = lists.indices
        self._begins = offsets.slice(0, len(lists))

    def __contains__(self, key: str) -> bool:
        """Whether any span has it."""
        return key in self._numbers

    def with_any(self, is_wanted: Callable[[str], bool]) -> Booleans:
        """Whether each span has one of the keys that are wanted."""
        wanted = {number for key, number in self._numbers.items() if is_wanted(key)}
        of_lists = pa.array([not wanted.isdisjoint(each) for each in self._places], pa.bool_())
        found: Booleans = taken(of_lists, self._list_of_span)
        return found

    def places(self, keys: Sequence[str]) -> Int32s:
        """Where among all keys the first of these stands in each span, then where the second does, and so on.

        Null where a span has none. Each step costs much the same for one key and for ten: a few microseconds.
        """
        numbers = [self._numbers[key] for key in keys]
        within = pa.array([each.get(number) for number in numbers for each in self._places], pa.int32())
        made = _kept_firsts if len(self._begins) <= _FEW else _firsts
        firsts = made(len(keys), len(self._begins), len(self._places))
        of_spans = taken(within, pc.add(pa.concat_arrays([self._list_of_span] * len(keys)), firsts))
        places: Int32s = pc.add(pa.concat_arrays([self._begins] * len(keys)), of_spans)
        return places


def taken(values: AnyArray, places: Int32s) -> Untold:
    """The values at these places, which are within; null where there is no place. Arrow's own method takes longer."""
    return _TAKE.call([values, places], _WITHIN)


def _firsts(keys: int, spans: int, lists: int) -> Int32s:
    """For each key and each span, where what is known of this key and all lists begins."""
    return pa.concat_arrays([pa.repeat(pa.scalar(key * lists, pa.int32()), spans) for key in range(keys)])


_kept_firsts = lru_cache(maxsize=64)(_firsts)


def _pieces(memory: Untold, offsets: Int32s) -> Untold:
    """The different ones of these pieces of memory, and which one is where."""
    pieces = pa.Array.from_buffers(pa.binary(), len(offsets) - 1, [None, offsets.buffers()[1], memory])
    return pieces.dictionary_encode()
