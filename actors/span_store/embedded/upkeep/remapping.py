"""Promoted columns of a store that nobody has open, derived anew from what is stored of its spans."""

from collections.abc import Iterator

from actors.span_store.embedded.layout import Folders
from actors.span_store.embedded.maintenance.compaction import Compaction
from actors.span_store.embedded.sealed import index
from actors.span_store.embedded.sealed.segments import Segments
from actors.span_store.pricing.current import CurrentPrices


def remap(folders: Folders, prices: CurrentPrices, *, everything: bool) -> Iterator[str]:
    """Derive the columns of segments of earlier versions, or of ``everything``; yields a line for each. Blocks.

    ``OSError`` or ``duckdb.Error`` when the disk does not let it. A run that is cut short is finished by another one,
    or by the studio in the background. What is in the WAL is derived anew by the next start.
    """
    if not folders.index.exists():
        return
    connection = index.open_index(folders.index, folders.disk)
    segments = Segments(connection, folders, _next_number(folders, index.sealed_up_to(connection).next_segment))
    try:
        if everything:
            index.mark_outdated(connection)
        for segment in index.outdated_segments(connection):
            Compaction(segments, prices).remap(segment)
            is_damaged = segment in index.outdated_segments(connection)
            name = segments.path(segment).name
            yield f"{name}: is damaged; left as it is" if is_damaged else f"{name}: derived anew"
        index.checkpoint(connection)
    finally:
        segments.close()


def _next_number(folders: Folders, next_segment: int) -> int:
    """Behind those of the index and of files that a crash has left."""
    return max([next_segment, *(int(path.stem) + 1 for path in folders.segments.glob("*.parquet"))])
