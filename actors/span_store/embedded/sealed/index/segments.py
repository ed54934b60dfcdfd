"""What the index says of segments, each as a whole."""

import errno
from collections.abc import Sequence

import attrs
import duckdb

from actors.span_store.columns.conventions import VERSION
from actors.span_store.columns.spans import LOG
from actors.span_store.embedded.sealed.index.traces import in_segments_of
from actors.span_store.query.expression import EVERYTHING, Expression
from actors.span_store.query.pruning import Reach, reach

# The start of a segment's newest span, which is no newer than its arrival; least() leaves out what is not known.
_NEWEST = "least(last_start_time_unix_nano, arrived_before_unix_nano)"

_HAS_LOGS = "rows > (SELECT sum(span_count) FROM segment_service WHERE segment_service.segment = segment.segment)"


@attrs.frozen
class IndexedSegment:
    """A segment as the index has it. ``checksum`` is missing for one that an earlier version wrote."""

    segment: int
    file: str
    rows: int
    bytes: int
    checksum: int | None
    first_seq: int
    last_seq: int


def indexed_segments(
    connection: duckdb.DuckDBPyConnection,
    expression: Expression = EVERYTHING,
    limit: int | None = None,
    *,
    with_logs: bool = False,
) -> list[IndexedSegment]:
    """Segments that may have rows which the expression is true of, in the order of arrival; the first so many.

    ``with_logs`` leaves out those without any log record.
    """
    where, parameters = _in_reach(reach(expression))
    where = f"{where} AND {_HAS_LOGS}" if with_logs else where
    rows = connection.execute(
        f"SELECT segment, file, rows, bytes, checksum, first_seq, last_seq FROM segment WHERE {where} "  # noqa: S608 - own names, numbers
        "ORDER BY first_seq LIMIT ?",
        [*parameters, limit],
    ).fetchall()
    return [IndexedSegment(*row) for row in rows]


def _in_reach(where: Reach) -> tuple[str, list[int | list[str]]]:
    """A condition on a segment: it may have spans there. And the parameters."""
    conditions = [
        "last_seq >= ? AND first_seq <= ?",
        "last_start_time_unix_nano >= ? AND first_start_time_unix_nano <= ?",
    ]
    parameters: list[int | list[str]] = [where.first_seq, where.last_seq, where.first_start, where.last_start]
    if where.services is not None:
        named = "SELECT segment FROM segment_service WHERE service_name IN (SELECT unnest(?::VARCHAR[]))"
        conditions.append(f"segment IN ({named})")
        parameters.append(sorted(where.services))
    if where.traces is not None:
        conditions.append(in_segments_of(where.traces))
    return " AND ".join(conditions), parameters


def segment_files(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Name and size of each file that the index speaks of."""
    return dict(connection.execute("SELECT file, bytes FROM segment").fetchall())


def segment_numbers(connection: duckdb.DuckDBPyConnection) -> list[int]:
    return [number for (number,) in connection.execute("SELECT segment FROM segment").fetchall()]


def segment_rows(
    connection: duckdb.DuckDBPyConnection, numbers: Sequence[int], most_names: int, most_bytes: int
) -> list[tuple[int, int, int, int, int | None, int, int, list[str] | None]]:
    """Of each: number, rows, spans, bytes, checksum, start of the first and of the last span, names of services.

    Names are left out where they are more, or have more bytes together.
    """
    return connection.execute(
        """
        WITH few AS (
            SELECT segment FROM segment_service WHERE segment IN (SELECT unnest($numbers::UINTEGER[]))
            GROUP BY segment HAVING count(*) <= $most_names AND sum(strlen(service_name)) <= $most_bytes
        ), named AS (
            SELECT segment, coalesce(list(service_name) FILTER (span_count > 0), []) AS names
            FROM segment_service SEMI JOIN few USING (segment) GROUP BY segment
        ), counted AS (
            SELECT segment, sum(span_count)::UBIGINT AS spans FROM segment_service
            WHERE segment IN (SELECT unnest($numbers::UINTEGER[])) GROUP BY segment
        )
        SELECT
            segment, rows, coalesce(spans, rows), bytes, checksum, first_start_time_unix_nano,
            last_start_time_unix_nano, names
        FROM segment LEFT JOIN named USING (segment) LEFT JOIN counted USING (segment)
        WHERE segment IN (SELECT unnest($numbers::UINTEGER[]))
        """,
        {"numbers": numbers, "most_names": most_names, "most_bytes": most_bytes},
    ).fetchall()


def is_listed(connection: duckdb.DuckDBPyConnection, file: str) -> bool:
    """Whether the index has the segment with this file now."""
    return bool(connection.execute("SELECT 1 FROM segment WHERE file = ?", [file]).fetchall())


def demand_all(connection: duckdb.DuckDBPyConnection, segments: Sequence[int]) -> None:
    """``FileNotFoundError`` when the index has one of these segments no longer."""
    numbers = ", ".join(map(str, segments)) or "NULL"
    [(count,)] = connection.execute(f"SELECT count(*) FROM segment WHERE segment IN ({numbers})").fetchall()  # noqa: S608 - own numbers
    if count != len(segments):
        raise FileNotFoundError(errno.ENOENT, "a segment was replaced meanwhile")


def mark_outdated(connection: duckdb.DuckDBPyConnection) -> None:
    """Let the promoted columns of all segments count as those of an earlier version."""
    connection.execute("UPDATE segment SET conventions = NULL")


def outdated_segments(connection: duckdb.DuckDBPyConnection) -> list[int]:
    """Segments whose promoted columns an earlier version of the conventions derived, the latest first."""
    rows = connection.execute(
        "SELECT segment FROM segment WHERE conventions IS DISTINCT FROM ? ORDER BY first_seq DESC", [VERSION]
    ).fetchall()
    return [segment for (segment,) in rows]


def orphaned_segments(connection: duckdb.DuckDBPyConnection) -> list[int]:
    """Segments that have rows in the index without being known to it."""
    rows = connection.execute(
        """
        SELECT DISTINCT segment
        FROM (SELECT segment FROM span UNION SELECT segment FROM trace_part UNION SELECT segment FROM segment_service)
        WHERE segment NOT IN (SELECT segment FROM segment)
        """
    ).fetchall()
    return [segment for (segment,) in rows]


def segments_older_than(connection: duckdb.DuckDBPyConnection, oldest: int) -> list[int]:
    """Segments with no span that started, and arrived, at this Unix nanosecond or later."""
    rows = connection.execute(f"SELECT segment FROM segment WHERE {_NEWEST} < ?", [oldest]).fetchall()  # noqa: S608 - own text
    return [segment for (segment,) in rows]


@attrs.frozen
class Going:
    """Spans and bytes of files that go, and the start of the oldest span that is left in any file."""

    spans: int
    bytes: int
    oldest_left: int | None


def what_goes(
    connection: duckdb.DuckDBPyConnection, dropped: Sequence[int], shortened: Sequence[int], oldest: int
) -> Going:
    """What goes when some segments are dropped, and others lose what started before a Unix nanosecond."""
    rows = connection.execute(
        f"""
        WITH counted AS (
            SELECT segment, sum(span_count)::UBIGINT AS spans FROM segment_service GROUP BY segment
        ), fate AS (
            SELECT
                segment, bytes, coalesce(spans, rows) AS spans, first_start_time_unix_nano AS first,
                segment IN (SELECT unnest($dropped::UINTEGER[])) AS is_dropped,
                segment IN (SELECT unnest($shortened::UINTEGER[])) AS is_shortened
            FROM segment LEFT JOIN counted USING (segment)
        )
        SELECT
            coalesce(sum(spans) FILTER (is_dropped), 0) + (
                SELECT count(*) FROM span
                WHERE segment IN (SELECT unnest($shortened::UINTEGER[]))
                AND start_time_unix_nano < $oldest::UBIGINT AND kind <> {LOG:d}
            ),
            coalesce(sum(bytes) FILTER (is_dropped), 0),
            min(CASE WHEN is_shortened THEN greatest(first, $oldest::UBIGINT) ELSE first END) FILTER (NOT is_dropped)
        FROM fate
        """,  # noqa: S608 - own number
        {"dropped": dropped, "shortened": shortened, "oldest": oldest},
    ).fetchall()
    [(spans, size, left)] = rows
    return Going(spans=int(spans), bytes=int(size), oldest_left=left)


def segments_beyond(connection: duckdb.DuckDBPyConnection, size: int, beside: float) -> list[int]:
    """Segments that do not fit into so many bytes when the newest are taken first.

    Each counts with its file, with ``beside`` bytes more a span, and with the share of the index that its spans take.
    """
    rows = connection.execute(
        f"""
        WITH sized AS (
            SELECT segment, {_NEWEST} AS newest, bytes + rows * ? + rows * (
                SELECT block_size * used_blocks FROM pragma_database_size()
            ) / sum(rows) OVER () AS size
            FROM segment
        ), summed AS (
            SELECT segment, sum(size) OVER (ORDER BY newest DESC, segment DESC) AS size
            FROM sized
        )
        SELECT segment FROM summed WHERE size > ?
        """,  # noqa: S608 - own text
        [beside, size],
    ).fetchall()
    return [segment for (segment,) in rows]
