"""Two samples of spans are drawn, read and compared.

A sample is drawn from few stretches of rows, which are chosen by chance: what is drawn has to be read, and spans that
lie together are read together.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest

import attrs
import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from actors.errors import DeadlineExceeded
from actors.span_store.asked.differences import MOST_LOOKED_AT, Differences, GetDifferences
from actors.span_store.columns.types import AnyColumn, Untold
from actors.span_store.embedded.reads.aggregates.found_spans import found_spans
from actors.span_store.embedded.reads.aggregates.items import DURATION, keys_of
from actors.span_store.embedded.reads.aggregates.registered import arrow_of, registered
from actors.span_store.embedded.reads.aggregates.stored import Stored
from actors.span_store.embedded.reads.aggregates.stored_columns import columns_at
from actors.span_store.embedded.reads.row_location import RowLocation
from actors.span_store.embedded.reads.span_table import IN_MEMORY, LISTED, SpanTable
from actors.span_store.embedded.reads.walk import pieces
from actors.span_store.query.differences import READ, compared, said_by, said_in
from actors.span_store.query.expression import DURATION as DURATION_COLUMN
from actors.span_store.query.expression import And, started_between
from actors.span_store.query.language.fields import FIELDS, Kind
from actors.span_store.query.named_fields import named_by_one
from actors.span_store.query.sql import Condition

_STRETCH = 512  # rows, about those of a row group
_STRETCHES = 256  # that a sample is drawn from
_MOST_BYTES = 48 * 1024 * 1024  # of what is said; no more spans are looked at then
_HERE, _THERE, _CHOSEN = "differences_here", "differences_there", "differences_chosen"
_NO_SEQS = pa.array([], pa.uint64())


def read_differences(stored: Stored, request: GetDifferences, is_left: Callable[[], bool]) -> Differences:
    """Answer what is asked. ``is_left`` says that nobody waits for it any more: then ``DeadlineExceeded``."""
    table, within = SpanTable(stored.cursor, stored.view), started_between(request.since, request.until)
    than = And() if request.than is None else request.than
    with (
        found_spans(stored, table, And([request.where, within]), is_left, _HERE) as here,
        found_spans(stored, table, And([than, within]), is_left, _THERE) as there,
        table.relation() as spans,
    ):
        sides = [here, _without(there, here) if request.than is None else there]
        samples = [_Sample.drawn(stored.cursor, spans, each) for each in sides]
    found = [_Side(sample) for sample in samples]
    _read(stored, found, is_left)
    one, other = found
    counts = one.count, other.count
    fields = compared(one.tables(), other.tables(), counts, named_by_one(request.where, than))
    return Differences(count=one.count, than_count=other.count, fields=fields)


def _without(all_: Condition, some: Condition) -> Condition:
    """What fulfils the first condition alone."""
    return Condition(f"({all_.text}) AND (({some.text}) IS NOT TRUE)", [*all_.parameters, *some.parameters])


def _compared_fields() -> Iterator[tuple[str, str]]:
    """The fields that the relation has and that are no ids and no times, each with its values in SQL."""
    for field in FIELDS:
        if field.column.name == DURATION_COLUMN:
            yield field.name, f"({DURATION})"
        elif field.column.name in LISTED and field.id_digits is None and field.kind is not Kind.TIME:
            [text] = keys_of([field])
            yield field.name, text


_FIELDS = dict(_compared_fields())
_SELECTED = ", ".join(f'{text} AS "{name}"' for name, text in _FIELDS.items())


@attrs.frozen
class _Sample:
    """Spans that were drawn, a stretch after the other, each in the order of its rows."""

    rows: pa.Table

    @classmethod
    def drawn(cls, cursor: duckdb.DuckDBPyConnection, spans: str, wanted: Condition) -> "_Sample":
        stretches = arrow_of(
            cursor,
            "SELECT segment, stretch, row_number() OVER (ORDER BY hash(segment, stretch)) AS turn FROM ("  # noqa: S608 - own names, numbers
            f"SELECT DISTINCT segment, position // {_STRETCH:d} AS stretch FROM {spans} WHERE {wanted.text}"
            f") ORDER BY turn LIMIT {_STRETCHES:d}",
            wanted.parameters,
        )
        with registered(cursor, _CHOSEN, stretches):
            rows = arrow_of(
                cursor,
                f"""
                SELECT seq, span.segment AS segment, position, turn, {_SELECTED}
                FROM (SELECT * FROM {spans} WHERE {wanted.text}) AS span JOIN {_CHOSEN} AS chosen
                    ON span.segment = chosen.segment AND position // {_STRETCH:d} = stretch
                ORDER BY hash(seq) LIMIT {MOST_LOOKED_AT:d}
                """,  # noqa: S608 - own names, numbers
                wanted.parameters,
            )
        return cls(rows.sort_by([("turn", "ascending"), ("position", "ascending")]))

    def pieces(self) -> Iterator[Sequence[RowLocation]]:
        """Their places, as many at a time as are read together."""
        columns: list[Untold] = [self.rows[name] for name in ("seq", "segment", "position")]
        seqs, segments, positions = (column.to_pylist() for column in columns)
        places = [
            RowLocation(seq, 0, "") if segment == IN_MEMORY else RowLocation(seq, 0, "", segment, position)
            for seq, segment, position in zip(seqs, segments, positions, strict=True)
        ]
        return pieces(places)


class _Side:
    """What was read of a sample so far."""

    def __init__(self, sample: _Sample) -> None:
        self.sample = sample
        self.bytes = 0
        self._said: list[pa.Table] = []
        self._seqs: list[AnyColumn] = []

    @property
    def count(self) -> int:
        return sum(map(len, self._seqs))

    def add(self, rows: pa.Table) -> None:
        said = said_in(rows)
        self.bytes += said.nbytes
        self._said.append(said)
        self._seqs.append(rows["seq"])

    def tables(self) -> Sequence[pa.Table]:
        """What is said by those that were read."""
        rows, read = self.sample.rows, [chunk for seqs in self._seqs for chunk in seqs.chunks]
        looked_at = rows.filter(pc.is_in(rows["seq"], value_set=pa.concat_arrays([_NO_SEQS, *read])))
        return [*self._said, said_by(looked_at.select(list(_FIELDS)))]


def _read(stored: Stored, sides: Sequence[_Side], is_left: Callable[[], bool]) -> None:
    """Some of either side by turns, so that both are samples also where there is too much to read."""
    for turn in zip_longest(*(side.sample.pieces() for side in sides)):
        for side, places in zip(sides, turn, strict=True):
            if is_left():
                raise DeadlineExceeded("Nobody waits for it any more")
            if places and sum(each.bytes for each in sides) < _MOST_BYTES:
                for rows in columns_at(stored, places, ["seq", *READ]):
                    side.add(rows)
