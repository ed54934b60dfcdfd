"""Which spans a list or a trace wants, and where they are."""

from collections.abc import Mapping
from functools import reduce
from typing import NamedTuple

import attrs
import pyarrow as pa
import pyarrow.compute as pc

from actors.span_store.columns.types import AnyColumn
from actors.span_store.messages import Cursor


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


@attrs.frozen
class Predicate:
    """Spans with these values in columns of the index, ``None`` for null; of a list, those behind a page's last.

    With ``before_seq`` only such as came before the span of that number.
    """

    columns: Mapping[str, str | None]
    after: Cursor | None = None
    before_seq: int | None = None

    def sql(self) -> tuple[str, list[str | int]]:
        """For the index: a condition, and its parameters."""
        terms = [f"{name} IS NULL" if value is None else f"{name} = ?" for name, value in self.columns.items()]
        parameters: list[str | int] = [value for value in self.columns.values() if value is not None]
        if self.after is not None:
            terms.append("(start_time_unix_nano < ? OR (start_time_unix_nano = ? AND seq < ?))")
            start = self.after.start_time_unix_nano
            parameters += [start, start, self.after.sequence]
        if self.before_seq is not None:
            terms.append("seq < ?")
            parameters.append(self.before_seq)
        return " AND ".join(terms), parameters

    @property
    def only_roots(self) -> bool:
        return self.columns.get("parent_span_id", "") is None

    def places(self, table: pa.Table, limit: int | None) -> list[RowLocation]:
        """Where those of a table are; with a limit only the newest."""
        rows = self.rows(table)
        if limit is not None and rows.num_rows > limit:
            keys = [("start_time_unix_nano", "descending"), ("seq", "descending")]
            rows = rows.take(pc.select_k_unstable(rows, limit, keys))  # type: ignore[call-overload] # takes tables
        return [RowLocation(*row) for row in zip(*(column.to_pylist() for column in rows.columns), strict=True)]

    def rows(self, table: pa.Table) -> pa.Table:
        """Those of a table, as far as it has the members of a place."""
        members = [name for name in RowLocation._fields if name in table.column_names]
        return table.select(members).filter(self.mask(table))

    def mask(self, table: pa.Table) -> AnyColumn:
        """Of each row of a table, whether it is wanted."""
        terms = [
            pc.is_null(table[name]) if value is None else pc.equal(table[name], pa.scalar(value, pa.string()))
            for name, value in self.columns.items()
        ]
        if self.after is not None:
            start, after = table["start_time_unix_nano"], pa.scalar(self.after.start_time_unix_nano, pa.uint64())
            earlier = _below(table, self.after.sequence)
            terms.append(pc.or_(pc.less(start, after), pc.and_(pc.equal(start, after), earlier)))
        if self.before_seq is not None:
            terms.append(_below(table, self.before_seq))
        return reduce(pc.and_, terms)


def _below(table: pa.Table, seq: int) -> AnyColumn:
    return pc.less(table["seq"], pa.scalar(seq, pa.uint64()))
