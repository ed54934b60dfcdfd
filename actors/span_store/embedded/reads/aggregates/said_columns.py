"""What spans say that the index does not have, as columns of the relation that has the spans."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import attrs
import pyarrow as pa

from actors.errors import DeadlineExceeded, TooLarge
from actors.span_store.columns.types import AnyField, Untold
from actors.span_store.embedded.reads.aggregates.registered import arrow_of, registered
from actors.span_store.embedded.reads.aggregates.stored import Stored
from actors.span_store.embedded.reads.aggregates.stored_columns import columns_at
from actors.span_store.embedded.reads.row_location import RowLocation
from actors.span_store.embedded.reads.span_table import IN_MEMORY
from actors.span_store.embedded.reads.walk import Files, pieces
from actors.span_store.query.expression import Or
from actors.span_store.query.language.open_fields import open_fields, open_has
from actors.span_store.query.language.tree import Name
from actors.span_store.query.listed_values import columns_for, first_values
from actors.span_store.query.sql import Condition

_SAID = "stats_said"
_MOST = 1_000_000  # spans that are read
_MOST_BYTES = 64 * 1024 * 1024  # of what they say


@contextmanager
def with_said(
    stored: Stored, spans: str, asked: Condition, names: Sequence[str], is_left: Callable[[], bool]
) -> Iterator[str]:
    """The relation ``spans`` with a column for each name, ``said_column`` of it, null but for spans that are asked for.

    A name is a prefix and a key. ``TooLarge`` when too many spans have to be read, or say too much.
    """
    if not names:
        yield spans
        return
    said = _Said(stored, names, is_left).read(_places(stored, spans, asked))
    columns = "".join(f", said.{name}" for name in said.column_names[1:])
    with registered(stored.cursor, _SAID, said):
        yield f"(SELECT span.*{columns} FROM {spans} AS span LEFT JOIN {_SAID} AS said ON span.seq = said.seq)"  # noqa: S608 - own names


def said_column(number: int) -> str:
    """The column of the name with this number."""
    return f"said{number}"


def _places(stored: Stored, spans: str, asked: Condition) -> list[RowLocation]:
    """In the order in which they lie."""
    rows = arrow_of(
        stored.cursor,
        f"SELECT seq, segment, position FROM {spans} WHERE {asked.text} ORDER BY segment, position LIMIT {_MOST + 1:d}",  # noqa: S608 - own names, numbers
        asked.parameters,
    )
    if rows.num_rows > _MOST:
        raise TooLarge(f"More than {_MOST} spans have to be read one by one: narrow down what is counted")
    columns: list[Untold] = rows.columns
    return [
        RowLocation(seq, 0, "") if segment == IN_MEMORY else RowLocation(seq, 0, "", segment, position)
        for seq, segment, position in zip(*(column.to_pylist() for column in columns), strict=True)
    ]


@attrs.frozen
class _Said:
    """Reads what spans say under some names. Segments in which none says any are left out."""

    stored: Stored
    names: Sequence[str]
    is_left: Callable[[], bool]

    def read(self, places: Sequence[RowLocation]) -> pa.Table:
        """The numbers of spans, and what they say."""
        files = Files(self.stored.segments, self.stored.ngrams, self.stored.view.sealed, self._any)
        some = [place for place in places if place.segment is None or files.may_have(place.segment)]
        columns = list(dict.fromkeys(["seq", *(column for name in self.names for column in columns_for(name))]))
        tables, size = [self._of(None)], 0
        for piece in pieces(some):
            if self.is_left():
                raise DeadlineExceeded("Nobody waits for it any more")
            for rows in columns_at(self.stored, piece, columns):
                tables.append(self._of(rows))
                size += tables[-1].nbytes
            if size > _MOST_BYTES:
                raise TooLarge("What so many spans say takes too much memory: narrow down what is counted")
        return pa.concat_tables(tables)

    @property
    def _any(self) -> Or:
        return Or(open_has(open_fields(Name(text=name, column=1))) for name in self.names)

    def _of(self, rows: pa.Table | None) -> pa.Table:
        """What rows say; of none, a table without any."""
        said: list[AnyField] = [pa.field(said_column(number), pa.string()) for number, _ in enumerate(self.names)]
        schema = pa.schema([pa.field("seq", pa.uint64()), *said])
        if rows is None:
            return schema.empty_table()
        values = (pa.array(first_values(rows, name), pa.string()) for name in self.names)
        return pa.Table.from_arrays([rows["seq"].combine_chunks(), *values], schema=schema)
