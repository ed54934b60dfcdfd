"""Reads some columns of a trace, wherever its spans are: much less than all that is stored of them."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path

import attrs
import duckdb
import pyarrow as pa

from actors.span_store.columns.attribute_column import KEYS, KEYS_FIELD, STORED, with_keys
from actors.span_store.columns.rows import ROWS
from actors.span_store.columns.types import AnyColumn
from actors.span_store.embedded.damage import Damage
from actors.span_store.embedded.hot.memtable import MemtableSnapshot
from actors.span_store.embedded.reads.gathered import Gathered
from actors.span_store.embedded.reads.row_location import before
from actors.span_store.embedded.sealed.index import TracePart, parts_of
from actors.span_store.embedded.sealed.segment_file import groups_at, positions_of, read_rows, read_some, segment_path
from actors.span_store.query.arrow import ArrowFilter
from actors.span_store.query.expression import SPANS, And, Expression, OneOf, Promoted, equal
from actors.span_store.storage import TraceColumns

KEYS_ALONE = f"{STORED}.key_value.key"  # as a segment has them
_NEEDED = ("seq", "trace_id", "span_id", "kind")  # to find the spans


@attrs.frozen
class TraceTable:
    """The spans of one view; ``recent`` is what memory has."""

    cursor: duckdb.DuckDBPyConnection
    recent: MemtableSnapshot
    segments: Path
    damage: Damage

    def read(self, request: TraceColumns) -> pa.Table:
        """As ``SpanStorage.columns`` has it. Those of a damaged segment are left out, and that is reported."""
        wanted, columns = _wanted(request), list(request.columns)
        tables = Gathered(request.room)
        selected = partial(_selected, columns=columns)
        recent = self.recent.some(ArrowFilter(wanted).mask, _stored(columns), selected)
        tables.add_all(chain(recent, map(selected, self._sealed(request, wanted))))
        return pa.concat_tables([_no_rows(columns), *tables.parts])

    def _sealed(self, request: TraceColumns, wanted: Expression) -> Iterator[pa.Table]:
        sealed = ArrowFilter(And([wanted, before(self.recent.first_seq)]))
        for place in parts_of(self.cursor, request.trace_id):
            path = segment_path(self.segments, place.segment)
            table = self.damage.skipped(self.cursor, path.name, partial(_read, path, place, request, sealed.mask))
            if table is not None:
                yield table


def _read(path: Path, place: TracePart, request: TraceColumns, mask: Callable[[pa.Table], AnyColumn]) -> pa.Table:
    """Rows of a segment. Where few of many are wanted, it is found out first which ones they are."""
    columns = list(dict.fromkeys((*_NEEDED, *(KEYS_ALONE if name == KEYS else name for name in request.columns))))
    room = request.room if STORED in columns else None  # other columns are small, however large the rows are
    if request.span_ids is None or len(request.span_ids) >= len(groups_at(path, place.ranges)):
        return read_some(path, place.ranges, columns, mask, room=room)
    positions = positions_of(path, place.ranges, _NEEDED, mask)
    return read_rows(path, positions, columns, room=room) if positions else _no_rows(request.columns)


def _wanted(request: TraceColumns) -> Expression:
    of_trace = And([equal(trace_id=request.trace_id), SPANS])
    if request.span_ids is None:
        return of_trace
    return And([of_trace, OneOf(Promoted("span_id"), tuple(request.span_ids))])


def _stored(columns: Sequence[str]) -> list[str]:
    """The columns of memory that these are made of."""
    return list(dict.fromkeys(STORED if name == KEYS else name for name in columns))


def _selected(rows: pa.Table, columns: Sequence[str]) -> pa.Table:
    return (with_keys(rows) if KEYS in columns and KEYS not in rows.column_names else rows).select(columns)


def _no_rows(columns: Sequence[str]) -> pa.Table:
    return pa.schema([KEYS_FIELD if name == KEYS else ROWS.field(name) for name in columns]).empty_table()
