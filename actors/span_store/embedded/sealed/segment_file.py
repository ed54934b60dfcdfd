"""Sealed files: immutable Parquet, zstd, each with all columns of its spans.

The roots of each service lie together, and so do the other spans of each trace, all in the order of their start: a list
of roots, or a trace, takes one or two small row groups of a file. Any tool that reads Parquet reads them.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import accumulate, chain, pairwise
from pathlib import Path
from typing import Any

import attrs
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from isal.isal_zlib import crc32

from actors.span_store.columns.attribute_column import STORED, positions
from actors.span_store.columns.rows import INDEX_COLUMNS, ROWS
from actors.span_store.columns.types import AnyArray, AnyColumn, Untold
from actors.span_store.embedded.durable import DISK, Disk
from actors.span_store.embedded.sealed.row_groups import ZONED, footer, in_turn, read_groups, row_group
from actors.span_store.query.text.searched_columns import grams_of_rows

# Rows that are decompressed together: about 1.2 MB of LLM spans, 2 ms. Lists want few roots of each of many files.
ROW_GROUP = 512
ROOT_GROUP = 256
_BLOCK = 1024 * 1024  # bytes
_TOGETHER = 8 * 1024 * 1024  # bytes of row groups that are read at once
_ORDERED = 4 * ROW_GROUP  # rows that are put in order together: 6 MB, still in the processor's cache when written
# Columns that repeat their values. The others are long texts and ids, where a dictionary only costs.
_DICTIONARY = [
    "service_name",
    "name",
    "trace_id",
    "parent_span_id",
    "junjo_span_type",
    "openinference_span_kind",
    "gen_ai_operation_name",
    "model",
    "provider",
    "session_id",
    "user_id",
    "cost_source",
    "scope",
    "status_message",
    "trace_state",
    "attributes.key_value.key",
    "attributes.key_value.value.json",
    "events_json",
    "links_json",
    "resource_json",
    "scope_json",
]
# Each column of each row group that zstd is asked to do costs time, when it is written and when it is read: 12 us for
# its context alone. Of these it leaves a part.
_COMPRESSED = [
    "trace_id",
    "span_id",
    "parent_span_id",
    "session_id",
    "attributes.key_value.key",
    "attributes.key_value.value.text",
    "attributes.key_value.value.json",
]
# Of these there is nothing to leave where all spans have about the same: dictionaries have made them small.
_COMPRESSED_IF_VARIED = [
    "name",
    "status_message",
    "events_json",
    "links_json",
    "resource_json",
    "scope_json",
    "exact_json",
]
_ONE = pa.scalar(1, pa.int64())
_SAMPLE, _VARIED = 256, 4096  # values that are looked at, and bytes of the different ones among them
# Numbers near to those before them: differences are as small as what zstd leaves, in a part of the time.
_DELTAS = ["seq", "start_time_unix_nano", "end_time_unix_nano", "input_tokens", "output_tokens"]
_FORMAT: dict[str, Any] = {
    "use_dictionary": _DICTIONARY,
    "column_encoding": dict.fromkeys(_DELTAS, "DELTA_BINARY_PACKED"),
    "write_page_checksum": True,
    "write_statistics": list(ZONED),
}


def reading_order(rows: pa.Table) -> AnyArray:
    """Positions of the rows: roots by service, then the others by start of the trace and trace; all by their start."""
    is_root = rows["parent_span_id"].is_null()
    services = rows["service_name"].unique().sort()
    starts = rows.select(["trace_id", "start_time_unix_nano"]).group_by("trace_id")
    traces = starts.aggregate([("start_time_unix_nano", "min")]).sort_by("start_time_unix_nano_min")
    of_service = pc.index_in(rows["service_name"], value_set=services)
    of_trace = pc.add(pc.index_in(rows["trace_id"], value_set=traces["trace_id"]), pa.scalar(len(services), pa.int32()))
    rank = pc.if_else(is_root, of_service, of_trace)
    order = pa.table({"rank": rank, "start": rows["start_time_unix_nano"], "seq": rows["seq"]})
    return pc.sort_indices(order, [("rank", "ascending"), ("start", "ascending"), ("seq", "ascending")])


@attrs.frozen
class Written:
    """Size of a whole segment in bytes, and the CRC-32 by which damage is found."""

    bytes: int
    checksum: int


@attrs.frozen
class Encoded:
    """A segment in memory: the content of the file, and its index rows in the order of the file."""

    content: memoryview
    index_rows: pa.Table
    grams: bytes | None = None  # of all row groups, see ``ngram_files``
    restated: int = 0  # revision of the prices that its costs are by, or an earlier one


def encoded(rows: pa.Table, has_time: Callable[[], bool] = lambda: False) -> Encoded:
    """Encode the rows as a segment, a tenth of their size in memory; with n-grams while ``has_time`` says so.

    It is not written as it is made: Arrow would ask for the interpreter's lock for each of thousands of small pieces.
    """
    bodies = Runs(rows[STORED])
    rows = rows.drop_columns([STORED]).combine_chunks()  # else Arrow copies it whole each time that it takes of it
    order = reading_order(rows)
    sink = pa.BufferOutputStream()
    grams: list[bytes] | None = []
    with pq.ParquetWriter(sink, ROWS, **_FORMAT, **_compression(rows)) as writer:
        roots = rows["parent_span_id"].null_count
        for places, size in ((order[:roots], ROOT_GROUP), (order[roots:], ROW_GROUP)):
            for begin in range(0, len(places), _ORDERED):
                some = places[begin : begin + _ORDERED]
                ordered = rows.take(some).append_column(STORED, bodies.take(some)).select(ROWS.names)
                writer.write_table(ordered, size)
                if grams is not None and has_time():
                    grams += (grams_of_rows(ordered.slice(first, size)) for first in range(0, len(ordered), size))
                else:
                    grams = None
    content = memoryview(sink.getvalue())
    return Encoded(content, rows.select(INDEX_COLUMNS).take(order), b"".join(grams) if grams else None)


class Runs:
    """Takes values of a large column, those that follow each other at once.

    Nine tenths of the bytes of spans are attributes. The spans of a trace mostly come one after the other and are put
    so again, and copying them as they lie takes half of what Arrow takes for each by itself.
    """

    def __init__(self, column: AnyColumn) -> None:
        self._chunks: list[AnyArray] = column.chunks
        self._starts = list(accumulate((len(chunk) for chunk in self._chunks), initial=0))

    def take(self, places: Untold) -> AnyArray:
        """The values at these places."""
        places = places.cast(pa.int64())
        follows = pc.equal(pc.subtract(places[1:], places[:-1]), _ONE)
        breaks: Untold = pc.indices_nonzero(pc.invert(follows))
        begins = [0, *(place + 1 for place in breaks.to_pylist())]
        firsts = places.take(pa.array(begins, pa.int64())).to_pylist()
        lengths = (end - begin for begin, end in pairwise([*begins, len(places)]))
        return pa.concat_arrays(chain.from_iterable(map(self._slices, firsts, lengths)))

    def _slices(self, first: int, length: int) -> Iterator[AnyArray]:
        chunk = bisect_right(self._starts, first) - 1
        while length:
            here = self._chunks[chunk].slice(first - self._starts[chunk], length)
            yield here
            first, length, chunk = first + len(here), length - len(here), chunk + 1


def _compression(rows: pa.Table) -> dict[str, Any]:
    """Compression settings for one segment."""
    sample = positions(rows.num_rows)[:: max(1, rows.num_rows // _SAMPLE)]
    varied = [name for name in _COMPRESSED_IF_VARIED if rows[name].take(sample).unique().nbytes > _VARIED]
    columns = [*_COMPRESSED, *varied]
    return {"compression": dict.fromkeys(columns, "zstd"), "compression_level": dict.fromkeys(columns, 1)}


def write_segment(path: Path, content: memoryview, disk: Disk = DISK) -> Written:
    """Write the file; it is durable under its name when this returns."""
    unfinished = path.with_suffix(".unfinished")
    disk.write_file(unfinished, content)
    disk.rename(unfinished, path)
    disk.sync_folder(path.parent)
    return Written(len(content), crc32(content))


def checksum(path: Path) -> int:
    """The CRC-32 of a whole file."""
    found = 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            found = crc32(block, found)
    return found


def read_rows(path: Path, positions: Sequence[int], columns: Sequence[str], *, room: int | None = None) -> pa.Table:
    """The rows at these positions of the file, in this order; ascending is the least work.

    With ``room`` for so many bytes ``NeedsRoom``, where it is known beforehand that a row likely takes more.
    """
    facts = footer(path)
    starts = facts.starts
    by_group: defaultdict[int, list[int]] = defaultdict(list)
    for position in positions:
        by_group[bisect_right(starts, position) - 1].append(position)
    facts.demand_room(by_group, room)
    parts = []
    found: list[int] = []
    for group, members in by_group.items():
        rows = [position - starts[group] for position in members]
        parts.append(in_turn(facts.sizes[group], partial(_taken, path, group, columns, rows)))
        found += members
    table = pa.concat_tables(parts)
    if found == list(positions):
        return table
    places = {position: place for place, position in enumerate(found)}
    return table.take(pa.array([places[position] for position in positions], pa.int64()))


def _taken(path: Path, group: int, columns: Sequence[str], rows: Sequence[int]) -> pa.Table:
    return row_group(path, group, columns).take(pa.array(rows, pa.int64()))


def read_some(
    path: Path,
    ranges: Iterable[range],
    columns: Sequence[str],
    mask: Callable[[pa.Table], AnyColumn],
    *,
    room: int | None = None,
) -> pa.Table:
    """The rows for which the mask is true, all of which are at these positions, in the order of the file.

    ``room`` is as in ``read_rows``.
    """
    facts, groups = footer(path), groups_at(path, ranges)
    facts.demand_room(groups, room)
    sizes = facts.sizes
    runs = _runs_of(groups, sizes)
    parts = [in_turn(sum(sizes[group] for group in run), partial(_filtered, path, run, columns, mask)) for run in runs]
    return parts[0] if len(parts) == 1 else pa.concat_tables(parts)


def positions_of(
    path: Path, ranges: Iterable[range], columns: Sequence[str], mask: Callable[[pa.Table], AnyColumn]
) -> list[int]:
    """The positions of the rows that ``read_some`` reads. Only ``columns`` are read, which are few and small."""
    groups, facts = groups_at(path, ranges), footer(path)
    found: Untold = pc.indices_nonzero(mask(read_groups(path, groups, columns)))
    lengths = (facts.metadata.row_group(group).num_rows for group in groups)
    begins = list(accumulate(lengths, initial=0))
    rows = ((row, bisect_right(begins, row) - 1) for row in found.to_pylist())
    return [facts.starts[groups[place]] + row - begins[place] for row, place in rows]


def _runs_of(groups: Sequence[int], sizes: Sequence[int]) -> list[list[int]]:
    """Row groups that are read together: one run nearly always, more where that would be too much at once."""
    runs: list[list[int]] = [[]]
    together = 0
    for group in groups:
        together += sizes[group]
        if together > _TOGETHER and runs[-1]:
            runs.append([])
            together = sizes[group]
        runs[-1].append(group)
    return runs


def _filtered(
    path: Path, groups: Sequence[int], columns: Sequence[str], mask: Callable[[pa.Table], AnyColumn]
) -> pa.Table:
    rows = read_groups(path, groups, columns)
    return rows.filter(mask(rows))


def groups_at(path: Path, ranges: Iterable[range]) -> list[int]:
    """The row groups of a file that have these positions, ascending."""
    starts = footer(path).starts
    return sorted(
        {
            group
            for positions in ranges
            for group in range(bisect_right(starts, positions[0]) - 1, bisect_right(starts, positions[-1]))
        }
    )


def segment_path(folder: Path, number: int) -> Path:
    return folder / f"{number:08d}.parquet"
