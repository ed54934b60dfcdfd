"""Segments in the index: what is inserted with one, what goes with one, and the numbers that were given."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import cast

import attrs
import duckdb
import pyarrow as pa

from actors.span_store.columns.attribute_column import positions
from actors.span_store.columns.conventions import VERSION
from actors.span_store.columns.rows import INDEX_COLUMNS
from actors.span_store.columns.spans import LOG
from actors.span_store.embedded.durable import DISK, Disk, written_at
from actors.span_store.embedded.sealed.index.uncounted import also_elsewhere, decide_segment, decide_traces
from actors.span_store.embedded.sealed.segment_file import Encoded, write_segment

_COLUMNS = ", ".join(INDEX_COLUMNS)
_INSERT_SPANS = f"INSERT INTO span (segment, position, {_COLUMNS}) SELECT ?, position, {_COLUMNS} FROM sealing"  # noqa: S608 - own names
_INSERT_SERVICES = f"""
    INSERT INTO segment_service
    SELECT ?, service_name, count(*) FILTER (kind <> {LOG}) FROM sealing GROUP BY service_name
"""  # noqa: S608 - own number
# A trace that has nothing but log records has a part, too, by which they are found; the part has no spans.
_INSERT_TRACE_PARTS = f"""
    INSERT INTO trace_part BY NAME
    SELECT
        ? AS segment,
        trace_id,
        ('0x' || trace_id[17:32])::UBIGINT AS trace_number,
        coalesce(min(start_time_unix_nano) FILTER (kind <> {LOG}), min(start_time_unix_nano)) AS start_time_unix_nano,
        coalesce(max(end_time_unix_nano) FILTER (kind <> {LOG}), max(end_time_unix_nano)) AS end_time_unix_nano,
        count(*) FILTER (kind <> {LOG}) AS span_count,
        count(*) FILTER (status_code = 2 AND kind <> {LOG}) AS error_count,
        count(*) FILTER (type IN ('llm', 'embedding')) AS llm_count,
        CASE WHEN sum(input_tokens) < 1::HUGEINT << 63 THEN sum(input_tokens) END AS input_tokens, -- if it fits
        CASE WHEN sum(output_tokens) < 1::HUGEINT << 63 THEN sum(output_tokens) END AS output_tokens,
        sum(cost) AS cost,
        min(position) FILTER (parent_span_id IS NULL) AS first_root,
        max(position) FILTER (parent_span_id IS NULL) AS last_root,
        min(position) FILTER (parent_span_id IS NOT NULL) AS first_other,
        max(position) FILTER (parent_span_id IS NOT NULL) AS last_other,
        arg_min(span_id, start_time_unix_nano) FILTER (parent_span_id IS NULL) AS root_span_id,
        arg_min(name, start_time_unix_nano) FILTER (parent_span_id IS NULL) AS root_name,
        arg_min(service_name, start_time_unix_nano) FILTER (parent_span_id IS NULL) AS root_service_name,
        min(start_time_unix_nano) FILTER (parent_span_id IS NULL) AS root_start_time_unix_nano
    FROM sealing
    GROUP BY trace_id
    ORDER BY start_time_unix_nano
"""  # noqa: S608 - own number
_INSERT_SEGMENT = f"""
    INSERT INTO segment
    SELECT
        ?, ?, count(*), ?, min(seq), max(seq), min(start_time_unix_nano), max(start_time_unix_nano), ?, ?, {VERSION}, ?
    FROM sealing
"""  # noqa: S608 - own number
_INSERT_SEALED = "INSERT INTO sealed SELECT ?, ?, max(seq) FROM sealing"
# So that no number is given again. With the latest journal, which is recorded already: none may be taken for sealed
# because of this.
_INSERT_REMOVED = """
    INSERT INTO sealed
    SELECT (SELECT max(journal) FROM sealed), max(segment), max(last_seq)
    FROM segment WHERE segment IN (SELECT unnest(?::UINTEGER[])) HAVING count(*) > 0
"""


@attrs.frozen
class SealedUpTo:
    """The next numbers, none of which was ever given, for a segment, a span and a journal."""

    next_segment: int
    next_seq: int
    next_journal: int


def sealed_up_to(connection: duckdb.DuckDBPyConnection) -> SealedUpTo:
    [row] = connection.execute(
        """
        SELECT coalesce(max(segment) + 1, 0), coalesce(max(last_seq) + 1, 0), coalesce(max(journal) + 1, 0)
        FROM (SELECT segment, last_seq, journal FROM sealed UNION ALL SELECT segment, last_seq, NULL FROM segment)
        """
    ).fetchall()
    return SealedUpTo(*row)


def is_sealed(connection: duckdb.DuckDBPyConnection, journal: int, first_seq: int) -> bool:
    """Whether the spans of a journal are in the index. An earlier version recorded only how far all of them went."""
    rows = connection.execute(
        "SELECT 1 FROM sealed WHERE journal = ? OR journal IS NULL AND last_seq >= ?", [journal, first_seq]
    ).fetchall()
    return bool(rows)


def seal(
    connection: duckdb.DuckDBPyConnection,
    segment: int,
    folder: Path,
    new: Encoded,
    *,
    arrived_before: int,
    journal: int,
    disk: Disk = DISK,
) -> None:
    """Write a segment and make it part of the index, in one transaction that also says which journal is sealed now.

    Blocks; runs in the sealing thread.
    """
    with transaction(connection):
        add(connection, segment, folder, new, arrived_before=arrived_before, journal=journal, disk=disk)


def add(
    connection: duckdb.DuckDBPyConnection,
    segment: int,
    folder: Path,
    new: Encoded,
    *,
    arrived_before: int,
    journal: int | None = None,
    disk: Disk = DISK,
) -> None:
    """Write a segment and its rows in the index, inside a transaction of the caller's.

    ``arrived_before`` is the Unix nanosecond when all spans were there; ``journal`` the one that is sealed with it.
    """
    file = f"{segment:08d}.parquet"
    written = write_segment(folder / file, new.content, disk)
    rows = new.index_rows
    connection.register("sealing", rows.append_column("position", positions(rows.num_rows).cast(pa.uint32())))
    try:
        connection.execute(_INSERT_SPANS, [segment])
        connection.execute(_INSERT_SERVICES, [segment])
        connection.execute(_INSERT_TRACE_PARTS, [segment])
        connection.execute(
            _INSERT_SEGMENT, [segment, file, written.bytes, written.checksum, arrived_before, new.restated]
        )
        if journal is not None:
            connection.execute(_INSERT_SEALED, [journal, segment])
        decide_segment(connection, segment, rows)
    finally:
        connection.unregister("sealing")


def arrived_before(connection: duckdb.DuckDBPyConnection, segments: Sequence[int]) -> int:
    """The Unix nanosecond when all spans of these segments were there."""
    [(latest,)] = connection.execute(
        """
        SELECT max(coalesce(arrived_before_unix_nano, ?)) FROM segment WHERE segment IN (SELECT unnest(?::UINTEGER[]))
        """,
        [time.time_ns(), list(segments)],
    ).fetchall()
    return cast("int", latest)


def record_arrival(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Let segments of earlier versions have arrived when their files were written."""
    files = connection.execute("SELECT segment, file FROM segment WHERE arrived_before_unix_nano IS NULL").fetchall()
    for segment, file in files:
        with suppress(OSError):  # a file that is missing is reported elsewhere
            connection.execute(
                "UPDATE segment SET arrived_before_unix_nano = ? WHERE segment = ?",
                [written_at(folder / file), segment],
            )


def remove(connection: duckdb.DuckDBPyConnection, segments: Sequence[int]) -> None:
    """Take segments out of the index, inside a transaction of the caller's. Their files stay."""
    connection.execute(_INSERT_REMOVED, [list(segments)])
    traces = also_elsewhere(connection, segments)
    for table in ("span", "trace_part", "segment_service", "uncounted", "segment"):
        connection.execute(
            f"DELETE FROM {table} WHERE segment IN (SELECT unnest(?::UINTEGER[]))",  # noqa: S608 - own names
            [list(segments)],
        )
    decide_traces(connection, traces)


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Committed at the end of the block, undone when it raises. All that is read in it is of one moment."""
    connection.begin()
    try:
        yield
        connection.commit()
    except BaseException:
        _roll_back(connection)
        raise


def _roll_back(connection: duckdb.DuckDBPyConnection) -> None:
    try:
        connection.rollback()
    except duckdb.TransactionException:
        return  # DuckDB has ended the transaction itself
