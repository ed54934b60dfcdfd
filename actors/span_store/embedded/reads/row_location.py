"""Where spans are that a read wants."""

from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from actors.span_store.messages import Cursor
from actors.span_store.query.arrow import ArrowFilter
from actors.span_store.query.expression import And, Arrival, Between, Equals, Expression, Or, Promoted
from actors.span_store.query.position import Position

_START = Promoted("start_time_unix_nano")


class RowLocation(NamedTuple):
    """Where a span is: in a segment, or in memory when ``segment`` is ``None``."""

    seq: int
    start_time_unix_nano: int
    trace_id: str
    segment: int | None = None
    position: int | None = None


def newest_first(place: RowLocation) -> tuple[int, int]:
    """To sort by."""
    return -place.start_time_unix_nano, -place.seq


def in_file(place: RowLocation) -> int:
    """To sort by: where it is in its segment, or in memory."""
    return place.seq if place.position is None else place.position


def cursor_at(place: RowLocation) -> Cursor:
    """Behind this span."""
    return Cursor(start_time_unix_nano=place.start_time_unix_nano, position=Position(place.seq))


def before(seq: int) -> Expression:
    """Spans that arrived before the one with this number."""
    return Between(Arrival(), high=seq)


def behind(cursor: Cursor | None) -> Expression:
    """Spans of a list that come behind a place in it; of no place all of them."""
    if cursor is None:
        return And()
    start = cursor.start_time_unix_nano
    together = And([Equals(_START, start), before(cursor.position.number)])
    return Or([Between(_START, high=start), together])


def locations(table: pa.Table, wanted: ArrowFilter, limit: int | None) -> list[RowLocation]:
    """Where those of a table are; with a limit only the newest."""
    members = [name for name in RowLocation._fields if name in table.column_names]
    rows = table.select(members).filter(wanted.mask(table))
    if limit is not None and rows.num_rows > limit:
        keys = [("start_time_unix_nano", "descending"), ("seq", "descending")]
        rows = rows.take(pc.select_k_unstable(rows, limit, keys))  # type: ignore[call-overload] # takes tables too
    return [RowLocation(*row) for row in zip(*(column.to_pylist() for column in rows.columns), strict=True)]
