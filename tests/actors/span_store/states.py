"""Parts of a store put together by hand, with rows in each place where they can be."""

from collections.abc import Sequence
from itertools import count
from pathlib import Path

import pyarrow as pa

from actors.span_store.columns.log_rows import stored_rows
from actors.span_store.columns.logs import Log, Logs
from actors.span_store.columns.rows import numbered, rows_of, span_keys
from actors.span_store.columns.spans import Span, span_columns
from actors.span_store.embedded.damage import Damage
from actors.span_store.embedded.hot.memtable import Memtable, MemtableSnapshot
from actors.span_store.embedded.hot.wal import Wal
from actors.span_store.embedded.layout import Folders
from actors.span_store.embedded.maintenance import compaction
from actors.span_store.embedded.problems import Problems
from actors.span_store.embedded.reads.queries import SpanReader, View
from actors.span_store.embedded.sealed import index
from actors.span_store.embedded.sealed.manifest import Manifest
from actors.span_store.embedded.sealed.root_cache import RootCache
from actors.span_store.embedded.sealed.segment_file import encoded
from actors.span_store.embedded.sealed.segments import Segments
from actors.span_store.embedded.text.ngram_files import NgramFiles, SealedFile
from actors.span_store.pricing.current import CurrentPrices
from tests.spans import START

COMPACTED, FLUSHED, EVICTED, IN_MEMORY = range(4)  # the later spans come, the less was done with them
STATES = (
    [COMPACTED],
    [FLUSHED],
    [EVICTED],
    [IN_MEMORY],
    [FLUSHED, IN_MEMORY],
    [COMPACTED, FLUSHED, EVICTED, IN_MEMORY],
)


def mixed_rows(items: Sequence[Span | Log]) -> pa.RecordBatch:
    """The rows of spans and log records, in the order in which they are given."""
    made = [
        stored_rows(Logs([item])).batch if isinstance(item, Log) else rows_of(span_columns([item])) for item in items
    ]
    joined: pa.RecordBatch = pa.concat_batches(made)  # type: ignore[attr-defined] # newer than the stubs
    return joined


class Store:
    """The parts of a store that a search goes through."""

    def __init__(self, folder: Path) -> None:
        self.folders = Folders(folder / "traces.duckdb")
        self.connection = index.open_index(self.folders.index)
        self.folders.make()
        self.ngrams = NgramFiles(self.folders.grams, self.folders.segments)
        self.numbers = count(1)
        self.clear()

    def clear(self) -> None:
        for table in ("span", "trace_part", "segment_service", "uncounted", "segment", "sealed"):
            self.connection.execute(f"DELETE FROM {table}")
        self.roots = RootCache()
        self.manifest = Manifest(self.connection)
        self.memtables: list[Memtable] = []
        self.problems = Problems()

    def put(self, state: int, items: Sequence[Span | Log], first_seq: int, *, with_ngrams: bool) -> None:
        """Spans and log records that arrived after all that are there."""
        self.put_rows(state, mixed_rows(items), first_seq, with_ngrams=with_ngrams)

    def put_rows(
        self, state: int, rows: pa.RecordBatch, first_seq: int, *, pieces: int | None = None, with_ngrams: bool = False
    ) -> None:
        """As ``put``. What is compacted is flushed in so many pieces before; without a number, one by one."""
        if state in (EVICTED, IN_MEMORY):
            memtable = Memtable(0, first_seq, Wal(self.folders.journals / f"{next(self.numbers):08d}.journal"))
            memtable.append([rows], span_keys(rows))
            self.memtables.append(memtable)
            if state == EVICTED:
                memtable.evict()
            return
        size = -(-rows.num_rows // (pieces or rows.num_rows)) if state == COMPACTED else rows.num_rows
        begins = range(0, rows.num_rows, size)
        for begin in begins:
            some = numbered(rows, first_seq).slice(begin, size)
            self._flush(pa.Table.from_batches([some]), with_ngrams=with_ngrams)
        if state == COMPACTED:
            segments = Segments(self.connection, self.folders, next_number=next(self.numbers))
            compacted = compaction.Compaction(segments, CurrentPrices()).compact()
            self.manifest.refresh(self.connection)
            assert compacted == (len(begins) if len(begins) > 1 else 0)

    def _flush(self, rows: pa.Table, *, with_ngrams: bool) -> None:
        number, new = next(self.numbers), encoded(rows)
        with index.transaction(self.connection):
            index.add(self.connection, number, self.folders.segments, new, arrived_before=START)
        self.manifest.refresh(self.connection)
        if with_ngrams:
            self.roots.add(number, new.index_rows)
            [segment] = [each for each in self.manifest.segments if each.number == number]
            sealed = SealedFile(number, segment.bytes, segment.checksum)
            self.ngrams.make(sealed, self.ngrams.sets(sealed))

    def reader(self, next_seq: int) -> SpanReader:
        if not self.memtables:
            self.memtables.append(
                Memtable(0, next_seq, Wal(self.folders.journals / f"{next(self.numbers):08d}.journal"))
            )
        view = View(MemtableSnapshot(self.memtables), self.manifest.segments, self.roots)
        return SpanReader(self.connection, view, self.folders.segments, Damage(self.problems), self.ngrams)

    def forget(self) -> None:
        for memtable in self.memtables:
            memtable.wal.delete()
