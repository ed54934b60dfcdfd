"""Values of fields: of the index's columns in SQL, and others from the newest spans as they are stored."""

from collections import Counter
from collections.abc import Callable, Sequence

import attrs
import duckdb

from actors.errors import DeadlineExceeded
from actors.span_store.asked.values import LONGEST_VALUE, MOST_LOOKED_AT, ListValues, ValueCount, Values, listed_field
from actors.span_store.embedded.reads.aggregates.items import keys_of
from actors.span_store.embedded.reads.aggregates.registered import registered
from actors.span_store.embedded.reads.aggregates.right_spans import right_spans, walk_of
from actors.span_store.embedded.reads.aggregates.stored import Stored
from actors.span_store.embedded.reads.aggregates.stored_columns import columns_at
from actors.span_store.embedded.reads.row_location import RowLocation, behind
from actors.span_store.embedded.reads.span_table import INDEXED, LISTED, SpanTable
from actors.span_store.embedded.reads.walk import Candidates, pieces
from actors.span_store.embedded.sealed.manifest import Segment
from actors.span_store.messages import Cursor
from actors.span_store.query.expression import And, Expression, IsNull, Not, weakened
from actors.span_store.query.language.fields import FilterField
from actors.span_store.query.language.open_fields import open_fields, open_has
from actors.span_store.query.language.tree import Name
from actors.span_store.query.listed_values import Counts, columns_for, count_in, most_frequent
from actors.span_store.query.sql import Condition, condition

_RIGHT = "values_right"
_IN_A_PART = 100_000  # values


def read_values(stored: Stored, request: ListValues, is_left: Callable[[], bool]) -> Values:
    """From the index where it has the field, else from the newest spans."""
    field = listed_field(request.field)
    if field is not None and field.column.name in INDEXED:
        return _read_indexed(stored, request, field, is_left)
    places = _Newest(stored, _with_value(request), is_left).places()
    return _read_said(stored, request, places)


def _read_indexed(stored: Stored, request: ListValues, field: FilterField, is_left: Callable[[], bool]) -> Values:
    table, made = SpanTable(stored.cursor, stored.view), condition(request.where, LISTED)
    right = right_spans(stored, table, request.where, is_left)
    with table.relation() as spans:
        if right is None:
            return _Column(stored.cursor, spans, field, made, request).values()
        with registered(stored.cursor, _RIGHT, right):
            made = attrs.evolve(made, text=f"({made.text}) AND seq IN (SELECT seq FROM {_RIGHT})")  # noqa: S608 - own name
            return _Column(stored.cursor, spans, field, made, request).values()


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


def _with_value(request: ListValues) -> Expression:
    """The spans that are looked at: those that have a value."""
    fields = open_fields(Name(text=request.field, column=1)) if "." in request.field else ()
    if fields:
        return And([request.where, open_has(fields)])
    field = listed_field(request.field)
    return request.where if field is None else And([request.where, Not(IsNull(field.column))])


@attrs.frozen
class _Newest:
    """Finds the newest spans that an expression is true of, one more than are looked at."""

    _stored: Stored
    _wanted: Expression
    _is_left: Callable[[], bool]

    def places(self) -> Sequence[RowLocation]:
        table = SpanTable(self._stored.cursor, self._stored.view)
        answerable, exact = weakened(self._wanted, INDEXED)
        if exact:
            return table.newest(answerable, MOST_LOOKED_AT + 1)

        def candidates(after: Cursor | None, limit: int, has_any: Callable[[Segment], bool]) -> Sequence[RowLocation]:
            return table.newest(And([answerable, behind(after)]), limit, has_any)

        return self._walked(candidates)

    def _walked(self, candidates: Candidates) -> list[RowLocation]:
        """As ``right_spans`` goes through them."""
        found: list[RowLocation] = []
        after: Cursor | None = None
        while True:
            most = MOST_LOOKED_AT + 1 - len(found)
            some = walk_of(self._stored, self._wanted).run(candidates, self._stored.view.recent, after, most)
            found += some.places
            after = some.goes_on
            if after is None or len(found) > MOST_LOOKED_AT:
                return found
            if self._is_left():
                raise DeadlineExceeded("Nobody waits for it any more")


def _read_said(stored: Stored, request: ListValues, places: Sequence[RowLocation]) -> Values:
    """The values in the newest spans. There is one more place where there are more spans."""
    columns = columns_for(request.field)
    counts: Counts = Counter()
    for piece in pieces(places[:MOST_LOOKED_AT]):
        for rows in columns_at(stored, piece, columns):
            counts += count_in(rows, request.field)
    return most_frequent(counts, request, more=len(places) > MOST_LOOKED_AT)
