"""Recovery at start: journals are read, segments compared with the index, leftovers of a crash removed."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import attrs
import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import structlog

from actors.span_store.columns.rows import ROWS, TRACE, span_keys
from actors.span_store.columns.types import Untold
from actors.span_store.embedded.hot.memtable import Memtable
from actors.span_store.embedded.hot.wal import Wal, recover, whole_batches
from actors.span_store.embedded.layout import Folders
from actors.span_store.embedded.problems import CURE, Problems
from actors.span_store.embedded.sealed import index

log = structlog.get_logger(__name__)


@attrs.frozen
class Recovered:
    """State from which the store goes on."""

    memtables: tuple[Memtable, ...]
    next_segment: int


def recover_store(connection: duckdb.DuckDBPyConnection, folders: Folders, problems: Problems) -> Recovered:
    """Read the journals, remove what a crash left over, and report what is missing or damaged. Blocks.

    No segment is removed whose spans are not known to be elsewhere. ``OSError`` when the disk does not let it.
    """
    for folder in (folders.journals, folders.segments, folders.grams):
        for unfinished in folder.glob("*.unfinished"):
            folders.disk.unlink(unfinished)
    index.record_arrival(connection, folders.segments)
    sealed = index.sealed_up_to(connection)
    unknown = not_in_index(folders.segments, index.segment_files(connection))
    next_segment = max([sealed.next_segment, *(number + 1 for number in unknown)])
    newer = [path for number, path in unknown.items() if number >= sealed.next_segment]
    orphans = _orphans(connection, folders, newer)
    # What is in a journal and in a leftover keeps its numbers: they are positions that somebody may go on from.
    next_seq = max([sealed.next_seq, *(next_seq_of(path) for path in newer if path.name in orphans)])
    memtables = _journals(connection, folders, problems, next_seq)
    if not memtables:
        memtables = [_new_generation(folders, sealed.next_journal, next_seq)]
    for path in unknown.values():
        if path.name not in orphans:
            log.warning("leftover removed", file=path.name)
            folders.disk.unlink(path)
    if orphans:
        problems.found("orphans", f"{len(orphans)} segments are not in the index: {CURE}")
    _look_at_segments(connection, folders.segments, problems)
    return Recovered(tuple(memtables), next_segment)


def _orphans(connection: duckdb.DuckDBPyConnection, folders: Folders, unknown: Sequence[Path]) -> set[str]:
    """The segments whose spans may be nowhere else.

    Those that the index has may be in a file that is gone, if the index is older than its files. So where one is gone,
    all that is not known stays.
    """
    if not all((folders.segments / name).exists() for name in index.segment_files(connection)):
        return {path.name for path in unknown}
    recent = _keys_in_journals(folders) if unknown else ()
    return {path.name for path in unknown if not is_left_over(path, connection, recent)}


def _keys_in_journals(folders: Folders) -> list[set[str]]:
    batches = (whole_batches(path)[0] for path in folders.journals.glob("*.journal"))
    return [{key for batch in of_one for key in span_keys(batch)} for of_one in batches]


def _journals(
    connection: duckdb.DuckDBPyConnection, folders: Folders, problems: Problems, next_seq: int
) -> list[Memtable]:
    """The memtables that were not sealed; their numbers are those of the files. Only the last one is in memory.

    All spans are numbered without gap, as everything expects that finds them by their number. They have their numbers
    already, unless a journal was damaged or spans before them were deleted.
    """
    memtables: list[Memtable] = []
    for path in sorted(folders.journals.glob("*.journal")):
        batches, damaged = recover(path, folders.damaged, folders.disk)
        if damaged:
            problems.found(f"journal {path.name}", f"The WAL file {path.name} was damaged: spans may be missing")
        first_seq = batches[0]["seq"][0].as_py() if batches else 2**64 - 1
        if index.is_sealed(connection, int(path.stem), first_seq):
            folders.disk.unlink(path)  # a crash came between the two
            continue
        if memtables:
            memtables[-1].wal.close()
            memtables[-1].evict()
        memtable = Memtable(int(path.stem), first_seq, Wal(path, disk=folders.disk), batches)
        memtable.number_from(next_seq)
        next_seq = memtable.next_seq
        memtables.append(memtable)
    return memtables


def _new_generation(folders: Folders, number: int, first_seq: int) -> Memtable:
    return Memtable(number, first_seq, Wal(folders.journals / f"{number:08d}.journal", disk=folders.disk))


def not_in_index(folder: Path, known: dict[str, int]) -> dict[int, Path]:
    """Segments by number."""
    return {int(path.stem): path for path in folder.glob("*.parquet") if path.name not in known}


def next_seq_of(path: Path) -> int:
    """Behind the last span of a file; 0 when the file does not tell."""
    try:
        with pq.ParquetFile(path) as file:
            groups: list[Untold] = [file.metadata.row_group(number) for number in range(file.num_row_groups)]
            return 1 + int(max(group.column(ROWS.get_field_index("seq")).statistics.max for group in groups))
    except (OSError, pa.ArrowException, ValueError, AttributeError):
        return 0


def is_left_over(path: Path, connection: duckdb.DuckDBPyConnection, recent: Iterable[set[str]]) -> bool:
    """Whether each span of a file is in the index or in a journal, whose keys are ``recent``."""
    try:
        rows = pq.read_table(path, columns=["trace_id", "span_id"], partitioning=None)
    except (OSError, pa.ArrowException):
        return False
    unknown = set(span_keys(rows)).difference(*recent)
    return not unknown or not unknown - index.span_keys_of(connection, [key[:TRACE] for key in unknown])


def _look_at_segments(connection: duckdb.DuckDBPyConnection, folder: Path, problems: Problems) -> None:
    """Only at their sizes: reading all would take long. Queries and ``studio check`` find other damage."""
    for name, size in index.segment_files(connection).items():
        path = folder / name
        if not path.exists():
            problems.found(f"segment {name}", f"The segment {name} is missing: its spans are not shown")
        elif path.stat().st_size != size:
            problems.found(f"segment {name}", f"The segment {name} is damaged: its spans are not shown")
