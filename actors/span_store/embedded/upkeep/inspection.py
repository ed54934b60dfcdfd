"""Inspection of a store that nobody has open: its index, segments and journals are compared with each other."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import duckdb
import pyarrow as pa

from actors.span_store.columns.rows import TRACE, span_keys
from actors.span_store.embedded.hot.wal import whole_batches
from actors.span_store.embedded.layout import Folders
from actors.span_store.embedded.sealed import index
from actors.span_store.embedded.sealed.index import IndexedSegment
from actors.span_store.embedded.sealed.row_groups import open_segment
from actors.span_store.embedded.sealed.segment_file import checksum
from actors.span_store.embedded.upkeep.recovery import is_left_over, not_in_index

_COUNTING: tuple[Literal["trace_part", "segment_service"], ...] = ("trace_part", "segment_service")  # tables


def inspect(folders: Folders) -> list[str]:
    """List all faults, a line each. Only the schema of an older index, or a torn end of its log, is changed. Blocks."""
    if not folders.index.exists():
        files = any(folder.exists() and any(folder.iterdir()) for folder in (folders.segments, folders.journals))
        return [f"{folders.index.name}: the index is missing"] if files else []
    try:
        connection = index.open_index(folders.index)
    except duckdb.Error as fault:
        return [f"{folders.index.name}: the index cannot be opened: {_first_line(fault)}"]
    with connection:
        try:
            return list(_faults(connection, folders))
        except duckdb.Error as fault:
            return [f"{folders.index.name}: the index cannot be read: {_first_line(fault)}"]


def by_number(connection: duckdb.DuckDBPyConnection) -> list[IndexedSegment]:
    """All segments of the index."""
    return sorted(index.indexed_segments(connection), key=lambda each: each.segment)


def fault_of_file(folder: Path, known: IndexedSegment) -> str | None:
    """Describe the fault of a file, which is read from its first byte to its last."""
    path = folder / known.file
    if not path.exists():
        return "is missing"
    if path.stat().st_size != known.bytes:
        return f"has {path.stat().st_size} bytes and should have {known.bytes}"
    if known.checksum is not None and checksum(path) != known.checksum:
        return "is damaged: its checksum is wrong"
    try:
        with open_segment(path) as file:
            rows = sum(file.read_row_group(group).num_rows for group in range(file.num_row_groups))
    except (OSError, pa.ArrowException) as fault:
        return f"is damaged: {_first_line(fault)}"
    return None if rows == known.rows else f"has {rows} spans and should have {known.rows}"


def fault_of_rows(connection: duckdb.DuckDBPyConnection, folder: Path, known: IndexedSegment) -> str | None:
    """Whether the index has exactly the spans of a file that is good, each at its place."""
    with open_segment(folder / known.file) as file:
        keys = span_keys(file.read(columns=["trace_id", "span_id"]))
    if index.span_keys_in(connection, known.segment) != list(enumerate(keys)):
        return "has other spans than the index says"
    spans = index.spans_in(connection, known.segment)
    for table in _COUNTING:
        count = index.counted_spans(connection, known.segment, table)
        if count != spans:
            return f"has {spans} spans, {table} says {count}"
    return None


def _faults(connection: duckdb.DuckDBPyConnection, folders: Folders) -> Iterator[str]:
    for known in by_number(connection):
        fault = fault_of_file(folders.segments, known) or fault_of_rows(connection, folders.segments, known)
        if fault:
            yield f"{known.file}: {fault}"
    yield from _orphaned_rows(connection)
    recent: set[str] = set()
    yield from _journal_faults(connection, folders.journals, recent)
    for path in not_in_index(folders.segments, index.segment_files(connection)).values():
        if not is_left_over(path, connection, [recent]):
            yield f"{path.name}: is not in the index"


def _orphaned_rows(connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """Rows of the index that should not be."""
    orphans = index.orphaned_segments(connection)
    if orphans:
        yield f"the index has rows of {len(orphans)} segments that it does not know"
    twice = index.spans_stored_twice(connection)
    if twice:
        yield f"the index has {twice} spans more than once"


def _journal_faults(connection: duckdb.DuckDBPyConnection, folder: Path, recent: set[str]) -> Iterator[str]:
    """Adds the keys of the spans to ``recent``."""
    for path in sorted(folder.glob("*.journal")):
        batches, damaged = whole_batches(path)
        if damaged:
            yield f"{path.name}: is damaged"
        if batches and index.is_sealed(connection, int(path.stem), batches[0]["seq"][0].as_py()):
            continue  # a leftover
        keys = [key for batch in batches for key in span_keys(batch)]
        known = recent.union(index.span_keys_of(connection, sorted({key[:TRACE] for key in keys})))
        twice = len(keys) - len(set(keys) - known)
        if twice:
            yield f"{path.name}: has {twice} spans that are stored elsewhere, too"
        recent.update(keys)


def _first_line(fault: Exception) -> str:
    return str(fault).partition("\n")[0]
