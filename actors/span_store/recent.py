"""Spans that are durable in the journal and not sealed yet: kept in memory, where queries read them."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import accumulate

import pyarrow as pa
import pyarrow.compute as pc

from actors.span_store.journal import Journal
from actors.span_store.places import Place, Wanted
from actors.span_store.rows import ROWS, numbered, numbers, span_keys

_JOINED_ROWS = 256  # larger batches stay as they came


class Generation:
    """The spans of one journal. Appended to by the writing thread; other threads read ``table``."""

    def __init__(self, number: int, first_seq: int, journal: Journal, batches: Iterable[pa.RecordBatch] = ()) -> None:
        self.number = number
        self.first_seq = first_seq
        self.journal = journal
        self.ids: set[str] = set()  # trace id and span id, joined
        self.bytes = 0
        self.rows = 0
        self._batches: list[pa.RecordBatch] = []
        for batch in batches:
            self._remember(batch)
            self.ids.update(span_keys(batch))

    @property
    def next_seq(self) -> int:
        return self.first_seq + self.rows

    def number_from(self, first_seq: int) -> None:
        """Number all rows without gap. Before other threads know of the generation."""
        self.first_seq = first_seq
        batches = []
        for batch in self._batches:
            last_seq = first_seq + batch.num_rows - 1
            if batch["seq"][0].as_py() != first_seq or batch["seq"][-1].as_py() != last_seq:
                batch = batch.set_column(0, ROWS.field(0), numbers(first_seq, batch.num_rows))  # noqa: PLW2901 - the same rows
            batches.append(batch)
            first_seq = last_seq + 1
        self._batches = batches

    def append(self, tables: Iterable[pa.Table], keys: Iterable[str]) -> None:
        """Number the rows, make them durable, then visible. ``OSError`` when the disk does not take them.

        ``keys`` are those of all rows.
        """
        batches, next_seq = [], self.next_seq
        for table in tables:
            batches.append(numbered(table, next_seq))
            next_seq += table.num_rows
        for batch in self.journal.append(*batches):
            self._remember(batch)
        self.ids.update(keys)

    def _remember(self, batch: pa.RecordBatch) -> None:
        """Make a durable batch visible."""
        self.bytes += batch.nbytes
        self.rows += batch.num_rows
        batches = [*self._batches, batch]
        # Queries pay for each batch, so small ones are joined, each about as often as it doubles.
        while len(batches) > 1 and batches[-2].num_rows <= batches[-1].num_rows <= _JOINED_ROWS:
            batches[-2:] = [pa.concat_batches(batches[-2:])]
        self._batches = batches  # replaced at once: other threads read it

    def table(self) -> pa.Table:
        """All rows so far, in the order of ``seq``; no copy."""
        return pa.Table.from_batches(self._batches, ROWS)


class Recent:
    """A view of all generations at one moment: their rows, numbered without gap from ``first_seq``."""

    def __init__(self, generations: Sequence[Generation]) -> None:
        self.first_seq = generations[0].first_seq
        self.table: pa.Table = pa.concat_tables([each.table() for each in generations])
        self._batches: list[pa.RecordBatch] = self.table.to_batches()
        lengths = (batch.num_rows for batch in self._batches)
        self._starts = list(accumulate(lengths, initial=self.first_seq))[:-1]

    @property
    def next_seq(self) -> int:
        """Behind the last row."""
        return int(self.first_seq + self.table.num_rows)

    def places(self, wanted: Wanted, limit: int | None) -> list[Place]:
        """Where the spans are; with a limit only the newest."""
        return wanted.places(self.table, limit)

    def traces_of_kind(self, kind: str, trace_ids: Iterable[str]) -> set[str]:
        """Those of the traces that have a span of this OpenInference kind."""
        of_kind = self.table.select(["trace_id"]).filter(
            pc.equal(self.table["openinference_span_kind"], pa.scalar(kind, pa.string()))
        )
        return set(of_kind["trace_id"].unique().to_pylist()).intersection(trace_ids)

    def take(self, sequence: Sequence[int], columns: Sequence[str]) -> pa.Table:
        """The rows with these numbers, which are ascending.

        They are taken from their batches one by one: Arrow copies the whole of a table in batches before it takes.
        """
        by_batch: defaultdict[int, list[int]] = defaultdict(list)
        for seq in sequence:
            batch = bisect_right(self._starts, seq) - 1
            by_batch[batch].append(seq - self._starts[batch])
        return pa.Table.from_batches(
            self._batches[batch].select(columns).take(pa.array(rows, pa.int64())) for batch, rows in by_batch.items()
        )
