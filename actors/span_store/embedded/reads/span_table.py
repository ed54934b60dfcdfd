"""All spans that are acknowledged as one table: sealed ones in the index, the others in memory.

Here is the SQL of what users ask for. What the store does for itself is in ``sealed.index``.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property

import attrs
import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from actors.span_store.columns.promoted import is_model_call
from actors.span_store.columns.rows import INDEX_COLUMNS
from actors.span_store.columns.spans import LOG
from actors.span_store.columns.types import AnyColumn, Untold
from actors.span_store.embedded.hot.memtable import MemtableSnapshot
from actors.span_store.embedded.reads.recent_calls import Decided, RecentCalls
from actors.span_store.embedded.reads.row_location import RowLocation, before, locations, newest_first
from actors.span_store.embedded.sealed.index import (
    demand_all,
    has_uncounted,
    in_segments_of,
    trace_numbers,
    transaction,
)
from actors.span_store.embedded.sealed.manifest import Segment, in_reach
from actors.span_store.embedded.sealed.root_cache import RootCache
from actors.span_store.query.arrow import ArrowFilter
from actors.span_store.query.expression import COUNTED, SPANS, And, Expression, OneOf, Promoted
from actors.span_store.query.pruning import reach
from actors.span_store.query.sql import Condition, condition

INDEXED = frozenset(INDEX_COLUMNS)
LISTED = INDEXED | {COUNTED}  # what ``relation`` has
IN_MEMORY = 2**32 - 1  # in place of the number of a segment
_COLUMNS = ", ".join(INDEX_COLUMNS)
_RECENT = "recent_span"
_NEWEST_FIRST = "ORDER BY start_time_unix_nano DESC, seq DESC"
_FIRST_SEGMENTS = 8  # that a list looks into
_NEEDED_IN_MEMORY = ("type", "seq")
_IS_SPAN = f"kind <> {LOG:d}"
_IS_CALL = "coalesce(type IN ('llm', 'embedding'), false)"
_LEFT, _DECIDED = "recent_uncounted", "recent_decided"
# Of traces of which memory has more, what was decided when the rest was sealed does not hold any more.
_SEALED_LEFT = f"""
    SELECT seq FROM uncounted WHERE trace_id NOT IN (SELECT trace_id FROM {_DECIDED}) UNION ALL SELECT seq FROM {_LEFT}
"""  # noqa: S608 - own names
# The same for rows that were read, beside a relation that is open.
_ROWS_DECIDED, _NEAR = "rows_decided", 65_536
_ROWS_LEFT = f"""
    SELECT seq FROM uncounted WHERE trace_id NOT IN (SELECT trace_id FROM {_ROWS_DECIDED}) AND seq BETWEEN ? AND ?
"""  # noqa: S608 - own names


@attrs.frozen
class View:
    """What memory says of the spans."""

    recent: MemtableSnapshot
    sealed: tuple[Segment, ...]  # of the same moment as ``recent``, or a later one
    roots: RootCache
    calls: RecentCalls = attrs.field(factory=RecentCalls)


class _Search:
    """An expression that the index can answer, with what is made of it once for a whole read."""

    def __init__(self, expression: Expression, first_recent: int) -> None:
        self._sealed = And([expression, before(first_recent)])  # each row is seen once: see ``SpanTable``
        self.recent = ArrowFilter(expression)

    @cached_property
    def sealed(self) -> ArrowFilter:
        return ArrowFilter(self._sealed)

    @cached_property
    def condition(self) -> Condition:
        return condition(self._sealed, INDEXED)


class SpanTable:
    """One view of the spans, on a reader's cursor. Log records of spans are in none of its answers, but for ``has``.

    The flusher moves spans from memory to the index while queries run. The view is taken first, and of the index only
    what came before its first span is read: so each span is seen once. Segments are joined and written anew meanwhile,
    under new numbers: ``FileNotFoundError`` when that happens to one before it was looked into.
    """

    def __init__(self, cursor: duckdb.DuckDBPyConnection, view: View) -> None:
        self._cursor = cursor
        self._recent = view.recent
        self._sealed = view.sealed
        self._roots = view.roots
        self._calls = view.calls
        self._uncounted: tuple[int, int, Untold] | None = (
            None  # those that were asked for last, and between which numbers
        )

    @contextmanager
    def relation(self) -> Iterator[str]:
        """All spans with the columns of the index, for SQL: what stands behind FROM, as long as the block lasts.

        ``counted`` says whether a span stands for a model call; ``segment`` and ``position`` where it is, of one in
        memory ``IN_MEMORY`` and its number.
        """
        decided = self._decided
        sealed, recent = self._counted(decided)
        named = {_RECENT: self._recent.table, _LEFT: decided.uncounted, _DECIDED: decided.traces}
        for name, table in named.items():
            self._cursor.register(name, table)
        try:
            yield (
                f"(SELECT {_COLUMNS}, {sealed} AS counted, segment, position::UBIGINT AS position "  # noqa: S608 - own names, numbers
                f"FROM span WHERE seq < {self._recent.first_seq:d} AND {_IS_SPAN} "
                f"UNION ALL SELECT {_COLUMNS}, {recent} AS counted, {IN_MEMORY:d}::UINTEGER AS segment, "
                f"seq AS position FROM {_RECENT} WHERE {_IS_SPAN})"
            )
        finally:
            for name in named:
                self._cursor.unregister(name)

    def in_memory(self, traces: Sequence[str], columns: Sequence[str], limit: int) -> pa.Table:
        """The first so many spans of these traces that are in memory, as ``relation`` has them."""
        stored = [name for name in INDEX_COLUMNS if name in columns or name in _NEEDED_IN_MEMORY]
        rows = self._recent.of_traces(traces, stored, limit)
        left = self._decided.uncounted["seq"].combine_chunks()
        counted = pc.and_(is_model_call(rows["type"]), pc.invert(pc.is_in(rows["seq"], value_set=left)))
        segment: Untold = pa.scalar(IN_MEMORY, pa.uint32())
        told = rows.append_column("counted", counted).append_column("segment", pa.repeat(segment, rows.num_rows))
        return told.append_column("position", rows["seq"]).select(columns)

    @cached_property
    def _decided(self) -> Decided:
        return self._calls.decided(self._cursor, self._recent, self._sealed)

    def _counted(self, decided: Decided) -> tuple[str, str]:
        """Conditions on sealed and on recent rows. Where all calls count, nothing more is asked."""
        recent = f"{_IS_CALL} AND seq NOT IN (SELECT seq FROM {_LEFT})" if decided.uncounted.num_rows else _IS_CALL  # noqa: S608 - own names
        if not decided.uncounted.num_rows and not has_uncounted(self._cursor):
            return _IS_CALL, recent
        return f"{_IS_CALL} AND seq NOT IN ({_SEALED_LEFT})", recent

    def counted(self, rows: pa.Table) -> AnyColumn:
        """Of each of some rows of ``ROWS``, whether it stands for a model call. They have ``seq`` and ``type``."""
        seqs: Untold = rows["seq"]
        is_call = is_model_call(rows["type"])
        if not pc.any(is_call).as_py():
            return is_call
        ends: Untold = pc.min_max(seqs).as_py()
        return pc.and_(is_call, pc.invert(pc.is_in(seqs, value_set=self._left_between(ends["min"], ends["max"]))))

    def _left_between(self, first: int, last: int) -> Untold:
        """Numbers of calls that do not count: of all between these, at least."""
        known = self._uncounted
        if known is None or not known[0] <= first <= last <= known[1]:
            first, last = max(0, first - _NEAR), last + _NEAR
            known = self._uncounted = first, last, self._read_left(first, last)
        return known[2]

    def _read_left(self, first: int, last: int) -> Untold:
        decided = self._calls.decided(self._cursor, self._recent, self._sealed)
        self._cursor.register(_ROWS_DECIDED, decided.traces)
        try:
            rows = self._cursor.execute(_ROWS_LEFT, [first, last]).fetchall()
        finally:
            self._cursor.unregister(_ROWS_DECIDED)
        sealed = pa.array([seq for (seq,) in rows], pa.uint64())
        return pa.chunked_array([sealed, *decided.uncounted["seq"].chunks], pa.uint64()).combine_chunks()

    def newest(
        self, expression: Expression, limit: int, has_any: Callable[[Segment], bool] = lambda _: True
    ) -> list[RowLocation]:
        """The newest places, from what is in memory and as few segments as can be sure to have them.

        It begins with the segments that have the newest spans; the time does not grow with what is stored. Segments
        without ``has_any`` are left out, which is asked of a segment when its turn comes.
        """
        wanted = self._of_spans(expression)
        segments = in_reach(self._sealed, reach(expression))
        found = locations(self._recent.table, wanted.recent, limit)
        begin, end = 0, _FIRST_SEGMENTS
        while True:
            found += self._in_segments(wanted, [each.number for each in segments[begin:end] if has_any(each)], limit)
            found = sorted(found, key=newest_first)[:limit]
            if end >= len(segments) or (
                len(found) == limit and found[-1].start_time_unix_nano > segments[end].last_start_time_unix_nano
            ):
                return found
            begin, end = end, 4 * end

    def newest_of_trace(self, trace_id: str, expression: Expression, limit: int) -> list[RowLocation]:
        """As ``newest`` does, in the segments that may have spans of the trace."""
        wanted = self._of_spans(expression)
        found = locations(self._recent.table, wanted.recent, limit)
        found += self._indexed(wanted, in_segments_of([trace_id]), limit)
        return sorted(found, key=newest_first)

    def has(self, expression: Expression) -> bool:
        """Whether it is true of any span or log record."""
        wanted = _Search(expression, self._recent.first_seq)
        return bool(locations(self._recent.table, wanted.recent, 1) or self._indexed(wanted, "TRUE", 1))

    def stored_traces(self, traces: Collection[str]) -> frozenset[str]:
        """Those of the traces that have a span."""
        recent = locations(self._recent.table, ArrowFilter(And([OneOf(Promoted("trace_id"), traces), SPANS])), None)
        rows = self._cursor.execute(
            "SELECT DISTINCT trace_id FROM trace_part "  # noqa: S608 - numbers
            f"WHERE span_count > 0 AND trace_number IN ({trace_numbers(traces)})"
        ).fetchall()
        return frozenset(traces) & {*(place.trace_id for place in recent), *(trace_id for (trace_id,) in rows)}

    def latest_segment(self) -> int:
        """The largest number of a segment."""
        [(latest,)] = self._cursor.execute("SELECT coalesce(max(segment), 0) FROM segment").fetchall()
        return int(latest)

    def sealed_llm_traces(self, traces: set[str], first_segment: int) -> set[str]:
        """Those that have a span of kind LLM in this segment, or in one with a larger number."""
        rows = self._cursor.execute(
            "SELECT trace_id FROM trace_part "  # noqa: S608 - own numbers
            f"WHERE segment >= {first_segment:d} AND trace_number IN ({trace_numbers(traces)}) AND llm_count > 0"
        ).fetchall()
        return {trace_id for (trace_id,) in rows}.intersection(traces)

    def _of_spans(self, expression: Expression) -> _Search:
        return _Search(And([expression, SPANS]), self._recent.first_seq)

    def _in_segments(self, wanted: _Search, segments: list[int], limit: int) -> list[RowLocation]:
        """The newest of these segments, from memory where it has what is asked for."""
        kept = self._roots.find(segments) if self._roots.can_answer(wanted.sealed.expression) else {}
        others = [segment for segment in segments if segment not in kept]
        found = []
        if kept:
            found += locations(pa.concat_tables([each.rows for each in kept.values()]), wanted.sealed, limit)
        if others:
            with transaction(self._cursor):
                demand_all(self._cursor, others)
                found += self._indexed(wanted, f"segment IN ({', '.join(map(str, others))})", limit)
        return found

    def _indexed(self, wanted: _Search, where: str, limit: int) -> Sequence[RowLocation]:
        """Sealed spans that the index finds; ``where`` is a condition besides."""
        made = wanted.condition
        rows = self._cursor.execute(
            f"""
            SELECT seq, start_time_unix_nano, trace_id, segment, position
            FROM span WHERE {where} AND ({made.text}) {_NEWEST_FIRST} LIMIT {limit:d}
            """,  # noqa: S608 - the parts are constants of these modules and numbers
            made.parameters,
        ).fetchall()
        return [RowLocation(*row) for row in rows]
