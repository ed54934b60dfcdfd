"""What is to be deleted, and the record of it in the index, by which a deletion that was begun is finished.

The record is made when all the spans are sealed, so the numbers by which they are told from later ones never change.
"""

from typing import Literal, TypeAlias, cast, get_args

import attrs
import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from actors.span_store.columns.types import AnyColumn
from actors.span_store.embedded.sealed import index
from actors.span_store.query.arrow import ArrowFilter
from actors.span_store.query.expression import And, Arrival, Between, Equals, Expression, Promoted

DeletionColumn: TypeAlias = Literal["trace_id", "service_name"]


@attrs.frozen
class DeletionPredicate:
    """Spans to delete: those with a value in a column, among the ones that were numbered before ``before_seq``."""

    column: DeletionColumn = attrs.field(validator=attrs.validators.in_(get_args(DeletionColumn)))
    value: str
    before_seq: int

    @property
    def expression(self) -> Expression:
        return And([Equals(Promoted(self.column), self.value), Between(Arrival(), high=self.before_seq)])

    def mask(self, rows: pa.Table) -> AnyColumn:
        return ArrowFilter(self.expression).mask(rows)

    def is_in(self, rows: pa.Table) -> bool:
        return bool(pc.any(self.mask(rows)).as_py())


def record(connection: duckdb.DuckDBPyConnection, doomed: DeletionPredicate) -> None:
    """Make the intent durable. From now on the deletion is finished sooner or later."""
    index.record_deletion(connection, _row(doomed))


def recorded(connection: duckdb.DuckDBPyConnection) -> list[DeletionPredicate]:
    """The deletions that are not finished."""
    rows = index.recorded_deletions(connection)
    return [DeletionPredicate(cast("DeletionColumn", row.column), row.value, row.before_seq) for row in rows]


def strike_out(connection: duckdb.DuckDBPyConnection, doomed: DeletionPredicate) -> None:
    """None of its spans is stored any more."""
    index.strike_out(connection, _row(doomed))


def _row(doomed: DeletionPredicate) -> index.DeletionRow:
    return index.DeletionRow(doomed.column, doomed.value, doomed.before_seq)
