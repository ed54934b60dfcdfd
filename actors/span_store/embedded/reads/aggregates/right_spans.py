"""All spans that an expression is true of which the index cannot answer: a walk through everything, without pages."""

from collections.abc import Callable, Sequence

import pyarrow as pa

from actors.errors import DeadlineExceeded, TooLarge
from actors.span_store.embedded.reads.aggregates.stored import Stored
from actors.span_store.embedded.reads.row_location import RowLocation, behind
from actors.span_store.embedded.reads.span_table import INDEXED, LISTED, SpanTable
from actors.span_store.embedded.reads.walk import Files, Walk
from actors.span_store.embedded.sealed.manifest import Segment
from actors.span_store.messages import Cursor
from actors.span_store.query.expression import And, Expression, weakened

_AT_ONCE = 8192  # places, which take more memory than numbers
_MOST = 4_000_000  # numbers, which are 32 MB
_SECONDS = 0.3  # until it is asked whether somebody still waits


def right_spans(stored: Stored, table: SpanTable, wanted: Expression, is_left: Callable[[], bool]) -> pa.Table | None:
    """Their numbers, in a column ``seq``; ``None`` where the relation of ``table`` can answer it.

    ``TooLarge`` for too many.
    """
    if weakened(wanted, LISTED)[1]:
        return None
    answerable, _ = weakened(wanted, INDEXED)

    def candidates(after: Cursor | None, limit: int, has_any: Callable[[Segment], bool]) -> Sequence[RowLocation]:
        return table.newest(And([answerable, behind(after)]), limit, has_any)

    numbers = [pa.array([], pa.uint64())]
    count = 0
    after: Cursor | None = None
    while True:
        found = walk_of(stored, wanted).run(candidates, stored.view.recent, after, _AT_ONCE)
        numbers.append(pa.array([place.seq for place in found.places], pa.uint64()))
        count += len(found.places)
        after = found.goes_on
        if after is None:
            return pa.table({"seq": pa.concat_arrays(numbers)})
        if count > _MOST:
            raise TooLarge("Too many spans have to be looked at one by one: narrow down what is counted")
        if is_left():
            raise DeadlineExceeded("Nobody waits for it any more")


def walk_of(stored: Stored, wanted: Expression) -> Walk:
    """One that goes on for some tenths of a second."""
    files = Files(stored.segments, stored.ngrams, stored.view.sealed, wanted)
    counted_of = SpanTable(stored.cursor, stored.view).counted
    return Walk(wanted, files, stored.cursor, stored.damage, counted_of=counted_of, soon=_SECONDS, budget=_SECONDS)
