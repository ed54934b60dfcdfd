"""What came in lately, in the order of arrival, for many filters at once: read from memtables, and never from files."""

import time
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice

import attrs
import pyarrow as pa
import pyarrow.compute as pc

from actors.errors import NeedsRoom
from actors.span_store.asked.arrivals import Arrivals, ArrivedSpan, ArrivedTrace, ListArrivals, Watched
from actors.span_store.columns.promoted import is_model_call
from actors.span_store.columns.rows import ROWS, count_logs
from actors.span_store.columns.spans import LOG
from actors.span_store.columns.types import Untold
from actors.span_store.embedded.hot.memtable import Memtable, Part
from actors.span_store.query.expression import COUNTED, Expression
from actors.span_store.query.position import Position
from actors.span_store.query.row_sets import Plan, RowSets, rows_in
from actors.span_store.traces.arrow_values import words
from actors.span_store.traces.previews import NOTHING, PREVIEWS, Preview
from actors.span_store.traces.summaries import COLUMNS, span_summaries
from actors.span_store.traces.uncounted import COLUMNS as COUNTING
from actors.span_store.traces.uncounted import uncounted

_MOST_ROWS = 16_384  # that are looked at together: what comes in at full speed in a tenth of a second
_MOST_BYTES = 64 * 1024 * 1024  # of these
_AROUND = 16_384  # latest rows in which the other spans of a call are looked for
_PREVIEWS, _PREVIEWS_A_SECOND = 256, 128  # spans that have some: each takes a third of a millisecond
_PREVIEW_BYTES = 4 * 1024 * 1024  # of spans that are read at once for their previews
_LOG = pa.scalar(LOG, pa.int32())
_SUMMARIES = list(dict.fromkeys(("seq", "status_message", *COLUMNS)))


class Filters:
    """The filters of one round after the other, in one thread: who asks for the same object again finds it made."""

    def __init__(self) -> None:
        self._made: dict[int, tuple[Expression, Plan]] = {}

    def of(self, expressions: Sequence[Expression]) -> list[Plan]:
        """One for each; those of the round before that nobody asks for any more go."""
        known = self._made  # by identity: 1 and true are equal in Python
        self._made = {id(each): known.get(id(each)) or (each, Plan(each)) for each in expressions}
        return [self._made[id(each)][1] for each in expressions]


class PreviewAllowance:
    """How many spans may have previews: a number at once, and so many a second."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._left = float(_PREVIEWS)
        self._since = now()

    def take(self, wanted: int) -> int:
        """So many, or fewer."""
        now = self._now()
        self._left = min(_PREVIEWS, self._left + (now - self._since) * _PREVIEWS_A_SECOND)
        self._since = now
        taken = min(wanted, int(self._left))
        self._left -= taken
        return taken


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
        self._spans = _spans(pa.Table.from_batches(batches, ROWS))
        self._memtables = memtables
        self._end = Position(end)
        self._is_last = end >= recent.next_seq
        self._sets = RowSets(self._spans)
        self._summaries: dict[int, ArrivedSpan] = {}

    def matching(self, plan: Plan, watched: Watched) -> Sequence[int]:
        """Rows of what the filter is true of."""
        found = rows_in((self._counting_sets if plan.asks_what_counts else self._sets).of(plan))
        if watched.traces is None:
            return found
        rows, among = set(found), watched.traces
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
        self.summarize(shown, shown, request.room)
        return Arrivals(spans=tuple(self._summaries[row] for row in shown), end=end, is_last=is_last)

    def summarize(self, rows: Sequence[int], shown_first: Container[int], room: int | None = None) -> None:
        """Make the summaries of these rows, all at once; with previews of those that are ``shown_first``.

        ``NeedsRoom``.
        """
        some = self._taken(_SUMMARIES, rows)
        read = [row for row, kind in zip(rows, words(some["type"]), strict=True) if kind and row in shown_first]
        texts = self._taken(PREVIEWS.columns, read)
        if room is not None and some.nbytes + texts.nbytes > room:
            raise NeedsRoom(some.nbytes + texts.nbytes)
        lines = dict(zip(read, _lines(texts), strict=True))
        spans = span_summaries(some, range(some.num_rows), self._counted(some), {})
        for row, span in zip(rows, spans, strict=True):
            asked, answered = lines.get(row, NOTHING)
            shown = attrs.evolve(span, input_preview=asked, output_preview=answered) if row in lines else span
            self._summaries[row] = ArrivedSpan(span=shown, position=Position(self._seq(row) + 1))

    @cached_property
    def _counting_sets(self) -> RowSets:
        """Sets of rows of which it is known, too, whether they count."""
        counted = self._counted(self._spans)
        mask = pa.array([row in counted for row in range(self._spans.num_rows)], pa.bool_())
        return RowSets(self._spans.append_column(COUNTED, mask))

    def _taken(self, columns: Sequence[str], rows: Sequence[int]) -> pa.Table:
        return self._spans.select(list(columns)).take(pa.array(rows, pa.int64()))

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


def news(
    memtables: Sequence[Memtable], watched: Sequence[Watched], filters: Filters, previews: PreviewAllowance
) -> list[Arrivals | None]:
    """What is new for each; ``None`` where that is not in memory any more. ``OSError`` when it cannot be read."""
    found: dict[int, News | None] = {}
    rows: list[Sequence[int]] = []
    for each, plan in zip(watched, filters.of([each.where for each in watched]), strict=True):
        after = each.after.number
        if after not in found:
            recent = Recent.behind(memtables, after)
            found[after] = None if recent is None else News(memtables, recent, after)
        of_it = found[after]
        rows.append(() if of_it is None else of_it.matching(plan, each))
    for after, of_it in found.items():
        if of_it is not None:
            shown = _shown(after, watched, rows)
            of_it.summarize(sorted(shown), frozenset(islice(shown, previews.take(len(shown)))))
    return [
        None if (of_it := found[each.after.number]) is None else of_it.arrivals(some, each)
        for each, some in zip(watched, rows, strict=True)
    ]


def _shown(after: int, watched: Sequence[Watched], rows: Sequence[Sequence[int]]) -> Mapping[int, None]:
    """Rows of spans that anybody sees behind this position, first those of filters that are true of few."""
    asked = [
        some[: each.limit]
        for each, some in zip(watched, rows, strict=True)
        if each.after.number == after and each.traces is None
    ]
    return {row: None for some in sorted(asked, key=len) for row in some}


def recent_page(memtables: Sequence[Memtable], request: ListArrivals) -> Arrivals | None:
    """A page of what is in memory. ``None`` for a position before it. ``OSError`` and ``NeedsRoom``."""
    recent = Recent.behind(memtables, request.after.number)
    if recent is None:
        return None
    found = News(memtables, recent, request.after.number)
    watched = Watched(where=request.where, after=request.after, limit=request.limit)
    rows, count = found.matching(Plan(request.where), watched), request.limit
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


def _spans(rows: pa.Table) -> pa.Table:
    """Without log records. Without a copy, where there are none."""
    return rows.filter(pc.not_equal(rows["kind"], _LOG)) if count_logs(rows["kind"].combine_chunks()) else rows


def _lines(spans: pa.Table) -> list[Preview]:
    """What is large has none."""
    if spans.nbytes <= _PREVIEW_BYTES:
        return list(PREVIEWS.read(spans))
    if spans.num_rows == 1:
        return [NOTHING]
    half = spans.num_rows // 2
    return _lines(spans.slice(0, half)) + _lines(spans.slice(half))
