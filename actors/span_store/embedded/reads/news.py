"""What came in lately, in the order of arrival, for many filters at once: read from memtables, and never from files."""

from collections.abc import Container, Iterator, Sequence
from functools import cached_property
from itertools import islice

import attrs
import pyarrow as pa
import pyarrow.compute as pc

from actors.errors import NeedsRoom
from actors.span_store.asked.arrivals import Arrivals, ArrivedSpan, ArrivedTrace, ListArrivals, Watched
from actors.span_store.columns.promoted import is_model_call
from actors.span_store.columns.rows import ROWS
from actors.span_store.columns.spans import LOG
from actors.span_store.columns.types import Untold
from actors.span_store.embedded.hot.memtable import Memtable, Part
from actors.span_store.query.arrow import ArrowFilter
from actors.span_store.query.expression import And, Expression
from actors.span_store.query.position import Position
from actors.span_store.traces.previews import NOTHING, PREVIEWS, Preview
from actors.span_store.traces.summaries import COLUMNS, span_summaries
from actors.span_store.traces.uncounted import COLUMNS as COUNTING
from actors.span_store.traces.uncounted import uncounted

_MOST_ROWS = 16_384  # that are looked at together: what comes in at full speed in a tenth of a second
_MOST_BYTES = 64 * 1024 * 1024  # of these
_AROUND = 65_536  # latest rows in which the other spans of a call are looked for
_PREVIEW_BYTES = 4 * 1024 * 1024  # of spans that are read at once for their previews
_LOG = pa.scalar(LOG, pa.int32())
_SUMMARIES = list(dict.fromkeys(("seq", "status_message", *COLUMNS, *PREVIEWS.columns)))


class Filters:
    """The filters of one round after the other, in one thread: who asks for the same object again finds it made."""

    def __init__(self) -> None:
        self._made: dict[int, tuple[Expression, ArrowFilter]] = {}

    def of(self, expressions: Sequence[Expression]) -> list[ArrowFilter]:
        """One for each; those of the round before that nobody asks for any more go."""
        known = self._made  # by identity: 1 and true are equal in Python
        self._made = {id(each): known.get(id(each)) or (each, ArrowFilter(each)) for each in expressions}
        return [self._made[id(each)][1] for each in expressions]


@attrs.frozen
class Recent:
    """Rows in memory behind a position, part by part, and the number of the first of them."""

    parts: tuple[Part, ...]
    first_seq: int

    @classmethod
    def behind(cls, memtables: Sequence[Memtable], after: int) -> "Recent | None":
        """``None`` for what is before the first row in memory, and behind the last one."""
        found: list[Part] = []
        for memtable in reversed(memtables):
            parts = memtable.parts  # once: the writer goes on
            end = memtable.first_seq + sum(part.num_rows for part in parts)
            if memtable is memtables[-1] and after > end:
                return None
            for part in reversed(parts):
                if end <= after:
                    return cls(tuple(reversed(found)), end)
                found.append(part)
                end -= part.num_rows
            if end <= after:
                return cls(tuple(reversed(found)), end)
        return None

    @property
    def next_seq(self) -> int:
        return self.first_seq + sum(part.num_rows for part in self.parts)

    def rows(self, after: int) -> tuple[list[pa.RecordBatch], int]:
        """The first whole rows behind ``after``, and the number behind them. ``OSError`` when they cannot be read."""
        found: list[pa.RecordBatch] = []
        seq, rows, size = self.first_seq, 0, 0
        for part in self.parts:
            end = seq + part.num_rows
            if end > after:
                if rows >= _MOST_ROWS or size >= _MOST_BYTES:
                    return found, seq
                found.append(part.whole().slice(max(0, after - seq)))
                rows, size = rows + found[-1].num_rows, size + found[-1].nbytes
            seq = end
        return found, seq


class News:
    """What is behind one position, for any number of filters."""

    def __init__(self, memtables: Sequence[Memtable], recent: Recent, after: int) -> None:
        batches, end = recent.rows(after)
        table = pa.Table.from_batches(batches, ROWS)
        self._spans = table.filter(pc.not_equal(table["kind"], _LOG))
        self._memtables = memtables
        self._end = Position(end)
        self._is_last = end >= recent.next_seq
        self._tables: dict[frozenset[str], pa.Table] = {}
        self._summaries: dict[int, ArrivedSpan] = {}

    def matching(self, made: ArrowFilter, watched: Watched) -> Sequence[int]:
        """Rows of what the filter is true of."""
        if watched.traces is None:
            return self._true_of(made)
        rows, among = set(self._true_of(made)), watched.traces
        return [row for row, trace in enumerate(self._trace_ids) if row in rows or trace in among]

    def arrivals(self, rows: Sequence[int], watched: Watched) -> Arrivals:
        """The first of these rows; the others are counted."""
        if watched.traces is not None:
            return self._of_traces(rows, watched.limit)
        spans = tuple(self._summaries[row] for row in rows[: watched.limit])
        skipped = max(0, len(rows) - watched.limit)
        return Arrivals(spans=spans, skipped=skipped, end=self._end, is_last=self._is_last)

    def page(self, rows: Sequence[int], request: ListArrivals) -> Arrivals:
        """The first of these rows, and where it goes on behind them."""
        shown = rows[: request.limit]
        is_cut = len(rows) > len(shown)
        end = Position(self._seq(shown[-1]) + 1) if is_cut else self._end
        is_last = self._is_last and not is_cut
        if request.traces:
            return attrs.evolve(self._of_traces(shown, len(shown)), end=end, is_last=is_last)
        self.summarize(shown, request.room)
        return Arrivals(spans=tuple(self._summaries[row] for row in shown), end=end, is_last=is_last)

    def summarize(self, rows: Sequence[int], room: int | None = None) -> None:
        """Make the summaries of these rows, all at once. ``NeedsRoom``."""
        some = self._spans.select(_SUMMARIES).take(pa.array(rows, pa.int64()))
        if room is not None and some.nbytes > room:
            raise NeedsRoom(some.nbytes)
        counted = self._counted(some)
        spans = span_summaries(some, range(some.num_rows), counted, {})
        for row, span, lines in zip(rows, spans, _lines(some), strict=True):
            shown = span if lines == NOTHING else attrs.evolve(span, input_preview=lines[0], output_preview=lines[1])
            self._summaries[row] = ArrivedSpan(span=shown, position=Position(self._seq(row) + 1))

    def _true_of(self, made: ArrowFilter) -> list[int]:
        if made.expression == And():
            return list(range(self._spans.num_rows))
        rows: Untold = pc.indices_nonzero(
            pc.fill_null(made.mask(self._with(made.columns)), pa.scalar(False, pa.bool_()))
        )
        found: list[int] = rows.to_pylist()
        return found

    def _with(self, columns: frozenset[str]) -> pa.Table:
        """These columns in one piece, in which a filter is evaluated soonest."""
        if columns not in self._tables:
            self._tables[columns] = self._spans.select(sorted(columns or {"seq"})).combine_chunks()
        return self._tables[columns]

    def _of_traces(self, rows: Sequence[int], limit: int) -> Arrivals:
        first: dict[str, int] = {}
        ids = self._trace_ids
        for row in rows:
            first.setdefault(ids[row], row)
        traces = tuple(
            ArrivedTrace(trace_id=trace_id, position=Position(self._seq(row) + 1))
            for trace_id, row in islice(first.items(), limit)
        )
        return Arrivals(traces=traces, skipped=max(0, len(first) - limit), end=self._end, is_last=self._is_last)

    @cached_property
    def _trace_ids(self) -> list[str]:
        ids: Untold = self._spans["trace_id"]
        return list(ids.to_pylist())

    def _seq(self, row: int) -> int:
        seq: int = self._spans["seq"][row].as_py()
        return seq

    def _counted(self, some: pa.Table) -> Container[int]:
        """Rows of spans that stand for a model call, as far as their traces are known by now."""
        are_calls: Untold = pc.indices_nonzero(is_model_call(some["type"]))
        if not len(are_calls):
            return ()
        around = self._around(some["trace_id"].take(are_calls).combine_chunks().unique())
        left: Untold = uncounted(around)["seq"]
        seqs: Untold = some["seq"].combine_chunks()
        count: Untold = pc.invert(pc.is_in(seqs.take(are_calls), value_set=left.combine_chunks()))
        return set(are_calls.filter(count).to_pylist())

    def _around(self, traces: Untold) -> pa.Table:
        """The latest spans of these traces, in memory."""
        found: list[pa.RecordBatch] = []
        for part in _latest(self._memtables):
            found.append(part.indexed_columns.select([*COUNTING, "kind"]))
            if sum(batch.num_rows for batch in found) >= _AROUND:
                break
        table = pa.Table.from_batches(found)
        mine = pc.and_(pc.is_in(table["trace_id"], value_set=traces), pc.not_equal(table["kind"], _LOG))
        return table.filter(mine).select(list(COUNTING)).combine_chunks()


def news(memtables: Sequence[Memtable], watched: Sequence[Watched], filters: Filters) -> list[Arrivals | None]:
    """What is new for each; ``None`` where that is not in memory any more. ``OSError`` when it cannot be read."""
    found: dict[int, News | None] = {}
    rows: list[Sequence[int]] = []
    for each, made in zip(watched, filters.of([each.where for each in watched]), strict=True):
        after = each.after.number
        if after not in found:
            recent = Recent.behind(memtables, after)
            found[after] = None if recent is None else News(memtables, recent, after)
        of_it = found[after]
        rows.append(() if of_it is None else of_it.matching(made, each))
    for after, of_it in found.items():
        if of_it is not None:
            of_it.summarize(sorted(_shown(after, watched, rows)))
    return [
        None if (of_it := found[each.after.number]) is None else of_it.arrivals(some, each)
        for each, some in zip(watched, rows, strict=True)
    ]


def _shown(after: int, watched: Sequence[Watched], rows: Sequence[Sequence[int]]) -> set[int]:
    """Rows of spans that anybody sees behind this position."""
    return {
        row
        for each, some in zip(watched, rows, strict=True)
        if each.after.number == after and each.traces is None
        for row in some[: each.limit]
    }


def recent_page(memtables: Sequence[Memtable], request: ListArrivals) -> Arrivals | None:
    """A page of what is in memory. ``None`` for a position before it. ``OSError`` and ``NeedsRoom``."""
    recent = Recent.behind(memtables, request.after.number)
    if recent is None:
        return None
    found = News(memtables, recent, request.after.number)
    watched = Watched(where=request.where, after=request.after, limit=request.limit)
    rows, count = found.matching(ArrowFilter(request.where), watched), request.limit
    while True:
        try:
            return found.page(rows, attrs.evolve(request, limit=count))
        except NeedsRoom:
            if count == 1:
                raise
        count = max(1, min(count, len(rows)) // 2)


def _latest(memtables: Sequence[Memtable]) -> Iterator[Part]:
    for memtable in reversed(memtables):
        yield from reversed(memtable.parts)


def _lines(spans: pa.Table) -> list[Preview]:
    """Of each span that is of some type. What is large has none."""
    some = spans.filter(spans["type"].is_valid()).select(list(PREVIEWS.columns))
    lines = iter(_previews(some) if some.num_rows else ())
    known: Untold = spans["type"].is_valid()
    return [next(lines) if is_known else NOTHING for is_known in known.to_pylist()]


def _previews(spans: pa.Table) -> list[Preview]:
    if spans.nbytes <= _PREVIEW_BYTES:
        return list(PREVIEWS.read(spans))
    if spans.num_rows == 1:
        return [NOTHING]
    half = spans.num_rows // 2
    return _previews(spans.slice(0, half)) + _previews(spans.slice(half))
