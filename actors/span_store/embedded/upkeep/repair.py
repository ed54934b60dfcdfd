"""Repair of a store that nobody has open: damaged files are moved aside, good ones are indexed."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa

from actors.span_store.columns.remap import remapped
from actors.span_store.columns.rows import ROWS, TRACE, numbers, span_keys
from actors.span_store.embedded.durable import Disk, written_at
from actors.span_store.embedded.hot.wal import recover
from actors.span_store.embedded.layout import Folders
from actors.span_store.embedded.sealed import index
from actors.span_store.embedded.sealed.row_groups import open_segment
from actors.span_store.embedded.sealed.segment_file import encoded
from actors.span_store.embedded.upkeep.inspection import by_number, fault_of_file, fault_of_rows
from actors.span_store.embedded.upkeep.recovery import next_seq_of, not_in_index
from actors.span_store.pricing.costs import COST
from actors.span_store.pricing.kept_costs import with_kept_costs


def repair(folders: Folders) -> Iterator[str]:
    """Repair the store, and yield a line for each step when it is done. Blocks.

    ``OSError`` or ``duckdb.Error`` when the disk does not let it.

    A run that is cut short can be run again: no file goes before its spans are in the index, or kept in ``damaged``.
    """
    folders.disk.make_folder(folders.index.parent)
    folders.make()
    yield from _readable_index(folders)
    with index.open_index(folders.index, folders.disk) as connection:
        recent: set[str] = set()
        yield from _good_journals(connection, folders, recent)
        yield from _good_segments(connection, folders)
        yield from _all_segments(connection, folders, recent)
        index.checkpoint(connection)


def _readable_index(folders: Folders) -> Iterator[str]:
    """Move an index aside that cannot be read to its end."""
    if not folders.index.exists():
        return
    try:
        with index.open_index(folders.index, folders.disk) as connection:
            index.read_everything(connection)
    except duckdb.Error:
        for path in (folders.index, folders.index.with_name(f"{folders.index.name}.wal")):
            if path.exists():
                folders.disk.move_aside(path, folders.damaged)
        yield f"{folders.index.name}: moved aside; the index is made again from the segments"


def _good_journals(connection: duckdb.DuckDBPyConnection, folders: Folders, recent: set[str]) -> Iterator[str]:
    """Adds the keys of the spans that are not sealed to ``recent``."""
    for path in sorted(folders.journals.glob("*.journal")):
        batches, damaged = recover(path, folders.damaged, folders.disk)
        if damaged:
            yield f"{path.name}: was damaged; kept its {sum(batch.num_rows for batch in batches)} good spans"
        if batches and not index.is_sealed(connection, int(path.stem), batches[0]["seq"][0].as_py()):
            recent.update(key for batch in batches for key in span_keys(batch))


def _good_segments(connection: duckdb.DuckDBPyConnection, folders: Folders) -> Iterator[str]:
    """Take out of the index what it says wrongly; what is good of it comes in again."""
    strangers = index.orphaned_segments(connection)
    if strangers:
        with index.transaction(connection):
            index.remove(connection, strangers)
        yield f"{folders.index.name}: removed rows of {len(strangers)} segments that it does not know"
    for known in by_number(connection):
        broken = fault_of_file(folders.segments, known)
        fault = broken or fault_of_rows(connection, folders.segments, known)
        if fault is None:
            continue
        path = folders.segments / known.file
        if broken and path.exists():
            folders.disk.move_aside(path, folders.damaged)
        with index.transaction(connection):
            index.remove(connection, [known.segment])
        yield f"{known.file}: {fault}; {'moved aside' if broken else 'indexed again'}"


def _all_segments(connection: duckdb.DuckDBPyConnection, folders: Folders, recent: set[str]) -> Iterator[str]:
    """Index each file that is not, in the order of its spans' arrival."""
    unknown = not_in_index(folders.segments, index.segment_files(connection)).values()
    for path in sorted(unknown, key=lambda path: (next_seq_of(path), path.name)):
        try:
            with open_segment(path) as file:
                before = file.read()
            rows = with_kept_costs(remapped(before), before)
        except (OSError, pa.ArrowException):
            folders.disk.move_aside(path, folders.damaged)
            yield f"{path.name}: is damaged; moved aside"
        else:
            yield _index_again(connection, path, rows, recent, folders.disk, is_priced=COST in before.schema.names)


def _index_again(
    connection: duckdb.DuckDBPyConnection, path: Path, rows: pa.Table, recent: set[str], disk: Disk, *, is_priced: bool
) -> str:
    """Write the spans that are nowhere else into a segment with a new number, and remove the file.

    Those that are not priced are, in the background, when the store is open and knows all prices.
    """
    keys = span_keys(rows)
    stored = recent | index.span_keys_of(connection, sorted({key[:TRACE] for key in keys}))
    rows = rows.filter(pa.array([key not in stored for key in keys], pa.bool_()))
    if rows.num_rows:
        sealed = index.sealed_up_to(connection)
        files = [int(each.stem) + 1 for each in path.parent.glob("*.parquet")]
        new = encoded(_behind(rows, sealed.next_seq))
        with index.transaction(connection):
            number = max([sealed.next_segment, *files])
            index.add(connection, number, path.parent, new, arrived_before=written_at(path), disk=disk)
            if not is_priced:
                index.expect_remap(connection, number)
    disk.unlink(path)
    disk.sync_folder(path.parent)
    return f"{path.name}: was not in the index; {rows.num_rows} of its {len(keys)} spans were missing and are back"


def _behind(rows: pa.Table, next_seq: int) -> pa.Table:
    """With numbers that no other span has."""
    return rows.sort_by("seq").set_column(0, ROWS.field(0), numbers(next_seq, rows.num_rows))
