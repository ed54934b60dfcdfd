"""Which calls do not count of the traces that have spans in memory: decided when it is asked, from all of their parts.

What is sealed is decided when it is sealed. Of a trace of which memory has more, that does not hold any more. While
nothing is flushed, only traces of which there are new spans are decided again.
"""

import threading
import time

import attrs
import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from actors.span_store.columns.promoted import is_model_call
from actors.span_store.columns.spans import LOG
from actors.span_store.columns.types import Untold
from actors.span_store.embedded.hot.memtable import MemtableSnapshot
from actors.span_store.embedded.sealed.index import sealed_calls, spans_of_traces
from actors.span_store.embedded.sealed.manifest import Segment
from actors.span_store.traces.uncounted import COLUMNS, uncounted

# Of so many spans in memory it is decided twice a second at most: it takes some milliseconds for each ten thousand.
_MANY, _SECONDS = 20_000, 0.5
_SEVERAL = 2
_READ = (*dict.fromkeys((*COLUMNS, "kind")),)
_TRACES = pa.schema([pa.field("trace_id", pa.string())])


@attrs.frozen(eq=False)
class Decided:
    """``uncounted`` has ``seq`` and ``trace_id`` of calls that do not count.

    ``traces`` has the ids of those sealed traces that this holds for.
    """

    uncounted: pa.Table
    traces: pa.Table


@attrs.frozen(eq=False)
class _Decided:
    """What was decided last, and of what. Both never change, and are kept so that nothing else takes their place."""

    recent: tuple[int, int]
    sealed: tuple[Segment, ...]
    at: float
    decided: Decided


class RecentCalls:
    """Decides for all readers, and keeps the last answer. For any thread."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._kept: _Decided | None = None

    def decided(
        self, cursor: duckdb.DuckDBPyConnection, recent: MemtableSnapshot, sealed: tuple[Segment, ...]
    ) -> Decided:
        """Of these spans; where there are many, perhaps of those of half a second before."""
        with self._turn:
            kept = self._kept
            if kept is None or not _holds(kept, recent, sealed):
                at = time.monotonic()
                before = None if kept is None or not _goes_on(kept, recent, sealed) else kept
                self._kept = kept = _Decided(
                    (recent.first_seq, recent.next_seq), sealed, at, _decide(cursor, recent, before)
                )
            return kept.decided


def _holds(kept: _Decided, recent: MemtableSnapshot, sealed: tuple[Segment, ...]) -> bool:
    if kept.recent[0] == recent.first_seq and kept.recent[1] >= recent.next_seq and kept.sealed is sealed:
        return True  # perhaps of a few more spans, which another reader has seen
    return recent.table.num_rows > _MANY and time.monotonic() < kept.at + _SECONDS


def _goes_on(kept: _Decided, recent: MemtableSnapshot, sealed: tuple[Segment, ...]) -> bool:
    """Whether memory has but more spans than then."""
    return kept.recent[0] == recent.first_seq and kept.recent[1] <= recent.next_seq and kept.sealed is sealed


def _decide(cursor: duckdb.DuckDBPyConnection, recent: MemtableSnapshot, before: _Decided | None) -> Decided:
    """Decide of all traces in memory, or of those of which it has more than ``before``."""
    if before is None:
        return _decided_of(cursor, recent.first_seq, recent.table.select(_READ))
    begin = before.recent[1] - recent.first_seq  # rows are in the order of their numbers, without a gap
    touched: Untold = recent.table["trace_id"].slice(begin).combine_chunks().unique()
    rows = recent.table.select(_READ)
    again = _decided_of(cursor, recent.first_seq, rows.filter(pc.is_in(rows["trace_id"], value_set=touched)))
    return Decided(
        pa.concat_tables([_without(before.decided.uncounted, touched), again.uncounted]),
        pa.concat_tables([_without(before.decided.traces, touched), again.traces]),
    )


def _without(rows: pa.Table, traces: Untold) -> pa.Table:
    return rows.filter(pc.invert(pc.is_in(rows["trace_id"], value_set=traces)))


def _decided_of(cursor: duckdb.DuckDBPyConnection, first_recent: int, rows: pa.Table) -> Decided:
    """Decide of these rows, which are all that memory has of their traces."""
    spans = rows.filter(pc.not_equal(rows["kind"], pa.scalar(LOG, pa.int32()))).select(COLUMNS)
    sealed = sealed_calls(cursor, spans["trace_id"].combine_chunks().unique())
    several = _with_several(spans, sealed)
    traces: Untold = sealed["trace_id"].filter(pc.is_in(sealed["trace_id"], value_set=several)).combine_chunks()
    spans = spans.filter(pc.is_in(spans["trace_id"], value_set=several))
    if len(traces):
        earlier = spans_of_traces(cursor, traces.to_pylist()).select(COLUMNS).cast(spans.schema)
        first: Untold = pa.scalar(first_recent, pa.uint64())
        spans = pa.concat_tables([spans, earlier.filter(pc.less(earlier["seq"], first))])
    return Decided(uncounted(spans), pa.Table.from_arrays([traces], schema=_TRACES))


def _with_several(spans: pa.Table, sealed: pa.Table) -> Untold:
    """The traces that have several calls, wherever they are."""
    calls = spans.select(["trace_id"]).filter(is_model_call(spans["type"]))
    ones = calls.append_column("calls", pa.repeat(pa.scalar(1, pa.int64()), calls.num_rows))
    grouped = pa.concat_tables([ones, sealed.cast(ones.schema)]).group_by("trace_id")
    counts = grouped.aggregate([("calls", "sum")])
    several: Untold = counts["trace_id"].filter(pc.greater_equal(counts["calls_sum"], pa.scalar(_SEVERAL, pa.int64())))
    return several.combine_chunks()
