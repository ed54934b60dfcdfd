"""Which spans a list or a trace wants, and where they are."""

from collections.abc import Mapping
from functools import reduce
from typing import NamedTuple

import attrs
import pyarrow as pa
import pyarrow.compute as pc

from actors.span_store.messages import Cursor


class Place(NamedTuple):
    """Where a span is: in a segment, or in memory when ``segment`` is ``None``."""

    seq: int
    start_time_unix_nano: int
    trace_id: str
    segment: int | None
    position: int | None


def newest_first(place: Place) -> tuple[int, int]:
    """To sort by."""
    return -place.start_time_unix_nano, -place.seq


@attrs.frozen
class Wanted:
    """Spans with these values in columns of the index, ``None`` for null; of a list, those behind a page's last."""

    columns: Mapping[str, str | None]
    after: Cursor | None = None

    def sql(self) -> tuple[str, list[str | int]]:
        """For the index: a condition, and its parameters."""
        terms = [f"{name} IS NULL" if value is None else f"{name} = ?" for name, value in self.columns.items()]
        parameters: list[str | int] = [value for value in self.columns.values() if value is not None]
        if self.after is not None:
            terms.append("(start_time_unix_nano < ? OR (start_time_unix_nano = ? AND seq < ?))")
            start = self.after.start_time_unix_nano
            parameters += [start, start, self.after.sequence]
        return " AND ".join(terms), parameters

    def rows(self, table: pa.Table) -> pa.Table:
        """Those of a table."""
        terms = [
            pc.is_null(table[name]) if value is None else pc.equal(table[name], pa.scalar(value, pa.string()))
            for name, value in self.columns.items()
        ]
        if self.after is not None:
            start, after = table["start_time_unix_nano"], pa.scalar(self.after.start_time_unix_nano, pa.uint64())
            earlier = pc.less(table["seq"], pa.scalar(self.after.sequence, pa.uint64()))
            terms.append(pc.or_(pc.less(start, after), pc.and_(pc.equal(start, after), earlier)))
        return table.select(Place._fields[:3]).filter(reduce(pc.and_, terms))
