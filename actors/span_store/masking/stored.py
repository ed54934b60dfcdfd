"""Masking of rows on their way out. What is stored stays as it is."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import compress
from operator import ne
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from actors.span_store.columns.attribute_column import shown
from actors.span_store.columns.log_rows import stored_rows
from actors.span_store.columns.logs import Logs
from actors.span_store.columns.read_back import logs_of, spans_of
from actors.span_store.columns.rows import SpanRows, span_rows
from actors.span_store.columns.spans import LOG
from actors.span_store.columns.types import AnyColumn, Untold
from actors.span_store.masking.masking import Masking

T = TypeVar("T")

_TOGETHER = 500  # rows that are values of Python at once
_LOG = pa.scalar(LOG, pa.int32())
# What the cost of a call was made of. Where masking leaves that as it was, the cost stays: no attribute says it.
_PRICED_BY = (
    *("model", "provider", "cost", "input_tokens", "output_tokens"),
    *("cache_read_tokens", "cache_write_tokens", "reasoning_tokens"),
)
_COSTS = ("cost_usd", "cost_source")


def masked_rows(rows: pa.Table, masking: Masking) -> pa.Table:
    """Rows of an export, masked as if they had been when they came: columns that attributes fill are filled anew.

    Ids, numbers and order stay. CPU-heavy: 0.1 to 0.2 ms a span of 2 KB.
    """
    return pa.concat_tables([rows.slice(0, 0), *_pieces(rows, masking)])


def _pieces(rows: pa.Table, masking: Masking) -> Iterator[pa.Table]:
    for begin in range(0, rows.num_rows, _TOGETHER):
        some = rows.slice(begin, _TOGETHER)
        is_log: Untold = pc.equal(some["kind"], _LOG)
        spans, logs = some.filter(pc.invert(is_log)), some.filter(is_log)
        if spans.num_rows:
            yield _masked(spans, spans_of(spans), masking.spans, span_rows)
        if logs.num_rows:
            yield _masked(logs, logs_of(logs), masking.logs, lambda records: stored_rows(Logs(records)))


def _masked(
    rows: pa.Table, given: Sequence[T], mask: Callable[[Iterable[T]], list[T]], made: Callable[[list[T]], SpanRows]
) -> pa.Table:
    """The rows, of which those are made anew in which anything was found."""
    masked = mask(given)
    are_changed = list(map(ne, masked, given))
    places = list(compress(range(len(given)), are_changed))
    if not places:
        return rows
    of_changed = rows.take(pa.array(places, pa.int64()))
    batch = made(list(compress(masked, are_changed))).batch
    new = _with_stored(shown(pa.Table.from_batches([batch])), of_changed)
    return _replaced(rows, new.select(rows.column_names).cast(rows.schema), places)


def _with_stored(new: pa.Table, stored: pa.Table) -> pa.Table:
    """The new rows with what no attribute says: their number and, where it holds, their cost."""
    holds: Any = None
    for name in _PRICED_BY:
        same: Untold = _same(new[name], stored[name])
        holds = same if holds is None else pc.and_(holds, same)
    for name in _COSTS:
        column: AnyColumn = pc.if_else(holds, stored[name], new[name])
        new = new.set_column(new.schema.get_field_index(name), new.schema.field(name), column)
    return new.append_column("seq", stored["seq"])


def _same(one: AnyColumn, two: AnyColumn) -> Untold:
    """Where two columns have the same value, or both none."""
    both_null: Untold = pc.and_(pc.is_null(one), pc.is_null(two))
    return pc.or_(both_null, pc.fill_null(pc.equal(one, two), pa.scalar(value=False)))


def _replaced(rows: pa.Table, new: pa.Table, places: Sequence[int]) -> pa.Table:
    """The rows with the new ones in these places."""
    taken = list(range(rows.num_rows))
    for number, place in enumerate(places):
        taken[place] = rows.num_rows + number
    return pa.concat_tables([rows, new]).take(pa.array(taken, pa.int64()))
