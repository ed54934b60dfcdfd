"""Reads columns of spans that have been found, wherever they are."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import partial

import pyarrow as pa

from actors.span_store.columns.attribute_column import KEYS, STORED, with_keys
from actors.span_store.embedded.reads.aggregates.stored import Stored
from actors.span_store.embedded.reads.row_location import RowLocation, in_file
from actors.span_store.embedded.reads.trace_table import KEYS_ALONE
from actors.span_store.embedded.sealed.segment_file import read_rows, segment_path


def columns_at(stored: Stored, places: Iterable[RowLocation], columns: Sequence[str]) -> Iterator[pa.Table]:
    """Columns of the spans at some places; those of a damaged segment are left out, and that is reported."""
    recent = [STORED if name == KEYS else name for name in columns]
    sealed = [KEYS_ALONE if name == KEYS else name for name in columns]
    by_segment: defaultdict[int | None, list[int]] = defaultdict(list)
    for place in sorted(places, key=in_file):
        by_segment[place.segment].append(in_file(place))
    for segment, positions in by_segment.items():
        if segment is None:
            yield from map(with_keys, stored.view.recent.take(positions, recent))
            continue
        path = segment_path(stored.segments, segment)
        read = partial(read_rows, path, positions, sealed)
        table = stored.damage.skipped(stored.cursor, path.name, read)
        if table is not None:
            yield with_keys(table)
