"""Finds all spans that a filter of raw attributes is true of, where n-grams leave few row groups that may have any."""

from collections.abc import Iterable
from functools import partial

import pyarrow as pa

from actors.span_store.columns.rows import ROWS
from actors.span_store.embedded.hot.memtable import MemtableSnapshot
from actors.span_store.embedded.reads.aggregates.stored import Stored
from actors.span_store.embedded.reads.span_table import INDEXED, SpanTable
from actors.span_store.embedded.reads.walk import Files
from actors.span_store.embedded.sealed.row_groups import footer, in_turn, row_group
from actors.span_store.query.arrow import ArrowFilter
from actors.span_store.query.expression import Expression, weakened

_FEW_GROUPS = 96  # row groups that are read, in some tenths of a second
_FEW_RECENT = 65_536  # spans in memory that are looked at
_MEMBERS = ["seq", "trace_id"]


def rare_spans(stored: Stored, files: Files, wanted: Expression) -> pa.Table | None:
    """Number and trace of each; ``None`` where it would take longer. Not inside of a ``moment``."""
    recent = stored.view.recent
    groups = files.groups_left((segment.number for segment in stored.view.sealed), _FEW_GROUPS)
    if groups is None or recent.table.num_rows > _FEW_RECENT:
        return None
    made = ArrowFilter(wanted, SpanTable(stored.cursor, stored.view).counted)
    columns = [name for name in ROWS.names if name in made.columns | set(_MEMBERS)]
    found = list(_in_memory(recent, made, wanted, columns))
    for number, some in groups.items():
        path = files.path(number)
        read = partial(_in_file, files, number, some, made, columns)
        rows = stored.damage.skipped(stored.cursor, path.name, read)
        found += [] if rows is None else [rows]
    return pa.concat_tables([ROWS.empty_table().select(_MEMBERS), *found])


def _in_memory(
    recent: MemtableSnapshot, made: ArrowFilter, wanted: Expression, columns: list[str]
) -> Iterable[pa.Table]:
    answerable, _ = weakened(wanted, INDEXED)
    candidates = recent.some(ArrowFilter(answerable).mask, columns, lambda rows: rows)
    return (made.rows(rows).select(_MEMBERS) for rows in candidates)


def _in_file(files: Files, number: int, groups: Iterable[int], made: ArrowFilter, columns: list[str]) -> pa.Table:
    path = files.path(number)
    sizes = footer(path).sizes

    def read(group: int) -> pa.Table:
        return made.rows(row_group(path, group, columns)).select(_MEMBERS)

    return pa.concat_tables(in_turn(sizes[group], partial(read, group)) for group in groups)
