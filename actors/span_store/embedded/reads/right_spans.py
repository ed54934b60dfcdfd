"""All spans that an expression is true of which the index cannot answer: a walk through everything, without pages."""

from collections.abc import Callable

import pyarrow as pa

from actors.errors import DeadlineExceeded, TooLarge
from actors.span_store.embedded.hot.memtable import MemtableSnapshot
from actors.span_store.embedded.reads.walk import Candidates, Walk
from actors.span_store.messages import Cursor

_AT_ONCE = 8192  # places, which take more memory than numbers
_MOST = 4_000_000  # numbers, which are 32 MB


def right_spans(
    walk: Callable[[], Walk], candidates: Candidates, recent: MemtableSnapshot, is_left: Callable[[], bool]
) -> pa.Table:
    """Their numbers, in a column ``seq``. ``TooLarge`` for too many.

    ``walk`` makes one that goes on for some tenths of a second, after which it is asked whether somebody still waits.
    """
    numbers = [pa.array([], pa.uint64())]
    count = 0
    after: Cursor | None = None
    while True:
        found = walk().run(candidates, recent, after, _AT_ONCE)
        numbers.append(pa.array([place.seq for place in found.places], pa.uint64()))
        count += len(found.places)
        after = found.goes_on
        if after is None:
            return pa.table({"seq": pa.concat_arrays(numbers)})
        if count > _MOST:
            raise TooLarge("Too many spans have to be looked at one by one: narrow down what is counted")
        if is_left():
            raise DeadlineExceeded("Nobody waits for it any more")
