"""Which sealed spans of model calls do not count: decided again of each trace of which something sealed changes.

So the table is right whatever order the parts of a trace come in, and whatever of it goes. Nearly all traces lie in one
segment, and of nearly all of them each call counts.
"""

from collections.abc import Sequence

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from actors.span_store.columns.spans import LOG
from actors.span_store.columns.types import Untold
from actors.span_store.embedded.sealed.index.traces import in_segments_of
from actors.span_store.traces.uncounted import COLUMNS, uncounted

_COLUMNS = ", ".join(COLUMNS)
# Traces with several calls, in one part or together, of which a part is in the segment.
_SEVERAL = """
    SELECT trace_id, count(*) > 1 FROM trace_part
    WHERE trace_number IN (SELECT trace_number FROM trace_part WHERE segment = ?)
    GROUP BY trace_id HAVING sum(llm_count) > 1
"""
_ALSO_ELSEWHERE = """
    SELECT trace_id FROM trace_part
    WHERE segment NOT IN (SELECT unnest($segments::UINTEGER[])) AND trace_number IN (
        SELECT trace_number FROM trace_part WHERE segment IN (SELECT unnest($segments::UINTEGER[]))
    )
    GROUP BY trace_id HAVING sum(llm_count) > 0
"""
_INSERT = "INSERT INTO uncounted BY NAME SELECT seq, segment, trace_id FROM deciding"
_FORGET = "DELETE FROM uncounted WHERE trace_id IN (SELECT unnest(?::VARCHAR[]))"


def decide_segment(connection: duckdb.DuckDBPyConnection, segment: int, rows: pa.Table) -> None:
    """Of a segment that was inserted, inside the same transaction. ``rows`` are its rows in the index."""
    found = connection.execute(_SEVERAL, [segment]).fetchall()
    alone = [trace_id for trace_id, has_others in found if not has_others]
    if alone:
        is_in = pc.is_in(rows["trace_id"], value_set=pa.array(alone, pa.string()))
        spans = rows.select(COLUMNS).filter(pc.and_(is_in, pc.not_equal(rows["kind"], pa.scalar(LOG, pa.int32()))))
        of_segment: Untold = pa.scalar(segment, pa.uint32())
        left = uncounted(spans)
        _insert(connection, left.append_column("segment", pa.repeat(of_segment, left.num_rows)))
    decide_traces(connection, [trace_id for trace_id, has_others in found if has_others])


def also_elsewhere(connection: duckdb.DuckDBPyConnection, segments: Sequence[int]) -> list[str]:
    """Traces with calls that have parts in these segments, and in others."""
    rows = connection.execute(_ALSO_ELSEWHERE, {"segments": list(segments)}).fetchall()
    return [trace_id for (trace_id,) in rows]


def decide_traces(connection: duckdb.DuckDBPyConnection, traces: Sequence[str]) -> None:
    """Of traces of which sealed parts came or went, inside the same transaction."""
    if not traces:
        return
    connection.execute(_FORGET, [traces])
    spans = spans_of_traces(connection, traces)
    left = uncounted(spans)
    segments = spans["segment"].take(pc.index_in(left["seq"], value_set=spans["seq"].combine_chunks()))
    _insert(connection, left.append_column("segment", segments))


def spans_of_traces(connection: duckdb.DuckDBPyConnection, traces: Sequence[str]) -> pa.Table:
    """All sealed spans of these traces, with what it is decided by, and their ``segment``."""
    query = (
        f"SELECT {_COLUMNS}, segment FROM span WHERE {in_segments_of(traces)} AND kind <> {LOG:d} "  # noqa: S608 - numbers
        "AND trace_id IN (SELECT unnest(?::VARCHAR[]))"
    )
    spans: pa.Table = connection.sql(query, params=[list(traces)]).to_arrow_table()
    return spans


def sealed_calls(connection: duckdb.DuckDBPyConnection, traces: Untold) -> pa.Table:
    """``trace_id`` and ``calls`` of those of the traces that have any sealed span. ``traces`` are an array."""
    connection.register("asked_traces", pa.table({"trace_id": traces}))
    try:
        found: pa.Table = connection.sql(
            """
            SELECT trace_id, sum(llm_count)::BIGINT AS calls FROM trace_part
            WHERE trace_number IN (SELECT ('0x' || trace_id[17:32])::UBIGINT FROM asked_traces)
            GROUP BY trace_id
            """
        ).to_arrow_table()
    finally:
        connection.unregister("asked_traces")
    return found.filter(pc.is_in(found["trace_id"], value_set=traces))


def has_uncounted(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether any sealed span of a model call does not count."""
    return bool(connection.execute("SELECT 1 FROM uncounted LIMIT 1").fetchall())


def _insert(connection: duckdb.DuckDBPyConnection, left: pa.Table) -> None:
    if left.num_rows:
        connection.register("deciding", left)
        try:
            connection.execute(_INSERT)
        finally:
            connection.unregister("deciding")
