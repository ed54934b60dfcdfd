"""Values of fields: of the index's columns in SQL, and others from the newest spans as they are stored."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

import attrs
import duckdb
import pyarrow as pa

from actors.errors import DeadlineExceeded
from actors.span_store.asked.values import LONGEST_VALUE, MOST_LOOKED_AT, ListValues, ValueCount, Values, listed_field
from actors.span_store.embedded.hot.memtable import MemtableSnapshot
from actors.span_store.embedded.reads.aggregates.items import keys_of
from actors.span_store.embedded.reads.aggregates.registered import registered
from actors.span_store.embedded.reads.row_location import RowLocation, in_file
from actors.span_store.embedded.reads.span_table import INDEXED, SpanTable
from actors.span_store.embedded.reads.walk import Candidates, Walk, pieces
from actors.span_store.messages import Cursor
from actors.span_store.query.expression import And, Expression, IsNull, Not
from actors.span_store.query.language.fields import FilterField
from actors.span_store.query.language.open_fields import open_fields, open_has
from actors.span_store.query.language.tree import Name
from actors.span_store.query.listed_values import Counts, columns_for, count_in, most_frequent
from actors.span_store.query.sql import Condition, condition

_RIGHT = "values_right"
_IN_A_PART = 100_000  # values


def indexed_field(request: ListValues) -> FilterField | None:
    """The field that is asked for, if it is a column of the index."""
    field = listed_field(request.field)
    return field if field is not None and field.column.name in INDEXED else None


def read_indexed(
    cursor: duckdb.DuckDBPyConnection, table: SpanTable, request: ListValues, field: FilterField, right: pa.Table | None
) -> Values:
    """The values of a column. ``right`` has the numbers of the spans that are meant, where the index cannot say it."""
    made = condition(request.where, INDEXED)
    with table.relation() as spans:
        if right is None:
            return _Column(cursor, spans, field, made, request).values()
        with registered(cursor, _RIGHT, right):
            made = attrs.evolve(made, text=f"({made.text}) AND seq IN (SELECT seq FROM {_RIGHT})")  # noqa: S608 - own name
            return _Column(cursor, spans, field, made, request).values()


@attrs.frozen
class _Column:
    """One column of a relation. Many values are gone through in parts, so that memory does not go with their number."""

    cursor: duckdb.DuckDBPyConnection
    spans: str
    field: FilterField
    wanted: Condition
    request: ListValues

    def values(self) -> Values:
        limit = self.request.limit
        parts = 1 + self._ask(f"SELECT approx_count_distinct(value), 0 FROM {self._values}")[0][0] // _IN_A_PART  # noqa: S608 - own names
        found = sorted(
            (row for part in range(parts) for row in self._most_frequent(part, parts)),
            key=lambda row: (-row[1], str(row[0])),
        )
        return Values(tuple(ValueCount(*row) for row in found[:limit]), len(found) > limit)

    def _most_frequent(self, part: int, parts: int) -> Sequence[tuple[str | int, int]]:
        return self._ask(
            f"SELECT value, count(*) AS n FROM {self._values} WHERE hash(value) % {parts:d} = {part:d} "  # noqa: S608 - own names, numbers
            f"GROUP BY value ORDER BY n DESC, value::VARCHAR LIMIT {self.request.limit + 1:d}"
        )

    @property
    def _values(self) -> str:
        [value] = keys_of([self.field])
        return (
            f"(SELECT {value} AS value FROM {self.spans} WHERE ({self.wanted.text}) AND {value} IS NOT NULL "  # noqa: S608 - own names
            f"AND length({value}::VARCHAR) <= {LONGEST_VALUE:d} AND starts_with({value}::VARCHAR, ?))"
        )

    def _ask(self, statement: str) -> list[tuple[int, int]]:
        return self.cursor.execute(statement, [*self.wanted.parameters, self.request.prefix]).fetchall()


def read_said(
    request: ListValues,
    places: Sequence[RowLocation],
    read: Callable[[Sequence[RowLocation], Sequence[str]], Iterable[pa.Table]],
) -> Values:
    """The values in the newest spans. ``places`` are one more than are looked at, where there are more spans.

    ``read`` has columns of the spans at some places, as far as they can be read.
    """
    columns = columns_for(request.field)
    counts: Counts = Counter()
    for piece in pieces(places[:MOST_LOOKED_AT]):
        for rows in read(piece, columns):
            counts += count_in(rows, request.field)
    return most_frequent(counts, request, more=len(places) > MOST_LOOKED_AT)


def said_by(request: ListValues) -> Expression:
    """The spans that are looked at: those that have a value."""
    fields = open_fields(Name(text=request.field, column=1)) if "." in request.field else ()
    if fields:
        return And([request.where, open_has(fields)])
    field = listed_field(request.field)
    return request.where if field is None else And([request.where, Not(IsNull(field.column))])


def newest(
    walk: Callable[[], Walk], candidates: Candidates, recent: MemtableSnapshot, is_left: Callable[[], bool]
) -> list[RowLocation]:
    """The newest places of spans that a walk finds: see ``right_spans``."""
    found: list[RowLocation] = []
    after: Cursor | None = None
    while True:
        some = walk().run(candidates, recent, after, MOST_LOOKED_AT + 1 - len(found))
        found += some.places
        after = some.goes_on
        if after is None or len(found) > MOST_LOOKED_AT:
            return found
        if is_left():
            raise DeadlineExceeded("Nobody waits for it any more")


def by_segment(places: Iterable[RowLocation]) -> Iterator[tuple[int | None, list[int]]]:
    """Where in each segment they are, or in memory, ascending."""
    found: dict[int | None, list[int]] = {}
    for place in sorted(places, key=in_file):
        found.setdefault(place.segment, []).append(in_file(place))
    yield from found.items()
