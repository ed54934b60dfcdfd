"""The names of all services, as far as they fit an answer: a program may make up as many as it likes, of any length."""

from collections.abc import Iterable, Sequence

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import structlog

from actors.span_store import index
from actors.span_store.catalogue import Segment, services

log = structlog.get_logger(__name__)

# Of all names together, each with three more for what stands around it: 40,000 of a hundred.
_MOST_BYTES = 4 * 1024 * 1024
_AROUND = 3
_SHORTEST = f"""
    WITH name AS (SELECT DISTINCT service_name FROM segment_service WHERE segment IN (SELECT unnest(?::UINTEGER[]))),
    summed AS (
        SELECT service_name, sum(strlen(service_name) + {_AROUND}) OVER (ORDER BY strlen(service_name), service_name)
            AS size
        FROM name
    )
    SELECT service_name FROM summed WHERE size <= ?
"""  # noqa: S608 - own text


def service_names(
    cursor: duckdb.DuckDBPyConnection, sealed: tuple[Segment, ...], recent: pa.ChunkedArray, most: int = _MOST_BYTES
) -> tuple[str, ...]:
    """Ascending. When they are too many bytes the shortest ones, so that no flood of long names drives out a service.

    ``FileNotFoundError`` when a segment was replaced meanwhile.
    """
    crowded = [segment.number for segment in sealed if segment.services is None]
    of_crowded = _of_segments(cursor, crowded, most) if crowded else []
    all_of_them = services(sealed).union(_of_column(recent, most), of_crowded)
    names = _fitting(all_of_them, most)
    if len(names) < len(all_of_them):
        log.warning("the list of services was cut: its longest names are left out", listed=len(names))
    return tuple(sorted(names))


def _of_segments(cursor: duckdb.DuckDBPyConnection, segments: Sequence[int], most: int) -> list[str]:
    rows = cursor.execute(_SHORTEST, [list(segments), most]).fetchall()
    index.demand_all(cursor, segments)
    return [name for (name,) in rows]


def _of_column(column: pa.ChunkedArray, most: int) -> list[str]:
    """The shortest different ones; none is made an object that is not in the answer."""
    names = column.unique()
    sizes = pc.add(pc.binary_length(names), _AROUND)
    order = pc.sort_indices(sizes)
    fitting = pc.sum(pc.less_equal(pc.cumulative_sum(sizes.take(order).cast(pa.int64())), most)).as_py() or 0
    found: list[str] = names.take(order[:fitting]).to_pylist()
    return found


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
