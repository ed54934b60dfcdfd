"""Summaries of single spans of a page: their columns of the index, and a line of what they said."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import attrs
import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from actors.errors import NeedsRoom
from actors.span_store.columns.rows import INDEX_COLUMNS
from actors.span_store.columns.types import AnyColumn, Untold
from actors.span_store.embedded.damage import Damage
from actors.span_store.embedded.reads.aggregates.snapshot import Snapshot, numbers
from actors.span_store.embedded.reads.gathered import Gathered
from actors.span_store.embedded.reads.span_table import IN_MEMORY
from actors.span_store.embedded.sealed.segment_file import read_rows, segment_path
from actors.span_store.traces.previews import NOTHING, PREVIEWS, Preview, Previews
from actors.span_store.traces.summaries import COLUMNS, span_summaries
from actors.span_store.traces.summary import SpanSummary

At: TypeAlias = tuple[int, int]  # segment and position

INDEX_COLUMNS_READ = ("seq", "counted", "segment", "position", *(name for name in COLUMNS if name in INDEX_COLUMNS))
_PREVIEW_BYTES = 4 * 1024 * 1024  # of spans that are read at once for their previews
_TOGETHER = 128  # of these
_MOST_TOO_LARGE = 32  # readings that found more
_MESSAGE = "status_message"
_NO_MESSAGE = pa.scalar("", pa.string())


def index_rows(snapshot: Snapshot, seqs: Sequence[int], segments: Iterable[int]) -> pa.Table:
    """What the index and memory say of these spans, which are in these segments. Inside of a ``moment``."""
    found: pa.Table = snapshot.table(
        f"SELECT {', '.join(INDEX_COLUMNS_READ)} FROM {snapshot.spans} "  # noqa: S608 - own names, numbers
        f"WHERE segment IN ({numbers(segments)}) AND seq IN ({numbers(seqs)})"
    )
    return found


@attrs.frozen
class Summaries:
    """Makes summaries of rows of ``index_rows``. What else they need is read where the spans are."""

    cursor: duckdb.DuckDBPyConnection
    snapshot: Snapshot
    segments: Path
    damage: Damage
    room: int | None = None
    previews: Previews = PREVIEWS

    def of(self, rows: pa.Table) -> dict[int, SpanSummary]:
        """By the number of each span. ``NeedsRoom`` when their texts take more than there is room for.

        Not inside of a ``moment``: ``FileNotFoundError`` when a segment is replaced meanwhile.
        """
        if self.room is not None and rows.nbytes > self.room:
            raise NeedsRoom(rows.nbytes)
        seqs, segments, positions, kinds = (_values(rows[name]) for name in ("seq", "segment", "position", "type"))
        places: list[At] = list(zip(segments, positions, strict=True))
        lines = self._lines([at for at, kind in zip(places, kinds, strict=True) if kind is not None])
        whole = rows.append_column(_MESSAGE, self._messages(places))
        counted: Untold = pc.indices_nonzero(rows["counted"])
        found = span_summaries(whole, range(rows.num_rows), set(counted.to_pylist()), {})
        return {
            seq: _with_preview(summary, lines.get(at, NOTHING))
            for seq, at, summary in zip(seqs, places, found, strict=True)
        }

    def _messages(self, places: Sequence[At]) -> Untold:
        """The status message of each; none where a segment is damaged, which is reported."""
        gathered = Gathered(self.room)
        known: dict[At, str] = {}
        for some, table in self._read(places, [_MESSAGE], None):
            gathered.add(table)
            known |= zip(some, _values(table[_MESSAGE]), strict=True)
        return pa.array([known.get(at, "") for at in places], pa.string())

    def _lines(self, places: Sequence[At]) -> dict[At, Preview]:
        """Previews. What is large has none, and nothing has any more after too much was."""
        found: dict[At, Preview] = {}
        begin, together, too_large = 0, _TOGETHER, 0
        ordered = sorted(places)
        while begin < len(ordered) and too_large < _MOST_TOO_LARGE:
            some = ordered[begin : begin + together]
            try:
                found |= self._lines_read(some)
            except NeedsRoom:
                too_large += 1
                together = len(some) // 2
                begin += 0 if together else 1
            else:
                begin += len(some)
            together = max(1, together)
        return found

    def _lines_read(self, places: Sequence[At]) -> dict[At, Preview]:
        gathered = Gathered(_PREVIEW_BYTES)
        found: dict[At, Preview] = {}
        for some, table in self._read(places, list(self.previews.columns), _PREVIEW_BYTES):
            gathered.add(table)
            found |= zip(some, self.previews.read(table), strict=True)
        return found

    def _read(
        self, places: Iterable[At], columns: Sequence[str], room: int | None
    ) -> Iterator[tuple[list[At], pa.Table]]:
        """These columns of the spans, segment by segment. A damaged one is left out."""
        by_segment: defaultdict[int, list[int]] = defaultdict(list)
        for segment, position in sorted(places):
            by_segment[segment].append(position)
        for segment, positions in by_segment.items():
            table = self._in_segment(segment, positions, columns, room)
            if table is not None:
                yield [(segment, position) for position in positions], table

    def _in_segment(
        self, segment: int, positions: Sequence[int], columns: Sequence[str], room: int | None
    ) -> pa.Table | None:
        if segment == IN_MEMORY:
            return pa.concat_tables(self.snapshot.recent.take(positions, columns))
        path = segment_path(self.segments, segment)
        read = partial(read_rows, path, positions, columns, room=room)
        return self.damage.skipped(self.cursor, path.name, read)


def _with_preview(summary: SpanSummary, preview: Preview) -> SpanSummary:
    asked, answered = preview
    if preview == NOTHING:
        return summary
    return attrs.evolve(summary, input_preview=asked, output_preview=answered)


def _values(column: AnyColumn) -> list[Any]:
    values: list[Any] = column.to_pylist()
    return values
