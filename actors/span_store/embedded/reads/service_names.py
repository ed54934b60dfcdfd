"""The names of all services, as far as they fit an answer: a program may make up as many as it likes, of any length."""

from collections.abc import Iterable, Sequence

import attrs
import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import structlog

from actors.span_store.columns.types import AnyColumn
from actors.span_store.embedded.sealed import index
from actors.span_store.embedded.sealed.manifest import Segment, services

log = structlog.get_logger(__name__)

# Of all names together, each with three more for what stands around it: 40,000 of a hundred.
_MOST_BYTES = 4 * 1024 * 1024
_AROUND = 3
_LENGTHS = """
    SELECT strlen(service_name) AS size, count(DISTINCT hash(service_name)) FROM segment_service
    WHERE span_count > 0 AND segment IN (SELECT unnest(?::UINTEGER[])) AND size <= ? GROUP BY size ORDER BY size
"""
_SHORTER = """
    SELECT DISTINCT service_name FROM segment_service
    WHERE span_count > 0 AND segment IN (SELECT unnest(?::UINTEGER[])) AND strlen(service_name) < ?
"""
_SOME_LONGER = """
    SELECT 1 FROM segment_service
    WHERE span_count > 0 AND segment IN (SELECT unnest(?::UINTEGER[])) AND strlen(service_name) > ? LIMIT 1
"""
_SOME_OF_LENGTH = """
    SELECT service_name FROM segment_service
    WHERE span_count > 0 AND segment IN (SELECT unnest(?::UINTEGER[])) AND strlen(service_name) = ? LIMIT ?
"""


@attrs.frozen
class _Shortest:
    """Names of one place, the shortest ones unless they are ``all``."""

    names: list[str]
    all: bool


def service_names(
    cursor: duckdb.DuckDBPyConnection, sealed: tuple[Segment, ...], recent: AnyColumn, most: int = _MOST_BYTES
) -> tuple[str, ...]:
    """Ascending. When they are too many bytes the shortest ones, so that no flood of long names drives out a service.

    ``FileNotFoundError`` when a segment was replaced meanwhile.
    """
    crowded = [segment.number for segment in sealed if segment.services is None]
    of_crowded = _of_segments(cursor, crowded, most) if crowded else _Shortest([], all=True)
    of_recent = _of_column(recent, most)
    found = services(sealed).union(of_recent.names, of_crowded.names)
    names = _fitting(found, most)
    if len(names) < len(found) or not of_recent.all or not of_crowded.all:
        log.warning("the list of services was cut: its longest names are left out", listed=len(names))
    return tuple(sorted(names))


def _of_segments(cursor: duckdb.DuckDBPyConnection, segments: Sequence[int], most: int) -> _Shortest:
    """The shortest ones. Their lengths are read first: DuckDB has not the memory for all names of a flood."""
    room, length = most, most + 1
    for size, count in cursor.execute(_LENGTHS, [segments, most]).fetchall():
        if count * (size + _AROUND) > room:
            length = size
            break
        room -= count * (size + _AROUND)
    rows = cursor.execute(_SHORTER, [segments, length]).fetchall()
    if length <= most:
        rows += cursor.execute(_SOME_OF_LENGTH, [segments, length, room // (length + _AROUND)]).fetchall()
    index.demand_all(cursor, segments)
    return _Shortest([name for (name,) in rows], all=length > most and not _any_longer(cursor, segments, most))


def _any_longer(cursor: duckdb.DuckDBPyConnection, segments: Sequence[int], most: int) -> bool:
    return bool(cursor.execute(_SOME_LONGER, [segments, most]).fetchall())


def _of_column(column: AnyColumn, most: int) -> _Shortest:
    """The shortest different ones; none is made an object that is not in the answer."""
    names = column.unique()
    sizes = pc.add(pc.binary_length(names), _AROUND)
    order = pc.sort_indices(sizes)
    together = pc.cumulative_sum(sizes.take(order).cast(pa.int64()))
    fitting = pc.sum(pc.less_equal(together, pa.scalar(most, pa.int64()))).as_py() or 0
    return _Shortest(names.take(order[:fitting]).to_pylist(), all=fitting == len(names))


def _fitting(names: Iterable[str], most: int) -> list[str]:
    """The shortest ones that are not more bytes together."""
    sized = sorted((len(name.encode()) + _AROUND, name) for name in names)
    size, kept = 0, []
    for bytes_of_it, name in sized:
        size += bytes_of_it
        if size > most:
            break
        kept.append(name)
    return kept
