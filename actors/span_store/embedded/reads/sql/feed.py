"""The rows of a view on their way from the index, from memory and from segments into the sandbox."""

import errno
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import attrs
import duckdb
import pyarrow as pa

from actors.errors import DeadlineExceeded, NeedsRoom, TooLarge
from actors.span_store.asked.sql_views import SqlView
from actors.span_store.columns.rows import INDEX_COLUMNS
from actors.span_store.columns.spans import LOG
from actors.span_store.columns.types import AnyField, Untold
from actors.span_store.embedded.reads.aggregates.stored import Stored
from actors.span_store.embedded.reads.span_table import IN_MEMORY, SpanTable
from actors.span_store.embedded.reads.sql.bodies import TOO_LARGE, Bodies
from actors.span_store.embedded.reads.sql.definitions import BODIES, BY_NAME, PLACES, PRESENT, indexed
from actors.span_store.embedded.reads.sql.watch import Watch
from actors.span_store.embedded.sealed.index import transaction

TOO_LONG: Final = "The statement takes more than ten seconds: narrow it down, by time for example"
_ROWS: Final = 16_384  # of the index at once
_FIRST_ROWS, _WHOLE_ROWS = 128, 2048  # of spans that are read whole, at first and then
_TYPES: Final[dict[str, pa.DataType]] = {
    "VARCHAR": pa.string(),
    "JSON": pa.string(),
    "BIGINT": pa.int64(),
    "INTEGER": pa.int32(),
    "DOUBLE": pa.float64(),
    "BOOLEAN": pa.bool_(),
    "TIMESTAMP_NS": pa.timestamp("ns"),
}
_JSON = {b"ARROW:extension:name": b"arrow.json", b"ARROW:extension:metadata": b""}


@attrs.frozen(kw_only=True)
class Projection:
    """What is read for a view: columns of spans or log records, and what the SQL behind them leaves out.

    ``narrowing`` is a SELECT over ``stored``, ``needed`` the columns that it names besides.
    """

    view: str
    columns: tuple[str, ...]
    narrowing: str
    needed: frozenset[str]


def field_of(source: SqlView, name: str) -> AnyField:
    """The field of a column. JSON is text that says of itself that it is JSON."""
    if name == PRESENT:
        return pa.field(name, pa.bool_())
    kind = next(column.type for column in source.columns if column.name == name)
    return pa.field(name, _TYPES[kind], metadata=_JSON if kind == "JSON" else None)


@attrs.define(eq=False)
class Feed:
    """Rows as often as DuckDB asks for them: it does so for each place where a statement reads the view.

    All are of one moment: ``FileNotFoundError`` when a segment was replaced between two of them. A fault of ours does
    not come out of DuckDB as it was; it is kept in ``faults``.
    """

    _stored: Stored
    _projection: Projection
    _bodies: Bodies
    _watch: Watch
    _faults: list[BaseException]
    _open: list[Iterator[pa.RecordBatch]] = attrs.field(factory=list)
    _segments: list[Any] | None = None

    @property
    def schema(self) -> pa.Schema:
        source = BY_NAME["spans" if self._projection.view == "traces" else self._projection.view]
        return pa.schema([field_of(source, name) for name in self._projection.columns])

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Arrow's protocol. Nothing is read before the first batch is asked for."""
        batches = self._kept()
        self._open.append(batches)
        reader: Untold = pa.RecordBatchReader.from_batches(self.schema, batches)
        return reader.__arrow_c_stream__(requested_schema)

    def close(self) -> None:
        """End what was not read to its end. Not while DuckDB reads."""
        for batches in self._open:
            batches.close()  # type: ignore[attr-defined] # they are generators

    def _kept(self) -> Iterator[pa.RecordBatch]:
        try:
            yield from self._batches()
        except Exception as error:
            self._faults.append(error)
            raise

    def _batches(self) -> Iterator[pa.RecordBatch]:
        bodies = BODIES.get(self._projection.view, frozenset()).intersection(self._projection.columns)
        cursor = self._stored.cursor.cursor()
        try:
            with self._watch.over(cursor), self._rows(cursor, needs_places=bool(bodies)) as batches:
                for batch in batches:
                    if self._watch.is_over:
                        raise DeadlineExceeded(TOO_LONG)
                    yield from self._made(batch, bodies) if bodies else (self._plain(batch),)
        finally:
            cursor.close()

    @contextmanager
    def _rows(self, cursor: duckdb.DuckDBPyConnection, *, needs_places: bool) -> Iterator[Iterator[pa.RecordBatch]]:
        with self._relation(cursor) as spans, transaction(cursor):
            self._demand_same_segments(cursor)
            reader = cursor.sql(self._statement(spans, needs_places=needs_places)).to_arrow_reader(_ROWS)
            try:
                yield iter(reader)
            finally:
                reader.close()

    @contextmanager
    def _relation(self, cursor: duckdb.DuckDBPyConnection) -> Iterator[str]:
        """All spans, or all log records, for SQL behind FROM."""
        if self._projection.view != "logs":
            with SpanTable(cursor, self._stored.view).relation() as spans:
                yield spans
            return
        recent, names = self._stored.view.recent, ", ".join(INDEX_COLUMNS)
        cursor.register("recent_log", recent.table)
        try:
            yield (
                f"(SELECT {names}, segment, position::UBIGINT AS position FROM span "  # noqa: S608 - own names, numbers
                f"WHERE seq < {recent.first_seq:d} AND kind = {LOG:d} "
                f"UNION ALL SELECT {names}, {IN_MEMORY:d}::UINTEGER, seq FROM recent_log WHERE kind = {LOG:d})"
            )
        finally:
            cursor.unregister("recent_log")

    def _demand_same_segments(self, cursor: duckdb.DuckDBPyConnection) -> None:
        before = [self._stored.view.recent.first_seq]
        rows = cursor.execute("SELECT segment FROM segment WHERE first_seq < ? ORDER BY segment", before).fetchall()
        if self._segments is None:
            self._segments = rows
        elif rows != self._segments:
            raise FileNotFoundError(errno.ENOENT, "a segment was replaced meanwhile")

    def _statement(self, spans: str, *, needs_places: bool) -> str:
        view, bodies = self._projection.view, BODIES.get(self._projection.view, frozenset())
        names = {name for name in (*self._projection.columns, *self._projection.needed) if name not in bodies}
        if needs_places and view != "logs":
            names |= {"type"}
        columns = [f"{indexed(view, name)} AS {name}" for name in sorted(names)]
        columns += PLACES if needs_places else ()
        only = " WHERE counted" if view == "calls" else ""
        rows = f"SELECT {', '.join(columns)} FROM {spans}{only}"  # noqa: S608 - own names
        return f"WITH stored AS NOT MATERIALIZED ({rows}) {self._projection.narrowing}"

    def _plain(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        return self._batch([batch[name] for name in self._projection.columns])

    def _made(self, batch: pa.RecordBatch, bodies: frozenset[str]) -> Iterator[pa.RecordBatch]:
        """The rows with what is read of each, some at a time: whoever wants few asks for no more."""
        begin, size = 0, _FIRST_ROWS
        while begin < batch.num_rows:
            if self._watch.is_over:
                raise DeadlineExceeded(TOO_LONG)
            rows = pa.Table.from_batches([batch.slice(begin, size)])
            try:
                read = self._bodies.read(self._projection.view, sorted(bodies), rows)
            except NeedsRoom:
                if rows.num_rows == 1:
                    raise TooLarge(TOO_LARGE) from None
                size = rows.num_rows // 2
                continue
            yield self._batch([read[name] if name in read else _one(rows[name]) for name in self._projection.columns])
            begin, size = begin + rows.num_rows, min(2 * size, _WHOLE_ROWS)

    def _batch(self, columns: Sequence[Any]) -> pa.RecordBatch:
        schema = self.schema
        typed = [column.cast(field.type) for column, field in zip(columns, schema, strict=True)]
        return pa.RecordBatch.from_arrays(typed, schema=schema)


def _one(column: Any) -> Any:  # noqa: ANN401 - a column of chunks, and an array
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
