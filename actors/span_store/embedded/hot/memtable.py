"""Memtables: spans that are durable in the WAL and not flushed yet.

They are kept in memory, where queries read them. An evicted memtable keeps only the indexed columns there; the rest is
read from its WAL file when somebody wants to see it.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property, partial
from itertools import accumulate
from typing import Protocol

import attrs
import pyarrow as pa
import pyarrow.compute as pc

from actors.span_store.columns.promoted import is_model_call
from actors.span_store.columns.rows import INDEX_COLUMNS, ROWS, TRACE, count_logs, numbered, numbers, span_keys
from actors.span_store.columns.spans import LOG
from actors.span_store.columns.types import AnyColumn, Untold
from actors.span_store.embedded.hot.trace_parts import TRACE_PARTS, trace_parts
from actors.span_store.embedded.hot.wal import Wal, WalReader
from actors.span_store.embedded.sealed.row_groups import in_turn
from actors.span_store.traces.arrow_values import integers

_JOINED_ROWS = 256  # larger batches stay as they came
_MOST_PIECES = 8  # a batch of one row takes as much memory as twenty rows
_PART_ROWS = 512  # that are read together from a WAL file, about
_READ_A_ROW = 4096  # bytes; larger rows that have to be read count for several
_INDEXED = frozenset(INDEX_COLUMNS)
_LISTED = pa.schema([ROWS.field(name) for name in INDEX_COLUMNS])


class Part(Protocol):
    """Rows that lie together."""

    @property
    def num_rows(self) -> int: ...

    @property
    def unread(self) -> int:
        """Bytes that ``whole`` has to read from the disk."""

    @property
    def indexed_columns(self) -> pa.RecordBatch:
        """The columns that lists and filters read, those of the index."""

    @property
    def trace_parts(self) -> pa.RecordBatch:
        """What it has of each trace, made once."""

    def whole(self) -> pa.RecordBatch:
        """All columns. ``OSError`` when they cannot be read."""


class PartInMemory:
    """Rows as they came. Whoever reads a few small batches first concatenates them: requests wait for the writer."""

    def __init__(self, *batches: pa.RecordBatch) -> None:
        self.num_rows = sum(int(batch.num_rows) for batch in batches)
        self.batches = batches

    @property
    def unread(self) -> int:
        return 0

    def joined_with(self, other: "PartInMemory") -> "PartInMemory":
        """Both, the other one behind."""
        joined = PartInMemory(*self.batches, *other.batches)
        if len(joined.batches) > _MOST_PIECES:
            joined.whole()
        return joined

    @cached_property
    def indexed_columns(self) -> pa.RecordBatch:
        return self.whole().select(INDEX_COLUMNS)

    @cached_property
    def trace_parts(self) -> pa.RecordBatch:
        return trace_parts(self.indexed_columns)

    def whole(self) -> pa.RecordBatch:
        batches = self.batches  # replaced at once: several threads may read
        if len(batches) > 1:
            self.batches = batches = (pa.concat_batches(batches),)  # type: ignore[attr-defined] # newer than the stubs
        return batches[0]


@attrs.frozen
class PartInWal:
    """The indexed columns of evicted rows, and where their frames are."""

    indexed_columns: pa.RecordBatch
    reader: WalReader
    begin: int
    end: int

    @property
    def num_rows(self) -> int:
        return int(self.indexed_columns.num_rows)

    @property
    def unread(self) -> int:
        return self.end - self.begin

    @cached_property
    def trace_parts(self) -> pa.RecordBatch:
        return trace_parts(self.indexed_columns)

    def whole(self) -> pa.RecordBatch:
        batch = pa.concat_batches(self.reader.batches(self.begin, self.end))  # type: ignore[attr-defined] # also newer
        return _numbered_from(self.indexed_columns["seq"][0].as_py(), batch)


class Memtable:
    """The spans of one WAL file. Appended to by the writer's thread; other threads read ``parts``."""

    def __init__(
        self,
        number: int,
        first_seq: int,
        wal: Wal,
        batches: Iterable[pa.RecordBatch] = (),
        *,
        restated: int | None = None,
    ) -> None:
        """``restated`` is the revision of the prices of its spans, or an earlier one; ``None`` when it is not known."""
        self.number = number
        self.first_seq = first_seq
        self.wal = wal
        self.traces: set[str] = set()
        self._keys: set[str] | None = set()  # as long as the spans are in memory
        self.bytes = 0
        self.rows = 0
        self.logs = 0  # of the rows; the others are spans
        self.restated = restated
        self.parts: tuple[Part, ...] = ()  # replaced at once: other threads read it
        self._in_memory: tuple[PartInMemory, ...] = ()  # the same, for as long as the spans are in memory
        self._frames: list[int] = []  # rows of each frame of the WAL file
        for batch in batches:
            self._remember(batch)
            self._know(span_keys(batch))

    @property
    def next_seq(self) -> int:
        return self.first_seq + self.rows

    @property
    def is_in_memory(self) -> bool:
        return self._keys is not None

    def number_from(self, first_seq: int) -> None:
        """Number all rows without gap. Before other threads know of the memtable."""
        self.first_seq = first_seq
        parts = []
        for part in self.parts:
            batch = _numbered_from(first_seq, part.whole())
            parts.append(PartInMemory(batch))
            first_seq += batch.num_rows
        self.parts = self._in_memory = tuple(parts)

    def append(self, new: Iterable[pa.RecordBatch], keys: Sequence[str]) -> None:
        """Number the rows, make them durable, then visible. ``OSError`` when the disk does not take them.

        ``keys`` are those of all rows.
        """
        batches, next_seq = [], self.next_seq
        for batch in new:
            batches.append(numbered(batch, next_seq))
            next_seq += batch.num_rows
        for batch in self.wal.append(*batches):
            self._remember(batch)
        self._know(keys)

    def known(self, keys: set[str], traces: set[str]) -> set[str]:
        """The keys among these that it has; ``traces`` are theirs, a tenth as many, of which it mostly has none."""
        if self.traces.isdisjoint(traces):
            return set()
        return keys & (self.keys_of(traces) if self._keys is None else self._keys)

    def keys_of(self, traces: set[str]) -> set[str]:
        """Trace id and span id, joined, of all spans of these traces."""
        indexed_columns = self.indexed_columns().select(["trace_id", "span_id"])
        wanted = pa.array(self.traces & traces, pa.string())
        return set(span_keys(indexed_columns.filter(pc.is_in(indexed_columns["trace_id"], value_set=wanted))))

    def evict(self) -> None:
        """Keep only the indexed columns in memory; nothing is appended any more. ``OSError`` when it cannot be read."""
        if not self.rows:
            return
        reader = WalReader(self.wal.path)
        indexed_columns, rows, bounds = _copied(self.indexed_columns()), [0, *accumulate(self._frames)], self.wal.bounds
        self.parts = tuple(
            PartInWal(indexed_columns.slice(rows[first], rows[last] - rows[first]), reader, bounds[first], bounds[last])
            for first, last in _runs(self._frames)
        )
        self._keys, self._in_memory = None, ()

    def _know(self, keys: Sequence[str]) -> None:
        if self._keys is not None:
            self._keys.update(keys)
        self.traces.update(key[:TRACE] for key in keys)

    def _remember(self, batch: pa.RecordBatch) -> None:
        """Make a durable batch visible."""
        self.bytes += batch.nbytes
        self._frames.append(batch.num_rows)
        parts = [*self._in_memory, PartInMemory(batch)]
        # Queries pay for each part, so small ones are joined, each about as often as it doubles.
        while len(parts) > 1 and parts[-2].num_rows <= parts[-1].num_rows <= _JOINED_ROWS:
            parts[-2:] = [parts[-2].joined_with(parts[-1])]
        self.parts = self._in_memory = tuple(parts)
        self.rows += batch.num_rows  # behind the parts: whoever knows the number sees so many
        self.logs += count_logs(batch["kind"])

    def indexed_columns(self) -> pa.Table:
        """The indexed columns of all rows so far, in the order of ``seq``; no copy."""
        return pa.Table.from_batches([part.indexed_columns for part in self.parts], _LISTED)

    def whole(self) -> pa.Table:
        """All columns of all rows so far, in the order of ``seq``. ``OSError`` when they cannot be read."""
        return pa.Table.from_batches([part.whole() for part in self.parts], ROWS)


@attrs.frozen
class Slice:
    """Rows that are looked at together; the number of the first is ``first_seq``."""

    first_seq: int
    parts: Sequence[Part]

    @property
    def num_rows(self) -> int:
        return sum(part.num_rows for part in self.parts)

    def has_trace(self, trace_id: str) -> bool:
        """Whether a span of the trace is in it. Cheap: nothing is read."""
        wanted = pa.scalar(trace_id, pa.string())
        return any(pc.any(pc.equal(part.indexed_columns["trace_id"], wanted)).as_py() for part in self.parts)

    def has_logs(self) -> bool:
        """Whether a log record is in it. Cheap, too."""
        return any(count_logs(part.indexed_columns["kind"]) for part in self.parts)

    def whole(self) -> pa.Table:
        """All columns. ``OSError`` when they cannot be read."""
        return pa.Table.from_batches([part.whole() for part in self.parts], ROWS)


class MemtableSnapshot:
    """A view of all memtables at one moment: their rows, numbered without gap from ``first_seq``."""

    def __init__(self, memtables: Sequence[Memtable]) -> None:
        self.first_seq = memtables[0].first_seq
        self._parts = [part for memtable in memtables for part in memtable.parts]
        self.table = pa.Table.from_batches(
            [part.indexed_columns for part in self._parts], _LISTED
        )  # what lists look at
        lengths = (part.num_rows for part in self._parts)
        self._starts: list[int] = list(accumulate(lengths, initial=self.first_seq))

    @property
    def next_seq(self) -> int:
        """Behind the last row."""
        return self._starts[-1]

    def trace_parts(self) -> pa.Table:
        """What memory has of each trace; of a trace that came in several requests there are several rows."""
        return pa.Table.from_batches([part.trace_parts for part in self._parts], TRACE_PARTS)

    def traces_with_calls(self, trace_ids: Iterable[str]) -> set[str]:
        """Those of the traces that have a span of a model call."""
        calls = self.table.select(["trace_id"]).filter(is_model_call(self.table["type"]))
        found: Untold = calls["trace_id"].unique()
        return set(found.to_pylist()).intersection(trace_ids)

    def take(self, sequence: Sequence[int], columns: Sequence[str]) -> Iterator[pa.Table]:
        """The rows with these numbers, which are ascending, part by part. ``OSError`` when they cannot be read.

        They are taken from their parts one by one: Arrow copies the whole of a table in batches before it takes.
        """
        for part, rows in self._by_part(sequence):
            yield in_turn(part.unread, partial(_taken, part, rows, columns))

    def of_traces(self, traces: Sequence[str], columns: Sequence[str], limit: int) -> pa.Table:
        """These indexed columns of the first so many spans of these traces. Only parts that have any are touched."""
        of_traces = pc.is_in(self.table["trace_id"], value_set=pa.array(traces, pa.string()))
        wanted = pc.and_(of_traces, pc.not_equal(self.table["kind"], pa.scalar(LOG, pa.int32())))
        rows: Untold = pc.indices_nonzero(wanted).slice(0, limit)
        schema = pa.schema([_LISTED.field(name) for name in columns])
        some = self._by_part([self.first_seq + row for row in integers(rows)])
        taken = [part.indexed_columns.select(columns).take(pa.array(places, pa.int64())) for part, places in some]
        return pa.Table.from_batches(taken, schema)

    def _by_part(self, sequence: Sequence[int]) -> list[tuple[Part, list[int]]]:
        """Rows in their parts, of numbers that are ascending."""
        by_part: defaultdict[int, list[int]] = defaultdict(list)
        for seq in sequence:
            part = bisect_right(self._starts, seq) - 1
            by_part[part].append(seq - self._starts[part])
        return [(self._parts[number], rows) for number, rows in by_part.items()]

    def some(
        self, mask: Callable[[pa.Table], AnyColumn], columns: Sequence[str], made: Callable[[pa.Table], pa.Table]
    ) -> Iterator[pa.Table]:
        """What is ``made`` of ``columns``, of the rows for which the mask is true. ``OSError`` as ``take``.

        The mask says so by the indexed columns.
        """
        for part in self._parts:
            wanted = mask(pa.Table.from_batches([part.indexed_columns]))
            if pc.any(wanted).as_py():
                yield in_turn(part.unread, partial(_filtered, part, wanted, columns, made))

    def slices(self, rows: int) -> list[Slice]:
        """All of it, so many rows at a time or a few more, fewer where they are large and have to be read."""
        runs = _runs([max(part.num_rows, part.unread // _READ_A_ROW) for part in self._parts], rows)
        return [Slice(self._starts[first], self._parts[first:last]) for first, last in runs]


def _taken(part: Part, rows: Sequence[int], columns: Sequence[str]) -> pa.Table:
    return pa.Table.from_batches([part.whole().select(columns).take(pa.array(rows, pa.int64()))])


def _filtered(part: Part, wanted: AnyColumn, columns: Sequence[str], made: Callable[[pa.Table], pa.Table]) -> pa.Table:
    batch = part.indexed_columns if _INDEXED.issuperset(columns) else part.whole()
    rows = made(pa.Table.from_batches([batch.select(columns)]))
    if not part.unread and pc.all(wanted).as_py():
        return rows  # which are in memory anyway
    return rows.filter(wanted)


def _numbered_from(first_seq: int, batch: pa.RecordBatch) -> pa.RecordBatch:
    """The rows with these numbers."""
    seq = batch["seq"]
    if seq[0].as_py() == first_seq and seq[-1].as_py() == first_seq + batch.num_rows - 1:
        return batch
    return batch.set_column(0, ROWS.field(0), numbers(first_seq, batch.num_rows))


def _copied(rows: pa.Table) -> pa.RecordBatch:
    """In memory of its own, so that what the rows were a part of can go."""
    [batch] = rows.combine_chunks().to_batches()
    return pa.ipc.read_record_batch(batch.serialize(), batch.schema)


def _runs(lengths: Sequence[int], rows: int = _PART_ROWS) -> Iterator[tuple[int, int]]:
    """Bounds of neighbours that have so many rows together, the last ones fewer."""
    first, together = 0, 0
    for position, length in enumerate(lengths):
        together += length
        if together >= rows:
            yield first, position + 1
            first, together = position + 1, 0
    if together:
        yield first, len(lengths)
